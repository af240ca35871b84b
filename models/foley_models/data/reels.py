"""A house's finished reels: what is on screen where their Foley sounds.

A reel is a timeline. Its Foley are the clips on sound tracks called so, clips that foley_bridge placed, and clips of media
called so; where there are none, a stem that lies beside the timeline (``reel7.otio``, ``reel7_foley.wav``) and begins with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.errors import FoleyError, MediaError, TimelineError
from foley_bridge.inference.features import PictureFeatures, SoundFeatures, resized, segment_starts
from foley_bridge.media import audio, images, video
from foley_bridge.timeline.files import SUFFIXES, folder_of, read
from foley_bridge.timeline.layout import timeline_duration
from foley_bridge.timeline.media_paths import local_path
from foley_bridge.timeline.picture import Media, picture_under
from foley_bridge.timeline.unfolded import Shown, by_track
from foley_models.data.clips import Clip, Moments, Skipped
from foley_models.data.film import HALF, LEAST_S, VERSION, FileState, heard, moments, pieces
from foley_models.data.splitting import shared_out
from foley_models.data.videos import files_under

FOLEY = re.compile(r"(?i)(?<![a-z])foley(?![a-z])")
STEMS = {".wav", ".flac", ".aif", ".aiff", ".mp3", ".m4a", ".ogg"}


@dataclass(frozen=True)
class Sounding:
    """A stretch of Foley.

    Attributes:
        path, state: of the sound file.
        offset_s, length_s: which part of it.
        start_s: timeline seconds.
        seen: what is on screen at the middle of each second that it may be cut into: media and media seconds; None for black.
        states: of the files that are seen.
    """

    path: Path
    state: FileState
    offset_s: Fraction
    length_s: Fraction
    start_s: Fraction
    seen: Mapping[Fraction, tuple[Media, Fraction] | None]
    states: tuple[FileState, ...]

    def what(self) -> Mapping[str, Any]:
        """For a cache's key."""
        shown = [None if at is None else [at[0].path, at[0].prefix, str(at[1])] for at in self.seen.values()]
        sound = [self.state.to_json(), str(self.offset_s), str(self.length_s), str(self.start_s)]
        return {"reel": VERSION, "sound": sound, "seen": shown, "pictures": [state.to_json() for state in self.states]}

    def make(self) -> Moments:
        """Its seconds that are not silent and have a picture.

        Raises:
            MediaError: sound or picture cannot be read, or there is nothing to see or to hear.
        """
        starts, cut, _ = heard(self.path, self.offset_s, self.length_s)
        kept = [number for number, start in enumerate(starts) if self.seen.get(start) is not None]
        if not kept:
            raise MediaError("the picture is black")
        pictures = [_picture(*at) for number in kept if (at := self.seen[starts[number]]) is not None]
        return moments([self.start_s + starts[number] for number in kept], cut[kept], pictures)


class Reels:
    """The Foley of one split's reels.

    Args:
        folder: is looked through with all that is in it.
        split: "train", "validation" or "test".

    Raises:
        ModelError: the folder cannot be read, or has too few reels.
    """

    another = "moment"
    ready = False
    missing = 0

    def __init__(self, folder: Path, split: str) -> None:
        self.clips: list[Clip] = []
        self.soundings: list[Sounding] = []
        self._folder = folder
        names = [name for name in files_under(folder) if Path(name).suffix.lower() in SUFFIXES]
        reels, self.skipped = shared_out(names, split, f"reels in {folder}", self._look)
        for name, (timeline, stretches) in reels.items():
            self._add(name, timeline, stretches)

    def what(self, index: int) -> Mapping[str, Any]:
        """Which sound under which pictures."""
        return self.soundings[index].what()

    def make(self, index: int) -> Moments:
        """All of a clip."""
        return self.soundings[index].make()

    def _look(self, name: str) -> tuple[Any, list[_Foley]]:
        """A reel and where its Foley is."""
        path = self._folder / name
        timeline = read(path)
        foley = list(_placed(timeline, folder_of(path))) or list(_stem(path, timeline_duration(timeline)))
        if not foley:
            raise TimelineError(
                f"{path}: has no Foley in it", "name its tracks FOLEY, or lay the stem beside it as NAME_foley.wav"
            )
        return timeline, foley

    def _add(self, name: str, timeline: Any, stretches: list[_Foley]) -> None:
        base = folder_of(self._folder / name)
        for number, stretch in enumerate(stretches):
            called = f"{name} {number + 1} at {float(stretch.start_s):g} s"
            try:
                for sounding in _soundings(timeline, base, stretch):
                    at = float(sounding.start_s - stretch.start_s)
                    self.clips.append(Clip(f"{called} + {at:g}" if at else called, stretch.label, name))
                    self.soundings.append(sounding)
            except (FoleyError, OSError) as error:
                self.skipped.append(Skipped(called, str(error)))


@dataclass(frozen=True)
class _Foley:
    """A Foley clip as it is placed. fault: why it cannot be used."""

    path: Path | None
    label: str
    start_s: Fraction
    length_s: Fraction
    offset_s: Fraction
    fault: str = ""


def _placed(timeline: Any, base: Path) -> Iterator[_Foley]:
    for track, shown in by_track(timeline):
        if not track.enabled:
            continue
        for each in shown:
            if (
                each.kind == "Audio"
                and each.clip.enabled
                and each.length > 0
                and (label := _label(track.name, each)) is not None
            ):
                path = local_path(each.address or "", base)
                fault = "" if each.speed == 1 else f"plays at {float(each.speed):g} times its speed"
                fault = fault if path is not None else "has no media file"
                yield _Foley(path, label, each.start, each.length, each.offset, fault)


def _label(track: str, shown: Shown) -> str | None:
    """What a Foley clip is of, as far as that is said; None when it is no Foley."""
    said = shown.clip.metadata.get("foley_bridge")
    if said is not None and said.get("kind") == "take":
        return str(said.get("region") or shown.clip.name)
    names = (track, shown.clip.name, Path((shown.address or "").replace("\\", "/")).stem)
    return (names[1] or names[2]) if any(FOLEY.search(name) for name in names) else None


def _stem(path: Path, length_s: Fraction) -> Iterator[_Foley]:
    for beside in sorted(path.parent.iterdir()):
        rest = beside.stem.removeprefix(path.stem)
        if beside.suffix.lower() in STEMS and beside.stem.startswith(path.stem) and FOLEY.search(rest):
            yield _Foley(beside, path.stem, Fraction(0), min(length_s, audio.probe(beside).duration), Fraction(0))


def _soundings(timeline: Any, base: Path, foley: _Foley) -> Iterator[Sounding]:
    if foley.path is None or foley.fault:
        raise MediaError(f"{foley.label}: {foley.fault}")
    state = FileState.of(foley.path.name, foley.path.stat())
    for first, length in pieces(foley.length_s) or [(Fraction(0), max(foley.length_s, LEAST_S))]:
        start = foley.start_s + first
        seen = _seen(timeline, base, start, length)
        shown = {media.path: media for at in seen.values() if at is not None for media in [at[0]] if media.kind == "movie"}
        states = tuple(FileState.of(Path(path).name, Path(path).stat()) for path in shown)
        yield Sounding(foley.path, state, foley.offset_s + first, length, start, seen, states)


def _seen(timeline: Any, base: Path, start: Fraction, length: Fraction) -> dict[Fraction, tuple[Media, Fraction] | None]:
    """What is on screen at the middle of each second that a stretch of sound may be cut into, by where the second begins."""
    settings = SoundFeatures()
    picture = picture_under(timeline, start, start + length, video.start_timecode, base=base)
    seen: dict[Fraction, tuple[Media, Fraction] | None] = {}
    for sample in segment_starts(round(length * settings.sample_rate), settings):
        second = Fraction(sample, settings.sample_rate)
        span, time = picture.at(start + second + min(settings.segment_s * HALF, length / 2))
        if span.media is not None and span.media.kind == "missing":
            raise MediaError(f"{span.media.path or span.media.name}: is on screen, and not there", "relink it")
        seen[second] = None if span.media is None or span.media.kind == "generator" else (span.media, time)
    return seen


def _picture(media: Media, time: Fraction) -> Any:
    if media.kind == "images":
        assert media.rate is not None
        frames = images.read_images(media.image_paths(), [time], rate=media.rate)
    else:
        frames = video.read_frames(media.path, [time])
    return resized(next(iter(frames)).image, PictureFeatures())
