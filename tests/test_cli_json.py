"""What ``--json`` prints: one object, these keys, these types, and nothing else on stdout."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import soundfile
from job_materials import Run, clicks, files_under, generate, marker, movie, run, save, timeline_of

from foley_bridge.media.broadcast_wav import read_ixml

TIME = {"value": int, "rate": str, "seconds": float}
TAKE = {
    "path": str,
    "start": TIME,
    "duration": TIME,
    "handle": TIME,
    "score": float,
    "onsets_s": [float],
    "seed": int,
    "source": dict,
    "sample_rate": int,
    "channels": int,
    "fade_in_s": float,
    "fade_out_s": float,
    "lufs": (float, type(None)),
    "peak_dbfs": (float, type(None)),
    "sha256": str,
}
REGION = {
    "number": int,
    "id": (str, type(None)),
    "name": str,
    "text": str,
    "start": TIME,
    "end": TIME,
    "engine": str,
    "tapped": bool,
    "reliable": bool,
    "reason": str,
    "onsets": [{"time_s": float, "confidence": float, "strength": float}],
    "seen": [{"time_s": float, "confidence": float, "strength": float, "sensitivity": float}],
    "motion": {"start_s": float, "step_s": float, "values": [int]},
    "takes": [TAKE],
    "notes": [str],
    "error": (dict, type(None)),
}
RESULT = {
    "timeline": {"path": (str, type(None)), "name": str, "rate": str, "duration": TIME, "global_start_time": TIME},
    "regions": [REGION],
    "out": str,
    "out_sha256": str,
    "preview": (str, type(None)),
    "report": (str, type(None)),
    "notes": [str],
}
CHECK = {"name": str, "ok": bool, "detail": str, "advice": str, "needed": bool}


def assert_shaped(value: Any, shape: Any, where: str = "") -> None:
    """The value has exactly the keys and types of a shape."""
    if isinstance(shape, dict):
        assert isinstance(value, dict) and set(value) == set(shape), (where, value)
        for key, inner in shape.items():
            assert_shaped(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            assert_shaped(item, shape[0], f"{where}[{number}]")
    else:
        kinds = shape if isinstance(shape, tuple) else (shape,)
        assert type(value) in kinds, (where, value)


def test_generate_prints_the_object_that_is_documented(tmp_path: Path) -> None:
    rate = 24000 / 1001
    shot = movie(tmp_path / "shot.mp4", rate=Fraction(24000, 1001))
    marks = [marker("FOLEY kettle", 0, 12, rate), marker("HIT", 3, 0, rate), marker("HIT", 7, 0, rate)]
    cut = save(timeline_of(shot, 48, rate, *marks, start=86400), tmp_path / "cut.otio")
    outputs = ("--preview", tmp_path / "p.mp4", "--report", tmp_path / "r.html")
    done = generate(tmp_path, cut, "--exemplar", clicks(tmp_path / "hit.wav"), *outputs)
    assert (done.status, done.err) == (0, "")
    answer = done.json
    assert_shaped(answer, RESULT)
    assert answer["timeline"]["rate"] == "24000/1001"
    assert answer["timeline"]["global_start_time"] == {"value": 86400, "rate": "24000/1001", "seconds": 3603.6}
    region = answer["regions"][0]
    assert region["start"] == {"value": 0, "rate": "24000/1001", "seconds": 0.0}
    assert region["end"] == {"value": 12, "rate": "24000/1001", "seconds": pytest.approx(12 * 1001 / 24000)}
    assert [onset["time_s"] for onset in region["onsets"]] == pytest.approx([3 * 1001 / 24000, 7 * 1001 / 24000])
    assert region["engine"] == "transfer" and region["reliable"] is True
    for path in (answer["out"], answer["preview"], answer["report"], *(take["path"] for take in region["takes"])):
        assert Path(path).stat().st_size > 0
    assert answer["out_sha256"] == hashlib.sha256(Path(answer["out"]).read_bytes()).hexdigest()
    assert (region["number"], region["seen"], region["motion"]["values"]) == (1, [], [])  # tapped: nobody looked


def test_regions_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    shot = movie(tmp_path / "shot.mp4")
    marks = [
        marker("FOLEY step", 0, 10, 25),
        marker("FOLEY step", 12, 10, 25),
        marker("FOLEY", 25, 5, 25),
        marker("FOLEY", 30, 5, 25),
    ]
    cut = save(timeline_of(shot, 50, 25, *marks), tmp_path / "cut.otio")
    done = generate(tmp_path, cut, "--exemplar", clicks(tmp_path / "hit.wav"), "--takes", 1)
    assert [region["name"] for region in done.json["regions"]] == [
        "step at 00:00:00:00",
        "step at 00:00:00:12",
        "region at 00:00:01:00",
        "region at 00:00:01:05",
    ]
    assert len({region["takes"][0]["path"] for region in done.json["regions"]}) == 4


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("demo") / "here"
    return folder, run("demo", "--out", folder, "--json")


def test_the_demo_prints_its_object_and_leaves_its_files(demo: tuple[Path, Run]) -> None:
    folder, done = demo
    assert (done.status, done.err) == (0, "")
    error = {"median": (float, type(None)), "worst": (float, type(None))}
    assert_shaped(done.json, {**RESULT, "regions": [{**REGION, "sync_error_ms": error}], "request": str})
    made = files_under(folder)
    assert {"timeline.otio", "foley.otio", "preview.mp4", "report.html", "media", "picture.mp4"} <= set(made)
    assert not [name for name in made if Path(name).name.startswith(".")]
    for region in done.json["regions"]:
        for take in region["takes"]:
            assert "file" in take["source"] and {type(value) for value in take["source"].values()} == {str}
            assert Path(take["path"]).parent == folder / "media"
            assert soundfile.info(take["path"]).subtype == "PCM_24"


def test_the_demo_lets_its_library_answer_words_with_three_sounds(demo: tuple[Path, Run]) -> None:
    steps = demo[1].json["regions"][1]
    assert steps["engine"] == "recommend"
    assert {take["source"]["file"] for take in steps["takes"]} == {
        f"FEETHmn_footsteps gravel {number}_FOLEYBRIDGE_STAGE.wav" for number in (1, 2, 3)
    }


def test_the_demos_picture_alone_finds_the_sound_of_what_it_shows(demo: tuple[Path, Run]) -> None:
    """Of thirty sounds three are of scratching wood."""
    rub = demo[1].json["regions"][2]
    assert (rub["text"], rub["engine"]) == ("FOLEY", "recommend")
    sources = [take["source"] for take in rub["takes"]]
    assert len({source["library_id"] for source in sources}) == 3
    for source in sources:
        assert source["file"].startswith("WOODFric_scratching wood"), source
        assert source["pack"].startswith("mini@") and "words_score" not in source
        assert float(source["picture_score"]) > 0.5


def test_the_demo_tells_what_it_saw_and_how_much_moved(demo: tuple[Path, Run]) -> None:
    looked_at = [region for region in demo[1].json["regions"] if not region["tapped"]]
    assert len(looked_at) >= 2
    for region in looked_at:
        times = [moment["time_s"] for moment in region["seen"]]
        assert times == sorted(times) and len(times) >= len(region["onsets"])
        counting = [moment["time_s"] for moment in region["seen"] if moment["sensitivity"] <= 0.5]
        assert [onset["time_s"] for onset in region["onsets"]] == (counting if region["reliable"] else [])
        assert 0 < len(region["motion"]["values"]) <= 240 and max(region["motion"]["values"]) == 100
        covered_s = region["motion"]["step_s"] * len(region["motion"]["values"])
        assert covered_s == pytest.approx(region["end"]["seconds"] - region["start"]["seconds"])


def test_the_demo_is_in_sync_with_its_own_truth(demo: tuple[Path, Run]) -> None:
    for region in demo[1].json["regions"][:3]:
        assert region["sync_error_ms"]["median"] < 10, region["name"]
        assert region["sync_error_ms"]["worst"] < 1000 / 24, region["name"]


def test_the_demo_makes_new_sound_by_example_that_begins_when_something_is_hit(demo: tuple[Path, Run]) -> None:
    """Wood is hit on screen, the example is of cardboard; another processor may draw other codes."""
    region = demo[1].json["regions"][3]
    assert (region["engine"], len(region["takes"])) == ("analogy", 3)
    assert region["sync_error_ms"]["median"] < 1000 / 24
    scores = [take["score"] for take in region["takes"]]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.6
    assert len({hashlib.sha256(Path(take["path"]).read_bytes()).hexdigest() for take in region["takes"]}) == 3
    for number, take in enumerate(region["takes"], start=1):
        source = take["source"]
        assert source["file"].startswith("PAPRImpt_hit cardboard") and source["pack"].startswith("mini@")
        assert source["take"] == f"{number} of seed 0" and 0 < float(source["agreement"]) <= 1
        assert "<isGenerated>true<" in (read_ixml(take["path"]) or "")


def test_the_demo_run_again_in_place_gives_the_same_files(demo: tuple[Path, Run]) -> None:
    folder, done = demo
    before = {name: (folder / name).read_bytes() for name in files_under(folder) if (folder / name).is_file()}
    again = run("demo", "--out", folder, "--json")
    assert again.json == done.json
    assert {name: (folder / name).read_bytes() for name in files_under(folder) if (folder / name).is_file()} == before


def test_doctor_prints_its_checks(tmp_path: Path) -> None:
    done = run("doctor", "--folder", tmp_path, "--json")
    assert_shaped(done.json, {"ok": bool, "checks": [CHECK]})
    names = {check["name"] for check in done.json["checks"]}
    assert {"Python", "CPU", "PyAV", "decoders", "preview encoders", "timeline formats", "disk"} <= names
    assert {check["name"] for check in done.json["checks"] if not check["needed"]} >= {"daemon", "sound library"}
    assert next(check for check in done.json["checks"] if check["name"] == "timeline formats")["detail"].count("REAPER") == 1
    assert done.status == (0 if done.json["ok"] else 1)
    nowhere = run("doctor", "--folder", tmp_path / "nowhere", "--json")
    assert nowhere.status == 1
    assert next(check for check in nowhere.json["checks"] if check["name"] == "disk")["ok"] is False


def test_tables_are_printed_without_json(tmp_path: Path) -> None:
    shot = movie(tmp_path / "shot.mp4")
    args = ("--out", tmp_path / "o.otio", "--media-dir", tmp_path / "m", "--exemplar", clicks(tmp_path / "hit.wav"))
    done = run("generate", shot, *args, "--region", "0-1 kettle [bold]")
    assert done.status == 0
    assert "kettle [bold]" in done.out
    assert "transfer" in done.out and str(tmp_path / "o.otio") in done.out
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.out)
