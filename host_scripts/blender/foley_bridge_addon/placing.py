"""Takes in a scene's sequencer: laid, found again, swapped for another. What lies there is read from Blender each time.

Each take laid is a sound strip on a channel named Foley. A note on it says which region it is of and which files are its takes.
Files stay where they are: nothing is packed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import bpy

from . import api, notes
from .foley_host import HostError
from .reading import is_ours

LAST_FRAME = 1048574  # Blender's own


def own_tracks(scene: Any) -> list[dict[str, Any]]:
    """What is on our channels, in the order of their names."""
    found = _found(scene)
    copied = {clip["id"] for clip in _copies(scene, found)}
    for track in found:
        track["clips"] = [_foreign(clip) if clip["id"] in copied else clip for clip in track["clips"]]
    return found


def place(scene: Any, plan: dict[str, Any]) -> None:
    """Do a plan. New strips are made where nothing is, so that what can fail has failed before anything else is touched.

    Raises:
        HostError: a channel, a strip or a file is not as the plan has it; the scene may be half changed then.
    """
    for clip in plan["remove"]:
        if _strip(scene, clip["id"]).lock:
            raise HostError(f"the strip '{clip['id']}' is locked", "Unlock it and try again.")
    gone = {(clip["region"], clip["key"]) for clip in plan["remove"]}
    copies = [clip for clip in _copies(scene, _found(scene)) if (clip["region"], clip["key"]) in gone]
    if plan["add"]:
        api.need_sound()
    scene.sequence_editor_create()
    stops = [api.stop(strip) for strip in api.strips_of(scene)]
    stops += [scene.frame_start + add["start"] + add["duration"] for add in plan["add"]]
    away = max(stops, default=0) + 1
    laid = []
    for add in plan["add"]:
        channel = _channel(scene, add["track"])
        strip = _new(scene, add, channel, away)
        away = api.stop(strip) + 1
        laid.append((add, strip, channel))
    for copy in copies:
        notes.drop(_strip(scene, copy["id"]))  # alone it would count as ours
    for clip in plan["remove"]:
        api.strips_in(scene.sequence_editor).remove(_strip(scene, clip["id"]))
    for add, strip, channel in laid:
        first = scene.frame_start + add["start"]
        _free(scene, strip, channel, first, first + add["duration"])
        api.lay(strip, first - add["takes"][add["chosen"] - 1]["offset"], first, add["duration"])
        strip.channel = channel
        strip.select = False  # the selection stays the user's


def choose(scene: Any, clip: dict[str, Any], number: int) -> None:
    """Make another take of a clip sound. Volume, pan and trims of the strip stay as the user made them."""
    strip = _strip(scene, clip["id"])
    if strip.lock or api.channels_of(scene)[strip.channel].lock:
        raise HostError(f"the strip '{strip.name}' is locked", "Unlock it and its channel and try again.")
    takes = _takes(strip)
    now, then = takes[clip["chosen"] - 1], takes[number - 1]
    path = str(then["path"])
    if not Path(path).is_file():
        raise HostError(f"{path} is not there", "Bring it back, or generate again.")
    api.need_sound()
    strip.sound = bpy.data.sounds.load(api.relative(path), check_existing=True)
    if now["offset"] != then["offset"]:
        first, last = api.start(strip), api.stop(strip)
        api.lay(strip, api.content(strip)[0] + now["offset"] - then["offset"], first, last - first)


def _found(scene: Any) -> list[dict[str, Any]]:
    """What is on our channels, with a user's copies of our strips still among ours."""
    ours = [(number, channel) for number, channel in enumerate(api.channels_of(scene)) if number and is_ours(channel.name)]
    found = []
    for number, channel in sorted(ours, key=lambda each: int(re.sub(r"\D", "", each[1].name) or 1)):
        strips = sorted((strip for strip in api.strips_of(scene) if strip.channel == number), key=api.start)
        clips = [_clip(scene, strip) for strip in strips]
        found.append({"name": channel.name, "locked": bool(channel.lock), "clips": clips})
    return found


def _copies(scene: Any, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Clips that a user copied from ours: of strips with one note that play at several times, all but those that play as laid.

    So a strip that was moved is none, nor are the pieces of one that was cut.
    """
    strips = {strip.name: strip for strip in api.strips_of(scene)}
    kin: dict[tuple[str, str], list[tuple[int, Any, dict[str, Any]]]] = {}
    for clip in (clip for track in found for clip in track["clips"] if clip["ours"]):
        note = notes.read(strips[clip["id"]])
        begin = scene.frame_start + clip["start"] - clip["offset"] + note["takes"][clip["chosen"] - 1]["offset"]
        kin.setdefault((clip["region"], clip["key"]), []).append((begin, note.get("laid"), clip))
    several = [each for each in kin.values() if len({begin for begin, _, _ in each}) > 1]
    return [clip for each in several for begin, laid, clip in each if begin != laid]


def _foreign(clip: dict[str, Any]) -> dict[str, Any]:
    return {**{name: clip[name] for name in ("id", "name", "start", "duration")}, "ours": False}


def _clip(scene: Any, strip: Any) -> dict[str, Any]:
    first = api.start(strip)
    clip = {
        "id": strip.name,
        "name": strip.name,
        "start": first - scene.frame_start,
        "duration": api.stop(strip) - first,
        "ours": False,
    }
    note = notes.read(strip)
    if note.get("kind") != "take" or strip.type != "SOUND" or not {"region", "key", "takes"} <= set(note):
        return clip
    path = api.absolute(strip.sound.filepath) if strip.sound else ""
    paths = [str(take["path"]) for take in _takes(strip)]
    chosen = next((number for number, take in enumerate(paths, 1) if _same(take, path)), None)
    if chosen is None:  # somebody gave the strip another sound: it is his now
        return clip
    return {
        **clip,
        "ours": True,
        "region": note["region"],
        "key": note["key"],
        "path": paths[chosen - 1],
        "offset": first - api.content(strip)[0] + api.trims(strip)[0],
        "chosen": chosen,
        "takes": paths,
    }


def _takes(strip: Any) -> list[dict[str, Any]]:
    """The takes in a strip's note, beside the one that sounds: a project moved or copied with its sounds has its own."""
    folder = os.path.dirname(api.absolute(strip.sound.filepath)) if strip.sound else ""  # noqa: PTH120
    takes = []
    for take in notes.read(strip)["takes"]:
        beside = os.path.join(folder, os.path.basename(take["path"]))  # noqa: PTH118, PTH119
        takes.append({**take, "path": beside if folder and Path(beside).is_file() else take["path"]})
    return takes


def _same(one: str, other: str) -> bool:
    return os.path.normcase(os.path.normpath(one)) == os.path.normcase(os.path.normpath(other))


def _strip(scene: Any, name: str) -> Any:
    for strip in api.strips_of(scene):
        if strip.name == name:
            return strip
    raise HostError(f"the strip '{name}' is gone", "Try again.")


def _new(scene: Any, add: dict[str, Any], channel: int, away: int) -> Any:
    """A strip for a take, with its note, far from everything."""
    take = add["takes"][add["chosen"] - 1]
    if not Path(take["path"]).is_file():
        raise HostError(f"{take['path']} is not there", "Generate again.")
    if away + add["duration"] + take["offset"] > LAST_FRAME:
        raise HostError("the scene is too long", f"Blender ends at frame {LAST_FRAME}: move what lies far out.")
    strips = api.strips_in(scene.sequence_editor)
    try:
        strip = strips.new_sound(add["text"], api.relative(take["path"]), channel, away)
    except RuntimeError as error:
        raise HostError(f"Blender cannot read {take['path']}: {error}", "Generate again.") from error
    api.lay(strip, away, away + take["offset"], add["duration"])
    takes = [{name: value for name, value in each.items() if name in KEPT} for each in add["takes"]]
    note = {"schema": 1, "kind": "take", "region": add["region"], "text": add["text"], "key": add["key"], "takes": takes}
    notes.write(strip, {**note, "laid": scene.frame_start + add["start"]})
    return strip


KEPT = ("path", "offset", "label", "score", "seed", "onset")
"""What of a take its strip's note keeps."""


def _free(scene: Any, own: Any, channel: int, first: int, last: int) -> None:
    """Raises when a strip would lie where another is: Blender would push it to another channel without a word."""
    for strip in api.strips_of(scene):
        if strip != own and strip.channel == channel and api.start(strip) < last and api.stop(strip) > first:
            said = f"the strip '{strip.name}' on channel '{api.channels_of(scene)[channel].name}' is in the way"
            raise HostError(said, "Move it to another channel and try again.")


def _channel(scene: Any, name: str) -> int:
    """The number of our channel of this name; if there is none, of the first one above all that is in use, named so."""
    channels = api.channels_of(scene)
    for number, channel in enumerate(channels):
        if number and channel.name == name:
            if channel.lock:
                raise HostError(f"channel '{name}' is locked", "Unlock it and try again.")
            return number
    used = {strip.channel for strip in api.strips_of(scene)}
    top = max(used, default=0)
    free = [number for number in range(1, len(channels)) if number not in used and _unnamed(channels[number], number)]
    above = [number for number in free if number > top]
    if not free:
        raise HostError("the scene has no free channel", "Empty one, with its name as Blender gave it, and try again.")
    number = above[0] if above else free[-1]
    channels[number].name = name
    return number


def _unnamed(channel: Any, number: int) -> bool:
    return bool(channel.name == f"Channel {number}" and not channel.lock)
