"""Runs inside a Blender (``python blender_driver.py ASKED.json``): does one job there and writes down what came of it.

What it tells of a project it reads from Blender itself, not through the add-on.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import scenarios

JOBS = {}
PATIENCE_S = 300


def job(function: Any) -> Any:
    """Marks what may be asked."""
    JOBS[function.__name__] = function
    return function


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    import addon_utils  # Blender's own; it can be found when bpy is there

    if not addon_utils.enable("foley_bridge_addon"):
        raise RuntimeError("the add-on cannot be switched on")
    told = Path(asked.pop("told"))
    given = JOBS[asked.pop("job")](**asked)
    whole = told.with_suffix(".part")
    whole.write_text(json.dumps(given), "utf-8")
    whole.replace(told)


# --- Blender's own picture of a project ---


def strips(scene: Any) -> Any:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def dump(scene: Any) -> dict[str, Any]:
    """All channels that have a name or sound on them, and the marks of regions."""
    first = scene.frame_start
    tracks = []
    for number, channel in enumerate(scene.sequence_editor_create().channels):
        clips = [clip(strip, first) for strip in strips(scene) if strip.channel == number and strip.type == "SOUND"]
        if clips or not channel.name.startswith("Channel "):
            tracks.append({"name": channel.name, "clips": sorted(clips, key=lambda each: each["start"])})
    return {"tracks": tracks}


def clip(strip: Any, first: int) -> dict[str, Any]:
    note = json.loads(strip.get("foley_bridge", "{}"))
    path = bpy.path.abspath(strip.sound.filepath)
    told = {
        "start": strip.frame_final_start - first,
        "duration": strip.frame_final_duration,
        "offset": strip.frame_offset_start + strip.animation_offset_start,
        "path": path,
        "ours": bool(note),
    }
    assert strip.frame_start == int(strip.frame_start) and not strip.mute
    if note:
        takes = [take["path"] for take in note["takes"]]
        told.update(region=note["region"], key=note["key"], takes=takes, chosen=takes.index(path) + 1)
    return told


def marks(scene: Any) -> list[dict[str, Any]]:
    """Where regions are marked, by whatever marks them, in time order; texts without what is after the first dot and digits."""
    found = [(strip.frame_final_start, strip.frame_final_end) for strip in strips(scene) if strip.type == "COLOR"]
    points = sorted((marker.frame, marker.name != "END") for marker in scene.timeline_markers)
    ends = [frame for frame, opens in points if not opens]
    found += list(zip([frame for frame, opens in points if opens], ends, strict=True))
    return [{"start": start - scene.frame_start, "stop": stop - scene.frame_start} for start, stop in sorted(found)]


# --- a project, and what a user does in it ---


@job
def project(
    blend: str,
    fps: int,
    base: float,
    start: int,
    length: int,
    movies: list[list[str]],
    sounds: list[list[str]],
    marks: list[dict[str, Any]],
    points: list[dict[str, Any]],
) -> None:
    """A project as an editor would make it; all frames count from its first one."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    scene.frame_start, scene.frame_end = start, start + length - 1
    for name, path in movies:
        strips(scene).new_movie(name, path, 1, start)
    for name, path in sounds if bpy.app.build_options.audaspace else []:
        strips(scene).new_sound(name, path, 2, start + 150).mute = True
    for each in marks:
        scene.use_preview_range = True
        scene.frame_preview_start = 0  # Blender keeps each before the other
        scene.frame_preview_end, scene.frame_preview_start = start + each["stop"] - 1, start + each["start"]
        bpy.ops.foley_bridge.mark_region(words=each["words"])
        scene.use_preview_range = False
    for each in points:
        scene.timeline_markers.new(each["name"], frame=start + each["at"]).select = False
    bpy.ops.wm.save_as_mainfile(filepath=blend)


@job
def switched() -> dict[str, list[str]]:
    """What of the add-on Blender knows while it is on, off, and on again."""
    import addon_utils

    def known() -> list[str]:
        found = list(dir(bpy.ops.foley_bridge)) + [name for name in dir(bpy.types) if "FOLEY_BRIDGE" in name]
        found += [str(call) for call in bpy.app.handlers.load_pre if "foley" in str(call)]
        return sorted(name.split(" at 0x")[0] for name in found)

    told = {"on": known()}
    addon_utils.disable("foley_bridge_addon")
    told["off"] = known()
    addon_utils.enable("foley_bridge_addon")
    return {**told, "on again": known()}


@job
def session(blend: str, steps: list[dict[str, Any]]) -> list[Any]:
    """Open a project and do one thing after another; what each gave."""
    bpy.ops.wm.open_mainfile(filepath=blend)
    bpy.ops.ed.undo_push(message="Original")  # as a Blender with windows does when it opens a project
    return [STEPS[step.pop("do")](**step) for step in steps]


def act(
    action: str, answers: list[Any] | None = None, cancel: bool = False, leave: bool = False, **options: Any
) -> dict[str, Any]:
    """Call an operator of the add-on and let its timer beat until it is done."""
    from foley_bridge_addon import window

    state, asked, shown = window.state, [], []
    state.message = ""
    getattr(bpy.ops.foley_bridge, action)(**options)
    answers = list(answers or [])
    until = time.monotonic() + PATIENCE_S
    while state.ticks or state.asked:
        if state.asked:
            asked.append(state.asked.question)
            window.answered(answers.pop(0))
        window.beat()
        if state.fraction is not None:
            shown.append(state.fraction)
            if leave:
                break
            if cancel:
                bpy.ops.foley_bridge.cancel()
        assert time.monotonic() < until, state.doing
        time.sleep(0.05)
    return {"said": state.message, "asked": asked, "shown": len(shown)}


def look() -> dict[str, Any]:
    """All of the project that a script or a user could have changed."""
    scene = bpy.context.scene
    there = []
    for strip in strips(scene):
        told = {name: getattr(strip, name) for name in ("name", "type", "channel", "mute", "lock")}
        times = ("frame_start", "frame_final_start", "frame_final_end", "frame_offset_start", "frame_offset_end")
        told.update({name: getattr(strip, name) for name in times})
        told["note"] = json.loads(strip.get("foley_bridge", "null"))
        if strip.type == "SOUND":
            told.update(path=bpy.path.abspath(strip.sound.filepath), volume=strip.volume, packed=bool(strip.sound.packed_file))
        there.append(told)
    return {
        "strips": sorted(there, key=lambda each: each["name"]),
        "channels": [[each.name, each.lock, each.mute] for each in scene.sequence_editor.channels],
        "markers": sorted([each.name, each.frame] for each in scene.timeline_markers),
        "range": [scene.frame_start, scene.frame_end, scene.render.fps, scene.render.fps_base],
        "first": scene.frame_start,
    }


def again() -> None:
    """Open the project again."""
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    bpy.ops.ed.undo_push(message="Original")


def undo() -> None:
    bpy.ops.ed.undo()


def redo() -> None:
    bpy.ops.ed.redo()


def save() -> None:
    bpy.ops.wm.save_mainfile()


def mixdown(path: str) -> None:
    bpy.ops.sound.mixdown(filepath=path, container="WAV", codec="PCM", format="S24", mixrate=48000, channels="MONO")


def select(names: list[str]) -> None:
    """Only these strips and markers."""
    scene = bpy.context.scene
    for each in [*strips(scene), *scene.timeline_markers]:
        each.select = each.name in names


def playhead(frame: int) -> None:
    bpy.context.scene.frame_set(bpy.context.scene.frame_start + frame)


def change(code: str) -> None:
    """Anything else: lines of Python with ``scene``, ``strips`` and ``channels``."""
    scene = bpy.context.scene
    exec(code, {"bpy": bpy, "scene": scene, "strips": strips(scene), "channels": scene.sequence_editor.channels})
    bpy.ops.ed.undo_push(message="changed")


def duplicate(name: str, by: int) -> str:
    """A copy of a strip as a user makes it (Shift D), so many frames later on the same channel; the copy's name."""
    select([name])
    with in_sequencer():
        bpy.ops.sequencer.duplicate()
    there = strips(bpy.context.scene)
    copy = next(strip for strip in there if strip.select)
    copy.frame_start += by
    copy.channel = there[name].channel
    bpy.ops.ed.undo_push(message="Duplicate")
    return str(copy.name)


def regions() -> list[dict[str, Any]]:
    """As the add-on tells them."""
    from foley_bridge_addon import host

    return host.BlenderHost(bpy.context.scene).ranges()


def write_text(number: int, text: str) -> None:
    from foley_bridge_addon import host

    here = host.BlenderHost(bpy.context.scene)
    here.write_text(here.ranges()[number]["id"], text)


def spoil(notes: list[str]) -> None:
    """Strips named as regions, with notes that somebody broke."""
    from foley_bridge_addon import api

    for number, note in enumerate(notes):
        api.new_colour(strips(bpy.context.scene), "FOLEY x", 5, 1 + 10 * number, 10)["foley_bridge"] = note


USER = (again, act, undo, redo, save, mixdown, select, playhead, change, duplicate, write_text, spoil)
STEPS = {step.__name__: step for step in (*USER, look, regions)}


# --- what is on screen ---


@job
def pictures(media: str, cases: dict[str, str], fps: int, frames: int) -> dict[str, Any]:
    """Each case is code that lays strips; what the add-on makes of them, and every picture as Blender draws it."""
    from foley_bridge_addon import host
    from foley_bridge_addon.foley_host import HostError, timeline

    told: dict[str, Any] = {}
    for name, code in cases.items():
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        scene = bpy.context.scene
        scene.render.fps, scene.frame_start, scene.frame_end = fps, 11, 10 + frames
        scene.render.resolution_x, scene.render.resolution_y = 96, 72
        names = {"bpy": bpy, "scene": scene, "strips": strips(scene), "folder": media, "first": 11}
        if "added(" in code and bpy.app.version >= (5, 0, 0):
            continue  # adding a movie as a user does kills the module of 5.0.1
        exec(code, {**names, "added": added, "retimed": retimed, "effect": effect})
        here = host.BlenderHost(scene)
        try:
            made = timeline.build(here.project(), here.tracks(), here.ranges(), here.points())
        except HostError as error:
            told[name] = {"said": f"{error.message} > {error.hint}"}
        else:
            told[name] = {"timeline": made, "drawn": drawn(scene, Path(media) / name)}
    return told


def drawn(scene: Any, folder: Path) -> list[str]:
    """Every frame as a file."""
    render = scene.render
    render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Standard"
    paths = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        render.filepath = str(folder / f"{frame}.png")
        bpy.ops.render.render(write_still=True)
        paths.append(render.filepath)
    return paths


def added(path: str, channel: int, frame: int) -> Any:
    """A movie as a user adds it: it keeps its own speed."""
    with in_sequencer():
        bpy.ops.sequencer.movie_strip_add(filepath=path, channel=channel, frame_start=frame, sound=False, use_framerate=False)
    return bpy.context.scene.sequence_editor.active_strip


def retimed(strip: Any, speed: float) -> None:
    """A strip at another speed, as a user sets it, in percent."""
    bpy.context.scene.sequence_editor.active_strip = strip
    with in_sequencer():
        bpy.ops.sequencer.retiming_segment_speed_set(speed=speed)


def effect(strip: Any) -> Any:
    """A speed effect over a strip; each version calls its arguments otherwise."""
    there = strips(bpy.context.scene)
    first = strip.frame_final_start
    if bpy.app.version >= (5, 0, 0):
        return there.new_effect(name="fx", type="SPEED", channel=4, frame_start=first, length=9, input1=strip)
    names = ("input1",) if bpy.app.version >= (4, 4, 0) else ("seq1",)
    return there.new_effect(
        name="fx", type="SPEED", channel=4, frame_start=first, frame_end=first + 9, **dict.fromkeys(names, strip)
    )


def in_sequencer() -> Any:
    window = bpy.context.window
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = window.scene
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


# --- random worlds ---


@job
def worlds(media: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Set each world up, place its result, save, open again: what was reported, and what is there."""
    from foley_bridge_addon import host, placing
    from foley_bridge_addon.foley_host import run

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    folder = Path(media)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "world.blend"))
    given = []
    started = time.monotonic()
    for world in scenarios.scenarios(count, seed):
        world = scenarios.located(world, folder)
        world["faults"] = [fault for fault in world["faults"] if fault not in ("save_loses", "returns_false", "wrong_page")]
        scene, world = set_up(world)
        broken = injected(world, placing.api)
        outcome = run.place_result(host.BlenderHost(scene), world["result"], world["asked"], world["key"])
        broken()
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "world.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(folder / "world.blend"))
        scene = bpy.context.scene
        ids = [{name: each[name] for name in ("id", "text", "start", "stop")} for each in host.BlenderHost(scene).ranges()]
        there = marks(scene)
        assert there == [{"start": each["start"], "stop": each["stop"]} for each in ids], (there, ids)
        given.append({"world": world, "outcome": outcome, "dump": {**dump(scene), "ranges": ids}})
    print(f"{count} worlds in {time.monotonic() - started:.1f} s")
    return given


def set_up(world: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A scene that is the world, regions marked in both ways; the world with the ids that the add-on gave them."""
    from foley_bridge_addon import host, placing, regions

    chance = random.Random(world["name"])
    for scene in bpy.data.scenes:
        clear(scene)
    scene = bpy.context.scene
    fps, base = {"24000/1001": (24, 1.001), "30000/1001": (30, 1.001), "60000/1001": (60, 1.001)}.get(
        world["project"]["rate"], (int(world["project"]["rate"].split("/")[0]), 1.0)
    )
    scene.render.fps, scene.render.fps_base = fps, base
    project = world["project"]
    scene.frame_start = project["start"] if project["start"] < 400_000 else 1
    scene.frame_end = scene.frame_start + (project["length"] or 1_000) - 1
    first = scene.frame_start
    editor = scene.sequence_editor_create()
    # Markers cannot say that regions overlap, and strips that come upon each other are pushed to any channel.
    crossing = any(one["stop"] > other["start"] for one, other in pairwise(world["ranges"]))
    for channel, each in enumerate(world["asked"], 1):
        if crossing or len(each["text"].encode()) > 63 or chance.random() < 0.5:
            strip = regions.mark(scene, first + each["start"], first + each["stop"], each["text"])
            strip.channel = channel
        else:
            scene.timeline_markers.new(each["text"], frame=first + each["start"])
            scene.timeline_markers.new("END", frame=first + each["stop"])
    there = host.BlenderHost(scene)
    ids = {was["id"]: now["id"] for was, now in zip(world["asked"], there.ranges(), strict=True)}
    world = scenarios.renamed(world, ids)
    used = max([strip.channel for strip in strips(scene)], default=0)
    for number, track in enumerate(world["tracks"], used + chance.randint(1, 3)):
        editor.channels[number].name = track["name"]
        for each in track["clips"]:
            if not each["ours"]:
                lay_foreign(scene, each, number)
    placing.place(scene, scenarios.plan_of_before(world))
    for track in world["tracks"]:
        next(channel for channel in editor.channels if channel.name == track["name"]).lock = track["locked"]
    change_ranges(scene, world)
    bpy.ops.ed.undo_push(message="the world")
    return scene, world


def clear(scene: Any) -> None:
    for strip in list(strips(scene)):
        strips(scene).remove(strip)
    for number, channel in enumerate(scene.sequence_editor.channels):
        channel.name, channel.lock = f"Channel {number}", False
    scene.timeline_markers.clear()
    scene.pop("foley_bridge", None)


def lay_foreign(scene: Any, each: dict[str, Any], channel: int) -> None:
    begin = scene.frame_start + each["start"] - each["offset"]
    strip = strips(scene).new_sound(each["name"], each["path"], channel, begin)
    strip.frame_offset_start = each["offset"]
    strip.frame_final_duration = each["duration"]


def change_ranges(scene: Any, world: dict[str, Any]) -> None:
    """From what was asked to what is there now: regions gone, moved, with other words."""
    now = {each["id"]: each for each in world["ranges"]}
    for was in world["asked"]:
        each = now.get(was["id"])
        if each == was:
            continue
        first, last = scene.frame_start + was["start"], scene.frame_start + was["stop"]
        strip = next((s for s in strips(scene) if s.type == "COLOR" and s.frame_final_start == first), None)
        opening = next((m for m in scene.timeline_markers if m.frame == first and m.name != "END"), None)
        ending = next((m for m in scene.timeline_markers if m.frame == last and m.name == "END"), None)
        if each is None:
            if strip:
                strips(scene).remove(strip)
            else:
                scene.timeline_markers.remove(opening)
                scene.timeline_markers.remove(ending)
        elif strip:
            strip.frame_final_duration = each["stop"] - each["start"]
            if each["text"] != was["text"]:
                strip.name = each["text"]
        else:
            opening.name = each["text"]
            ending.frame = scene.frame_start + each["stop"]


def injected(world: dict[str, Any], api: Any) -> Any:
    """Blender refuses, or passes over in silence, one of the things it is asked to do; gives what ends that."""
    kinds = {"error_midway", "append_dropped"} & set(world["faults"])
    if not kinds:
        return lambda: None
    kind, calls, lay = kinds.pop(), [0], api.lay

    def spoiled(*arguments: Any) -> None:
        calls[0] += 1
        if calls[0] - 1 != world["fault_at"]:
            lay(*arguments)
        elif kind == "error_midway":
            raise RuntimeError("Error: injected")

    def end() -> None:
        api.lay = lay

    api.lay = spoiled
    return end


if __name__ == "__main__":
    try:
        main()
        status = 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the module of 4.5 at times waits for itself for ever when it is left in the ordinary way
