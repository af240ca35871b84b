"""Random nested timelines, and a slow, obvious way to say what is on screen in them, written apart from the program's own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import opentimelineio as otio
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange

RATES = [Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(48000)]


class _World:
    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.clips = 0

    def span(self, longest: int = 50) -> TimeRange:
        rate = self.draw(st.sampled_from(RATES))
        unit = 2000 if rate == 48000 else 1
        start, length = self.draw(st.integers(0, 30)) * unit, self.draw(st.integers(1, longest)) * unit
        return TimeRange(RationalTime(start, float(rate)), RationalTime(length, float(rate)))

    def clip(self) -> otio.schema.Clip:
        self.clips += 1
        shown = self.span()
        first = RationalTime(shown.start_time.value - self.draw(st.integers(0, 20)), shown.start_time.rate)
        media = otio.schema.ExternalReference(f"/nowhere/{self.clips}.mov", TimeRange(first, RationalTime(5000, 24)))
        return otio.schema.Clip(f"clip {self.clips}", media, None if self.draw(st.integers(0, 9)) == 0 else shown)

    def item(self, depth: int) -> Any:
        kind = self.draw(
            st.sampled_from(["clip", "clip", "clip", "gap", "stack", "track"] if depth else ["clip", "clip", "gap"])
        )
        if kind == "gap":
            return otio.schema.Gap(source_range=self.span(20))
        item = {"clip": self.clip, "stack": lambda: self.stack(depth - 1), "track": lambda: self.track(depth - 1)}[kind]()
        item.enabled = self.draw(st.integers(0, 6)) > 0
        for speed in self.draw(st.sampled_from([[], [], [], [2], [0.5], [-1], [-0.5], [2, -1.5], [1 / 3], [0]])):
            warp = otio.schema.LinearTimeWarp(time_scalar=speed) if speed else otio.schema.FreezeFrame()
            item.effects.append(warp)
        return item

    def track(self, depth: int) -> otio.schema.Track:
        kind = "Audio" if self.draw(st.integers(0, 7)) == 0 else "Video"
        track = otio.schema.Track("track", kind=kind)
        items = [self.item(depth) for _ in range(self.draw(st.integers(1, 4)))]
        for index, item in enumerate(items):
            if index and self.draw(st.integers(0, 3)) == 0:
                half = [length_of(near) / 2 for near in (items[index - 1], item)]
                offsets = [self.draw(st.integers(0, 4)) * room / 4 for room in half]
                track.append(
                    otio.schema.Transition(
                        transition_type="SMPTE_Dissolve", in_offset=_exactly(offsets[0]), out_offset=_exactly(offsets[1])
                    )
                )
            track.append(item)
        if self.draw(st.integers(0, 4)) == 0:
            track.source_range = self.span()
        return track

    def stack(self, depth: int) -> otio.schema.Stack:
        stack = otio.schema.Stack("stack")
        for _ in range(self.draw(st.integers(1, 3))):
            stack.append(self.track(depth) if self.draw(st.booleans()) else self.item(depth))
        if self.draw(st.integers(0, 3)) == 0:
            stack.source_range = self.span()
        return stack


def _exactly(seconds: Fraction) -> RationalTime:
    """A RationalTime that is these very seconds, as far as such small numbers go: all rates here divide this one."""
    value = seconds * 48000
    return RationalTime(int(value), 48000.0)


@st.composite
def timelines(draw: Any) -> otio.schema.Timeline:
    """A timeline of one to three tracks over one to three levels, some of it disabled, warped, trimmed or dissolving."""
    world = _World(draw)
    timeline = otio.schema.Timeline("world", global_start_time=RationalTime(86400, 24))
    for _ in range(draw(st.integers(1, 3))):
        timeline.tracks.append(world.track(draw(st.integers(0, 3))))
    if draw(st.integers(0, 7)) == 0:
        timeline.tracks.source_range = world.span()
    return timeline


# --- the slow reference: one moment at a time, from the top down ---


def exact(time: RationalTime) -> Fraction:
    rate = next((r for r in RATES if abs(float(r) - time.rate) < 1e-9), None)
    return Fraction(time.value) / (rate or Fraction(time.rate))


def source_of(item: Any) -> Fraction:
    if item.source_range is not None:
        return exact(item.source_range.start_time)
    return exact(item.media_reference.available_range.start_time) if isinstance(item, otio.schema.Clip) else Fraction(0)


def length_of(item: Any) -> Fraction:
    if item.source_range is not None:
        return exact(item.source_range.duration)
    if isinstance(item, otio.schema.Clip):
        return exact(item.media_reference.available_range.duration)
    lengths = [length_of(child) for child in item if not isinstance(child, otio.schema.Transition)]
    return sum(lengths, Fraction(0)) if isinstance(item, otio.schema.Track) else max(lengths, default=Fraction(0))


def warp_of(item: Any) -> Fraction:
    speed = Fraction(1)
    for effect in item.effects:
        speed *= Fraction(1, 3) if abs(effect.time_scalar - 1 / 3) < 1e-9 else Fraction(effect.time_scalar)
    return speed


def own_time(item: Any, since: Fraction) -> Fraction:
    """An item's own time ``since`` seconds after its start in its parent."""
    speed = warp_of(item)
    return source_of(item) + (speed * since if speed >= 0 else -speed * (length_of(item) - since))


def starts_in(track: Any) -> dict[int, Fraction]:
    starts, at = {}, Fraction(0)
    for index, child in enumerate(track):
        if not isinstance(child, otio.schema.Transition):
            starts[index] = at
            at += length_of(child)
    return starts


def on_screen(item: Any, own: Fraction) -> tuple[Any, Fraction, Fraction] | None:
    """(clip, its own time, speed) that an item shows at a moment of its own time."""
    if not item.enabled or isinstance(item, otio.schema.Gap):
        return None
    if isinstance(item, otio.schema.Clip):
        return item, own, Fraction(1)
    if isinstance(item, otio.schema.Track):
        if item.kind != "Video":
            return None
        starts = starts_in(item)
        chosen = next((index for index, start in starts.items() if start <= own < start + length_of(item[index])), None)
        for index, child in enumerate(item):
            if isinstance(child, otio.schema.Transition):
                first, last = starts[index + 1] - exact(child.in_offset), starts[index + 1] + exact(child.out_offset)
                if first <= own < last:
                    incoming = (own - first) / (last - first)
                    chosen = index + 1 if incoming >= Fraction(1, 2) else index - 1
        return None if chosen is None else _through(item[chosen], own - starts[chosen])
    for child in reversed(list(item)):
        if 0 <= own < length_of(child):
            found = _through(child, own)
            if found is not None:
                return found
    return None


def _through(child: Any, since: Fraction) -> tuple[Any, Fraction, Fraction] | None:
    found = on_screen(child, own_time(child, since))
    return None if found is None else (found[0], found[1], found[2] * warp_of(child))


def picture_at(timeline: Any, time: Fraction) -> tuple[Any, Fraction, Fraction] | None:
    return _through(timeline.tracks, time) if 0 <= time < length_of(timeline.tracks) and timeline.tracks.enabled else None


def own_time_on_path(timeline: Any, path: list[int], time: Fraction) -> tuple[Any, Fraction] | None:
    """(item, its own time) at the end of a path of child indices at a timeline time; None where it is not showing."""
    item, since = timeline.tracks, time
    for index in [*path, None]:
        if not item.enabled or not 0 <= since < length_of(item):
            return None
        own = own_time(item, since)
        if index is None:
            return item, own
        start = starts_in(item)[index] if isinstance(item, otio.schema.Track) else Fraction(0)
        item, since = item[index], own - start
    raise AssertionError("unreachable")


def paths(item: Any, to: list[int] | None = None) -> list[list[int]]:
    """All items below an item, as paths of child indices."""
    found = []
    if isinstance(item, otio.core.Composition):
        for index, child in enumerate(item):
            if isinstance(child, otio.core.Item):
                here = [*(to or []), index]
                found += [here, *paths(child, here)]
    return found
