"""Blender under one set of names: what is called otherwise in 4.2 and in 5, and what a script has to find out for itself."""

from __future__ import annotations

import os
from typing import Any

import bpy

from .foley_host import HostError


def sequencer_scene(context: Any) -> Any:
    """The scene that the Sequencer shows: its own choice since 5.0, the window's scene before."""
    return getattr(context, "sequencer_scene", None) or context.scene


def strips_in(holder: Any) -> Any:
    """The strips of a sequence editor or a meta strip (``sequences`` until 4.3)."""
    return holder.strips if hasattr(holder, "strips") else holder.sequences


def strips_of(scene: Any) -> list[Any]:
    """The strips of a scene that do not lie in a meta strip."""
    editor = scene.sequence_editor
    return list(strips_in(editor)) if editor else []


def channels_of(scene: Any) -> list[Any]:
    """Channels by number; the first, 0, holds no strips."""
    editor = scene.sequence_editor
    return list(editor.channels) if editor else []


def new_colour(strips: Any, name: str, channel: int, start: int, duration: int) -> Any:
    """A colour strip over whole frames."""
    if bpy.app.version >= (5, 0, 0):
        return strips.new_effect(name=name, type="COLOR", channel=channel, frame_start=start, length=duration)
    return strips.new_effect(name=name, type="COLOR", channel=channel, frame_start=start, frame_end=start + duration)


def start(strip: Any) -> int:
    """The frame at which a strip begins to show or sound (``left_handle`` since 5.1; the older names go with 6.0)."""
    return int(_first(strip, "left_handle", "frame_final_start"))


def stop(strip: Any) -> int:
    """The first frame after it."""
    return int(_first(strip, "right_handle", "frame_final_end"))


def content(strip: Any) -> tuple[int, int]:
    """The frames of the scene from which and up to which a strip's whole content would play, untrimmed."""
    begin = round(_first(strip, "content_start", "frame_start"))
    return begin, round(stop(strip) + _first(strip, "right_handle_offset", "frame_offset_end"))


def trims(strip: Any) -> tuple[int, int]:
    """How much of the content is hidden before and after it, in pictures of the file (a sound: frames of the scene)."""
    before = getattr(strip, "content_trim_start", None)
    if before is None:
        return int(getattr(strip, "animation_offset_start", 0)), int(getattr(strip, "animation_offset_end", 0))
    return int(before), int(strip.content_trim_end)


def lay(strip: Any, begin: int, first: int, duration: int) -> None:
    """Put a strip's content at frame ``begin``, and show it from ``first`` on.

    Blender moves a strip to another channel when it comes upon one that is there.
    """
    new = hasattr(strip, "content_start")
    setattr(strip, "content_start" if new else "frame_start", begin)
    setattr(strip, "left_handle_offset" if new else "frame_offset_start", first - begin)
    setattr(strip, "duration" if new else "frame_final_duration", duration)


def _first(strip: Any, name: str, older: str) -> float:
    return float(getattr(strip, name) if hasattr(strip, name) else getattr(strip, older))


def need_sound() -> None:
    """Raises where this Blender was built without sound, as some of its Python modules are."""
    if not bpy.app.build_options.audaspace:
        said = f"Blender {bpy.app.version_string} was built without sound"
        raise HostError(said, "Use the Blender that blender.org gives.")


def absolute(path: str) -> str:
    """A path of Blender's, where ``//`` is the project's folder and ``..`` is common, as the system has it; "" stays."""
    return os.path.abspath(bpy.path.abspath(path)) if path else ""  # noqa: PTH100


def relative(path: str) -> str:
    """The same path from the project's folder where the user wants it so, and where that can be said (one drive)."""
    if not (bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths):
        return path
    try:
        return bpy.path.relpath(path)
    except ValueError:
        return path
