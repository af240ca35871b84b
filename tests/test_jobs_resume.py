"""Jobs interrupted and taken up again, regions that fail alone, timelines inside a message, seats' own paths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import opentimelineio as otio
import pytest
from job_materials import clicks, files_under, marker, movie, save, span, timeline_of

from foley_bridge.errors import EngineError, FoleyError
from foley_bridge.jobs.destinations import destinations
from foley_bridge.jobs.generate import generate, run_job
from foley_bridge.jobs.outputs import sweep
from foley_bridge.jobs.request import GenerateRequest, Progress, request_from_json
from foley_bridge.jobs.roots import ANYWHERE, Roots

STEPS = ("opening", "region 1", "region 2", "region 3", "placing", "preview", "report", "timeline", "publishing")


class Killed(BaseException):
    """Ends a job as kill -9 does: see ``killed_at``."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shot, an example, and a timeline of three regions with tapped hits."""
    folder = tmp_path_factory.mktemp("ground")
    shot = movie(folder / "shot.mp4", seconds=3, rate=Fraction(25))
    clicks(folder / "hit.wav")
    marks = [marker(f"FOLEY {words}", at, 20, 25) for words, at in (("kettle", 0), ("drum", 25), ("box", 50))]
    for each in marks:
        each.metadata["foley_bridge"] = {"id": f"mark-{each.name}"}
    marks += [marker("HIT", at, 1, 25) for at in (4, 30, 34, 60)]
    save(timeline_of(shot, 75, 25, *marks), folder / "cut.otio")
    return folder


def asked(ground: Path, out: Path, **other: Any) -> GenerateRequest:
    return GenerateRequest(
        ground / "cut.otio",
        out / "foley.otio",
        out / "takes",
        exemplar=ground / "hit.wav",
        options={"takes": "2"},
        preview=out / "cut.mp4",
        report=out / "cut.html",
        **other,
    )


def hashes(folder: Path) -> dict[str, str]:
    """Every file's, with the folder's own name taken out of text files, which name their takes by absolute paths."""
    said = {}
    for name in files_under(folder):
        if (folder / name).is_file():
            content = (folder / name).read_bytes().replace(str(folder).encode(), b"HERE")
            said[name] = hashlib.sha256(content).hexdigest()
    return said


def killed_at(request: GenerateRequest, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a job and let it die as it enters a step: the clean-up of a living process does not happen."""

    def enter(name: str) -> None:
        if name == step:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("foley_bridge.jobs.outputs.Outputs.__exit__", lambda *_: None)
        run_job(request, job="job1", enter=enter)


@pytest.fixture(scope="module")
def undisturbed(ground: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed")
    steps: list[str] = []
    run_job(asked(ground, out), job="job1", enter=steps.append)
    assert tuple(steps) == STEPS
    sweep([out, out / "takes"], "job1")
    return hashes(out)


@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_died_at_a_step_ends_in_the_same_bytes(
    ground: Path, undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    request = asked(ground, tmp_path)
    killed_at(request, step, monkeypatch)
    assert [name for name in files_under(tmp_path) if ".foley_bridge-" not in name and name != "takes"] == []
    again: list[str] = []
    result = run_job(request, job="job1", enter=again.append)
    assert [len(region["takes"]) for region in result["regions"]] == [2, 2, 2]
    assert [region["id"] for region in result["regions"]] == ["mark-FOLEY kettle", "mark-FOLEY drum", "mark-FOLEY box"]
    assert {(take["fade_in_s"], take["fade_out_s"]) for region in result["regions"] for take in region["takes"]} == {(0, 0.01)}
    sweep([tmp_path, tmp_path / "takes"], "job1")
    assert hashes(tmp_path) == undisturbed


def test_regions_done_before_are_not_worked_again(ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at(asked(ground, tmp_path), "region 3", monkeypatch)
    worked: set[int] = set()

    def watcher(progress: Progress) -> None:
        if progress.step == "writing takes":
            worked.add(progress.region)

    run_job(asked(ground, tmp_path), watcher, job="job1")
    assert worked == {3}


@pytest.mark.parametrize("spoil", ["take", "note", "picture"])
def test_what_was_staged_is_not_trusted_when_it_or_the_picture_changed(
    ground: Path, undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    request = asked(ground, tmp_path)
    killed_at(request, "region 2", monkeypatch)
    hidden = tmp_path / "takes" / ".foley_bridge-job1"
    if spoil == "take":
        first = next(hidden.glob("*.wav"))
        first.write_bytes(first.read_bytes()[:-2] + b"xx")
    elif spoil == "note":
        (tmp_path / ".foley_bridge-job1" / "region_1.json").write_text('{"asked": 1')
    else:
        (ground / "shot.mp4").touch()
    worked: set[int] = set()
    run_job(request, lambda progress: worked.add(progress.region), job="job1")
    assert 1 in worked
    sweep([tmp_path, tmp_path / "takes"], "job1")
    assert hashes(tmp_path) == undisturbed


def test_a_published_job_answers_again_without_working(ground: Path, tmp_path: Path) -> None:
    request = asked(ground, tmp_path)
    first = run_job(request, job="job1")
    steps: list[str] = []
    assert run_job(request, job="job1", enter=steps.append) == first
    assert steps == []


def test_a_region_that_fails_while_it_is_worked_does_not_fail_the_others(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foley_bridge.engines import transfer

    propose: Callable[..., Any] = transfer.propose

    def fails_for_the_drum(region: Any, *args: Any, **named: Any) -> Any:
        if region.words == "drum":
            raise EngineError("the drum is gone", "bring it back")
        return propose(region, *args, **named)

    monkeypatch.setattr(transfer, "propose", fails_for_the_drum)
    result = generate(asked(ground, tmp_path))
    assert [region.error is None for region in result.regions] == [True, False, True]
    assert result.failed_regions == 1
    assert result.to_json()["regions"][1]["error"] == {
        "kind": "EngineError",
        "message": "region 'drum': the drum is gone",
        "hint": "bring it back",
    }
    clips = list(otio.adapters.read_from_file(str(tmp_path / "foley.otio")).audio_tracks()[0].find_clips())
    assert [clip.metadata["foley_bridge"]["region"] for clip in clips] == ["kettle", "box"]
    assert "the drum is gone" in (tmp_path / "cut.html").read_text("utf-8")


def test_regions_keep_their_numbers_when_one_of_them_cannot_be_used(ground: Path, tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(ground / "cut.otio"))
    timeline.tracks.markers[0].name = "FOLEY kettle takes=none"
    result = generate(replace(asked(ground, tmp_path), timeline=save(timeline, tmp_path / "cut.otio")))
    assert [(region.name, region.error is None) for region in result.regions][1:] == [("drum", True), ("box", True)]
    assert "takes=" in str(result.regions[0].error)
    assert sorted(path.name.split()[1] for path in (tmp_path / "takes").iterdir()) == ["R02", "R02", "R03", "R03"]


def test_when_no_region_can_be_done_the_job_fails_with_the_first_ones_fault(ground: Path, tmp_path: Path) -> None:
    with pytest.raises(FoleyError, match=r"kettle.*nowhere\.wav"):
        generate(replace(asked(ground, tmp_path), exemplar=ground / "nowhere.wav"))
    assert files_under(tmp_path) == []


def test_media_outside_the_allowed_folders_fails_its_region_by_name(ground: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    clicks(tmp_path / "in" / "hit.wav")
    request = replace(
        asked(ground, tmp_path / "out"),
        exemplar=tmp_path / "in" / "hit.wav",
        roots=Roots((tmp_path / "in",), (tmp_path / "out",)),
    )
    with pytest.raises(FoleyError, match=r"kettle.*shot\.mp4.*outside"):
        generate(request)


def test_an_example_named_in_a_region_stays_inside_the_allowed_folders(ground: Path, tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(ground / "cut.otio"))
    timeline.tracks.markers[0].name = f"FOLEY kettle like={tmp_path / 'secret.wav'}"
    clicks(tmp_path / "secret.wav")
    save(timeline, ground / "secret.otio")
    roots = Roots((ground,), (tmp_path / "out",))
    result = generate(replace(asked(ground, tmp_path / "out"), timeline=ground / "secret.otio", roots=roots))
    assert "secret.wav" in str(result.regions[0].error) and "outside" in str(result.regions[0].error)
    assert result.failed_regions == 1


def test_an_image_sequence_does_not_climb_out_of_its_folder(ground: Path, tmp_path: Path) -> None:
    for folder in ("in/frames", "outside"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(25):
            cv2.imwrite(str(tmp_path / folder / f"s.{number:04d}.png"), np.full((48, 64), 10 * number, np.uint8))
    clicks(tmp_path / "in" / "hit.wav")
    (tmp_path / "in" / "frames" / "s.0007.png").unlink()
    (tmp_path / "in" / "frames" / "s.0007.png").symlink_to(tmp_path / "outside" / "s.0007.png")
    for prefix in ("../../outside/s.", f"{tmp_path}/outside/s.", "s."):
        reference = otio.schema.ImageSequenceReference(
            str(tmp_path / "in" / "frames"), prefix, ".png", 0, 1, 25.0, 4, available_range=span(0, 25, 25)
        )
        timeline = timeline_of(tmp_path, 25, 25, marker("FOLEY kettle", 0, 20, 25), marker("HIT", 4, 1, 25))
        next(iter(timeline.find_clips())).media_reference = reference
        request = GenerateRequest(
            save(timeline, tmp_path / "in" / "cut.otio"),
            tmp_path / "out" / "foley.otio",
            tmp_path / "out" / "takes",
            exemplar=tmp_path / "in" / "hit.wav",
            roots=Roots((tmp_path / "in",), (tmp_path / "out",)),
        )
        with pytest.raises(FoleyError, match=r"outside|'\.\.'"):
            generate(request)


def test_a_report_over_a_sound_of_the_timeline_is_refused(ground: Path, tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(ground / "cut.otio"))
    music = otio.schema.Clip("music", otio.schema.ExternalReference(str(tmp_path / "music.html")), span(0, 75, 25))
    timeline.tracks.append(otio.schema.Track("A1", [music], kind="Audio"))
    (tmp_path / "music.html").write_text("music, so to speak")
    request = replace(asked(ground, tmp_path), timeline=save(timeline, tmp_path / "cut.otio"), report=tmp_path / "music.html")
    with pytest.raises(FoleyError, match="overwrite"):
        generate(request)
    for name, option in (("music.wav", "report"), (".bashrc", "preview")):
        with pytest.raises(FoleyError, match=name):
            generate(replace(asked(ground, tmp_path), **{option: tmp_path / name}))


def params(ground: Path, out: Path, **other: Any) -> dict[str, Any]:
    return {
        "kind": "generate",
        "timeline": {"path": str(ground / "cut.otio")},
        "out": str(out / "foley.otio"),
        "media_dir": str(out / "takes"),
        "exemplar": str(ground / "hit.wav"),
        "options": {"takes": "1"},
        **other,
    }


def test_a_timeline_that_came_in_the_message_finds_its_media_from_its_base(ground: Path, tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(ground / "cut.otio"))
    next(iter(timeline.find_clips())).media_reference.target_url = "shot.mp4"
    kept = save(timeline, tmp_path / "timeline.otio")
    said = params(ground, tmp_path, timeline={"payload": 0, "base": str(ground)})
    request = request_from_json(said, roots=ANYWHERE, catalogue=None, timeline_file=kept)
    result = run_job(request, job="job1")
    assert result["timeline"]["path"] is None
    assert [len(region["takes"]) for region in result["regions"]] == [1, 1, 1]
    assert "cut" in Path(result["regions"][0]["takes"][0]["path"]).stem.split("_")[-1]  # the timeline's own name


def test_a_seat_gets_back_the_paths_it_knows(ground: Path, tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(ground / "cut.otio"))
    next(iter(timeline.find_clips())).media_reference.target_url = "file:///P:/reel/shot.mp4"
    save(timeline, ground / "seat.otio")
    roots = Roots((ground,), (tmp_path,), (("P:\\reel", ground), ("P:\\out", tmp_path)))
    said = params(ground, tmp_path, timeline={"path": "P:\\reel\\seat.otio"}, exemplar="P:\\reel\\hit.wav")
    said |= {"out": "P:\\out\\foley.otio", "media_dir": "P:\\out\\takes", "key": "the-key"}
    result = run_job(request_from_json(said, roots=roots, catalogue=None), job="job1")
    sweep(destinations(said, roots), "job1")
    assert result["out"] == "P:\\out\\foley.otio"
    assert result["timeline"]["path"] == "P:\\reel\\seat.otio"
    written = otio.adapters.read_from_file(str(tmp_path / "foley.otio"))
    shot, *takes = list(written.find_clips())
    assert shot.media_reference.target_url == "file:///P:/reel/shot.mp4"
    for clip, region in zip(takes, result["regions"], strict=True):
        assert clip.media_reference.target_url == region["takes"][0]["path"]
        assert clip.metadata["foley_bridge"]["path"] == region["takes"][0]["path"]
        assert clip.media_reference.target_url.startswith("P:\\out\\takes\\")
        assert clip.metadata["foley_bridge"]["job_key"] == "the-key"
        assert (tmp_path / "takes" / region["takes"][0]["path"].split("\\")[-1]).is_file()
    assert str(tmp_path) not in json.dumps(result)


def test_progress_grows_to_the_end_and_counts_pictures(ground: Path, tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(ground / "cut.otio"))
    for mark in [mark for mark in timeline.tracks.markers if mark.name == "HIT"]:
        timeline.tracks.markers.remove(mark)
    seen: list[Progress] = []
    generate(replace(asked(ground, tmp_path), timeline=save(timeline, tmp_path / "cut.otio")), seen.append)
    whole = [progress.whole for progress in seen]
    assert whole == sorted(whole) and whole[0] == 0 and 0.9 < whole[-1] <= 1
    assert seen[-1].frames >= 60  # three regions of 20 pictures, each with what is watched around it
    assert {progress.regions for progress in seen[1:]} == {3}
