"""The add-on's panel in the Sequencer's sidebar, and its menu. They show; operators do."""

from __future__ import annotations

from typing import Any

import bpy

from . import api, placing, rates, regions, window
from .foley_host.time import timecode

MOST = 30  # regions that the panel lists


class SidebarPanel:
    """Where the panels are."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Foley"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return api.sequencer_scene(context) is not None


class RegionsPanel(SidebarPanel, bpy.types.Panel):
    """Regions, and what to do with them."""

    bl_idname = "FOLEY_BRIDGE_PT_regions"
    bl_label = "Foley"

    def draw(self, context: Any) -> None:
        scene, layout = api.sequencer_scene(context), self.layout
        _regions(scene, layout.box().column(align=True))
        layout.operator("foley_bridge.mark_region", icon="ADD")
        if window.state.fraction is not None:
            layout.progress(factor=window.state.fraction, text=window.state.doing)
            layout.operator("foley_bridge.cancel", icon="CANCEL")
        else:
            row = layout.row(align=True)
            row.operator("foley_bridge.generate", text="Generate All").which = "all"
            row.operator("foley_bridge.generate", text="Selected").which = "selected"
            layout.operator("foley_bridge.recommend")
        row = layout.row(align=True)
        row.operator("foley_bridge.previous_take", text="Previous Take", icon="TRIA_LEFT")
        row.operator("foley_bridge.next_take", text="Next Take", icon="TRIA_RIGHT")
        row = layout.row(align=True)
        row.operator("foley_bridge.audition", icon="PLAY_SOUND")
        row.operator("foley_bridge.apply_choices", icon="IMPORT")
        layout.operator("foley_bridge.clear", icon="TRASH")
        if window.state.message:
            width = int(context.region.width / context.preferences.system.ui_scale / 7)
            window.draw_text(layout.box().column(align=True), window.state.message, max(20, width))


class MorePanel(SidebarPanel, bpy.types.Panel):
    """What is needed now and then."""

    bl_idname = "FOLEY_BRIDGE_PT_more"
    bl_label = "More"
    bl_parent_id = "FOLEY_BRIDGE_PT_regions"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        for name in ("use_as_example", "progress", "place_ready", "open_report", "check", "self_test"):
            self.layout.operator(f"foley_bridge.{name}")


class FoleyMenu(bpy.types.Menu):
    """The same in the Sequencer's menu bar."""

    bl_idname = "FOLEY_BRIDGE_MT_foley"
    bl_label = "Foley"

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.operator("foley_bridge.mark_region")
        layout.separator()
        layout.operator("foley_bridge.generate", text="Generate into Regions").which = "all"
        layout.operator("foley_bridge.generate", text="Generate into Selected Region").which = "selected"
        layout.operator("foley_bridge.recommend")
        layout.operator("foley_bridge.use_as_example")
        layout.operator("foley_bridge.clear")
        layout.separator()
        layout.operator("foley_bridge.next_take")
        layout.operator("foley_bridge.previous_take")
        layout.separator()
        layout.operator("foley_bridge.audition")
        layout.operator("foley_bridge.apply_choices")
        layout.separator()
        for name in ("progress", "place_ready", "open_report", "check", "self_test"):
            layout.operator(f"foley_bridge.{name}")


def draw_menu(menu: Any, context: Any) -> None:
    """Appended to the Sequencer's menus."""
    menu.layout.menu(FoleyMenu.bl_idname)


def _regions(scene: Any, column: Any) -> None:
    rate = rates.written(rates.rate(scene.render.fps, scene.render.fps_base))
    marked = regions.ranges(scene)
    takes = {clip["region"]: clip for track in placing.own_tracks(scene) for clip in track["clips"] if clip["ours"]}
    for each in marked[:MOST]:
        told = timecode(each["start"], rate, scene.frame_start)
        if each["id"] in takes:
            clip = takes[each["id"]]
            told += f", take {clip['chosen']} of {len(clip['takes'])}"
        if each["start"] == each["stop"]:
            told += ", has no END"
        column.label(text=each["text"], icon="RADIOBUT_ON" if each["selected"] else "RADIOBUT_OFF")
        column.label(text=told, icon="ERROR" if each["start"] == each["stop"] else "BLANK1")
    if len(marked) > MOST:
        column.label(text=f"and {len(marked) - MOST} more")
    if not marked:
        column.label(text="No regions yet")


CLASSES = (RegionsPanel, MorePanel, FoleyMenu)
