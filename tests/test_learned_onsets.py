"""Onsets by the network of the pack that ships, in scenes that it never saw: found, placed, without seams, or honestly not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from job_materials import clicks, hits_in, marker, save, timeline_of

from foley_bridge.engines import learned_onsets, transfer
from foley_bridge.engines.candidate import Curve, Detection
from foley_bridge.engines.sampled import Still, shown_to_networks, stills
from foley_bridge.errors import EngineError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import packs_folder, shipped_folder
from foley_bridge.jobs.generate import generate
from foley_bridge.jobs.request import DEFAULTS, GenerateRequest
from foley_bridge.media.broadcast_wav import read_ixml
from foley_bridge.media.movie import write_movie
from foley_bridge.stage.draw import draw_at, draw_frames
from foley_bridge.stage.scene import Scene, make_scene
from foley_bridge.timeline.picture import Media, Picture, Span
from foley_bridge.timeline.regions import Region

PICTURE_S = 1 / 15
STILL = Curve(np.zeros(0), np.zeros(0))
SIZE = (80, 64)


@pytest.fixture(scope="module")
def network() -> Analogy:
    return Analogy(Pack.open(shipped_folder()), threads=1, providers="cpu")


def struck(seed: int, times_s: Sequence[float], length_s: Fraction, variation: float = 0.3) -> Scene:
    """A scene with hits at these times; the pack has learned from other seeds."""
    made = make_scene(seed, action="hit", material="wood", duration_s=length_s, variation=variation)
    return make_scene(seed, action="hit", material="wood", duration_s=length_s, events=times_s, tool="hammer", look=made.look)


def shown(network: Analogy, scene: Scene, start_s: float, end_s: float) -> list[Still]:
    """What is on screen, with up to a second of it around the range."""
    settings = network.task.picture
    first, last = max(0.0, start_s - 1), min(float(scene.duration_s), end_s + 1)
    times = [k / settings.fps for k in range(round(first * settings.fps), round(last * settings.fps))]
    return [Still(time, time, shown_to_networks(draw_at(scene, time, SIZE), settings)) for time in times]


def found(network: Analogy, pictures: list[Still], start_s: float, end_s: float, **options: float) -> Detection:
    return learned_onsets.detect(network, pictures, STILL, start_s=start_s, end_s=end_s, **options)


def times_of(detection: Detection) -> np.ndarray:
    return np.array([onset.time_s for onset in detection.onsets])


HITS_S = (0.61, 1.17, 2.03, 2.9, 3.41, 4.48, 5.3)


@pytest.mark.parametrize("seed", range(4))
def test_hits_of_scenes_that_it_never_saw_are_found_within_a_picture_and_a_half(network: Analogy, seed: int) -> None:
    scene = struck(70_000 + seed, HITS_S, Fraction(6), variation=seed / 4)
    detection = found(network, shown(network, scene, 0, 6), 0, 6)
    assert detection.reliable and not detection.reason
    sure = sorted(sorted(detection.onsets, key=lambda onset: -onset.confidence)[: len(HITS_S)], key=lambda onset: onset.time_s)
    away = np.abs(np.array([onset.time_s for onset in sure]) - HITS_S)
    assert away.max() < 1.5 * PICTURE_S and np.median(away) < 0.4 * PICTURE_S
    assert len(detection.onsets) <= len(HITS_S) + 2


EVERY_S = 0.83
LONG = [0.4 + EVERY_S * k for k in range(73)]


@pytest.fixture(scope="module")
def minute(network: Analogy) -> tuple[Scene, list[Still]]:
    """61 s of hits that drift through the borders of clips, and all its pictures."""
    scene = struck(71_000, LONG, Fraction(61))
    return scene, shown(network, scene, 0, 61)


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 61.0), (20.0, 27.0), (2.0, 2.3), (0.0, 1.0), (60.0, 61.0)])
def test_regions_of_any_length_have_every_hit_once(
    network: Analogy, minute: tuple[Scene, list[Still]], start_s: float, end_s: float
) -> None:
    pictures = [still for still in minute[1] if start_s - 1 <= still.time_s < end_s + 1]
    inside = np.array([time for time in LONG if start_s <= time < end_s])
    detection = found(network, pictures, start_s, end_s)
    near = np.abs(times_of(detection)[:, None] - inside) < 1.5 * PICTURE_S
    assert detection.reliable and (near.sum(axis=0) == 1).all()
    assert (~near.any(axis=1)).sum() <= len(inside) // 50


def test_where_clips_begin_makes_no_difference(network: Analogy, minute: tuple[Scene, list[Still]]) -> None:
    """Each picture stands in the middle of a clip somewhere; borders of clips leave no seams."""
    _, pictures = minute
    all_of_it = found(network, pictures[:200], 4, 10)
    for later in (7, 22):
        other = found(network, pictures[later:200], 4, 10)
        assert len(other.onsets) == len(all_of_it.onsets)
        assert np.abs(times_of(other) - times_of(all_of_it)).max() < 0.5 * PICTURE_S


def test_what_is_said_of_a_long_stretch_needs_no_more_pictures_at_once(network: Analogy) -> None:
    scene = struck(71_001, [0.5], Fraction(1))
    still = shown(network, scene, 0, 1)[0]
    held: list[int] = []

    class Counted(Analogy):
        def onsets(self, pictures: np.ndarray) -> np.ndarray:
            held.append(pictures.shape[2])
            return super().onsets(pictures)

    counted = Counted(network.pack, threads=1, providers="cpu")
    said = learned_onsets.say(counted, (Still(k / 15, k / 15, still.image) for k in range(400)))
    assert set(held) == {network.task.picture.frames} and len(said.logit) == 400
    assert len(held) == 1 + -(-(400 - 30) // 15)


# --- media ---


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[Fraction, Media]:
    folder = tmp_path_factory.mktemp("media")
    scene = struck(72_000, HITS_S[:5], Fraction(4))
    made = {}
    for rate in (Fraction(24000, 1001), Fraction(25), Fraction(60)):
        path = folder / f"{float(rate):.3f}.mp4"
        write_movie(path, draw_frames(scene, fps=rate, size=(128, 72)), rate)
        made[rate] = Media("movie", path.name, str(path), rate=rate)
    return made


def region(start: Fraction, end: Fraction) -> Region:
    return Region("thing", "FOLEY thing", "thing", DEFAULTS, start, end, Fraction(25))


def test_a_film_is_seen_alike_at_any_rate_wherever_it_lies(network: Analogy, media: dict[Fraction, Media]) -> None:
    at = Fraction(1001, 240)  # of the timeline: no whole picture of any of them
    for rate, one in media.items():
        picture = Picture((Span(at, at + Fraction(39, 10), one),))
        seen: list[float] = []
        detection = transfer.look(region(at, at + Fraction(39, 10)), DEFAULTS, picture, seen.append, network)
        assert detection.reliable, rate
        sure = sorted(onset.time_s for onset in sorted(detection.onsets, key=lambda each: -each.confidence)[:5])
        away = np.array(sure) - float(at) - HITS_S[:5]
        assert np.abs(away).max() < 1.5 * PICTURE_S, rate
        assert abs(float(np.median(away))) < 0.02, "and is not late by what a picture is held"
        assert seen == sorted(seen) and float(at) <= seen[0] and seen[-1] < float(at) + 3.9, "it goes on, never back"
        assert len(detection.motion.time_s) > 80 and detection.motion.value.max() > 0.5, "motion is told all the same"
        strength = [onset.strength for onset in detection.onsets]
        assert max(strength) > 0.8 and min(strength) >= 0


def test_no_clip_looks_across_an_edit_and_an_edit_is_no_onset(network: Analogy, media: dict[Fraction, Media]) -> None:
    """One film, then another one of the same hits that begins 1 s into it: what is seen of each is what it shows alone."""
    first, second = media[Fraction(25)], media[Fraction(60)]
    cut = Fraction(27, 10)
    spans = (Span(Fraction(0), cut, first), Span(cut, cut + 3, second, media_start=Fraction(1)))
    settings = network.task.picture
    both = learned_onsets.say(network, stills(Picture(spans), Fraction(0), cut + 3, settings))
    alone = [learned_onsets.say(network, stills(Picture((span,)), span.start, span.end, settings)) for span in spans]
    assert np.array_equal(both.logit, np.concatenate([said.logit for said in alone]))
    found = times_of(transfer.look(region(Fraction(0), cut + 3), DEFAULTS, Picture(spans), network=network))
    wanted = [time for time in HITS_S if time < cut] + [float(cut) + time - 1 for time in HITS_S[1:5]]
    assert len(found) == len(wanted) and np.abs(found - wanted).max() < 1.5 * PICTURE_S


def test_missing_media_is_named_inside_the_region_and_left_out_around_it(
    network: Analogy, media: dict[Fraction, Media]
) -> None:
    one, gone = media[Fraction(25)], Media("missing", "b.mp4", "/gone/b.mp4")
    times = [Fraction(k) for k in (0, 1, 4, 5)]
    spans = (Span(*between, shown) for between, shown in zip(pairwise(times), (gone, one, gone), strict=True))
    picture = Picture(tuple(spans))
    assert transfer.look(region(Fraction(1), Fraction(4)), DEFAULTS, picture, network=network).reliable
    with pytest.raises(EngineError, match=re.escape("/gone/b.mp4")):
        [*stills(picture, Fraction(1), Fraction(9, 2), network.task.picture)]


@pytest.mark.parametrize("black", [None, Media("generator", "title")])
def test_where_nothing_is_shown_there_are_no_onsets_and_it_says_so(network: Analogy, black: Media | None) -> None:
    picture = Picture((Span(Fraction(0), Fraction(3), black),))
    detection = transfer.look(region(Fraction(0), Fraction(3)), DEFAULTS, picture, network=network)
    assert not detection.reliable and not detection.onsets and "onset network" in detection.reason


# --- how sure ---


def test_a_scene_in_which_nothing_is_hit_is_not_relied_on(network: Analogy) -> None:
    scene = struck(73_000, [0.5], Fraction(5))
    pictures = [still for still in shown(network, scene, 0, 5) if still.time_s > 1.5]
    detection = found(network, pictures, 2, 5)
    assert not detection.reliable and not detection.onsets and "onset network" in detection.reason


def test_more_sensitivity_never_returns_fewer_and_every_moment_says_at_which_it_counts(network: Analogy) -> None:
    scene = make_scene(74_000, action="mixed", material="wood", duration_s=8, variation=1.0)
    pictures = shown(network, scene, 0, 8)
    counts = []
    told = found(network, pictures, 0, 8).seen
    for sensitivity in (0.0, 0.2, 0.4, 0.5, 0.7, 0.9, 1.0):
        detection = found(network, pictures, 0, 8, sensitivity=sensitivity)
        counts.append(len(detection.onsets))
        assert detection.seen == told
        if detection.reliable:
            able = [moment for moment in told if moment.sensitivity <= sensitivity]
            assert [moment.time_s for moment in able] == list(times_of(detection))
    assert counts == sorted(counts) and len(set(counts)) > 2


def test_the_same_pictures_give_the_same_onsets(network: Analogy) -> None:
    scene = struck(75_000, HITS_S, Fraction(6), variation=1.0)
    pictures = shown(network, scene, 0, 6)
    fresh = Analogy(network.pack, threads=1, providers="cpu")
    one, two = found(network, pictures, 0, 6), found(fresh, pictures, 0, 6)
    assert (one.onsets, one.seen) == (two.onsets, two.seen) and one.onsets


# --- jobs ---

WOOD = struck(76_000, HITS_S[:5], Fraction(4))
MARKS = (marker("FOLEY wood", 5, 45, 25), marker("FOLEY more wood detector=motion", 55, 40, 25))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A timeline of struck wood with two regions, and an example beside it."""
    folder = tmp_path_factory.mktemp("cut")
    write_movie(folder / "shot.mp4", draw_frames(WOOD, fps=Fraction(25), size=(128, 72)), Fraction(25))
    clicks(folder / "hit.wav")
    return save(timeline_of(folder / "shot.mp4", 100, 25, *MARKS), folder / "cut.otio")


def asked(cut: Path, out: Path, **options: str) -> GenerateRequest:
    out.mkdir()
    options = {"takes": "1", **options}
    return GenerateRequest(cut, out / "foley.otio", out / "takes", exemplar=cut.parent / "hit.wav", options=options)


def test_a_job_puts_sound_where_the_network_saw_it_and_says_which_did(network: Analogy, cut: Path, tmp_path: Path) -> None:
    seen, moved = generate(asked(cut, tmp_path / "network", detector="network")).regions
    wanted = [time for time in HITS_S[:5] if 0.2 <= time < 2]
    assert seen.reliable and np.abs(np.array([each.time_s for each in seen.onsets]) - wanted).max() < 1.5 * PICTURE_S
    samples, rate = soundfile.read(seen.takes[0].path)
    heard = np.array(hits_in(samples, rate)) + 0.2
    assert len(heard) == len(wanted) and np.abs(heard - wanted).max() < 1.5 * PICTURE_S
    source = seen.takes[0].source
    assert (source["detector"], source["detector_pack"]) == ("network", network.pack.id)
    assert source["detector_pack_sha256"] == network.pack.hash
    assert network.pack.hash in (read_ixml(seen.takes[0].path) or "")
    assert "detector" not in moved.takes[0].source, "a region's own text goes before what is asked of all"

    again, _ = generate(asked(cut, tmp_path / "again", detector="network")).regions
    other, same = generate(asked(cut, tmp_path / "motion")).regions
    assert again.takes[0].sha256 == seen.takes[0].sha256
    assert other.takes[0].path.name != seen.takes[0].path.name and "detector" not in other.takes[0].source
    assert same.takes[0].sha256 == moved.takes[0].sha256


def test_hits_that_an_editor_tapped_are_nobodys_to_see(cut: Path, tmp_path: Path) -> None:
    marks = [*MARKS[:1], marker("HIT", 20, 1, 25)]
    tapped = save(timeline_of(cut.parent / "shot.mp4", 100, 25, *marks), tmp_path / "cut.otio")
    request = replace(asked(cut, tmp_path / "out", detector="network"), timeline=tapped)
    (region,) = generate(request).regions
    assert region.tapped and [each.time_s for each in region.onsets] == [0.8] and "detector" not in region.takes[0].source


def test_a_pack_without_an_onset_network_is_told_with_the_region_that_asks_for_it(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="packs are made with onnx")
    from analogy_packs import make_analogy_pack

    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    make_analogy_pack(packs_folder(tmp_path / "home") / "sounding@1", without=["onset"])
    failed, moved = generate(asked(cut, tmp_path / "out", detector="network")).regions
    assert failed.error is not None and moved.error is None and moved.takes
    assert failed.error.message == (
        "region 'wood': detector=network needs an onset network, and sounding@1, the pack in use for analogy, has none"
    )
    assert "packs use" in failed.error.hint and "detector=motion" in failed.error.hint
