"""Onset detection: found contacts, timing, confidence and the honest "none", on the stage and on real footage."""

from __future__ import annotations

import csv
import gc
import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from foley_models import metrics

from foley_bridge.engines import calibration, motion, onsets
from foley_bridge.engines.candidate import Detection, MotionFrame
from foley_bridge.errors import EngineError
from foley_bridge.media import video
from foley_bridge.stage.draw import draw_frames
from foley_bridge.stage.scene import Look, make_scene

HITS = (0.517, 1.183, 1.721, 2.467, 3.139, 3.611, 4.283, 5.027)
SIZE = (onsets.ANALYSIS_WIDTH, 100)


def struck(rate: Fraction, *, tool: str = "hammer", seed: int = 11) -> list[np.ndarray]:
    """A calm scene with hits at ``HITS``, six seconds, small and grey."""
    scene = make_scene(seed, action="hit", material="wood", duration_s=6, events=HITS, tool=tool, look=Look())
    return [
        cv2.cvtColor(cv2.resize(f, SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for f in draw_frames(scene, fps=rate, size=(352, 200))
    ]


@pytest.fixture(scope="module")
def at_25() -> list[np.ndarray]:
    return struck(Fraction(25))


def seen(grays: list[np.ndarray], rate: float, **options: float) -> Detection:
    frames = [MotionFrame(k / rate, g) for k, g in enumerate(grays)]
    whole = {"start_s": 0.0, "end_s": len(grays) / rate}
    return onsets.detect(frames, **(whole | options))


def best(found: Detection, count: int) -> np.ndarray:
    """Times of the surest onsets, in order of time."""
    return np.sort([o.time_s for o in sorted(found.onsets, key=lambda o: -o.confidence)[:count]])


@pytest.mark.parametrize("rate", [Fraction(15), Fraction(24000, 1001), Fraction(25), Fraction(50)])
def test_contacts_on_a_calm_stage_are_the_surest_onsets_to_within_a_frame(rate: Fraction) -> None:
    found = seen(struck(rate), float(rate))
    assert found.reliable
    error = np.abs(best(found, len(HITS)) - HITS)
    assert error.max() < 1 / rate
    assert np.median(error) < 0.5 / rate


def test_repeated_pictures_do_not_move_or_multiply_onsets(at_25: list[np.ndarray]) -> None:
    once = best(seen(at_25, 25), len(HITS))
    twice = best(seen([g for g in at_25 for _ in range(2)], 50), len(HITS))
    assert np.abs(once - twice).max() < 0.02


def test_uneven_picture_times_are_respected(at_25: list[np.ndarray]) -> None:
    keep = [k for k in range(len(at_25)) if k % 5 != 3]  # every fifth picture is missing; the others keep their times
    frames = [MotionFrame(k / 25, at_25[k]) for k in keep]
    found = onsets.detect(frames, start_s=0, end_s=6)
    assert np.abs(best(found, len(HITS)) - HITS).max() < 0.08


def test_only_onsets_inside_the_region_are_returned(at_25: list[np.ndarray]) -> None:
    found = seen(at_25, 25, start_s=1.0, end_s=3.0)
    assert all(1.0 <= o.time_s < 3.0 for o in found.onsets)
    assert np.abs(best(found, 3) - [1.183, 1.721, 2.467]).max() < 0.04
    assert found.motion.time_s.min() >= 1.0 and found.motion.time_s.max() < 3.0


def test_every_moment_looked_at_is_told_with_the_least_sensitivity_at_which_it_counts() -> None:
    rng = np.random.default_rng(2)
    restless = [rng.integers(0, 255, SIZE[::-1], np.uint8) for _ in range(75)]
    told = seen(restless, 25).seen
    assert [each.time_s for each in told] == sorted(each.time_s for each in told)
    counts = []
    for sensitivity in (0.4, 0.45, 0.5, 0.6, 0.77, 1.0):
        found = seen(restless, 25, sensitivity=sensitivity)
        assert found.reliable and found.seen == told
        reached = [each for each in told if each.sensitivity <= sensitivity and each.confidence >= calibration.threshold(1)]
        assert [(each.time_s, each.confidence, each.strength) for each in reached] == [
            (onset.time_s, onset.confidence, onset.strength) for onset in found.onsets
        ]
        counts.append(len(reached))
    assert len(set(counts)) > 3


def test_the_least_sensitivity_is_the_threshold_turned_round() -> None:
    confidence = np.linspace(0.12, 0.8, 2001)
    least = calibration.least_sensitivity(confidence)
    assert (least.min(), least.max()) == (0.0, 1.0)
    for sure, sensitivity in zip(confidence, least, strict=True):
        assert calibration.threshold(sensitivity) <= sure
        assert sensitivity == 0 or calibration.threshold(max(0.0, sensitivity - 3e-6)) > sure


def test_a_region_without_reliable_onsets_tells_what_it_saw_all_the_same(at_25: list[np.ndarray]) -> None:
    found = seen(at_25, 25, sensitivity=0.0)
    assert not found.reliable and not found.onsets
    assert found.seen == seen(at_25, 25).seen


def test_a_cut_is_not_an_onset_whether_told_or_found(at_25: list[np.ndarray]) -> None:
    other = [255 - np.roll(g[:, ::-1], 40, axis=1) for g in at_25]
    cut = 70  # 2.8 s: between two hits
    grays = at_25[:cut] + other[cut:]
    told = onsets.detect([MotionFrame(k / 25, g, cut=k == cut) for k, g in enumerate(grays)], start_s=0, end_s=6)
    found = seen(grays, 25)
    for detection in (told, found):
        assert np.abs(best(detection, len(HITS)) - HITS).max() < 0.08
        assert not any(abs(o.time_s - 2.8) < 0.1 for o in detection.onsets)


def test_camera_shake_flicker_and_noise_leave_the_contacts_standing(at_25: list[np.ndarray]) -> None:
    rng = np.random.default_rng(4)
    harsh = []
    for k, g in enumerate(at_25):
        t = k / 25
        move = np.array([[1, 0, 3 * np.sin(5.1 * t) + 2 * np.sin(13 * t)], [0, 1, 2 * np.sin(7.3 * t + 1)]])
        shaken = cv2.warpAffine(g, move, (g.shape[1], g.shape[0]), borderMode=cv2.BORDER_REFLECT)
        harsh.append(np.clip(shaken * (1 + 0.1 * np.sin(23 * t)) + rng.normal(0, 4, g.shape), 0, 255).astype(np.uint8))
    found = seen(harsh, 25)
    times, sure = np.array([o.time_s for o in found.onsets]), np.array([o.confidence for o in found.onsets])
    assert metrics.average_precision(np.array(HITS), times, sure) > 0.7


@pytest.mark.parametrize("kind", ["still", "noise", "pan", "fade"])
def test_nothing_struck_gives_no_onsets_and_a_reason(kind: str, at_25: list[np.ndarray]) -> None:
    rng = np.random.default_rng(2)
    wide = cv2.resize(at_25[0], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    grays = []
    for k in range(125):
        g = wide[40:140, 20:196].astype(float)
        if kind == "noise":
            g = g + rng.normal(0, 6, g.shape)
        elif kind == "pan":
            g = cv2.warpAffine(wide, np.array([[1, 0, -20 - 0.9 * k], [0, 1, -40 - 0.2 * k]]), SIZE).astype(float)
        elif kind == "fade":
            g = g * (k / 125)
        grays.append(np.clip(g, 0, 255).astype(np.uint8))
    found = seen(grays, 25)
    assert not found.reliable
    assert found.onsets == ()
    assert found.reason


def test_no_pictures_at_all_are_no_onsets() -> None:
    found = onsets.detect(iter(()), start_s=0, end_s=1)
    assert not found.reliable and found.onsets == () and len(found.motion.time_s) == 0


def test_more_sensitivity_never_returns_fewer(at_25: list[np.ndarray]) -> None:
    counts = [len(seen(at_25, 25, sensitivity=s).onsets) for s in (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_bad_sensitivity_and_empty_regions_are_refused() -> None:
    with pytest.raises(EngineError, match="sensitivity"):
        onsets.detect([], start_s=0, end_s=1, sensitivity=1.5)
    with pytest.raises(EngineError, match="region"):
        onsets.detect([], start_s=1, end_s=1)


def test_confidence_stays_within_what_found_footage_allows(at_25: list[np.ndarray]) -> None:
    found = seen(at_25, 25, sensitivity=1.0)
    assert all(calibration.FLOOR <= o.confidence <= calibration.CEILING for o in found.onsets)
    assert all(0 <= o.strength <= 1 for o in found.onsets)
    assert max(o.strength for o in found.onsets) > 0.9


def test_the_result_does_not_depend_on_the_number_of_threads(at_25: list[np.ndarray]) -> None:
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = seen(at_25, 25)
        cv2.setNumThreads(4)
        four = seen(at_25, 25)
    finally:
        cv2.setNumThreads(threads)
    assert one.onsets == four.onsets
    assert np.array_equal(one.motion.value, four.motion.value)


def test_pictures_are_let_go_as_soon_as_they_are_measured(at_25: list[np.ndarray]) -> None:
    alive: weakref.WeakSet[MotionFrame] = weakref.WeakSet()
    most = 0

    def stream() -> Iterator[MotionFrame]:
        nonlocal most
        for k in range(500):
            frame = _Watched(k / 25, at_25[k % len(at_25)].copy())
            alive.add(frame)
            if k % 50 == 0:
                gc.collect()
            most = max(most, len(alive))
            yield frame

    onsets.detect(stream(), start_s=0, end_s=20)
    assert most <= 4


class _Watched(MotionFrame):
    """A MotionFrame that can be watched by weak reference."""

    __hash__ = object.__hash__


def test_hits_are_found_alike_in_every_window_of_a_long_region(at_25: list[np.ndarray]) -> None:
    rounds = 9  # 54 s: three windows
    found = seen(at_25 * rounds, 25)
    truth = np.concatenate([np.array(HITS) + 6 * k for k in range(rounds)])
    times, sure = np.array([o.time_s for o in found.onsets]), np.array([o.confidence for o in found.onsets])
    hit = metrics.match(truth, times, sure, 0.04)
    assert len(set(hit[hit >= 0])) >= 0.95 * len(truth)
    assert len(times) == len(set(np.round(times, 3)))


def test_camera_motion_is_told_apart_from_things_that_move() -> None:
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.uniform(0, 255, (220, 300)).astype(np.float32), (0, 0), 2)
    ground = ((ground - ground.min()) / np.ptp(ground) * 255).astype(np.uint8)
    panned = [MotionFrame(k / 25, ground[40 + k : 140 + k, 30 + 2 * k : 206 + 2 * k]) for k in range(10)]
    for step in motion.measure(panned):
        assert step.camera == pytest.approx(np.hypot(2, 1), abs=0.15)
        assert step.energy.mean() < 0.05


def test_down_and_right_are_what_moves_down_and_right() -> None:
    rng = np.random.default_rng(1)
    ground = cv2.GaussianBlur(rng.uniform(90, 160, (100, 176)).astype(np.float32), (0, 0), 1.5)
    grays = []
    for k in range(6):
        g = ground.copy()
        cv2.circle(g, (60 + 2 * k, 30 + 3 * k), 9, 240, -1)
        grays.append(g.astype(np.uint8))
    for step in motion.measure(MotionFrame(k / 25, g) for k, g in enumerate(grays)):
        assert step.down.sum() > 0 and step.across.sum() > 0
        assert step.down.sum() / step.across.sum() == pytest.approx(1.5, rel=0.25)


def real_clip(folder: Path, name: str) -> tuple[list[MotionFrame], np.ndarray, float]:
    path = folder / "video" / f"{name}.mp4"
    with (folder / "video_manifest.csv").open(newline="", encoding="utf-8") as lines:
        row = next(r for r in csv.DictReader(lines) if r["id"] == name)
    info = video.probe(path)
    size = video.fit_size(info, width=onsets.ANALYSIS_WIDTH)
    frames = [
        MotionFrame(float(f.pts), f.image) for f in video.read_span(path, Fraction(0), info.duration, size=size, gray=True)
    ]
    return frames, np.array([float(t) for t in row["onset_times"].split()]), float(info.duration)


def test_real_blows_on_a_bag_are_found_far_above_chance(real_media: Path) -> None:
    frames, truth, end = real_clip(real_media, "cfg_hit_bag")
    found = onsets.detect(frames, start_s=0, end_s=end)
    times, sure = np.array([o.time_s for o in found.onsets]), np.array([o.confidence for o in found.onsets])
    chance = metrics.random_baseline(lambda t, c: metrics.average_precision(truth, t, c), len(times), 0, end)
    assert found.reliable
    assert metrics.average_precision(truth, times, sure) > max(0.8, 2 * chance)


def test_faint_steps_behind_a_walking_camera_are_not_relied_on(real_media: Path) -> None:
    frames, _, end = real_clip(real_media, "gopro_walk")
    found = onsets.detect(frames, start_s=0, end_s=end)
    assert not found.reliable and found.onsets == ()
