"""Runs in a Blender with windows: a user's way through the add-on, driven by Blender's own timer, told in a file."""

from __future__ import annotations

import json
import os
import subprocess
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import addon_utils
import bpy

FOLDER = Path(os.environ["FOLEY_WINDOW_FOLDER"])
PATIENCE_S = 120
told: dict[str, Any] = {}


def window() -> Any:
    return bpy.context.window_manager.windows[0]


def area() -> Any:
    return max(window().screen.areas, key=lambda area: area.width * area.height)


def inside() -> Any:
    """As if the pointer were over the Sequencer."""
    region = next(region for region in area().regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window(), area=area(), region=region)


def strips() -> Any:
    editor = window().scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def laid() -> list[list[Any]]:
    return sorted([s.name, s.frame_final_start, s.frame_final_end] for s in strips() if s.type == "SOUND" and not s.mute)


def press(key: str) -> None:
    subprocess.run(["xdotool", "key", key], check=True)


def picture(name: str) -> None:
    with bpy.context.temp_override(window=window(), area=area()):
        bpy.ops.screen.screenshot(filepath=str(FOLDER / f"{name}.png"))


def way() -> Iterator[float]:
    """Each step gives how long Blender is left to itself then."""
    from foley_bridge_addon import reading
    from foley_bridge_addon import window as ours

    if bpy.app.version < (4, 2):  # not supported: no strip can be retimed there
        reading._pace = lambda *_: reading.Fraction(1)
    area().type = "SEQUENCE_EDITOR"
    area().spaces[0].show_region_ui = True
    if hasattr(window().workspace, "sequencer_scene"):
        window().workspace.sequencer_scene = window().scene
    yield 0.5
    scene = window().scene
    scene.render.fps, scene.frame_end = 25, 60
    scene.sequence_editor_create()
    strips().new_movie("shot", str(FOLDER / "shot.mov"), 1, 1)
    strips().new_sound("hit.wav", str(FOLDER / "hit.wav"), 2, 1).mute = True
    for name, frame in (("FOLEY door like=hit.wav", 10), ("HIT", 20), ("END", 45)):
        scene.timeline_markers.new(name, frame=frame)
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "cut.blend"))
    with inside():
        bpy.ops.ed.undo_push(message="cut")
        bpy.ops.foley_bridge.generate("INVOKE_DEFAULT", which="all")
    until = time.monotonic() + PATIENCE_S
    while ours.state.ticks and time.monotonic() < until:
        yield 0.2
    told["said"], told["laid"] = ours.state.message, laid()
    with inside():
        bpy.ops.wm.call_panel(name="FOLEY_BRIDGE_PT_regions", keep_open=True)  # draws it
    yield 1.0
    picture("panel")
    press("Escape")
    yield 0.5
    for step in ("undo", "redo"):
        with inside():
            getattr(bpy.ops.ed, step)()
        told[step] = laid()
        yield 0.3
    for key in ("Return", "Escape"):
        ours.perform(lambda key=key: told.update({key: ours.ask("Is that so?")}))
        yield 1.0
        press(key)
        yield 1.0


def main() -> None:
    addon_utils.enable("foley_bridge_addon")
    bpy.context.preferences.view.show_splash = False
    steps = way()

    def go() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            pass
        except Exception:
            told["error"] = traceback.format_exc()
        (FOLDER / "told.json").write_text(json.dumps({**told, "version": bpy.app.version_string}), "utf-8")
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(go, first_interval=1.0)


main()
