"""Foley Bridge: sound for marked regions of Blender's Sequencer, from a daemon on this machine."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import operators, panel, window

bl_info = {
    "name": "Foley Bridge",
    "description": "Sound for marked regions of the Sequencer, in sync with the picture",
    "author": "The foley_bridge authors",
    "version": (0, 1, 0),
    "blender": (4, 2, 0),
    "location": "Sequencer > Sidebar > Foley, and Sequencer > Foley",
    "category": "Sequencer",
}

CLASSES = operators.CLASSES + panel.CLASSES


@persistent
def _opened(*_: Any) -> None:
    window.forget()


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.SEQUENCER_MT_editor_menus.append(panel.draw_menu)
    bpy.app.handlers.load_pre.append(_opened)


def unregister() -> None:
    window.forget()
    if bpy.app.timers.is_registered(window.beat):
        bpy.app.timers.unregister(window.beat)
    bpy.app.handlers.load_pre.remove(_opened)
    bpy.types.SEQUENCER_MT_editor_menus.remove(panel.draw_menu)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
