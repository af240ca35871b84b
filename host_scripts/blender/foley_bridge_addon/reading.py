"""The picture and sound of a scene's sequencer as plain tracks of clips.

Blender lets strips of all kinds share a channel and puts strips into strips; here a channel becomes a track of picture and one
of sound, and what lies in a meta strip a track of its own just above. Strips without media (colour, text, transitions) are left
out: they are drawn, not shot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator

import bpy

from . import api, rates, regions
from .foley_host import HostError

OURS = "Foley"


@dataclass(frozen=True)
class Shown:
    """A strip as far as it shows: through the metas that it lies in. start, stop: frames of Blender."""

    strip: Any
    channels: tuple[int, ...]
    track: str
    start: int
    stop: int
    enabled: bool
    muted_track: bool
    speed: Any = None  # the effect strip that gives it another speed


def is_ours(channel_name: str) -> bool:
    """Whether a channel is one of the bridge's: Foley, Foley 2, ..."""
    head, _, number = channel_name.partition(" ")
    return head == OURS and (not number or (number.isdigit() and int(number) > 1))


def tracks(scene: Any) -> list[dict[str, Any]]:
    """Everything but our own channels and the marks of regions, bottom first."""
    lanes: dict[tuple[str, tuple[int, ...], int], list[Shown]] = {}
    for shown in sorted(_shown(scene), key=lambda shown: (shown.channels, shown.start)):
        kind = "audio" if shown.strip.type == "SOUND" else "video"
        lane = 0
        while any(shown.start < other.stop for other in lanes.get((kind, shown.channels, lane), [])):
            lane += 1
        lanes.setdefault((kind, shown.channels, lane), []).append(shown)
    rate = rates.rate(scene.render.fps, scene.render.fps_base)
    found = []
    marked = regions.ranges(scene)
    for (kind, _, _), lane_clips in sorted(lanes.items(), key=lambda item: (item[0][1], item[0][2])):
        clips = [_clip_if_told(scene, shown, rate, marked) for shown in lane_clips]
        first = lane_clips[0]
        found.append({"kind": kind, "name": first.track, "enabled": not first.muted_track, "clips": clips})
    return found


def clip_of(scene: Any, strip: Any) -> dict[str, Any]:
    """One strip of the timeline itself as a clip."""
    shown = Shown(strip, (strip.channel,), "", api.start(strip), api.stop(strip), True, False)
    return _clip(scene, shown, rates.rate(scene.render.fps, scene.render.fps_base))


def path_of(strip: Any) -> str | None:
    """The media file of a strip; None for what is no single file."""
    if strip.type == "MOVIE":
        return api.absolute(strip.filepath) or None
    if strip.type == "SOUND":
        return api.absolute(strip.sound.filepath) if strip.sound else None
    if strip.type == "MOVIECLIP":
        clip = getattr(strip, "clip", None)
        return api.absolute(clip.filepath) if clip and clip.source == "MOVIE" else None
    if strip.type == "IMAGE" and len(strip.elements) == 1:
        return str(Path(api.absolute(strip.directory)) / strip.elements[0].filename)
    return None


def _shown(scene: Any) -> Iterator[Shown]:
    channels = api.channels_of(scene)
    for strip in api.strips_of(scene):
        channel = channels[strip.channel]
        if is_ours(channel.name) or regions.is_mark(strip):
            continue
        whole = Shown(
            strip, (strip.channel,), channel.name, api.start(strip), api.stop(strip), not strip.mute, bool(channel.mute)
        )
        yield from _inside(whole, _speeds(api.strips_of(scene)))


def _inside(shown: Shown, speeds: dict[str, Any]) -> Iterator[Shown]:
    """The strip itself, or what a meta strip holds of media."""
    strip = shown.strip
    if strip.type != "META":
        if strip.type in ("MOVIE", "MOVIECLIP", "IMAGE", "SCENE", "SOUND"):
            yield replace(shown, speed=speeds.get(strip.name))
        return
    inner = list(api.strips_in(strip))
    for child in inner:
        start, stop = max(shown.start, api.start(child)), min(shown.stop, api.stop(child))
        if start < stop:
            enabled = shown.enabled and not child.mute and not strip.channels[child.channel].mute
            nested = (*shown.channels, child.channel)
            yield from _inside(
                replace(shown, strip=child, channels=nested, start=start, stop=stop, enabled=enabled), _speeds(inner)
            )


def _speeds(strips: list[Any]) -> dict[str, Any]:
    """Speed effects by the name of the strip that they change."""
    return {strip.input_1.name: strip for strip in strips if strip.type == "SPEED" and not strip.mute and strip.input_1}


def _clip_if_told(scene: Any, shown: Shown, rate: Fraction, marked: list[dict[str, Any]]) -> dict[str, Any]:
    """A clip. One whose speed Blender does not tell is an error only where a region lies over it."""
    try:
        return _clip(scene, shown, rate)
    except HostError:
        clip = _plain(scene, shown)
        if any(each["start"] < clip["start"] + clip["duration"] and clip["start"] < each["stop"] for each in marked):
            raise
        return clip


def _plain(scene: Any, shown: Shown) -> dict[str, Any]:
    """What every clip has."""
    return {
        "name": shown.strip.name,
        "path": path_of(shown.strip),
        "start": shown.start - scene.frame_start,
        "duration": shown.stop - shown.start,
        "source_start_s": 0.0,
        "media_duration_s": None,
        "speed": 1,
        "enabled": shown.enabled,
    }


def _clip(scene: Any, shown: Shown, rate: Fraction) -> dict[str, Any]:
    """A clip with the moments of its file that it shows, and how fast."""
    strip, clip = shown.strip, _plain(scene, shown)
    if strip.type == "IMAGE":
        return {**clip, "speed": 0}
    movie = strip.type == "MOVIE" and strip.fps
    media = rates.exact(Fraction(strip.fps)) if movie else rate
    pace = _pace(shown, rate, media) if movie else Fraction(1)
    factor = _effect(scene, shown) if shown.speed else Fraction(1)  # counts from where the strip begins to show
    (begin, end), (before, after) = api.content(strip), api.trims(strip)
    if movie and strip.use_reverse_frames:
        if shown.speed:
            raise _untold(shown, "is played backwards under a speed effect")
        first, sign = after + (end - shown.stop) * pace, -1
    else:
        left = api.start(strip)
        first, sign = before + (left - begin + (shown.start - left) * factor) * pace, 1
    return {
        **clip,
        "source_start_s": float(first / media),
        "media_duration_s": float((before + after + (end - begin) * pace) / media),
        "speed": sign * float(pace * factor * rate / media),
    }


def _pace(shown: Shown, rate: Fraction, media: Fraction) -> Fraction:
    """How many pictures of its file a movie strip by itself shows per frame of the scene."""
    strip = shown.strip
    keys = sorted(key.timeline_frame for key in strip.retiming_keys)
    if not keys and media == rate:
        return Fraction(1)
    begin, end = api.content(strip)
    pictures = _pictures(strip.filepath) - sum(api.trims(strip))
    if len(keys) == 2 and pictures > 1:
        last = pictures if bpy.app.version >= (5, 0, 0) else pictures - 1  # what the second key stands on
        return Fraction(last, keys[1] - keys[0])
    if keys:
        raise _untold(shown, "is retimed, and Blender does not tell scripts how")
    own = media / rate  # when Blender keeps the movie's own speed; else it shows a picture a frame
    is_own = pictures > 0 and abs(pictures / own - (end - begin)) < abs(pictures - (end - begin))
    return own if is_own else Fraction(1)


def _effect(scene: Any, shown: Shown) -> Fraction:
    """How much faster a speed effect makes a strip."""
    strip, effect = shown.strip, shown.speed
    if effect.speed_control == "MULTIPLY" and not _animated(scene, effect):
        return Fraction(rates.shortest(effect.speed_factor))
    if effect.speed_control == "STRETCH":
        begin, end = api.content(strip)
        return Fraction(end - max(begin, api.start(strip)), api.stop(strip) - api.start(strip))
    raise _untold(shown, "has a speed that changes")


def _pictures(path: str) -> int:
    """How many pictures a movie has; 0 when it is not there. Blender tells it of movie clips only."""
    try:
        clip = bpy.data.movieclips.load(api.absolute(path))
    except RuntimeError:
        return 0
    try:
        return int(clip.frame_duration)
    finally:
        bpy.data.movieclips.remove(clip)


def _animated(scene: Any, strip: Any) -> bool:
    action = scene.animation_data and scene.animation_data.action
    if not action:
        return False
    path = f'strips_all["{strip.name}"].speed_factor'
    curves = getattr(action, "fcurves", None)
    if curves is None:  # 5.0: in layers
        curves = [c for layer in action.layers for part in layer.strips for bag in part.channelbags for c in bag.fcurves]
    return any(curve.data_path.replace("sequences_all", "strips_all").endswith(path) for curve in curves)


def _untold(shown: Shown, why: str) -> HostError:
    said = f"the strip '{shown.strip.name}' at frame {shown.start} {why}"
    return HostError(said, "Render it to a movie and use that in its place, or mark no region over it.")
