"""What the data of Foley by analogy is made of: films, each a stretch of one scene, with what is known to happen in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_models.analogy.data.store import Store
from foley_models.data.clips import Skipped

NEEDS_S = 0.25
"""Something is heard in a clip when it begins this long before the clip's end, or earlier."""


class FilmEvent(NamedTuple):
    """Something that is heard; "" is what nobody could tell.

    Attributes:
        time_s: when it begins, seconds.
        action: "hit", "scratch" or "footstep".
        material: that it sounds of.
    """

    time_s: float
    action: str
    material: str


@dataclass(frozen=True, eq=False)
class Film:
    """A stretch of one scene.

    Attributes:
        name: no other film of the data set has it.
        frames: uint8 (n, h, w, 3), RGB, at ``ClipPicture.fps``, kept as small as that says; lies on disk.
        samples: float32 (m,), at ``ClipSound.sample_rate``, full scale 1; lies on disk.
        events: all that is heard, in order; empty where nobody has written it down.
        starts: int64 (k,), the pictures that a clip can begin at, so that something is heard in it.
        action, seen, heard: the kind of action, the material that the film looks of and that it sounds of, where they are the
            same all through; else "".
    """

    name: str
    frames: NDArray[np.uint8]
    samples: NDArray[np.float32]
    events: tuple[FilmEvent, ...]
    starts: NDArray[np.int64]
    action: str = ""
    seen: str = ""
    heard: str = ""

    def events_in(self, start_s: float, length_s: float) -> tuple[FilmEvent, ...]:
        """What begins in a stretch; times are seconds from its beginning."""
        within = [event for event in self.events if start_s <= event.time_s < start_s + length_s]
        return tuple(event._replace(time_s=event.time_s - start_s) for event in within)


class Source(Protocol):
    """Where films come from. Sources go to worker processes: they hold paths and numbers, nothing that is open."""

    @property
    def names(self) -> Sequence[str]:
        """All films there should be, in an order that does not change."""

    @property
    def missing(self) -> int:
        """How many are listed but not there."""

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What is there and is known to be of no use."""

    def what(self, index: int) -> Mapping[str, Any]:
        """Everything that a film depends on besides the clips' settings, for JSON."""

    def make(self, index: int, picture: ClipPicture, sound: ClipSound) -> Film:
        """A film in memory.

        Raises:
            FoleyError: it cannot be read, or no clip can be taken from it; says why.
        """


class Films(Sequence[Film]):
    """One split of a data set.

    Args:
        source: where its films come from.
        store: where they are kept.

    Attributes:
        names: of those that can be used.
        skipped: what was left out, and why.
        split, picture, sound: as it was opened.
    """

    def __init__(self, source: Source, store: Store, split: str, picture: ClipPicture, sound: ClipSound) -> None:
        self.source, self.store = source, store
        self.split, self.picture, self.sound = split, picture, sound
        self._use(range(len(source.names)))
        self.skipped = list(source.skipped)

    def leave_out(self, skipped: Sequence[Skipped]) -> None:
        """Go on without some."""
        lost = {each.name for each in skipped}
        self._use([index for index, name in enumerate(self.source.names) if name not in lost])
        self.skipped = [*self.source.skipped, *skipped]

    def _use(self, numbers: Sequence[int]) -> None:
        self._numbers = list(numbers)
        self.names = [self.source.names[number] for number in numbers]
        self._known: dict[int, Mapping[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Film]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        """A film; its pictures and its sound are read from disk when they are looked at."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        number = index % len(self)
        return self.store.film(self._what(number), self.about(number))

    def about(self, index: int) -> Mapping[str, Any]:
        """What is known of a film without its picture and its sound: as ``store`` keeps it, and "starts" as an array."""
        if index not in self._known:
            said = self.store.about(self._what(index))
            self._known[index] = {**said, "starts": np.array(said["starts"], np.int64)}
        return self._known[index]

    def _what(self, index: int) -> Mapping[str, Any]:
        return self.source.what(self._numbers[index])

    def kept(self, index: int) -> bool:
        """Is a film on disk?"""
        return self.store.has(self._what(index))

    def make(self, index: int) -> None:
        """Bring a film to disk."""
        self.store.keep(self._what(index), self.source.make(self._numbers[index], self.picture, self.sound))

    @property
    def actions(self) -> tuple[str, ...]:
        """All that are heard, in order of the alphabet."""
        return self._labels(1)

    @property
    def materials(self) -> tuple[str, ...]:
        """All that are heard, in order of the alphabet."""
        return self._labels(2)

    def _labels(self, which: int) -> tuple[str, ...]:
        said = {event[which] for index in range(len(self)) for event in self.about(index)["events"]}
        return tuple(sorted(said - {""}))  # "": nobody could tell

    def __str__(self) -> str:
        """In words, with what was left out."""
        lost = {"missing": self.source.missing, "skipped": len(self.skipped)}
        return f"{self.split}: {len(self)} films" + "".join(f", {count} {how}" for how, count in lost.items() if count)


def heard_from(
    samples: NDArray[np.float32], frames: int, events: Sequence[FilmEvent], picture: ClipPicture, sound: ClipSound
) -> NDArray[np.int64]:
    """Which pictures clips can begin at: whole clips in which something begins to sound, or, where no events are known, in
    which it is not silent.

    Args:
        samples: float32 (m,).
        frames: how many pictures there are.
    """
    starts = np.arange(max(0, frames - picture.frames + 1))
    starts = starts[first_sample(starts, picture, sound) + sound.samples <= len(samples)]
    begin_s = starts[:, None] / picture.fps
    if events:
        times = np.array([event.time_s for event in events])
        loud = (times >= begin_s) & (times < begin_s + sound.samples / sound.sample_rate - NEEDS_S)
        return starts[loud.any(axis=1)]
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    first = first_sample(starts, picture, sound)
    return starts[(power[first + sound.samples] - power[first]) / sound.samples > SILENT_POWER]


SILENT_POWER = 10 ** (-60 / 10)


def first_sample(start: Any, picture: ClipPicture, sound: ClipSound) -> Any:
    """The sample that belongs to a picture's moment; the nearest, where the rates do not divide."""
    return (2 * start * sound.sample_rate + picture.fps) // (2 * picture.fps)
