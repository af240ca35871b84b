"""The timeline in the shape that a program asks for, with its media as that program will see them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from foley_bridge.conform import Take
from foley_bridge.errors import JobError, MediaError
from foley_bridge.jobs.opening import Opened
from foley_bridge.jobs.request import GenerateRequest
from foley_bridge.media import audio, video
from foley_bridge.media.broadcast_wav import read_bext
from foley_bridge.timeline.media_paths import local_path
from foley_bridge.timeline.resolve import Held, for_resolve


def shaped(request: GenerateRequest, opened: Opened, takes: Iterable[Take]) -> tuple[otio.schema.Timeline, tuple[str, ...]]:
    """The timeline as ``request.shape`` says, and notes about what that cannot say; its addresses are the seat's already."""
    if request.shape is None:
        return opened.timeline, ()
    named = request.roots.to_remote
    ours = {
        named(str(take.path.absolute())): (
            Fraction(take.time_reference, take.sample_rate),
            Fraction(take.frames, take.sample_rate),
        )
        for take in takes
    }
    look = _Look(request, opened.base, ours)
    return for_resolve(opened.timeline, request.out.stem, look)


def _seconds(take: Take, samples: int) -> Fraction:
    return Fraction(samples, take.sample_rate)


class _Look:
    """Looks at each media file once."""

    def __init__(self, request: GenerateRequest, base: Path, ours: Mapping[str, tuple[Fraction, Fraction]]) -> None:
        self._roots = request.roots
        self._base = base
        self._ours = ours
        self._held: dict[str, Held] = {}

    def __call__(self, address: str) -> Held:
        if address not in self._held:
            self._held[address] = self._at(address)
        return self._held[address]

    def _at(self, address: str) -> Held:
        if address in self._ours:
            return Held(address, *self._ours[address])
        path = local_path(address, self._base)
        if path is None:
            return Held(address)
        bare = self._roots.to_remote(str(path))
        here = local_path(self._roots.to_local(address), self._base)
        with contextlib.suppress(JobError, MediaError, OSError, ValueError):
            file = self._roots.media_file(str((here or path).absolute()), "the timeline")
            return Held(bare, *_extent(file))
        return Held(bare)


def _extent(path: Path) -> tuple[Fraction, Fraction]:
    """A file's own timecode at its beginning, 0 when it has none, and its length; raises MediaError for what is no media."""
    try:
        picture = video.probe(path)
    except MediaError:
        sound = audio.probe(path)
    else:
        return picture.start_timecode or Fraction(0), picture.duration
    bext = None
    with contextlib.suppress(MediaError):
        bext = read_bext(path)
    return Fraction(bext.time_reference, sound.sample_rate) if bext else Fraction(0), sound.duration
