"""The stage's scenes: exact events, geometry that touches exactly then, refusals."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foley_bridge.errors import StageError
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.motion import clearance, feet, tip
from foley_bridge.stage.scene import ACTIONS, Event, Scene, make_scene

MS = Fraction(1, 1000)


def scenes(variation: float = 0.6, duration_s: int = 5) -> list[Scene]:
    return [
        make_scene(seed, action=action, material=material, duration_s=duration_s, variation=variation)
        for seed, material in enumerate(MATERIALS)
        for action in ACTIONS
    ]


def test_the_same_seed_gives_an_equal_scene_and_another_seed_another() -> None:
    assert make_scene(7, action="mixed", variation=1.0) == make_scene(7, action="mixed", variation=1.0)
    assert make_scene(7, action="mixed", variation=1.0) != make_scene(8, action="mixed", variation=1.0)


def test_events_are_in_order_inside_the_scene_and_never_closer_than_80_ms() -> None:
    for scene in scenes():
        ends = [Fraction(0), *(event.end_s for event in scene.events)]
        for before, event in zip(ends[1:], scene.events[1:], strict=False):
            assert event.time_s - before >= Fraction(8, 100)
        assert ends[-1] <= scene.duration_s
        assert len(scene.events) >= 1


def test_the_tool_touches_exactly_at_each_audible_event_and_not_a_millisecond_earlier() -> None:
    for scene in scenes():
        for event in scene.events:
            if event.audible:
                assert clearance(scene, float(event.time_s)) == 0.0
                assert clearance(scene, float(event.time_s - MS)) > 1e-4 * (event.kind == "hit")


def test_a_hit_leaves_the_surface_at_once_and_a_scratch_stays_on_it() -> None:
    for scene in scenes():
        for event in scene.events:
            after = clearance(scene, float(event.time_s + MS))
            if event.kind == "hit":
                assert after > 0
            elif event.audible:
                assert after == 0 == clearance(scene, float(event.time_s + event.duration_s / 2))


def test_nothing_touches_except_during_audible_events() -> None:
    touching = 0
    for scene in scenes(variation=1.0):
        if scene.tool == "boots":
            continue
        for step in range(0, 5000, 4):
            now = Fraction(step, 1000)
            inside = any(event.audible and event.time_s <= now <= event.end_s for event in scene.events)
            gap = clearance(scene, float(now))
            touching += inside
            assert (gap == 0.0) == inside, f"{scene.tool} {scene.labels} at {float(now)} s: {gap}"
            assert gap >= 0.0 or scene.tool == "ball"  # a ball that rolled off falls past the table
    assert touching > 100


def test_near_misses_stay_visibly_away() -> None:
    misses = [(s, e) for seed in range(40) for s in [make_scene(seed, variation=1.0)] for e in s.events if not e.audible]
    assert len(misses) > 10
    for scene, event in misses:
        around = [float(event.time_s) + 0.002 * k for k in range(-60, 61)]
        assert min(clearance(scene, t) for t in around) >= 0.04


def test_a_blow_is_faster_before_contact_than_after_by_the_materials_rebound() -> None:
    for name, material in MATERIALS.items():
        scene = make_scene(1, material=name, tool="stick", events=[1.0], variation=0)
        before = clearance(scene, 1.0 - 1e-5) / 1e-5
        after = clearance(scene, 1.0 + 1e-5) / 1e-5
        assert after / before == pytest.approx(material.rebound, rel=0.02)


def test_tools_never_jump() -> None:
    for scene in scenes():
        if scene.tool == "boots":
            places = [[(f.x, f.height) for f in feet(scene, k / 1000)] for k in range(5000)]
        elif scene.tool == "ball":
            continue  # a ball that left is replaced by another
        else:
            places = [[tip(scene, k / 1000)] for k in range(5000)]
        for before, after in itertools.pairwise(places):
            for (x0, y0), (x1, y1) in zip(before, after, strict=True):
                assert abs(x1 - x0) < 0.012 and abs(y1 - y0) < 0.012  # 12 picture heights a second


def test_steps_land_heel_first_one_stride_apart_on_alternate_feet() -> None:
    scene = make_scene(3, action="footsteps", duration_s=6, variation=0)
    landed = [feet(scene, float(event.time_s))[index % 2] for index, event in enumerate(scene.events)]
    assert all(foot.height == 0 and foot.pitch > 0.3 for foot in landed)
    assert [b.x - a.x for a, b in itertools.pairwise(landed)] == pytest.approx([scene.step_length] * (len(landed) - 1))


def test_explicit_times_are_kept_exactly() -> None:
    times = [Fraction(1, 3), Fraction(1001, 1000), Fraction(5, 2)]
    scene = make_scene(1, events=times)
    assert list(scene.onsets_s) == times
    assert scene.labels == ("hit", "wood")


@given(seed=st.integers(0, 2**63 - 1), variation=st.floats(0, 1), action=st.sampled_from(ACTIONS))
def test_any_seed_makes_a_sound_scene(seed: int, variation: float, action: str) -> None:
    scene = make_scene(seed, action=action, variation=variation, duration_s=3)
    assert scene == make_scene(seed, action=action, variation=variation, duration_s=3)
    assert all(clearance(scene, float(e.time_s)) == 0 for e in scene.events if e.audible)
    hash(scene)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"material": "cheese"}, "cheese"),
        ({"action": "sing"}, "sing"),
        ({"tool": "spoon"}, "spoon"),
        ({"action": "scratch", "tool": "ball"}, "ball"),
        ({"duration_s": 0}, "0 s"),
        ({"variation": 1.5}, "1.5"),
        ({"tempo_hz": (0, 2)}, "tempo"),
        ({"events": [1.0, 0.5]}, "0.5 s"),
        ({"events": [1.0, 1.05]}, "1.05 s"),
        ({"events": [4.5]}, "4.5 s"),
        ({"events": [Event(Fraction(1), "hit", "wood", 0.0)]}, "strength 0"),
        ({"events": [Event(Fraction(1), "hit", "cheese")]}, "cheese"),
    ],
)
def test_what_cannot_be_staged_is_refused_by_name(options: dict, named: str) -> None:
    with pytest.raises(StageError) as refused:
        make_scene(1, **options)
    assert named in refused.value.message
    assert refused.value.hint
