"""Short pieces of sound laid in time: each an event, all of them together one Sound, rendered as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from foley_bridge.media.sound import BLOCK

MOST_SOUNDING = 8
"""Events that sound at once; the oldest is faded out when there would be one more."""
CUT_FADE_MS = 30


@dataclass(frozen=True)
class Event:
    """``length`` samples of buffer ``buffer`` from ``offset`` on, at ``start`` of the sound, times ``gain``, faded at its
    ends."""

    start: int
    buffer: int
    offset: int
    length: int
    gain: float
    fade_in: int
    fade_out: int


def thinned(events: Sequence[Event], rate: int) -> list[Event]:
    """No more than ``MOST_SOUNDING`` at once: an older tail is faded out as the newest hit starts."""
    fade = CUT_FADE_MS * rate // 1000
    kept = []
    for i, event in enumerate(events):
        if i + MOST_SOUNDING < len(events):
            limit = max(1, events[i + MOST_SOUNDING].start + fade - event.start)
            if limit < event.length:
                event = replace(event, length=limit, fade_out=min(fade, limit))
        kept.append(event)
    return kept


def ramp(length: int) -> np.ndarray:
    """float32 (length,), 0 to 1, a smooth quarter of power."""
    return np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(1, length)).astype(np.float32)


class EventSound:
    """A Sound of short buffers laid in time and added where they overlap; rendered as it is asked for."""

    def __init__(
        self, buffers: tuple[np.ndarray, ...], events: Sequence[Event], sample_rate: int, channels: int, frames: int
    ) -> None:
        self.sample_rate, self.channels, self.frames = sample_rate, channels, frames
        self._buffers = buffers
        self._events = sorted(events, key=lambda event: event.start)
        self._ramps = {length: ramp(length) for event in events for length in (event.fade_in, event.fade_out) if length}

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """float32 (n, channels), in order; the same bytes for every ``size``."""
        sounding: list[Event] = []
        upcoming = 0
        for first in range(0, self.frames, size):
            last = min(first + size, self.frames)
            while upcoming < len(self._events) and self._events[upcoming].start < last:
                sounding.append(self._events[upcoming])
                upcoming += 1
            block = np.zeros((last - first, self.channels), np.float32)
            for event in sounding:
                self._add(event, block, first, last)
            sounding = [event for event in sounding if event.start + event.length > last]
            yield block

    def _add(self, event: Event, block: np.ndarray, first: int, last: int) -> None:
        a, b = max(event.start, first), min(event.start + event.length, last)
        if a >= b:
            return
        lo, hi = a - event.start, b - event.start
        part = self._buffers[event.buffer][event.offset + lo : event.offset + hi] * np.float32(event.gain)
        if lo < event.fade_in:
            up = self._ramps[event.fade_in][lo:hi]
            part[: len(up)] *= up[:, None]
        tail = event.length - event.fade_out
        if event.fade_out and hi > tail:
            begin = max(lo, tail)
            part[begin - lo :] *= self._ramps[event.fade_out][::-1][begin - tail : hi - tail, None]
        block[a - first : b - first] += part
