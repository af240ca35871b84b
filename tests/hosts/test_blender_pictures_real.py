"""The add-on says what is on screen: its timeline, as the daemon reads it, against every picture as real Blender draws it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import opentimelineio as otio
from blender_bench import do, each_blender, install
from media_movies import make_movie, number_of

from foley_bridge.timeline.picture import picture_under

FRAMES = 60
LONG = "strips.new_movie('long', folder + '/long.mov', 1, first)"
EXACT = {
    "a movie from its start": LONG,
    "one that begins before the timeline": "strips.new_movie('long', folder + '/long.mov', 1, first - 7)",
    "a trimmed one": f"s = {LONG}; s.frame_offset_start = 12; s.frame_final_duration = 30",
    "one with its content trimmed": f"s = {LONG}; s.animation_offset_start = 9; s.frame_start = first + 3",
    "played backwards": f"s = {LONG}; s.use_reverse_frames = True",
    "backwards and trimmed": f"s = {LONG}; s.use_reverse_frames = True; s.frame_offset_start = 5; s.frame_final_duration = 40",
    "the upper one wins": f"{LONG}; s = strips.new_movie('up', folder + '/long.mov', 2, first + 10); s.frame_offset_start = 5;"
    " s.frame_final_duration = 20",
    "a muted one does not": f"{LONG}; strips.new_movie('up', folder + '/long.mov', 2, first + 10).mute = True",
    "nor one on a muted channel": f"{LONG}; strips.new_movie('up', folder + '/long.mov', 2, first + 10);"
    " scene.sequence_editor.channels[2].mute = True",
    "in a meta strip": """
meta = strips.new_meta("meta", 2, first + 5)
inner = meta.strips if hasattr(meta, "strips") else meta.sequences
inner.new_movie("one", folder + "/long.mov", 1, first + 5)
inner.new_movie("two", folder + "/long.mov", 2, first + 25).frame_final_duration = 10
meta.frame_final_end = first + 50
meta.frame_final_start = first + 8
""",
    "a region's mark hides nothing": f"{LONG}; bpy.ops.foley_bridge.mark_region.poll(); scene.use_preview_range = True;"
    " scene.frame_preview_end = 40; bpy.ops.foley_bridge.mark_region(words='x')",
    "picture by picture, at another rate": "strips.new_movie('fast', folder + '/fast.mov', 1, first)",
}
NEAR = {
    "a movie of another rate at its own speed": "added(folder + '/fast.mov', 1, first)",
    "and trimmed": "s = added(folder + '/fast.mov', 1, first); s.frame_offset_start = 10",
    "retimed to 200 %": f"retimed({LONG}, 200.0)",
    "a speed effect that multiplies": f"s = {LONG}; s.frame_final_duration = 40; e = effect(s);"
    " e.speed_control = 'MULTIPLY'; e.speed_factor = 2.0",
    "a speed effect that stretches": f"s = {LONG}; s.frame_final_duration = 50; e = effect(s); e.speed_control = 'STRETCH'",
    "a slow speed effect over a trimmed strip": f"s = {LONG}; s.frame_offset_start = 10; s.frame_final_duration = 40;"
    " e = effect(s); e.speed_control = 'MULTIPLY'; e.speed_factor = 0.5",
    "retimed to 50 % and trimmed": f"s = {LONG}; retimed(s, 50.0); s.frame_offset_start = 8",
}
"""Where Blender rounds between pictures in its own way, version by version: the picture before or after will do."""


@each_blender(sound=False)
def test_the_daemon_sees_the_pictures_that_blender_draws(python: str, tmp_path: Path) -> None:
    install(tmp_path)
    make_movie(tmp_path / "long.mov", rate=Fraction(25), count=100)
    make_movie(tmp_path / "fast.mov", rate=Fraction(30), count=100)
    told = do(python, tmp_path, "pictures", media=tmp_path, cases=EXACT | NEAR, fps=25, frames=FRAMES)
    for name, case in told.items():
        timeline = otio.adapters.read_from_string(json.dumps(case["timeline"]), "otio_json")
        picture = picture_under(timeline, Fraction(0), Fraction(FRAMES, 25), lambda path: None, base=tmp_path)
        wrong = []
        for frame, path in enumerate(case["drawn"]):
            drawn = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
            span, at = picture.at(Fraction(2 * frame + 1, 50))
            if span.media is None:
                assert drawn.max() < 20, f"{name}: frame {frame} is not black"
                continue
            rate = 30 if "fast" in str(span.media.path) else 25
            seen, said = number_of(drawn), int(at * rate)
            if abs(seen - said) > (name in NEAR):
                wrong.append((frame, seen, said))
        assert not wrong, f"{name}: (frame, drawn, said) {wrong}"


REGION = "scene.timeline_markers.new('FOLEY x', frame=first + {}); scene.timeline_markers.new('END', frame=first + {})"
UNTOLD = f"s = {LONG}; retimed(s, 150.0); s.retiming_keys.add(timeline_frame=first + 9); s.frame_final_duration = 30; "


@each_blender(sound=False)
def test_a_speed_that_blender_does_not_tell_stops_regions_over_it_and_no_others(python: str, tmp_path: Path) -> None:
    install(tmp_path)
    make_movie(tmp_path / "long.mov", rate=Fraction(25), count=100)
    cases = {"over it": UNTOLD + REGION.format(20, 40), "behind it": UNTOLD + REGION.format(31, 40)}
    told = do(python, tmp_path, "pictures", media=tmp_path, cases=cases, fps=25, frames=1)
    assert "the strip 'long' at frame 11 is retimed" in told["over it"]["said"]
    assert "said" not in told["behind it"]
