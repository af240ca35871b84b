"""The stage's pictures: the same bytes each time, the same world at any rate, contact where the truth says."""

from __future__ import annotations

import hashlib
import itertools
from fractions import Fraction

import numpy as np
import pytest

from foley_bridge.errors import StageError
from foley_bridge.stage import draw
from foley_bridge.stage.acts import Act, demo_acts, draw_acts
from foley_bridge.stage.camera import view
from foley_bridge.stage.draw import draw_at, draw_frames
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.motion import face_y, hip, tip
from foley_bridge.stage.scene import Event, Look, Shot, make_scene

SMALL = (160, 90)


def digest(frames: object) -> str:
    total = hashlib.sha256()
    for frame in frames:  # type: ignore[attr-defined]
        total.update(frame.tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("action", ["hit", "scratch", "footsteps"])
def test_the_same_seed_draws_the_same_bytes_even_when_everything_is_painted_anew(action: str) -> None:
    def film(seed: int) -> str:
        draw._painter.cache_clear()
        scene = make_scene(seed, action=action, material="gravel", duration_s=1, variation=1.0)
        return digest(draw_frames(scene, fps=Fraction(24000, 1001), size=SMALL))

    assert film(3) == film(3) != film(4)


def test_frames_are_upright_rgb_of_the_asked_size_and_number() -> None:
    scene = make_scene(1, duration_s=1, variation=0.5)
    frames = list(draw_frames(scene, fps=Fraction(2997, 100), size=(162, 90)))
    assert len(frames) == 30
    assert all(frame.shape == (90, 162, 3) and frame.dtype == np.uint8 for frame in frames)
    part = list(draw_frames(scene, fps=Fraction(2997, 100), size=(162, 90), start=10, end=13))
    assert digest(part) == digest(frames[10:13])


def test_a_moment_looks_the_same_at_24_and_48_frames_per_second_with_a_closed_shutter() -> None:
    for action in ("hit", "scratch", "footsteps"):
        scene = make_scene(6, action=action, duration_s=1, variation=1.0)
        slow = list(draw_frames(scene, fps=Fraction(24), size=SMALL, shutter=0))
        fast = list(draw_frames(scene, fps=Fraction(48), size=SMALL, shutter=0))
        assert digest(slow) == digest(fast[::2])
        assert digest(fast[::2]) != digest(fast[1::2])


def test_a_picture_of_twice_the_size_shows_the_same_thing() -> None:
    scene = make_scene(2, action="hit", material="ceramic", variation=0.0, events=[0.5])
    small = draw_at(scene, 0.5, SMALL).astype(float)
    large = draw_at(scene, 0.5, (320, 180)).astype(float).reshape(90, 2, 160, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - large).mean() < 3.0


def test_an_independent_measurement_sees_the_stick_come_down_and_reach_the_face_at_the_event() -> None:
    """Where the lowest light pixel is that was not there before, in a locked camera's picture."""
    scene = make_scene(4, material="plastic", tool="stick", events=[Event(Fraction(1), "hit", "plastic", 0.8)], variation=0.0)
    away = draw_at(scene, 0.0, (640, 360)).astype(int)
    lowest, expected = [], []
    for step in range(-20, 1, 2):
        now = draw_at(scene, 1.0 + step / 1000, (640, 360)).astype(int)
        stick = (now - away)[:, :, 1] > 30  # greener than the wall and the red face; its shadow is darker
        lowest.append(int(np.flatnonzero(stick[:, 280:360].any(axis=1)).max()))
        expected.append(view(scene, 1.0, (640, 360))[1] @ (*tip(scene, 1.0 + step / 1000), 1.0))
    assert all(later > sooner for sooner, later in itertools.pairwise(lowest))
    assert np.abs(np.array(lowest) + 0.5 - expected).max() <= 2.0
    face = view(scene, 1.0, (640, 360))[1] @ (0.0, face_y(scene), 1.0)
    assert expected[-1] == pytest.approx(face)


def test_every_material_and_action_is_drawn_differently() -> None:
    seen = {
        digest([draw_at(make_scene(1, action=action, material=material, variation=0), 0.5, SMALL)])
        for action in ("hit", "scratch", "footsteps")
        for material in MATERIALS
    }
    assert len(seen) == 3 * len(MATERIALS)


def test_an_open_shutter_blurs_a_falling_stick_and_leaves_a_still_world_alone() -> None:
    scene = make_scene(4, tool="stick", events=[1.0], variation=0.0, material="metal")
    falling, still = 1.0 - 0.01, 3.9
    sharp, blurred = draw_at(scene, falling, SMALL), draw_at(scene, falling, SMALL, open_s=0.02)
    assert np.abs(sharp.astype(int) - blurred).max() > 20
    assert np.abs(draw_at(scene, still, SMALL).astype(int) - draw_at(scene, still, SMALL, open_s=0.02)).max() <= 1


def test_a_clean_scene_changes_only_where_the_action_is() -> None:
    scene = make_scene(4, tool="hammer", events=[1.0], variation=0.0)
    before, at = draw_at(scene, 0.0, SMALL).astype(int), draw_at(scene, 1.0, SMALL).astype(int)
    assert np.abs(before - at)[:, :30].max() == 0
    assert np.abs(before - at)[:, 60:].max() > 40


def test_a_cut_changes_the_view_at_its_time_and_blur_never_mixes_two_shots() -> None:
    look = Look(shots=(Shot(0.0), Shot(1.0, x=0.3, zoom=1.5)))
    scene = make_scene(1, events=[0.5], duration_s=2, look=look)
    assert scene.cuts_s == (1.0,)
    before, after = draw_at(scene, 0.99, SMALL, open_s=0.1), draw_at(scene, 1.0, SMALL, open_s=0.1)
    assert np.abs(before.astype(int) - after).mean() > 5
    assert np.abs(after.astype(int) - draw_at(scene, 1.05, SMALL)).mean() < 0.5


def test_a_following_camera_keeps_the_walker_in_the_picture() -> None:
    scene = make_scene(2, action="footsteps", duration_s=8, tempo_hz=(2, 2), look=Look(follow=1.0), material="wood")
    for step in range(80):
        x, _ = view(scene, step / 10, (320, 180)) @ np.array([*hip(scene, step / 10), 1.0])
        assert x == pytest.approx(160, abs=1.0)


def test_a_movie_of_acts_cuts_at_whole_frames_and_refuses_gaps() -> None:
    acts = demo_acts()
    frames = list(draw_acts(acts, fps=Fraction(24), size=(64, 36)))
    assert len(frames) == 240
    change = [np.abs(a.astype(int) - b).mean() for a, b in itertools.pairwise(frames)]
    assert sorted(np.argsort(change)[-2:].tolist()) == [83, 161]
    with pytest.raises(StageError, match="gap"):
        list(draw_acts((acts[0], Act("x", acts[1].scene, Fraction(4), Fraction(5))), fps=Fraction(24), size=(64, 36)))


def test_impossible_pictures_are_refused() -> None:
    scene = make_scene(1)
    with pytest.raises(StageError, match="8x8"):
        draw_at(scene, 0, (8, 8))
    with pytest.raises(StageError, match="frames per second"):
        list(draw_frames(scene, fps=Fraction(0)))
