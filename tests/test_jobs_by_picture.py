"""Regions whose sounds the picture has a say in: chosen by it alone, with words, or not where it cannot be looked at."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

pytest.importorskip("onnx", reason="packs are made with onnx")
from colour_and_pitch import FPS, movie
from job_materials import files_under, marker, save, timeline_of
from near_materials import HERTZ, library_in, pack_in, tones
from packs import make_pack
from processors import Ground, Watched, fault, watched

from foley_bridge.errors import Cancelled, EngineError, FoleyError, LibraryError
from foley_bridge.inference.installed import Installed
from foley_bridge.inference.places import packs_folder
from foley_bridge.jobs import searching
from foley_bridge.jobs.generate import generate, run_job
from foley_bridge.jobs.kept import LOOKS, MOTION, kept_looks, kept_motion
from foley_bridge.jobs.outputs import sweep
from foley_bridge.jobs.request import GenerateRequest, Progress, Watcher, unwatched
from foley_bridge.jobs.result import RegionResult, Result
from foley_bridge.jobs.sight import sight_of
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.scan import scan
from foley_bridge.media.broadcast_wav import read_ixml
from foley_bridge.timeline.picture import Media, Picture, Span

LOW_DOOR, HIGH_DOOR = "DOORWood_Low Door_ME_SHOW.wav", "DOORMetl_High Door_ME_SHOW.wav"
LOW = {LOW_DOOR, "WATRMisc_Low Rumble_ME_SHOW.wav", "SWSH_Rising_ME_SHOW.wav"}
FRAMES = 6 * FPS


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a pack, a library that is embedded with it, and a shot: two seconds of red, of green, of blue."""
    folder = tmp_path_factory.mktemp("place")
    library_in(folder, pack_in(folder / "home"))
    movie(folder / "shot.mp4", ["red", "green", "blue"])
    return folder


@pytest.fixture(autouse=True)
def at_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(place / "home"))


def region(text: str, colour: str, frames: int = 40) -> list[otio.schema.Marker]:
    """A region inside one colour, with a hit in it."""
    start = ["red", "green", "blue"].index(colour) * 2 * FPS + 5
    return [marker(text, start, frames, FPS), marker("HIT", start + 8, 1, FPS)]


def asked(place: Path, out: Path, *marks: otio.schema.Marker, library: Path | None = None, **options: str) -> GenerateRequest:
    out.mkdir(parents=True, exist_ok=True)
    timeline = save(timeline_of(place / "shot.mp4", FRAMES, FPS, *marks), out / "cut.otio")
    options = {"takes": "1", **options}
    return GenerateRequest(timeline, out / "foley.otio", out / "takes", options=options, catalogue=library or place / "library")


def made(place: Path, out: Path, *marks: otio.schema.Marker, watcher: Watcher = unwatched, **more: Any) -> Result:
    return generate(asked(place, out, *marks, **more), watcher)


def sounds(region: RegionResult) -> list[str]:
    return [take.source["file"] for take in region.takes]


def hashes(folder: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes().replace(str(folder).encode(), b"HERE")).hexdigest()
        for name in files_under(folder)
        if (folder / name).is_file()
    }


# --- what is chosen ---


def test_a_region_without_words_gets_what_goes_with_its_picture_and_says_by_which_pack(place: Path, tmp_path: Path) -> None:
    red, green = made(place, tmp_path, *region("FOLEY", "red"), *region("FOLEY", "green")).regions
    assert (red.engine, green.engine, red.error) == ("recommend", "recommend", None)
    assert set(sounds(red)) <= LOW and sounds(green)[0] in {"GLASMisc_Middling Glass_ME_SHOW.wav", "SWSH_Rising_ME_SHOW.wav"}
    source, pack = red.takes[0].source, Installed(place / "home").serving("recommendation")
    assert pack is not None and (source["pack"], source["pack_sha256"]) == (pack.id, pack.hash)
    assert 0.5 < float(source["picture_score"]) <= 1 and "words_score" not in source
    ixml = read_ixml(red.takes[0].path)
    assert ixml is not None and pack.hash in ixml and source["picture_score"] in ixml


def test_the_picture_chooses_among_sounds_of_the_same_words(place: Path, tmp_path: Path) -> None:
    red, blue = made(place, tmp_path, *region("FOLEY door", "red"), *region("FOLEY door", "blue"), takes="2").regions
    assert sounds(red) == [LOW_DOOR, HIGH_DOOR] and sounds(blue) == [HIGH_DOOR, LOW_DOOR]
    source = red.takes[0].source
    assert source["words_score"] == "1.000" and float(source["picture_score"]) > 0.5
    assert float(red.takes[0].source["picture_score"]) > float(red.takes[1].source["picture_score"])


def test_words_outweigh_the_picture(place: Path, tmp_path: Path) -> None:
    (only,) = made(place, tmp_path, *region("FOLEY bell", "red")).regions
    assert sounds(only) == ["BELLMisc_High Bell_ME_SHOW.wav"] and only.notes == ()


def test_a_reel_of_one_picture_does_not_hear_one_sound_everywhere(place: Path, tmp_path: Path) -> None:
    marks = [marker("FOLEY", at, 10, FPS) for at in (1, 26)] + [marker("HIT", at + 4, 1, FPS) for at in (1, 26)]
    regions = made(place, tmp_path, *marks).regions
    assert {sounds(each)[0] for each in regions} == LOW - {"SWSH_Rising_ME_SHOW.wav"}  # which is much too long


def test_of_a_category_all_may_come_and_the_picture_says_which_first(place: Path, tmp_path: Path) -> None:
    (only,) = made(place, tmp_path, *region("FOLEY ucs=DOORMetl", "red")).regions
    assert sounds(only) == [HIGH_DOOR] and "words_score" not in only.takes[0].source


def test_words_that_the_library_does_not_know_leave_it_to_the_picture_and_a_note_says_so(place: Path, tmp_path: Path) -> None:
    (only,) = made(place, tmp_path, *region("FOLEY xylophone", "red")).regions
    assert set(sounds(only)) <= LOW
    assert any("nothing for 'xylophone'" in note and "picture alone" in note for note in only.notes)


def test_what_is_pinned_is_not_for_the_picture_to_say(place: Path, tmp_path: Path) -> None:
    bell = Catalogue.open(place / "library").search("bell")[0].sound
    (only,) = made(place, tmp_path, *region(f"FOLEY pin={bell.id}", "red"), takes="2").regions
    assert sounds(only) == ["BELLMisc_High Bell_ME_SHOW.wav"] * 2
    assert not {"picture_score", "pack", "words_score"} & set(only.takes[0].source)


# --- where the picture has no say ---


def without_picture(place: Path, out: Path) -> Path:
    """A place like the other, but its shot is no movie."""
    out.mkdir()
    (out / "shot.mp4").write_bytes(b"this is no movie" * 100)
    return out


def test_a_picture_that_cannot_be_read_leaves_it_to_the_words_or_fails_its_region_alone(place: Path, tmp_path: Path) -> None:
    broken = without_picture(place, tmp_path / "broken")
    marks = [*region("FOLEY door", "red"), *region("FOLEY", "green")]
    door, nothing = made(broken, tmp_path / "out", *marks, library=place / "library").regions
    assert sounds(door)[0] in (LOW_DOOR, HIGH_DOOR) and "picture_score" not in door.takes[0].source
    assert any("words alone" in note and "shot.mp4" in note for note in door.notes)
    assert nothing.error is not None and "shot.mp4" in nothing.error.message and "FOLEY" not in nothing.takes


def test_black_shows_nothing(place: Path, tmp_path: Path) -> None:
    timeline = otio.schema.Timeline("cut")
    timeline.tracks.append(
        otio.schema.Track("V1", [otio.schema.Gap(duration=otio.opentime.RationalTime(100, FPS))], kind="Video")
    )
    timeline.tracks.markers.extend(region("FOLEY", "red"))
    request = asked(place, tmp_path)
    save(timeline, request.timeline)
    with pytest.raises(FoleyError, match=r"region .*: nothing is on screen"):
        generate(request)


@pytest.fixture
def other_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "other home"
    home.mkdir()
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(home))
    return home


def test_a_pack_that_cannot_be_used_leaves_it_to_the_words(place: Path, tmp_path: Path, other_home: Path) -> None:
    packs_folder(other_home).mkdir(parents=True)
    (packs_folder(other_home) / "use.json").write_text(json.dumps({"recommendation": "gone@1"}), "utf-8")
    result = made(place, tmp_path / "out", *region("FOLEY door", "red"), *region("FOLEY", "green"))
    door, nothing = result.regions
    assert sounds(door)[0] in (LOW_DOOR, HIGH_DOOR)
    assert [note for note in result.notes if "words alone" in note and "gone@1" in note]
    assert nothing.error is not None and "gone@1" in nothing.error.message


def test_a_library_embedded_for_another_pack_says_so(place: Path, tmp_path: Path, other_home: Path) -> None:
    Installed(other_home).add(make_pack(tmp_path / "pack", name="another", seed=5))
    result = made(place, tmp_path / "out", *region("FOLEY door", "red"))
    assert [note for note in result.notes if "not embedded for another@1" in note]
    with pytest.raises(FoleyError) as caught:
        made(place, tmp_path / "out2", *region("FOLEY", "red"))
    assert "not embedded for another@1" in caught.value.message and "library embed" in caught.value.hint


def test_a_library_that_nobody_embedded_is_asked_by_words_and_nothing_is_said(place: Path, tmp_path: Path) -> None:
    library_in(tmp_path)
    result = made(place, tmp_path / "out", *region("FOLEY door", "red"), library=tmp_path / "library")
    assert not [note for note in (*result.notes, *result.regions[0].notes) if "embed" in note or "alone" in note]
    assert "picture_score" not in result.regions[0].takes[0].source
    with pytest.raises(FoleyError, match="does not say what it should sound like") as caught:
        made(place, tmp_path / "out2", *region("FOLEY", "red"), library=tmp_path / "library")
    assert "library embed" in caught.value.hint


def test_a_library_embedded_in_part_says_how_much_the_picture_knows(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "library", tmp_path / "library")
    tones(tmp_path / "sounds" / "DOORWood_New Door_ME_SHOW.wav", HERTZ["low"] * 1.3)
    scan(Catalogue.open(tmp_path / "library"), [tmp_path / "sounds"])
    result = made(place, tmp_path / "out", *region("FOLEY new door", "red"), library=tmp_path / "library")
    assert [note for note in result.notes if "6 of the library's 7 sounds" in note]
    assert sounds(result.regions[0]) == ["DOORWood_New Door_ME_SHOW.wav"]
    assert "picture_score" not in result.regions[0].takes[0].source


# --- again ---

STEPS = ("region 1", "region 2", "region 3", "placing", "timeline", "publishing")
REEL = (*region("FOLEY", "red"), *region("FOLEY door", "green"), *region("FOLEY", "blue"))


class Killed(BaseException):
    """Ends a job as kill -9 does."""


@pytest.fixture(scope="module")
def undisturbed(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    out = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOLEY_BRIDGE_HOME", str(place / "home"))
        run_job(asked(place, out, *REEL, takes="2"), job="job1", opened=out / "kept" / "opened.otio")
    sweep([out, out / "takes"], "job1")
    shutil.rmtree(out / "kept")
    yield hashes(out)


@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_died_at_a_step_ends_in_the_same_bytes_and_looks_at_nothing_twice(
    place: Path, undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept" / "opened.otio"
    request = asked(place, out, *REEL, takes="2")

    def enter(name: str) -> None:
        if name == step:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("foley_bridge.jobs.outputs.Outputs.__exit__", lambda *_: None)
        run_job(request, job="job1", enter=enter, opened=kept)
    seen: list[Progress] = []
    run_job(request, seen.append, job="job1", opened=kept)
    sweep([out, out / "takes"], "job1")
    assert hashes(out) == undisturbed
    assert {progress.frames for progress in seen} == {0}


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_a_reel_whose_worker_is_killed_is_the_same_bytes(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ground = Ground(tmp_path / "reel")
    ground.folder.mkdir()
    save(timeline_of(place / "shot.mp4", FRAMES, FPS, *REEL), ground.folder / "cut.otio")
    files = []
    for number in (0, 3, 12, 20):  # the whichth thing it does to its folder; 0: none
        ground.clear()
        fault(monkeypatch, ground, "kill", number)
        with watched(tmp_path / "journal", catalogue=place / "library") as one:
            (view,) = one.ended(one.processor.submit(ground.request(exemplar=None)).record.id)
        assert (view.record.state, view.record.attempts) == ("done", 2 if number else 1), view.record.error
        files.append(ground.hashes())
    assert len(files[0]) > 6 and all(each == files[0] for each in files)


def test_another_pack_makes_other_takes_of_the_same_sounds(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash is in their keys, so that nobody takes the one for the other."""
    home = tmp_path / "home"
    Installed(home).add(make_pack(tmp_path / "pack", version="2"))  # the same graphs, and so the same space
    one = made(place, tmp_path / "one", *region("FOLEY door", "red")).regions[0]
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(home))
    two = made(place, tmp_path / "two", *region("FOLEY door", "red")).regions[0]
    assert sounds(one) == sounds(two)
    assert (one.takes[0].source["pack"], two.takes[0].source["pack"]) == ("tiny@1", "tiny@2")
    assert one.takes[0].path.name != two.takes[0].path.name


@pytest.mark.parametrize("left", [b"", b"PK", b"no archive at all"])
def test_what_was_kept_and_lies_there_in_part_is_as_if_nobody_had_looked(tmp_path: Path, left: bytes) -> None:
    for name in (MOTION, LOOKS):
        (tmp_path / name).write_bytes(left)
    assert kept_looks(tmp_path / "opened.otio", "any") == {}
    assert not len(kept_motion(tmp_path / "opened.otio", 1).time_s)


def test_a_search_by_a_region_whose_media_are_gone_names_them(place: Path) -> None:
    encoders = sight_of(place / "library").encoders
    assert encoders is not None
    gone = Picture((Span(Fraction(0), Fraction(2), Media("missing", "gone.mov", "/nowhere/gone.mov")),))
    with pytest.raises(EngineError, match=r"gone\.mov"):
        searching.by_region(lambda: gone, Fraction(0), Fraction(2))(encoders)
    with pytest.raises(LibraryError, match="no picture"):
        searching.by_region(lambda: Picture((Span(Fraction(0), Fraction(2)),)), Fraction(0), Fraction(2))(encoders)


@pytest.mark.parametrize(
    "at",
    [lambda progress: progress.frames == 2, lambda progress: progress.fraction == 1 and progress.region == 2],
    ids=["looking at pictures", "asking the library"],
)
def test_whoever_stops_it_while_it_looks_finds_nothing(place: Path, tmp_path: Path, at: Callable[[Progress], bool]) -> None:
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if progress.step == "looking for sounds" and at(progress):
            raise Cancelled("stopped")

    request = asked(place, tmp_path, *REEL)
    with pytest.raises(Cancelled):
        generate(request, stop)
    assert files_under(tmp_path) == ["cut.otio"]
    assert seen[-1].region > 0


def test_progress_grows_from_looking_to_the_end(place: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    made(place, tmp_path, *REEL, watcher=seen.append)
    whole = [progress.whole for progress in seen]
    assert whole == sorted(whole) and 0.9 < whole[-1] <= 1
    looking = [progress for progress in seen if progress.step == "looking for sounds"]
    assert {progress.region for progress in looking} == {1, 2, 3} and looking[-1].frames == 3


# --- retakes ---


@pytest.fixture(scope="module")
def daemon(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOLEY_BRIDGE_HOME", str(place / "home"))
        with watched(tmp_path_factory.mktemp("journal"), catalogue=place / "library") as one:
            yield one


def reel(daemon: Watched, place: Path, folder: Path, takes: int = 1) -> tuple[str, list[list[dict[str, Any]]]]:
    """A reel's id, and its regions' takes."""
    folder.mkdir()
    save(
        timeline_of(place / "shot.mp4", FRAMES, FPS, *region("FOLEY", "red"), *region("FOLEY door", "blue")),
        folder / "cut.otio",
    )
    request = Ground(folder).request(exemplar=None, options={"takes": str(takes)})
    (view,) = daemon.ended(daemon.processor.submit(request).record.id)
    assert (view.record.state, view.record.failed_regions) == ("done", 0), view.record.error
    assert view.record.result is not None
    return view.record.id, [each["takes"] for each in view.record.result["regions"]]


def retaken(daemon: Watched, job: str, region: int, **more: Any) -> list[dict[str, Any]]:
    (view,) = daemon.ended(daemon.processor.submit({"kind": "retake", "job": job, "region": region, **more}).record.id)
    assert view.record.state == "done", view.record.error
    assert view.record.result is not None
    takes: list[dict[str, Any]] = view.record.result["regions"][0]["takes"]
    return takes


def ids(takes: list[dict[str, Any]]) -> list[str]:
    return [take["source"]["library_id"] for take in takes]


def test_more_are_the_sounds_that_the_reel_would_have_had_with_more_takes(place: Path, daemon: Watched, tmp_path: Path) -> None:
    _, three = reel(daemon, place, tmp_path / "three", takes=3)
    job, one = reel(daemon, place, tmp_path / "one")
    (daemon.home / "jobs" / job / "opened.otio").stat()
    first, second = retaken(daemon, job, 1, more=True), retaken(daemon, job, 1, more=True)
    assert ids([*one[0], *first, *second]) == ids(three[0])
    assert first[0]["source"]["picture_score"] == three[0][1]["source"]["picture_score"]
    looks = daemon.home / "jobs" / job / "looks.npz"
    looks.write_bytes(looks.read_bytes()[:200])  # what was kept is damaged: it is looked at again
    assert ids(retaken(daemon, job, 2, more=True)) == [ids(three[1])[1]]


def test_the_same_sounds_laid_anew_need_no_picture(place: Path, daemon: Watched, tmp_path: Path) -> None:
    job, takes = reel(daemon, place, tmp_path / "reel")
    again = retaken(daemon, job, 1, hits_s=[0.5])
    assert ids(again) == ids(takes[0]) and "picture_score" not in again[0]["source"]


def test_sound_like_this_is_what_sounds_like_it(place: Path, daemon: Watched, tmp_path: Path) -> None:
    job, _ = reel(daemon, place, tmp_path / "reel")
    glass = Catalogue.open(place / "library").search("glass")[0].sound
    pinned = retaken(daemon, job, 1, options={"pin": glass.id})
    like = retaken(daemon, job, 1, like_take=pinned[0]["sha256"])
    assert [take["source"]["file"] for take in like] == ["SWSH_Rising_ME_SHOW.wav"]  # which has it in its middle
    assert "picture_score" not in like[0]["source"] and "pack" not in like[0]["source"]


def test_other_words_are_weighed_with_the_picture(place: Path, daemon: Watched, tmp_path: Path) -> None:
    job, _ = reel(daemon, place, tmp_path / "reel")
    (take,) = retaken(daemon, job, 1, words="door")
    assert take["source"]["file"] == LOW_DOOR and take["source"]["words_score"] == "1.000"
    assert Fraction(take["source"]["picture_score"]) > Fraction(1, 2)
