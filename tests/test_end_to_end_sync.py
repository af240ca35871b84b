"""From a marked timeline to files on disk: every hit where its marker is, every clip where its region is, found again in what
was written by means of its own (a threshold on the samples, OTIO's own reading of the result)."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pyloudnorm
import pytest
import soundfile
from job_materials import clicks, generate, hits_in, marker, movie, run, save, timeline_of
from opentimelineio.opentime import RationalTime, TimeRange
from wavinfo import WavInfoReader

from foley_bridge.media import video
from foley_bridge.timeline import files

RATES = [
    Fraction(374, 25),
    Fraction(15),
    Fraction(43, 2),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60000, 1001),
]
TAPPED_S = [0.3, 0.5371, 0.9003, 1.25, 1.4419, 1.8777]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clicks(tmp_path_factory.mktemp("example") / "hit.wav")


def tapped(times_s: list[float], rate: float) -> list[otio.schema.Marker]:
    return [
        otio.schema.Marker("HIT", TimeRange(RationalTime(time_s * rate, rate), RationalTime(0, rate))) for time_s in times_s
    ]


def heard(take: dict[str, Any]) -> list[float]:
    """Timeline seconds at which a written take begins to sound, by its file and its place alone."""
    samples, rate = soundfile.read(take["path"], always_2d=True)
    return [exact(take["start"]) - exact(take["handle"]) + at for at in hits_in(samples, rate)]


def exact(time: dict[str, Any]) -> float:
    seconds = time["value"] / Fraction(time["rate"])
    assert abs(time["seconds"] - float(seconds)) < 1e-9
    return float(seconds)


def assert_same_times(found: list[float], wanted: list[float], within_s: float = 0.001) -> None:
    assert len(found) == len(wanted), (found, wanted)
    assert np.abs(np.array(found) - np.array(wanted)).max() < within_s, (found, wanted)


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.5g}")
def test_every_hit_lies_within_a_millisecond_of_its_marker_at_every_rate(tmp_path: Path, example: Path, rate: Fraction) -> None:
    shot = movie(tmp_path / "shot.mp4", seconds=2.2, rate=rate)
    frames = round(2.2 * float(rate))
    region = marker("FOLEY kettle", 0.2 * float(rate), 1.8 * float(rate), float(rate))
    cut = save(timeline_of(shot, frames, float(rate), region, *tapped(TAPPED_S, float(rate))), tmp_path / "cut.otio")
    for sample_rate in (48000, 44100):
        done = generate(tmp_path, cut, "--exemplar", example, "--sample-rate", sample_rate, to=str(sample_rate))
        assert done.status == 0, done
        answer = done.json
        assert Fraction(answer["timeline"]["rate"]) == rate
        assert len(answer["regions"][0]["takes"]) == 3
        for take in answer["regions"][0]["takes"]:
            assert take["sample_rate"] == sample_rate
            assert_same_times(take["onsets_s"], TAPPED_S, 1e-6)
            assert_same_times(heard(take), TAPPED_S)


@pytest.mark.parametrize(
    ("options", "shift_s"),
    [
        ("handles=12f", 0.0),
        ("tail=10f", 0.0),
        ("handles=0.3 tail=0.25 fade=5ms", 0.0),
        ("offset=-40ms", -0.04),
        ("offset=1f", 0.04),
        ("channels=stereo level=-23", 0.0),
        ("channels=source level=-40 handles=7f offset=20", 0.02),
    ],
)
def test_options_move_hits_by_what_they_say_and_by_nothing_else(
    tmp_path: Path, example: Path, options: str, shift_s: float
) -> None:
    shot = movie(tmp_path / "shot.mp4", seconds=3)
    region = marker(f"FOLEY kettle {options}", 5.5, 45, 25)
    cut = save(timeline_of(shot, 75, 25, region, *tapped(TAPPED_S, 25)), tmp_path / "cut.otio")
    done = generate(tmp_path, cut, "--exemplar", example)
    assert done.status == 0, done
    inside = [time + shift_s for time in TAPPED_S if 0.22 <= time + shift_s < 2.02]
    for take in done.json["regions"][0]["takes"]:
        assert_same_times(heard(take), inside)
        info = soundfile.info(take["path"])
        handle = Fraction(take["handle"]["value"], 25)
        assert info.frames == (Fraction(take["duration"]["value"], 25) + 2 * handle) * 48000
        assert info.channels == (2 if "stereo" in options else 1)
        if "handles=12f" in options:
            assert handle == Fraction(12, 25)
        if "level=-23" in options:
            sound, _ = soundfile.read(take["path"])
            loudness = pyloudnorm.Meter(48000).integrated_loudness(sound)
            peak = 20 * math.log10(np.abs(sound).max())
            assert abs(loudness + 23) < 0.2 or (abs(peak + 1) < 0.1 and loudness < -23)


def clips_on(timeline: otio.schema.Timeline, name: str) -> list[tuple[otio.schema.Clip, TimeRange]]:
    track = next(track for track in timeline.tracks if track.name == name)
    return [(clip, track.range_of_child_at_index(i)) for i, clip in enumerate(track) if isinstance(clip, otio.schema.Clip)]


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.5g}")
def test_every_clip_lies_on_the_frames_that_hold_its_region(tmp_path: Path, example: Path, rate: Fraction) -> None:
    """Regions of 0.2 s at the very start and the very end, one off the grid between; from an hour on."""
    shot = movie(tmp_path / "shot.mp4", seconds=3, rate=rate)
    count = round(3 * float(rate))
    length = count / rate
    wanted = [(Fraction(0), Fraction(1, 5)), (Fraction(911, 1000), Fraction(1313, 1000)), (length - Fraction(1, 5), length)]
    fps = float(rate)
    marks = [marker(f"FOLEY r{i}", float(a * rate), float((b - a) * rate), fps) for i, (a, b) in enumerate(wanted)]
    hour = 3600 * math.ceil(rate)
    cut = save(timeline_of(shot, count, fps, *marks, start=hour), tmp_path / "cut.otio")
    done = generate(tmp_path, cut, "--exemplar", example, "--takes", 2, "--takes-as-tracks")
    assert done.status == 0, done
    result = otio.adapters.read_from_file(done.json["out"])
    for name in ("FOLEY", "FOLEY 2"):
        placed = clips_on(result, name)
        for (clip, place), (start, end), region in zip(placed, wanted, done.json["regions"], strict=True):
            first, last = math.floor(start * rate + Fraction(1, 10**6)), math.ceil(end * rate - Fraction(1, 10**6))
            assert (place.start_time.value, place.duration.value) == (first, last - first)
            assert place.start_time.rate == pytest.approx(fps)
            take = region["takes"][0 if name == "FOLEY" else 1]
            assert (take["start"]["value"], take["duration"]["value"]) == (first, last - first)
            assert clip.metadata["foley_bridge"]["start_samples"] == round(first / rate * 48000)
            assert Path(clip.media_reference.target_url).resolve() == Path(take["path"]).resolve()
            reference = WavInfoReader(take["path"]).bext.time_reference
            assert reference == round((hour + first) / rate * 48000)
    assert [track.name for track in result.tracks if track.kind == "Video"] == ["V1"]
    assert all(clip.enabled for clip, _ in clips_on(result, "FOLEY"))
    assert not any(clip.enabled for clip, _ in clips_on(result, "FOLEY 2"))


def test_a_video_of_variable_rate_gets_its_sound_where_the_picture_is(tmp_path: Path, example: Path) -> None:
    """Times of frames come from the file: half of it at 30, half at 15 frames per second."""
    pts = [k * 2 for k in range(30)] + [60 + k * 4 for k in range(15)]
    shot = movie(tmp_path / "shot.mp4", rate=Fraction(30), seconds=1.5, pts=pts, time_base=Fraction(1, 60))
    done = generate(tmp_path, shot, "--exemplar", example, "--region", "0.25-0.9 a", "--region", "1.3-1.9 b")
    assert done.status == 0, done
    rate = Fraction(done.json["timeline"]["rate"])
    for region, (start, end) in zip(done.json["regions"], ((0.25, 0.9), (1.3, 1.9)), strict=True):
        for take in region["takes"]:
            first, length = exact(take["start"]), exact(take["duration"])
            assert first <= start + 1e-6 < first + 1 / rate
            assert first + length >= end - 1e-6 > first + length - 1 / rate


def test_a_video_as_timeline_keeps_its_start_timecode(tmp_path: Path, example: Path) -> None:
    shot = movie(tmp_path / "shot.mov", seconds=2, metadata={"timecode": "10:00:00:00"})
    args = ("--exemplar", example, "--region", "10:00:00:10-10:00:01:00 kettle", "--takes", 1)
    done = generate(tmp_path, shot, *args)
    assert done.status == 0, done
    region = done.json["regions"][0]
    assert (region["start"]["value"], region["end"]["value"]) == (10, 25)
    assert done.json["timeline"]["global_start_time"]["value"] == 36000 * 25
    assert WavInfoReader(region["takes"][0]["path"]).bext.time_reference == (36000 * 25 + 10) * 1920
    result = otio.adapters.read_from_file(done.json["out"])
    assert result.global_start_time == RationalTime(36000 * 25, 25)


def test_two_runs_write_the_same_bytes_and_a_take_does_not_depend_on_how_many_there_are(tmp_path: Path, example: Path) -> None:
    shot = movie(tmp_path / "shot.mp4", seconds=3)
    marks = [marker("FOLEY kettle", 0, 30, 25), marker("FOLEY drum", 35, 40, 25), *tapped([0.2, 0.7], 25)]
    cut = save(timeline_of(shot, 75, 25, *marks), tmp_path / "cut.otio")
    runs = {}
    for name, takes in (("a", 5), ("b", 5), ("c", 1)):
        done = generate(tmp_path, cut, "--exemplar", example, "--takes", takes, "--seed", 7, to=name)
        assert done.status == 0, done
        runs[name] = done.json
        runs[name + " otio"] = Path(done.json["out"]).read_text().replace(str(tmp_path / name), "HERE")
        files = sorted((tmp_path / name / "media").iterdir())
        assert len(files) == 2 * takes
        runs[name + " bytes"] = {path.name: path.read_bytes() for path in files}
    assert runs["a bytes"] == runs["b bytes"]
    assert runs["a otio"] == runs["b otio"]
    assert runs["c bytes"].items() <= runs["a bytes"].items()
    for region in runs["a"]["regions"]:
        assert len({take["sha256"] for take in region["takes"]}) == 5
        assert len({take["seed"] for take in region["takes"]}) == 5


def test_a_take_asked_for_by_its_own_seed_has_the_same_samples(tmp_path: Path, example: Path) -> None:
    shot = movie(tmp_path / "shot.mp4", seconds=2)
    cut = save(
        timeline_of(shot, 50, 25, marker("FOLEY kettle", 0, 50, 25), *tapped([0.2, 0.7, 1.1], 25)), tmp_path / "cut.otio"
    )
    many = generate(tmp_path, cut, "--exemplar", example, "--takes", 3).json["regions"][0]["takes"]
    for number, take in enumerate(many):
        again = generate(tmp_path, cut, "--exemplar", example, "--takes", 1, "--seed", take["seed"], to=f"again{number}")
        sound = soundfile.read(again.json["regions"][0]["takes"][0]["path"])[0]
        assert np.array_equal(sound, soundfile.read(take["path"])[0])


def test_found_onsets_written_as_markers_are_the_hits_of_the_next_run(tmp_path: Path, example: Path, real_media: Path) -> None:
    shot = real_media / "video" / "cfg_hit_metal.mp4"
    first = generate(tmp_path, shot, "--exemplar", example, "--hits-as-markers", "--takes", 1, "--region", "0-6 hits")
    assert first.status == 0, first
    onsets = [onset["time_s"] for onset in first.json["regions"][0]["onsets"]]
    assert onsets
    cut = otio.adapters.read_from_file(first.json["out"])
    cut.tracks.markers.append(marker("FOLEY hits", 0, 90, 15))
    again = generate(tmp_path, save(cut, tmp_path / "again.otio"), "--exemplar", example, "--takes", 1, to="again")
    assert again.status == 0, again
    assert_same_times([onset["time_s"] for onset in again.json["regions"][0]["onsets"]], onsets, 1e-6)
    result = otio.adapters.read_from_file(again.json["out"])
    assert [track.name for track in result.tracks][-2:] == ["FOLEY", "FOLEY 2"]


def test_fcp7_xml_in_and_out_places_the_same_takes(tmp_path: Path, example: Path) -> None:
    for rate in (24.0, 24000 / 1001, 25.0, 30000 / 1001):
        folder = tmp_path / f"{rate:.3f}"
        folder.mkdir()
        shot = movie(folder / "shot.mp4", rate=Fraction(rate).limit_denominator(1001), seconds=3)
        frames = round(3 * rate)
        marks = [marker("FOLEY kettle", 5, 20, rate), marker("FOLEY drum", 40, 22, rate), marker("HIT", 10, 1, rate)]
        cut = save(timeline_of(shot, frames, rate, *marks, start=round(rate) * 3600), folder / "cut.otio")
        files.write(files.read(cut), folder / "cut.xml")
        plain = generate(folder, cut, "--exemplar", example, "--takes", 2, to="plain")
        there = folder / "xml"
        args = ("--out", there / "foley.xml", "--media-dir", there / "media", "--json", "--exemplar", example, "--takes", 2)
        back = run("generate", folder / "cut.xml", *args)
        assert (plain.status, back.status) == (0, 0), (plain, back)
        for a, b in zip(plain.json["regions"], back.json["regions"], strict=True):
            assert (a["name"], a["start"], a["end"]) == (b["name"], b["start"], b["end"])
            assert [(take["start"], take["duration"]) for take in a["takes"]] == [
                (take["start"], take["duration"]) for take in b["takes"]
            ]
        from_otio, from_xml = files.read(plain.json["out"]), files.read(back.json["out"])
        for (one, at), (other, there_at) in zip(clips_on(from_otio, "FOLEY"), clips_on(from_xml, "FOLEY"), strict=True):
            assert at.start_time.value == there_at.start_time.value
            assert at.duration.value == there_at.duration.value
            ours, theirs = one.metadata["foley_bridge"], other.metadata["foley_bridge"]
            for key in ("start_samples", "duration_samples", "handle_samples", "sample_rate"):
                assert ours[key] == theirs[key]
            assert list(theirs["onsets_s"]) == pytest.approx(list(ours["onsets_s"]), abs=1e-9)


@pytest.mark.nightly
def test_every_real_video_gets_sound_where_it_is_asked_for(tmp_path: Path, real_media: Path) -> None:
    """Whole, and 0.2 s at the start, in the middle and at the end of each."""
    example = real_media / "audio" / "adafruit" / "door.wav"
    for path in sorted((real_media / "video").iterdir()):
        info = video.probe(path)
        length = info.duration
        parts = [(Fraction(0), Fraction(1, 5)), (length / 2, length / 2 + Fraction(1, 5)), (length - Fraction(1, 5), length)]
        short = [word for a, b in parts for word in ("--region", f"{float(a):.6f}-{float(b):.6f} part")]
        for asked, texts in ((parts, short), ([(Fraction(0), length)], [])):
            done = generate(tmp_path, path, "--exemplar", example, "--takes", 1, *texts, to=f"{path.stem} {len(asked)}")
            assert done.status == 0, (path, done)
            rate = Fraction(done.json["timeline"]["rate"])
            for region, (start, end) in zip(done.json["regions"], asked, strict=True):
                take = region["takes"][0]
                first, last = take["start"]["value"], take["start"]["value"] + take["duration"]["value"]
                assert first / rate <= start + Fraction(1, 10**5) and (first + 1) / rate > start - Fraction(1, 10**5)
                assert last / rate >= end - Fraction(1, 10**5) and (last - 1) / rate < end + Fraction(1, 10**5)
                assert soundfile.info(take["path"]).frames == round(last / rate * 48000) - round(first / rate * 48000)
                assert all(start - Fraction(1, 10**5) <= onset < end + Fraction(1, 10**5) for onset in take["onsets_s"])
