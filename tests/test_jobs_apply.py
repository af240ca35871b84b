"""Choices into timelines: read back from every format, what was chosen is there, and everything else is as it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from job_materials import files_under, hits_in, save, span
from melt_render import rendered
from reels import NEUTRAL, Reel, ground, make_reel

from foley_bridge.errors import ConflictError, FoleyError, JobError
from foley_bridge.jobs.apply import apply_request_from_json, run_apply
from foley_bridge.jobs.outputs import sweep
from foley_bridge.jobs.reel_regions import regions_of
from foley_bridge.jobs.roots import Roots
from foley_bridge.media.broadcast_wav import read_bext
from foley_bridge.timeline import files
from foley_bridge.timeline.adapters.rpp_file import parse
from foley_bridge.timeline.adapters.rpp_items import track_of
from foley_bridge.timeline.layout import children_of
from foley_bridge.timeline.media_paths import local_path

F = Fraction
KETTLE, DRUM, BOX, GATE = 1, 2, 3, 4
NOTE = "a bit dull; ask Zoë\nbefore the mix"
STEPS = ("opening", "region 1", "placing", "preview", "report", "timeline", "publishing")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="module")
def made(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Reel:
    """A reel; tests copy what they change."""
    return make_reel(place, tmp_path_factory.mktemp("made"), options={"handles": "5f"})


@pytest.fixture
def reel(made: Reel, tmp_path: Path) -> Reel:
    """The same reel in a folder of its own."""
    return moved_to(tmp_path / "out", made)


def moved_to(out: Path, made: Reel) -> Reel:
    there = Path(made.of["out"]).parent
    shutil.copytree(there, out)

    def moved(value: Any) -> Any:
        return json.loads(json.dumps(value).replace(str(there), str(out)))

    sha256 = hashlib.sha256((out / "foley.otio").read_bytes()).hexdigest()
    return replace(made, of=moved(made.of), result={**moved(made.result), "out_sha256": sha256})


def sounding(path: Path) -> list[tuple[int, int, str]]:
    """Each clip that is heard in a written timeline, read anew: first frame, frames, file name."""
    timeline = files.read(path)
    found = []
    for track in timeline.audio_tracks():
        for each in children_of(track) if track.enabled else ():
            if isinstance(each.item, otio.schema.Clip) and each.item.enabled:
                address = local_path(each.item.media_reference.target_url, path.parent)
                assert address is not None and address.is_file()
                found.append((round(each.start * 25), round((each.end - each.start) * 25), address.name))
    return sorted(found)


def name_of(take: dict[str, Any]) -> str:
    return Path(take["path"]).name


def ours_of(thing: Any) -> dict[str, Any]:
    """Our metadata of a clip or a marker."""
    ours: dict[str, Any] = json.loads(thing.to_json_string())["metadata"].get("foley_bridge", {})
    return ours


def clips(path: Path) -> list[dict[str, Any]]:
    """The metadata of our clips that are heard, in time order."""
    timeline = files.read(path)
    ours = [ours_of(each) for track in timeline.audio_tracks() for each in track.find_clips() if each.enabled]
    return sorted((each for each in ours if each), key=lambda each: each.get("start", {}).get("value", 0))


# --- what was chosen is there, and nothing else is touched ---


@pytest.mark.parametrize("suffix", [".otio", ".xml", ".fcpxml", ".aaf", ".rpp"])
def test_every_format_says_what_was_chosen_and_nothing_of_what_was_rejected(reel: Reel, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / "out" / f"applied{suffix}"
    choices = {
        KETTLE: reel.chosen(KETTLE, 3, note=NOTE),
        DRUM: {"state": "rejected", "reason": "no sound here"},
        BOX: reel.edited(BOX, 2, nudge_frames=1, level_db=-4),
    }
    answer = reel.apply(choices, out=str(out))
    edited = answer["regions"][2]["takes"][0]
    assert "edit" in name_of(edited)
    assert sounding(out) == [
        (0, 20, name_of(reel.take(KETTLE, 3))),
        (48, 20, name_of(edited)),
        (72, 20, name_of(reel.take(GATE, 1))),
    ]


def test_the_metadata_of_clips_and_markers_say_what_was_chosen(reel: Reel, tmp_path: Path) -> None:
    choices = {
        KETTLE: reel.chosen(KETTLE, 3, note=NOTE),
        DRUM: {"state": "rejected", "reason": "no sound here", "note": "really"},
    }
    out = tmp_path / "out" / "foley.otio"
    reel.apply(choices)
    kettle, box, gate = clips(out)
    assert kettle["choice"] == {"state": "chosen", "reason": "", "note": NOTE}
    assert gate["choice"] == {"state": "proposed", "reason": "", "note": ""}
    assert (kettle["region"], kettle["region_id"], kettle["chosen"]) == ("kettle", "mark-kettle", True)
    assert kettle["path"] == reel.take(KETTLE, 3)["path"]
    assert [each["path"] for each in kettle["alternatives"]] == [reel.take(KETTLE, k)["path"] for k in (1, 2)]
    assert [each["take"] for each in (kettle, *kettle["alternatives"])] == [1, 2, 3]
    assert box["path"] == reel.take(BOX, 1)["path"]
    timeline = files.read(out)
    marks = {each.name: ours_of(each) for each in timeline.tracks.markers}
    assert marks["FOLEY drum"]["choice"] == {"state": "rejected", "reason": "no sound here", "note": "really"}
    assert marks["FOLEY kettle"]["choice"] == {"state": "chosen", "reason": "", "note": NOTE}
    assert marks["FOLEY drum"]["id"] == "mark-drum"


def test_everything_that_is_not_ours_is_as_it_was(reel: Reel, place: Path, tmp_path: Path) -> None:
    reel.apply({KETTLE: reel.chosen(KETTLE, 2), DRUM: {"state": "rejected"}})
    before, after = (files.read(path) for path in (place / "cut.otio", tmp_path / "out" / "foley.otio"))
    for mark in after.tracks.markers:
        if mark.name.startswith("FOLEY"):
            mark.metadata["foley_bridge"] = {"id": mark.metadata["foley_bridge"]["id"]}
    pairs = list(zip(before.tracks.markers, after.tracks.markers, strict=True))
    assert len(pairs) == 11 and all(one.is_equivalent_to(other) for one, other in pairs)
    assert [track.name for track in after.tracks] == ["V1", "FOLEY"]
    assert after.tracks[0].is_equivalent_to(before.tracks[0])
    assert (after.name, after.global_start_time) == (before.name, before.global_start_time)


def test_in_fcp7_xml_and_a_reaper_project_the_words_of_the_editor_come_back(reel: Reel, tmp_path: Path) -> None:
    choices = {KETTLE: reel.chosen(KETTLE, 3, note=NOTE), BOX: reel.edited(BOX, 1, nudge_ms=12.5)}
    for suffix in (".xml", ".rpp"):
        out = tmp_path / "out" / f"applied{suffix}"
        reel.apply(choices, out=str(out))
        by_region = {each["region"].removeprefix("mark-"): each for each in clips(out)}
        assert (by_region["kettle"]["choice"]["state"], by_region["kettle"]["choice"]["note"]) == ("chosen", NOTE)
        assert by_region["gate"]["choice"]["state"] == "proposed"
    (track,) = [track_of(chunk) for chunk in parse(out.read_bytes()).root.chunks("TRACK") if track_of(chunk).ours]
    kettle = track.items[0]
    assert [Path(take.source.path or "").name for take in kettle.takes] == [name_of(reel.take(KETTLE, k)) for k in (3, 1, 2)]
    assert kettle.active == 0


def test_undecided_regions_get_nothing_where_that_is_asked(reel: Reel, tmp_path: Path) -> None:
    answer = reel.apply({BOX: reel.chosen(BOX, 1)}, undecided="none")
    assert [len(region["takes"]) for region in answer["regions"]] == [0, 0, 3, 0]
    assert [region["error"] for region in answer["regions"]] == [None] * 4
    assert sounding(tmp_path / "out" / "foley.otio") == [(48, 20, name_of(reel.take(BOX, 1)))]


def test_all_regions_may_be_rejected(reel: Reel, tmp_path: Path) -> None:
    answer = reel.apply({number: {"state": "rejected"} for number in (KETTLE, DRUM, BOX, GATE)})
    assert [region["takes"] for region in answer["regions"]] == [[], [], [], []]
    timeline = files.read(tmp_path / "out" / "foley.otio")
    assert [track.name for track in timeline.tracks] == ["V1"]


def test_the_answer_tells_what_it_was_made_from(reel: Reel, tmp_path: Path) -> None:
    choices = {
        KETTLE: reel.edited(KETTLE, 2, level_db=-6, fade_out_s=0.2),
        DRUM: {**reel.chosen(DRUM, 1), "onsets_s": [1.2, 1.5]},
    }
    answer = reel.apply(choices)
    assert answer["revision"] == 2 and answer["out"] == reel.of["out"]
    assert answer["out_sha256"] == hashlib.sha256((tmp_path / "out" / "foley.otio").read_bytes()).hexdigest()
    assert [region["choice"] for region in answer["regions"]] == [region["choice"] for region in reel.told(choices)["regions"]]
    kettle, drum = answer["regions"][:2]
    first, original = kettle["takes"][0], reel.take(KETTLE, 2)
    assert first["edit"] == {"of": original["sha256"], **NEUTRAL, "level_db": -6, "fade_out_s": 0.2}
    assert first["sha256"] == hashlib.sha256(Path(first["path"]).read_bytes()).hexdigest() != original["sha256"]
    assert first["peak_dbfs"] == pytest.approx(original["peak_dbfs"] - 6, abs=0.01)
    assert first["onsets_s"] == original["onsets_s"] and (first["fade_in_s"], first["fade_out_s"]) == (0, 0)
    assert [take["sha256"] for take in kettle["takes"][1:]] == [reel.take(KETTLE, k)["sha256"] for k in (1, 3)]
    assert not any("edit" in take for take in kettle["takes"][1:])
    assert [(onset["time_s"], onset["confidence"]) for onset in drum["onsets"]] == [(1.2, 1.0), (1.5, 1.0)] and drum["tapped"]
    for before, after in zip(reel.result["regions"], answer["regions"], strict=True):
        for name in ("number", "id", "name", "text", "start", "end", "engine", "seen", "motion"):
            assert after[name] == before[name]


def test_onsets_of_a_sensitivity_are_those_seen_that_count_at_it(reel: Reel) -> None:
    told = reel.told({DRUM: {**reel.chosen(DRUM, 1), "sensitivity": 0.3}})
    moments = [(1.2, 0.1), (1.3, 0.3), (1.4, 0.31), (1.5, None)]
    seen = [{"time_s": at, "confidence": 0.5, "strength": 0.5, "sensitivity": least} for at, least in moments]
    told["regions"][DRUM - 1] = {**told["regions"][DRUM - 1], "seen": seen}
    detection = regions_of(told, reel.roots)[DRUM - 1].detection
    assert ([onset.time_s for onset in detection.onsets], detection.tapped) == ([1.2, 1.3], False)


def test_an_edit_of_a_take_that_was_not_chosen_is_there_too(reel: Reel, tmp_path: Path) -> None:
    other = reel.take(KETTLE, 3)["sha256"]
    reel.apply({KETTLE: {**reel.chosen(KETTLE, 1), "edits": {other: {**NEUTRAL, "level_db": -2.0}}}}, takes_as_tracks=True)
    kettle = clips(tmp_path / "out" / "foley.otio")[0]
    assert "edit" not in kettle and kettle["alternatives"][1]["edit"]["of"] == other
    timeline = files.read(tmp_path / "out" / "foley.otio")
    tracks = timeline.audio_tracks()
    assert [track.name for track in tracks] == ["FOLEY", "FOLEY 2", "FOLEY 3"]
    assert [clip.enabled for track in tracks for clip in track.find_clips()] == [True] * 4 + [False] * 8


def test_takes_of_a_retake_can_be_chosen(reel: Reel, tmp_path: Path) -> None:
    """They are in the reel after those of its own."""
    late = reel.take(GATE, 3)
    reel.region(GATE)["takes"] = [{**late, "score": 0.1}, *reel.region(GATE)["takes"][:2]]
    reel.apply({GATE: {"state": "chosen", "take": late["sha256"]}}, undecided="none")
    assert sounding(tmp_path / "out" / "foley.otio") == [(72, 20, name_of(late))]


@pytest.mark.parametrize("rate", [F(24000, 1001), F(30000, 1001)], ids=["23.976", "29.97"])
def test_what_a_reel_tells_of_its_takes_is_what_their_files_are(tmp_path: Path, rate: Fraction) -> None:
    """An apply does not open them for it: lengths and timecode follow from the times told."""
    reel = make_reel(ground(tmp_path, rate, start=3 * 86400), tmp_path / "out", options={"handles": "7f"}, sample_rate=44100)
    for region in regions_of(reel.told({}), reel.roots):
        for take in region.takes:
            file, bext = soundfile.info(take.path), read_bext(take.path)
            assert bext is not None
            assert (take.frames, take.sample_rate, take.channels) == (file.frames, file.samplerate, file.channels)
            assert take.time_reference == bext.time_reference


# --- what is heard ---


@pytest.mark.skipif(shutil.which("melt") is None, reason="melt is not installed: no other program played the result")
@pytest.mark.parametrize("rate", [F(24000, 1001), F(30000, 1001)], ids=["23.976", "29.97"])
def test_melt_plays_the_nudged_take_where_the_answer_says_and_silence_where_rejected(tmp_path: Path, rate: Fraction) -> None:
    # 15 frames: into a file at 29.97 melt seeks a third of a frame early for some others
    reel = make_reel(ground(tmp_path, rate, start=86400), tmp_path / "out", options={"handles": "15f"})
    choices = {
        KETTLE: reel.edited(KETTLE, 2, nudge_frames=2, nudge_ms=7.5, level_db=-1),
        DRUM: {"state": "rejected"},
        BOX: reel.edited(BOX, 1, nudge_ms=-60, level_db=-1),
    }
    answer = reel.apply(choices)
    sound, heard_at = rendered(otio.adapters.read_from_file(answer["out"]), rate, tmp_path / "out")
    expected = sorted(at for region in answer["regions"] for take in region["takes"][:1] for at in take["onsets_s"])
    assert hits_in(sound, heard_at) == pytest.approx(expected, abs=0.003)
    first, last = (round(float(F(frame) / rate) * heard_at) for frame in (22, 46))  # between kettle and box
    assert not np.any(sound[first:last])
    moved = float(2 / rate) + 0.0075
    assert expected[0] == pytest.approx(reel.take(KETTLE, 2)["onsets_s"][0] + moved, abs=1 / 48000)
    for region in answer["regions"]:
        for take in region["takes"]:
            assert soundfile.info(take["path"]).subtype == "PCM_24"


def test_the_preview_sounds_as_the_timeline_does(reel: Reel, tmp_path: Path) -> None:
    from foley_bridge.media.audio import load

    reel.apply(
        {DRUM: {"state": "rejected"}, BOX: reel.edited(BOX, 1, nudge_ms=120.0)},
        preview=str(tmp_path / "out" / "cut.mp4"),
    )
    heard = load(tmp_path / "out" / "cut.mp4", sample_rate=48000)
    expected = [*reel.take(KETTLE, 1)["onsets_s"], reel.take(BOX, 1)["onsets_s"][0] + 0.12, *reel.take(GATE, 1)["onsets_s"]]
    assert hits_in(heard, 48000, share=0.3) == pytest.approx(expected, abs=0.01)


def test_the_report_says_what_was_said(reel: Reel, tmp_path: Path) -> None:
    report = tmp_path / "out" / "cut.html"
    choices = {
        KETTLE: {**reel.edited(KETTLE, 3, nudge_frames=-1), "note": "the <soft> one"},
        DRUM: {"state": "rejected", "reason": "music here"},
    }
    reel.apply(choices, report=str(report))
    page = report.read_text("utf-8")
    kettle, drum, box, _ = page.split('<section class="region"')[1:]
    assert "the &lt;soft&gt; one" in kettle and "nudge -1 frames" in kettle
    shown = [kettle.index(name) for name in (reel_name.replace(".wav", "") for reel_name in names_of(reel, KETTLE, (3, 1, 2)))]
    assert shown == sorted(shown)
    assert "<b>Rejected</b>: music here" in drum and "No takes." in drum
    assert "<b>Proposed</b>" in box


def names_of(reel: Reel, number: int, order: tuple[int, ...]) -> list[str]:
    return [name_of(reel.take(number, which)) for which in order]


# --- again, and in the middle ---


def everything(reel: Reel) -> dict[int, dict[str, Any]]:
    return {
        KETTLE: reel.edited(KETTLE, 2, nudge_frames=1, fade_in_s=0.05),
        DRUM: {"state": "rejected", "reason": "too much"},
        BOX: reel.chosen(BOX, 3, note="nice"),
    }


def hashes(folder: Path) -> dict[str, str]:
    """Every file's, with the folder's own name taken out of text files, which name their takes by absolute paths."""
    return {
        name: hashlib.sha256((folder / name).read_bytes().replace(str(folder).encode(), b"HERE")).hexdigest()
        for name in files_under(folder)
        if (folder / name).is_file()
    }


def test_applying_twice_makes_the_same_bytes(reel: Reel, tmp_path: Path) -> None:
    out = tmp_path / "out"
    also = {"preview": str(out / "cut.mp4"), "report": str(out / "cut.html")}
    first = reel.apply(everything(reel), **also)
    before, touched = hashes(out), Path(first["regions"][0]["takes"][0]["path"]).stat().st_mtime_ns
    again = reel.apply(everything(reel), applied=(first,), job="apply2", key="another", **also)
    assert again == first and hashes(out) == before
    assert Path(first["regions"][0]["takes"][0]["path"]).stat().st_mtime_ns == touched  # it may be open in an editor


def test_a_changed_mind_leaves_the_first_edits_file_alone(reel: Reel) -> None:
    first = reel.apply({KETTLE: reel.edited(KETTLE, 2, level_db=-3)})
    second = reel.apply({KETTLE: reel.edited(KETTLE, 2, level_db=-4)}, applied=(first,))
    one, other = (Path(answer["regions"][0]["takes"][0]["path"]) for answer in (first, second))
    assert one != other and one.is_file() and other.is_file()
    assert hashlib.sha256(one.read_bytes()).hexdigest() == first["regions"][0]["takes"][0]["sha256"]
    third = reel.apply({}, applied=(second, first))
    assert [name_of(region["takes"][0]) for region in third["regions"]] == [name_of(reel.take(k, 1)) for k in range(1, 5)]


class Killed(BaseException):
    """Ends a job as kill -9 does: nothing is cleared up."""


@pytest.fixture(scope="module")
def undisturbed(made: Reel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    reel = moved_to(out, made)
    reel.apply(everything(reel), preview=str(out / "cut.mp4"), report=str(out / "cut.html"))
    return hashes(out)


@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_died_at_a_step_ends_in_the_same_bytes(
    reel: Reel, undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    out = tmp_path / "out"
    also = {"preview": str(out / "cut.mp4"), "report": str(out / "cut.html")}
    before = hashes(out)

    def enter(name: str) -> None:
        if name == step:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("foley_bridge.jobs.outputs.Outputs.__exit__", lambda *_: None)
        reel.apply(everything(reel), enter=enter, **also)
    assert {name: sha for name, sha in hashes(out).items() if ".foley_bridge-" not in name} == before
    entered: list[str] = []
    reel.apply(everything(reel), enter=entered.append, **also)
    assert tuple(entered) == STEPS
    assert hashes(out) == undisturbed


def test_a_job_whose_files_were_being_put_in_place_is_carried_through(
    reel: Reel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = 0
    replace_file = Path.replace

    def dies(self: Path, target: Path) -> Path:
        nonlocal moved
        if Path(target).parent in (tmp_path / "out", tmp_path / "out" / "takes") and ".foley_bridge-" in str(self):
            moved += 1
            if moved == 2:
                raise Killed
        return replace_file(self, target)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("foley_bridge.jobs.outputs.Outputs.__exit__", lambda *_: None)
        patch.setattr(Path, "replace", dies)
        reel.apply(everything(reel))
    entered: list[str] = []
    answer = reel.apply(everything(reel), enter=entered.append)
    assert entered == []
    assert Path(answer["regions"][0]["takes"][0]["path"]).is_file()
    assert [each for each in files_under(tmp_path / "out") if ".foley_bridge-" in each] == []
    again = reel.apply(everything(reel), applied=(answer,), job="apply2")
    assert again == answer


# --- what is refused, and what is not harmed ---


def test_an_out_that_somebody_changed_is_refused_and_not_harmed(reel: Reel, tmp_path: Path) -> None:
    out = tmp_path / "out" / "foley.otio"
    first = reel.apply({KETTLE: reel.chosen(KETTLE, 2)})
    timeline = files.read(out)
    timeline.tracks[1].name = "mine now"
    save(timeline, out)
    before = hashes(tmp_path / "out")
    with pytest.raises(ConflictError, match=r"foley\.otio was changed"):
        reel.apply({KETTLE: reel.edited(KETTLE, 3, level_db=-1)}, applied=(first,))
    assert hashes(tmp_path / "out") == before
    reel.apply({KETTLE: reel.chosen(KETTLE, 3)}, applied=(first,), force=True)
    assert sounding(out)[0] == (0, 20, name_of(reel.take(KETTLE, 3)))


def test_an_out_that_is_changed_while_the_job_runs_is_refused_too(reel: Reel, tmp_path: Path) -> None:
    def enter(step: str) -> None:
        if step == "timeline":
            (tmp_path / "out" / "foley.otio").write_text("somebody saves")

    with pytest.raises(ConflictError, match="was changed"):
        reel.apply(everything(reel), enter=enter)
    assert (tmp_path / "out" / "foley.otio").read_text() == "somebody saves"
    assert not [each for each in files_under(tmp_path / "out") if "edit" in each or ".foley" in each]


def test_another_out_that_is_there_already_is_refused_and_one_that_is_not_is_written(reel: Reel, tmp_path: Path) -> None:
    other = tmp_path / "out" / "other.otio"
    other.write_text("something else")
    with pytest.raises(ConflictError, match=r"other\.otio was changed"):
        reel.apply({}, out=str(other))
    assert other.read_text() == "something else"
    other.unlink()
    reel.apply({}, out=str(other))
    assert len(sounding(other)) == 4


def test_the_timeline_that_the_reel_was_made_from_is_never_written_over(reel: Reel, place: Path) -> None:
    before = (place / "cut.otio").read_bytes()
    with pytest.raises(JobError, match="overwrite"):
        reel.apply({}, out=str(place / "cut.otio"), force=True)
    assert (place / "cut.otio").read_bytes() == before


def test_a_chosen_take_that_is_gone_fails_its_region_alone(reel: Reel, tmp_path: Path) -> None:
    gone, changed = Path(reel.take(KETTLE, 2)["path"]), Path(reel.take(DRUM, 1)["path"])
    gone.unlink()
    changed.write_bytes(changed.read_bytes()[:-1] + b"\7")
    answer = reel.apply({KETTLE: reel.chosen(KETTLE, 2), DRUM: reel.edited(DRUM, 1, level_db=-1)})
    errors = [region["error"] and region["error"]["message"] for region in answer["regions"]]
    assert "kettle" in errors[0] and str(gone) in errors[0] and "not there" in errors[0]
    assert "drum" in errors[1] and str(changed) in errors[1] and "changed" in errors[1]
    assert errors[2:] == [None, None]
    assert [start for start, _, _ in sounding(tmp_path / "out" / "foley.otio")] == [48, 72]
    with pytest.raises(FoleyError, match="kettle"):
        reel.apply(
            {KETTLE: reel.chosen(KETTLE, 2), **{k: {"state": "chosen", "take": "0" * 64} for k in (2, 3, 4)}}, force=True
        )


def test_another_take_that_is_gone_is_left_out_and_named(reel: Reel, tmp_path: Path) -> None:
    Path(reel.take(KETTLE, 3)["path"]).unlink()
    answer = reel.apply({KETTLE: reel.chosen(KETTLE, 2)})
    kettle = answer["regions"][0]
    assert [name_of(take) for take in kettle["takes"]] == names_of(reel, KETTLE, (2, 1))
    assert any(name_of(reel.take(KETTLE, 3)) in note for note in kettle["notes"])
    assert len(clips(tmp_path / "out" / "foley.otio")[0]["alternatives"]) == 1


def test_a_file_in_the_place_of_an_edited_take_is_not_written_over(reel: Reel, tmp_path: Path) -> None:
    choices = {KETTLE: reel.edited(KETTLE, 1, level_db=-3)}
    first = reel.apply(choices)
    edited = Path(first["regions"][0]["takes"][0]["path"])
    edited.write_bytes(b"denoised by hand")
    answer = reel.apply(choices, applied=(first,))
    assert edited.name in answer["regions"][0]["error"]["message"]
    assert edited.read_bytes() == b"denoised by hand"


def test_a_region_that_failed_in_the_reel_says_so_again_unless_it_is_rejected(place: Path, tmp_path: Path) -> None:
    timeline = files.read(place / "cut.otio")
    next(mark for mark in timeline.tracks.markers if mark.name == "FOLEY drum").name = "FOLEY drum takes=none"
    reel = make_reel(place, tmp_path / "out", timeline=save(timeline, tmp_path / "cut.otio"))
    assert reel.region(DRUM)["error"] is not None
    answer = reel.apply({KETTLE: reel.chosen(KETTLE, 2)})
    assert answer["regions"][1]["error"] == reel.region(DRUM)["error"]
    assert reel.apply({DRUM: {"state": "rejected"}}, applied=(answer,))["regions"][1]["error"] is None


def test_a_reel_whose_timeline_was_not_kept_says_what_to_do(reel: Reel, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"not kept.*--timeline"):
        replace(reel, opened=tmp_path / "nowhere.otio").apply({})
    older = replace(reel, opened=tmp_path / "nowhere.otio", result={**reel.result, "out_sha256": None})
    with pytest.raises(JobError, match=r"not kept.*--timeline"):
        older.apply({})


# --- a newer version of the timeline ---


def newer(reel: Reel, path: Path) -> Path:
    """The reel's result as an editor went on with it: ten frames before the first clip, the drum's marker gone, a longer box, a
    sound of his own, and our takes still in it."""
    timeline = files.read(Path(reel.of["out"]))
    gap = otio.schema.Gap(source_range=span(0, 10, 25))
    for track in timeline.tracks:
        track.insert(0, gap.clone())
    marks = timeline.tracks.markers
    for mark in list(marks):
        if mark.name == "FOLEY drum":
            marks.remove(mark)
        else:
            mark.marked_range = span(mark.marked_range.start_time.value + 10, mark.marked_range.duration.value, 25)
        if mark.name == "FOLEY box":
            mark.marked_range = span(mark.marked_range.start_time.value, 22, 25)
    music = otio.schema.Clip("music", otio.schema.ExternalReference(str(reel.folder / "hit.wav")), span(0, 12, 25))
    timeline.tracks.append(otio.schema.Track("A1", [music], kind="Audio"))
    return save(timeline, path)


def test_a_newer_timeline_gets_the_takes_where_its_regions_are_now(reel: Reel, tmp_path: Path) -> None:
    timeline = newer(reel, tmp_path / "cut v2.otio")
    out = tmp_path / "out" / "v2.otio"
    choices = {KETTLE: reel.edited(KETTLE, 2, nudge_frames=1), DRUM: reel.chosen(DRUM, 2), GATE: {"state": "rejected"}}
    answer = reel.apply(choices, timeline={"path": str(timeline)}, out=str(out))
    kettle, drum, box, gate = answer["regions"]
    assert sounding(out) == [
        (0, 12, "hit.wav"),
        (10, 20, name_of(kettle["takes"][0])),
        (24, 20, name_of(reel.take(DRUM, 2))),
        (58, 20, name_of(reel.take(BOX, 1))),
    ]
    assert answer["timeline"]["path"] == str(timeline)
    assert [region["start"]["value"] for region in answer["regions"]] == [10, 24, 58, 82]
    assert kettle["takes"][0]["onsets_s"] == pytest.approx([reel.take(KETTLE, 2)["onsets_s"][0] + 11 / 25], abs=1e-9)
    assert [onset["time_s"] for onset in kettle["onsets"]] == pytest.approx([0.16 + 0.4])
    assert any("moved by +10 frames" in note for note in kettle["notes"])
    assert any("not marked any more" in note for note in drum["notes"])
    assert any("22 frames long now" in note for note in box["notes"])
    assert gate["takes"] == [] and any("4 clips of ours" in note for note in answer["notes"])
    written = files.read(out)
    assert [track.name for track in written.tracks] == ["V1", "A1", "FOLEY", "FOLEY 2"]  # the drum overlaps the kettle now
    (kettle_clip, *_) = [each for each in clips(out) if each.get("region") == "kettle"]
    assert kettle_clip["start"]["value"] == 10


def test_markers_that_changed_places_keep_their_own_takes_and_new_words_are_told(
    reel: Reel, place: Path, tmp_path: Path
) -> None:
    timeline = files.read(place / "cut.otio")
    marks = {mark.name: mark for mark in timeline.tracks.markers}
    kettle, drum, gate = (marks[f"FOLEY {words}"] for words in ("kettle", "drum", "gate"))
    kettle.marked_range, drum.marked_range = drum.marked_range, kettle.marked_range
    gate.metadata["foley_bridge"] = {"id": "made anew"}
    gate.name = "FOLEY iron gate"
    out = tmp_path / "out" / "v2.otio"
    answer = reel.apply({}, timeline={"path": str(save(timeline, tmp_path / "v2.otio"))}, out=str(out), undecided="best")
    assert sounding(out) == [
        (0, 20, name_of(reel.take(DRUM, 1))),
        (24, 20, name_of(reel.take(KETTLE, 1))),
        (48, 20, name_of(reel.take(BOX, 1))),
        (72, 20, name_of(reel.take(GATE, 1))),
    ]
    assert any("'FOLEY iron gate' now" in note for note in answer["regions"][3]["notes"])
    assert answer["regions"][2]["notes"] == reel.region(BOX)["notes"]


def test_a_region_that_was_given_and_never_marked_is_not_missed(place: Path, tmp_path: Path) -> None:
    timeline = files.read(place / "cut.otio")
    mark = next(each for each in timeline.tracks.markers if each.name == "FOLEY gate")
    timeline.tracks.markers.remove(mark)
    cut = save(timeline, tmp_path / "cut.otio")
    reel = make_reel(place, tmp_path / "out", timeline=cut, regions=["72f-92f FOLEY gate"])
    assert reel.region(GATE)["name"] == "gate" and reel.region(GATE)["id"] is None
    answer = reel.apply({GATE: reel.chosen(GATE, 3)}, timeline={"path": str(cut)}, out=str(tmp_path / "out" / "v2.otio"))
    assert answer["regions"][3]["notes"] == reel.region(GATE)["notes"]
    assert sounding(tmp_path / "out" / "v2.otio")[-1] == (72, 20, name_of(reel.take(GATE, 3)))
    kept = reel.apply({GATE: reel.chosen(GATE, 3)})
    assert kept["regions"][3]["notes"] == reel.region(GATE)["notes"]


def test_a_newer_timeline_at_another_rate_is_refused(reel: Reel, tmp_path: Path) -> None:
    other = ground(tmp_path, F(24))
    with pytest.raises(JobError, match=r"cut\.otio runs at 24/1.*25/1"):
        reel.apply({}, timeline={"path": str(other / "cut.otio")}, out=str(tmp_path / "out" / "v2.otio"))


# --- as the reel had it ---


def test_the_shape_the_tracks_and_the_marks_are_those_of_the_reel(place: Path, tmp_path: Path) -> None:
    reel = make_reel(place, tmp_path / "out", shape="resolve", takes_as_tracks=True, hits_as_markers=True)
    before = otio.adapters.read_from_file(reel.of["out"])
    reel.apply({KETTLE: {**reel.chosen(KETTLE, 2), "onsets_s": [0.2, 0.5]}, DRUM: {"state": "rejected"}})
    after = otio.adapters.read_from_file(reel.of["out"])
    assert [track.name for track in after.tracks] == [track.name for track in before.tracks]
    assert "Resolve_OTIO" in after.metadata and before.name.startswith("foley ") and after.name.startswith("foley ")
    assert after.name != before.name  # Resolve takes no name twice
    kettle = after.audio_tracks()[0].find_clips()[0]
    assert kettle.media_reference.target_url == reel.take(KETTLE, 2)["path"]
    assert ours_of(kettle)["choice"]["state"] == "chosen"
    marks = [mark for mark in after.tracks.markers if ours_of(mark).get("kind") == "hit"]
    assert [mark.marked_range.start_time.value for mark in marks] == [5, 12, 52, 76, 84]
    drum = next(mark for mark in after.tracks.markers if mark.name == "FOLEY drum")
    assert ours_of(drum)["choice"]["state"] == "rejected"


def test_what_was_a_reaper_project_stays_one_byte_for_byte(place: Path, tmp_path: Path) -> None:
    project = tmp_path / "cut.rpp"
    files.write(files.read(place / "cut.otio"), project)
    reel = make_reel(place, tmp_path, timeline=project, name="foley.rpp")
    answer = reel.apply({KETTLE: reel.chosen(KETTLE, 2), DRUM: {"state": "rejected"}})
    before, after = (path.read_bytes().decode() for path in (project, tmp_path / "foley.rpp"))
    added = after.index("  <TRACK", after.index("<TRACK") + 1)
    assert after[:added] + ">\n" == before
    (track,) = [track_of(chunk) for chunk in parse(after.encode()).root.chunks("TRACK") if track_of(chunk).ours]
    assert [item.ours["region"] for item in track.items] == [answer["regions"][k]["id"] for k in (0, 2, 3)]
    assert [item.ours["state"] for item in track.items] == ["chosen", "proposed", "proposed"]


@pytest.fixture
def seat(place: Path, tmp_path: Path) -> Reel:
    """A reel asked for by a seat that names everything by drive letters."""
    timeline = files.read(place / "cut.otio")
    next(iter(timeline.find_clips())).media_reference.target_url = "P:\\reel\\shot.mp4"
    (tmp_path / "reel").mkdir()
    for name in ("shot.mp4", "hit.wav"):
        shutil.copy(place / name, tmp_path / "reel" / name)
    save(timeline, tmp_path / "reel" / "seat.otio")
    roots = Roots((tmp_path,), (tmp_path,), (("P:\\reel", tmp_path / "reel"), ("P:\\out", tmp_path / "out")))
    said = {"exemplar": "P:\\reel\\hit.wav", "out": "P:\\out\\foley.otio", "media_dir": "P:\\out\\takes"}
    return make_reel(tmp_path / "reel", tmp_path / "out", timeline=Path("P:\\reel\\seat.otio"), roots=roots, **said)


def test_a_seat_gets_back_the_paths_it_knows(seat: Reel, tmp_path: Path) -> None:
    answer = seat.apply({KETTLE: seat.edited(KETTLE, 2, level_db=-2)})
    assert str(tmp_path) not in json.dumps(answer)
    first = answer["regions"][0]["takes"][0]["path"]
    assert first.startswith("P:\\out\\takes\\") and (tmp_path / "out" / "takes" / first.split("\\")[-1]).is_file()
    written = otio.adapters.read_from_file(str(tmp_path / "out" / "foley.otio"))
    shot, *takes = written.find_clips()
    assert shot.media_reference.target_url == "P:\\reel\\shot.mp4"
    assert takes[0].media_reference.target_url == first
    assert str(tmp_path) not in otio.adapters.write_to_string(written, "otio_json")


def test_folders_that_may_not_be_written_any_more_are_refused(reel: Reel, tmp_path: Path) -> None:
    said = {"kind": "apply", "of": reel.of, "job": "reel1"}
    made = {"reel": reel.told({}), "opened": reel.opened, "base": reel.folder, "written": [reel.result["out_sha256"]]}
    roots = Roots((reel.folder, tmp_path), (tmp_path / "elsewhere",))
    with pytest.raises(JobError, match=r"out: .*foley\.otio lies outside"):
        apply_request_from_json(said, roots=roots, **made)
    roots = Roots((reel.folder,), (tmp_path,))
    request = apply_request_from_json(said, roots=roots, **made)
    with pytest.raises(JobError, match=r"a take: .* lies outside"):
        run_apply(request, job="apply1")
    sweep(request.plain.folders, "apply1")
