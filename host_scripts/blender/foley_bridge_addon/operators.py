"""The add-on's actions as Blender operators. Each does a line of the core's, which says what came of it.

Those that change the project make their undo step where they do it (host.py): much of it happens later, from the timer, when no
operator runs. (Blender reads annotations of properties: they must not be postponed here.)
"""

from typing import Any, Callable

import bpy
from bpy.props import EnumProperty, StringProperty

from . import api, regions, window
from .foley_host import actions
from .host import BlenderHost


class Action(bpy.types.Operator):
    """What all actions share: they need a scene in the Sequencer."""

    bl_options = {"REGISTER"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        return api.sequencer_scene(context) is not None

    def run(self, context: Any, call: Callable[[Any], Any], *, lays: bool = False) -> set[str]:
        """``lays``: it will lay takes, so what stands against that is said before anything is asked for."""
        host = BlenderHost(api.sequencer_scene(context))

        def act() -> None:
            if lays:
                host.ready()
            call(host)

        window.perform(act)
        return {"FINISHED"}


class Generate(Action):
    """Have sound made for the marked regions, and lay the takes into the Sequencer"""

    bl_idname = "foley_bridge.generate"
    bl_label = "Generate"
    which: EnumProperty(  # type: ignore[valid-type]
        name="Regions",
        items=[
            ("all", "All regions", "Every marked region"),
            ("selected", "Selected regions", "Those selected, or else the one under the playhead"),
        ],
    )

    def execute(self, context: Any) -> set[str]:
        return self.run(context, lambda host: actions.generate(host, self.which), lays=True)


class Recommend(Action):
    """Write other words into the selected regions, and have sound made for them"""

    bl_idname = "foley_bridge.recommend"
    bl_label = "Recommend by Words..."

    def execute(self, context: Any) -> set[str]:
        return self.run(context, lambda host: host.as_one(actions.recommend), lays=True)


class NextTake(Action):
    """Let the next take sound: of the selected strips, or those under the playhead"""

    bl_idname = "foley_bridge.next_take"
    bl_label = "Next Take"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, lambda host: host.as_one(actions.next_take))


class PreviousTake(Action):
    """Let the take before sound: of the selected strips, or those under the playhead"""

    bl_idname = "foley_bridge.previous_take"
    bl_label = "Previous Take"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, lambda host: host.as_one(actions.previous_take))


class UseAsExample(Action):
    """Make the selected strip the example that the selected regions are to sound like"""

    bl_idname = "foley_bridge.use_as_example"
    bl_label = "Use Selected Clip as Example"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, lambda host: host.as_one(actions.use_as_example))


class Clear(Action):
    """Take the bridge's takes out of the selected regions"""

    bl_idname = "foley_bridge.clear"
    bl_label = "Clear Foley in Region"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.clear)


class Progress(Action):
    """Show how far a run is, and offer to cancel it"""

    bl_idname = "foley_bridge.progress"
    bl_label = "Progress / Cancel"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.progress)


class Cancel(Action):
    """Cancel the run"""

    bl_idname = "foley_bridge.cancel"
    bl_label = "Cancel"

    def execute(self, context: Any) -> set[str]:
        window.state.cancel = True
        return {"FINISHED"}


class PlaceReady(Action):
    """Lay takes that became ready while this project was closed"""

    bl_idname = "foley_bridge.place_ready"
    bl_label = "Place What Is Ready"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.place_ready)


class Audition(Action):
    """Open a page on which to hear the takes laid last against the picture, and to choose; what is sent back is laid in"""

    bl_idname = "foley_bridge.audition"
    bl_label = "Open the Audition Page"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.audition, lays=True)


class ApplyChoices(Action):
    """Lay in what was sent back last from the audition page"""

    bl_idname = "foley_bridge.apply_choices"
    bl_label = "Apply the Choices"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.apply_choices, lays=True)


class OpenReport(Action):
    """Open the page of the last run: pictures, waveforms, takes to play"""

    bl_idname = "foley_bridge.open_report"
    bl_label = "Open the Report"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.open_report)


class Check(Action):
    """Look whether everything the bridge needs is there"""

    bl_idname = "foley_bridge.check"
    bl_label = "Check the Bridge"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.check)


class SelfTest(Action):
    """Lay sounds of its own, look whether they lie right, take them out again, and write down what was seen"""

    bl_idname = "foley_bridge.self_test"
    bl_label = "Self-Test"

    def execute(self, context: Any) -> set[str]:
        return self.run(context, actions.self_test)


class MarkRegion(Action):
    """Mark the preview range, or else the range of the selected strips, as a region that asks for sound"""

    bl_idname = "foley_bridge.mark_region"
    bl_label = "Mark Region..."
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    words: StringProperty(name="Words", description="What should sound there, such as: footsteps gravel takes=3")  # type: ignore[valid-type]

    def invoke(self, context: Any, event: Any) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=400)

    def execute(self, context: Any) -> set[str]:
        scene = api.sequencer_scene(context)
        span = regions.span(scene)
        if span is None:
            self.report({"ERROR"}, "There is nothing to mark: set a preview range (P), or select strips")
            return {"CANCELLED"}
        try:
            strip = regions.mark(scene, *span, f"FOLEY {self.words}".strip())
        except regions.HostError as error:
            self.report({"ERROR"}, f"{error.message}. {error.hint}")
            return {"CANCELLED"}
        for other in api.strips_of(scene):
            other.select = other == strip
        return {"FINISHED"}


class Answer(bpy.types.Operator):
    """A question of the bridge's"""

    bl_idname = "foley_bridge.answer"
    bl_label = "Foley"
    bl_options = {"INTERNAL"}  # noqa: RUF012
    text: StringProperty(name="")  # type: ignore[valid-type]

    def invoke(self, context: Any, event: Any) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=400)

    def draw(self, context: Any) -> None:
        asked = window.state.asked
        window.draw_text(self.layout, asked.question if asked else "", 60)
        if asked and asked.text is not None:
            self.layout.prop(self, "text")

    def execute(self, context: Any) -> set[str]:
        asked = window.state.asked
        window.answered(self.text if asked and asked.text is not None else True)
        return {"FINISHED"}

    def cancel(self, context: Any) -> None:
        window.answered(None)


CLASSES = (
    Generate,
    Recommend,
    NextTake,
    PreviousTake,
    UseAsExample,
    Clear,
    Progress,
    Cancel,
    PlaceReady,
    Audition,
    ApplyChoices,
    OpenReport,
    Check,
    SelfTest,
    MarkRegion,
    Answer,
)
