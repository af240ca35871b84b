"""Pairs of a picture and a second of sound, drawn from a data set's clips.

Every draw is a function of (seed, epoch, index): a run that goes on where it was killed sees the pairs that it would have
seen. What networks are validated and tested on does not depend on the seed, so that runs can be compared pair by pair.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import FoleyError, MediaError
from foley_bridge.inference.features import Floats, PictureFeatures, SoundFeatures, normalised, settings_to_json
from foley_bridge.stage.scene import stream
from foley_models.data.cache import Cache, keep, members_in
from foley_models.data.clips import Clip, Moments, Skipped, Source
from foley_models.errors import ModelError

APART_S = 5.0
"""How far from a picture another moment's sound has to be, of the same video, to be uncorrelated with it."""
SPLITS = ("train", "validation", "test")
Image = NDArray[np.uint8]
Mel = NDArray[np.float16]


@dataclass(frozen=True)
class Sought:
    """Where something lies: a clip's index, a moment's number in it."""

    clip: int
    moment: int


class PairData:
    """One split of a data set.

    Args:
        source: where its clips come from.
        split: one of ``SPLITS``.
        cache: folder for features; None: one that goes when this does.
        seed: of what is drawn for training.

    Attributes:
        clips, names, labels: of the clips that can be used.
        skipped: what was left out, and why.
    """

    picture_features = PictureFeatures()
    sound_features = SoundFeatures()

    def __init__(self, source: Source, *, split: str, cache: Path | None, seed: int) -> None:
        self.source, self.split = source, split
        self.seed = seed if split == "train" else 0
        self.readers: dict[int, Any] = {}  # worker processes, by how many they are (batching.py)
        if cache is None:
            cache = Path(tempfile.mkdtemp(prefix="foley-features-"))
            weakref.finalize(self, shutil.rmtree, cache, ignore_errors=True)
        settings = {"picture": settings_to_json(self.picture_features), "sound": settings_to_json(self.sound_features)}
        self._cache = Cache(cache, settings)
        self._use(range(len(source.clips)))
        self.skipped = list(source.skipped)

    def leave_out(self, skipped: Sequence[Skipped]) -> None:
        """Go on without some of the clips."""
        lost = {each.name for each in skipped}
        self._use([index for index, clip in enumerate(self.source.clips) if clip.name not in lost])
        self.skipped = [*self.source.skipped, *skipped]

    def _use(self, kept: Sequence[int]) -> None:
        self._kept = kept
        self.clips: list[Clip] = [self.source.clips[index] for index in kept]
        self.names = [clip.name for clip in self.clips]
        self.labels = [clip.label for clip in self.clips]
        self._times: dict[int, NDArray[np.float64]] = {}

    def __len__(self) -> int:
        """How many clips there are."""
        return len(self.clips)

    def __getstate__(self) -> dict[str, object]:
        """For worker processes, which start none themselves."""
        return {**self.__dict__, "readers": {}}

    @property
    def missing(self) -> int:
        """How many clips are listed but not there."""
        return self.source.missing

    def __str__(self) -> str:
        """In words, with what was left out."""
        said = f"{self.split}: {len(self)} clips, {len(set(self.labels))} labels"
        lost = [f"{self.missing} missing" * bool(self.missing), f"{len(self.skipped)} skipped" * bool(self.skipped)]
        return said + "".join(f", {each}" for each in lost if each)

    # --- pairs as networks take them ---

    def correlated(self, epoch: int, index: int) -> tuple[Floats, Floats]:
        """A clip's picture and the sound that goes with it, at the moment drawn for an epoch.

        Returns:
            float32 (3, size, size), float32 (1, mels, frames).
        """
        return self._pair(*self.drawn(epoch, index, correlated=True))

    def uncorrelated(self, epoch: int, index: int) -> tuple[Floats, Floats]:
        """The same picture, and a sound that by the data set's rule does not go with it."""
        return self._pair(*self.drawn(epoch, index, correlated=False))

    def test_pair(self, index: int) -> tuple[Floats, Floats]:
        """The one pair by which a clip is tested in retrieval: the same in every epoch, of every run."""
        moment = int(stream(0, "tested", self.names[index]).integers(len(self.times(index))))
        return self._pair(Sought(index, moment), Sought(index, moment))

    def _pair(self, picture: Sought, sound: Sought) -> tuple[Floats, Floats]:
        image, mel = self.read(picture, sound)
        return normalised(image, self.picture_features), mel[None].astype(np.float32)

    # --- what is drawn ---

    def drawn(self, epoch: int, index: int, *, correlated: bool) -> tuple[Sought, Sought]:
        """Which picture and which sound make a clip's pair in an epoch."""
        count = len(self.times(index))
        picture = Sought(index, int(stream(self.seed, "moment", epoch, index).integers(count)))
        if correlated:
            return picture, picture
        rng = stream(self.seed, "other", epoch, index)
        return picture, (self._another_label if self.source.another == "label" else self._another_moment)(rng, picture)

    def check(self) -> None:
        """Can uncorrelated pairs be drawn?

        Raises:
            ModelError: no; says what is wanted.
        """
        if not len(self):
            why = self.skipped[0].why if self.skipped else "check the paths, and the names of the files"
            raise ModelError(f"{self.split}: none of {len(self.skipped) + self.missing} clips can be used", why)
        if self.source.another == "label":
            if len(set(self.labels)) < 2:
                raise ModelError(
                    f"{self.split}: all {len(self)} clips are labelled {self.labels[0]!r}",
                    "uncorrelated pairs need clips with another label",
                )
        elif len(self.clips_of) < 2 and not self._far_apart(Sought(0, 0)):
            raise ModelError(
                f"{self.split}: {self.clips[0].video} is all there is, and short",
                f"uncorrelated pairs need another video, or moments {APART_S:g} s apart",
            )

    def _another_label(self, rng: np.random.Generator, picture: Sought) -> Sought:
        """Every clip with another label is as likely as the others."""
        first, count = self._label_blocks[self.labels[picture.clip]]
        place = int(rng.integers(len(self) - count))
        clip = self._by_label[place if place < first else place + count]
        return Sought(clip, int(rng.integers(len(self.times(clip)))))

    @cached_property
    def _by_label(self) -> list[int]:
        return sorted(range(len(self)), key=lambda index: self.labels[index])

    @cached_property
    def _label_blocks(self) -> dict[str, tuple[int, int]]:
        """Where each label's clips begin in ``_by_label``, and how many they are."""
        blocks: dict[str, tuple[int, int]] = {}
        for place, index in enumerate(self._by_label):
            first, count = blocks.get(self.labels[index], (place, 0))
            blocks[self.labels[index]] = first, count + 1
        return blocks

    def _another_moment(self, rng: np.random.Generator, picture: Sought) -> Sought:
        """From another video or from the same one, either as likely as the other where both can be."""
        video = self.clips[picture.clip].video
        others = len(self) - len(self.clips_of[video])
        if not others or rng.random() < 0.5:
            far = self._far_apart(picture)
            if far:
                return far[int(rng.integers(len(far)))]
            if not others:
                raise ModelError(
                    f"{self.names[picture.clip]}: there is no other video, and no moment {APART_S:g} s or more away in it"
                )
        first = self.clips_of[video][0]  # a video's clips lie together
        place = int(rng.integers(others))
        clip = place if place < first else place + len(self.clips_of[video])
        return Sought(clip, int(rng.integers(len(self.times(clip)))))

    def _far_apart(self, picture: Sought) -> list[Sought]:
        """Moments of the same video that are far enough from a picture."""
        clips, numbers, times = self._moments_of(self.clips[picture.clip].video)
        far = np.flatnonzero(np.abs(times - self.times(picture.clip)[picture.moment]) >= APART_S)
        return [Sought(int(clips[place]), int(numbers[place])) for place in far]

    def _moments_of(self, video: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """All of a video: which clip each moment is in, its number there, and when it is."""
        if video not in self._all_moments:
            clips = self.clips_of[video]
            counts = [len(self.times(clip)) for clip in clips]
            self._all_moments[video] = (
                np.repeat(clips, counts),
                np.concatenate([np.arange(count) for count in counts]),
                np.concatenate([self.times(clip) for clip in clips]),
            )
        return self._all_moments[video]

    @cached_property
    def _all_moments(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
        return {}

    @cached_property
    def clips_of(self) -> dict[str, list[int]]:
        """Each video's clips, by their indices."""
        found: dict[str, list[int]] = {}
        for index, clip in enumerate(self.clips):
            found.setdefault(clip.video, []).append(index)
        return found

    # --- features, kept or made ---

    def kept(self, index: int) -> bool:
        """Are a clip's features there?"""
        return members_in(self._path(index), "times") is not None

    def make(self, index: int) -> Moments:
        """Make a clip's features and keep them.

        Raises:
            FoleyError: as the source.
            ModelError: they cannot be kept.
        """
        made = self.source.make(self._kept[index])
        try:
            keep(self._path(index), made)
        except MediaError as error:
            raise ModelError(error.message, error.hint) from error
        return made

    def times(self, index: int) -> NDArray[np.float64]:
        """When a clip's moments are, seconds in its video."""
        if index not in self._times:
            kept = members_in(self._path(index), "times")
            self._times[index] = self._made_again(index).times if kept is None else kept[0]
        return self._times[index]

    def read(self, picture: Sought, sound: Sought) -> tuple[Image, Mel]:
        """A picture and a sound as they are kept: uint8 (size, size, 3), float16 (mels, frames)."""
        if picture == sound:
            image, mel = self._members(picture, "picture", "sound")
            return image, mel
        return self._members(picture, "picture")[0], self._members(sound, "sound")[0]

    def _members(self, at: Sought, *kinds: str) -> list[NDArray[Any]]:
        kept = members_in(self._path(at.clip), *(f"{kind}-{at.moment}" for kind in kinds))
        if kept is None:
            made = self._made_again(at.clip)
            kept = [getattr(made, f"{kind}s")[at.moment] for kind in kinds]
        return kept

    def _made_again(self, index: int) -> Moments:
        try:
            return self.make(index)
        except ModelError:
            raise
        except FoleyError as error:
            raise ModelError(f"{self.names[index]}: its features cannot be made again: {error.message}", error.hint) from error

    def _path(self, index: int) -> Path:
        return self._cache.path(self.source.what(self._kept[index]))
