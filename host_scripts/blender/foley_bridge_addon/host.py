"""Blender as the core sees it (docs/host_scripts.md): a scene's sequencer, and the little that a script can say and ask."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any, Callable, ClassVar

import bpy

from . import api, placing, rates, reading, regions, window
from .foley_host import HostError


class BlenderHost:
    """A scene of the open project, by name: undo and loading make every reference to it invalid."""

    name = "Blender"
    grid = "frames"
    options: ClassVar = {"handles": "0"}
    config = str(Path(__file__).with_name("foley_bridge.json"))
    undo_hint = "Edit > Undo (Ctrl Z)"
    lives_on = True
    mark_hint = "Mark one: Foley > Mark Region; or two markers, named such as 'FOLEY footsteps' and 'END'."
    select_hint = "Select its strip or one of its markers, or put the playhead into it, and try again."

    def __init__(self, scene: Any) -> None:
        self.version = bpy.app.version_string
        self._scene = scene.name
        self._steps = 0
        self._held: list[str] | None = None

    @property
    def scene(self) -> Any:
        scene = bpy.data.scenes.get(self._scene)
        if scene is None:
            raise HostError(f"the scene '{self._scene}' is gone", "Open the project again in which it is.")
        return scene

    def project(self) -> dict[str, Any]:
        scene = self.scene
        path = bpy.data.filepath
        return {
            "id": f"{path or 'unsaved'}#{scene.name}",
            "name": f"{Path(path).stem or 'unsaved'} {scene.name}",
            "folder": str(Path(path).parent) if path else None,
            "rate": rates.written(rates.rate(scene.render.fps, scene.render.fps_base)),
            "start": scene.frame_start,
            "length": scene.frame_end - scene.frame_start + 1,
            "sample_rate": scene.render.ffmpeg.audio_mixrate,
        }

    def ranges(self) -> list[dict[str, Any]]:
        return regions.ranges(self.scene)

    def points(self) -> list[dict[str, Any]]:
        return regions.points(self.scene)

    def tracks(self) -> list[dict[str, Any]]:
        return reading.tracks(self.scene)

    def own_tracks(self) -> list[dict[str, Any]]:
        return placing.own_tracks(self.scene)

    def place(self, plan: dict[str, Any]) -> int:
        self._need_undo()
        self._remember("Foley: before")
        try:
            placing.place(self.scene, plan)
        except Exception as error:
            self._remember("Foley: taken back")
            self._back_to(self._steps - 1)
            if isinstance(error, RuntimeError):
                raise HostError(f"Blender could not lay the takes: {error}", "Look at its console, and try again.") from error
            raise
        self._remember(plan["label"])
        return self._steps

    def ready(self) -> None:
        """Raises when takes could not be laid, or not be taken out again, whatever they are."""
        api.need_sound()
        self._need_undo()

    def take_back(self, receipt: int) -> None:
        self._back_to(receipt - 1)

    def choose(self, clip: dict[str, Any], number: int) -> None:
        placing.choose(self.scene, clip, number)
        self._remember(f"Foley: take {number}")

    def write_text(self, range_id: str, text: str) -> None:
        regions.write_text(self.scene, range_id, text)
        self._remember("Foley: words of a region")

    def chosen_clip(self) -> dict[str, Any] | None:
        scene = self.scene
        chosen = [strip for strip in api.strips_of(scene) if strip.select and strip.type in ("SOUND", "MOVIE")]
        active = scene.sequence_editor.active_strip if scene.sequence_editor else None
        strip = active if active in chosen else chosen[0] if len(chosen) == 1 else None
        if strip is None:
            return None
        clip = reading.clip_of(scene, strip)
        return {name: clip[name] for name in ("name", "path", "start", "duration", "source_start_s")}

    def chosen_takes(self) -> list[str]:
        scene = self.scene
        clips = [clip for track in self.own_tracks() for clip in track["clips"] if clip["ours"]]
        selected = {strip.name for strip in api.strips_of(scene) if strip.select}
        chosen = [clip["id"] for clip in clips if clip["id"] in selected]
        at = scene.frame_current - scene.frame_start
        return chosen or [clip["id"] for clip in clips if clip["start"] <= at < clip["start"] + clip["duration"]]

    def say(self, message: str) -> None:
        window.say(message)

    def ask(self, question: str) -> bool:
        return window.ask(question)

    def ask_text(self, question: str, text: str) -> str | None:
        return window.ask_text(question, text)

    def show(self, fraction: float | None, text: str = "") -> bool:
        return window.show(fraction, text)

    def later(self, tick: Callable[[], bool]) -> None:
        window.later(tick)

    def open(self, path: str) -> None:
        webbrowser.open(path if "://" in path else Path(path).as_uri())

    def _need_undo(self) -> None:
        edit = bpy.context.preferences.edit
        if not edit.use_global_undo or not edit.undo_steps:
            said = "Blender's undo is switched off, and nothing is laid that cannot be undone"
            raise HostError(said, "Look at Edit > Preferences > System > Memory & Limits: Global Undo, Undo Steps.")

    def as_one(self, act: Callable[[BlenderHost], None]) -> None:
        """An action whose changes are one undo step, though it changes several things."""
        self._held = []
        try:
            act(self)
        finally:
            held, self._held = self._held, None
            if held:
                self._remember(held[0])

    def _remember(self, step: str) -> None:
        """Make what is there now an undo step."""
        if self._held is not None:
            self._held.append(step)
            return
        bpy.ops.ed.undo_push(message=step)
        self._steps += 1

    def _back_to(self, step: int) -> None:
        """Undo what was done after the step of this number; the number of steps stays what it was made for."""
        for _ in range(self._steps - step):
            bpy.ops.ed.undo()
        self._steps = step
