"""Retakes: further takes of a region of a reel, where the editor wants them, beside those that there are."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from job_materials import clicks, hits_in, marker, movie, save, timeline_of
from processors import Ground, Watched, fault, make_ground, watched

from foley_bridge.bridge.places import JOURNAL_FILE
from foley_bridge.errors import JobError
from foley_bridge.jobs.choice_rows import SETTLED_AT_FIRST
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.view import JobView
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.scan import scan

GATE = "DOORWood_Gate Shut_ME_LIB.wav"
posix = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")


@dataclass(frozen=True)
class Reel:
    """A ``generate`` that is done, and the daemon's processor that did it."""

    one: Watched
    ground: Ground
    id: str

    @classmethod
    def made(cls, one: Watched, ground: Ground, **request: Any) -> Reel:
        (view,) = one.ended(one.processor.submit(ground.request(**request)).record.id)
        assert (view.record.state, view.record.failed_regions) == ("done", 0), view.record.error
        return cls(one, ground, view.record.id)

    def takes(self, region: int) -> list[dict[str, Any]]:
        result = self.one.processor.job(self.id).record.result
        assert result is not None
        takes: list[dict[str, Any]] = result["regions"][region - 1]["takes"]
        return takes

    def submit(self, region: int, **asked: Any) -> str:
        return self.one.processor.submit({"kind": "retake", "job": self.id, "region": region, **asked}).record.id

    def asked(self, region: int, **asked: Any) -> JobView:
        (view,) = self.one.ended(self.submit(region, **asked))
        return view

    def retaken(self, region: int, **asked: Any) -> dict[str, Any]:
        """The region as a retake gives it."""
        view = self.asked(region, **asked)
        assert view.record.state == "done", view.record.error
        assert view.record.result is not None
        (answer,) = view.record.result["regions"]
        assert answer["number"] == region
        assert all(sha256(Path(take["path"])) == take["sha256"] for take in answer["takes"])
        return dict(answer)

    def refused(self, region: int, **asked: Any) -> str:
        view = self.asked(region, **asked)
        assert view.record.state == "failed" and view.record.error is not None
        return view.record.error["message"]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Three regions of 0.8 s at 0, 1 and 2 s, a hit tapped 0.32 s into each."""
    return make_ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="module")
def reel(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reel]:
    """Of two takes a region, seed 0. Tests leave a region's takes as they are, or take another region."""
    with watched(tmp_path_factory.mktemp("home")) as one:
        yield Reel.made(one, ground)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Slamming doors, a bottle, rain, and a shot with one region that asks for a door in words."""
    folder = tmp_path_factory.mktemp("library")
    sounds = folder / "sounds"
    sounds.mkdir()
    for number in range(1, 5):  # each of its own length, so of its own content
        clicks(sounds / f"DOORWood_Door Slam {number}_ME_LIB.wav", length_s=0.4 + 0.1 * number)
    clicks(sounds / "DOORWood_Gate Shut_ME_LIB.wav", length_s=1.1)
    clicks(sounds / "GLASBrk_Bottle Smash_ME_LIB.wav", length_s=0.9)
    scan(Catalogue.open(folder / "library", create=True), [sounds], watcher=lambda progress: None)
    movie(folder / "shot.mp4")
    marks = [marker("FOLEY door slam", 5, 40, 25), marker("HIT", 10, 1, 25), marker("HIT", 20, 1, 25)]
    save(timeline_of(folder / "shot.mp4", 50, 25, *marks), folder / "cut.otio")
    return Ground(folder)


@pytest.fixture(scope="module")
def doors(library: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reel]:
    """Two takes of the four doors."""
    with watched(tmp_path_factory.mktemp("home"), catalogue=library.folder / "library") as one:
        yield Reel.made(one, library, exemplar=None)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def heard_s(take: dict[str, Any]) -> list[float]:
    """Where the sound of a take begins, timeline seconds."""
    samples, rate = soundfile.read(take["path"])
    return [take["start"]["seconds"] - take["handle"]["seconds"] + hit for hit in hits_in(samples, rate)]


def sounds_of(region: dict[str, Any]) -> list[str]:
    return [take["source"]["file"] for take in region["takes"]]


def sent_back(reel: Reel, region: int) -> tuple[Any, list[str]]:
    """What becomes of a region when the reel's choices are applied: its error, and its sounds."""
    (view,) = reel.one.ended(reel.one.processor.submit({"kind": "apply", "job": reel.id}).record.id)
    assert view.record.result is not None, view.record.error
    told = view.record.result["regions"][region - 1]
    return told["error"], sounds_of(told)


# --- where the editor wants them ---


def test_hits_are_heard_where_they_were_asked_to_the_millisecond(reel: Reel) -> None:
    hits = [1.0404, 1.2871, 1.5333, 1.7]
    region = reel.retaken(2, hits_s=hits, options={"takes": "2"})
    assert region["tapped"]
    assert [onset["time_s"] for onset in region["onsets"]] == hits
    for take in region["takes"]:
        assert np.abs(np.array(take["onsets_s"]) - hits).max() < 1e-9
        assert np.abs(np.array(heard_s(take)) - hits).max() < 0.001


def test_an_offset_of_the_region_does_not_move_hits_that_were_put(ground: Ground, reel: Reel, tmp_path: Path) -> None:
    other = Reel.made(reel.one, ground, options={"takes": "1", "offset": "100"}, **to(tmp_path))
    assert heard_s(other.takes(2)[0]) == pytest.approx([1.42], abs=0.001)
    assert heard_s(other.retaken(2, hits_s=[1.5])["takes"][0]) == pytest.approx([1.5], abs=0.001)
    assert heard_s(other.retaken(2)["takes"][0]) == pytest.approx([1.42], abs=0.001)


def test_hits_outside_the_region_are_refused_by_name(reel: Reel) -> None:
    assert reel.refused(2, hits_s=[1.1, 1.8]) == "hits_s: 1.8 s lies outside region 'thing 1'"


def test_a_hit_on_the_first_frame_is_inside_at_rates_whose_frames_are_no_round_times(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    frame = next(k for k in range(1, 60) if Fraction(round(float(k / rate), 6)) < Fraction(float(k / rate)) < k / rate)
    movie(tmp_path / "shot.mp4", rate=rate)
    clicks(tmp_path / "hit.wav")
    marks = [marker("FOLEY thing", frame, 20, float(rate)), marker("HIT", frame, 1, float(rate))]
    save(timeline_of(tmp_path / "shot.mp4", 50, float(rate), *marks), tmp_path / "cut.otio")
    with watched(tmp_path / "home") as one:
        reel = Reel.made(one, Ground(tmp_path))
        for hit_s in (float(frame / rate), round(float(frame / rate), 6)):
            assert reel.retaken(1, hits_s=[hit_s])["onsets"][0]["time_s"] == float(frame / rate)
        assert "lies outside" in reel.refused(1, hits_s=[float(frame / rate) - 1e-4])


def test_onsets_are_seen_anew_when_asked_and_left_as_they_are_otherwise(reel: Reel) -> None:
    assert [onset["time_s"] for onset in reel.retaken(3)["onsets"]] == [2.32]
    seen = reel.retaken(3, options={"hits": "auto", "sensitivity": "1"})
    assert not seen["tapped"] and seen["seen"] and seen["motion"]["values"]


def test_another_detector_sees_them_anew(reel: Reel) -> None:
    seen = reel.retaken(3, options={"hits": "auto", "detector": "network"})
    assert not seen["tapped"] and seen["motion"]["values"]
    assert seen["takes"][0]["source"]["detector"] == "network"


# --- which takes ---


def test_the_same_again_is_the_same_file_and_is_not_touched(reel: Reel) -> None:
    had = reel.takes(1)
    times = [Path(take["path"]).stat().st_mtime_ns for take in had]
    again = reel.retaken(1, options={"takes": "2"})["takes"]
    assert [(take["path"], take["sha256"]) for take in again] == [(take["path"], take["sha256"]) for take in had]
    assert [Path(take["path"]).stat().st_mtime_ns for take in had] == times


def test_more_takes_are_those_that_the_reel_would_have_had_with_more(ground: Ground, reel: Reel, tmp_path: Path) -> None:
    four = Reel.made(reel.one, ground, options={"takes": "4"}, **to(tmp_path)).takes(1)
    first = reel.retaken(1, more=True)["takes"]
    second = reel.retaken(1, more=True)["takes"]
    assert [(Path(take["path"]).name, take["sha256"]) for take in [*reel.takes(1), *first, *second]] == [
        (Path(take["path"]).name, take["sha256"]) for take in four
    ]


def test_more_like_a_take_is_its_own_example_with_other_seeds(ground: Ground, reel: Reel) -> None:
    clicks(ground.folder / "other.wav", times_s=(0.05, 0.3))
    by_hand = reel.retaken(3, options={"like": str(ground.folder / "other.wav")})["takes"][0]
    assert by_hand["source"]["file"] == "other.wav"
    like_it = reel.retaken(3, like_take=by_hand["sha256"], options={"takes": "2"})["takes"]
    like_the_first = reel.retaken(3, like_take=reel.takes(3)[0]["sha256"])["takes"]
    assert [take["source"]["file"] for take in [*like_it, *like_the_first]] == ["other.wav", "other.wav", "hit.wav"]
    seeds = [take["seed"] for take in [*reel.takes(3), *like_it, *like_the_first]]
    assert len(set(seeds)) == 5


def test_more_like_a_take_is_made_by_what_made_it(reel: Reel) -> None:
    made = reel.retaken(1, options={"engine": "analogy", "candidates": "1"})["takes"][0]
    assert "computed" in made["source"]
    assert "computed" in reel.retaken(1, like_take=made["sha256"])["takes"][0]["source"]
    assert "computed" not in reel.retaken(1, like_take=reel.takes(1)[0]["sha256"])["takes"][0]["source"]


def test_a_file_that_somebody_put_in_a_takes_place_stays(ground: Ground, reel: Reel) -> None:
    take = reel.retaken(2, hits_s=[1.25])["takes"][0]
    Path(take["path"]).write_bytes(b"somebody's own")
    again = reel.retaken(2, hits_s=[1.25])["takes"][0]
    assert Path(take["path"]).read_bytes() == b"somebody's own"
    assert again["path"] != take["path"]
    assert heard_s(again) == pytest.approx([1.25], abs=0.001)
    Path(take["path"]).unlink()
    Path(take["path"]).symlink_to(again["path"])
    third = reel.retaken(2, hits_s=[1.25])["takes"][0]
    assert third["path"] == again["path"] and Path(take["path"]).is_symlink()


# --- the sound library ---


def test_a_sound_picked_by_hand_is_laid_on_the_onsets_of_the_region(doors: Reel) -> None:
    bottle = Catalogue.open(doors.ground.folder / "library").search("bottle")[0].sound
    take = doors.retaken(1, options={"pin": bottle.id})["takes"][0]
    assert take["source"]["library_id"] == bottle.id
    assert np.abs(np.array(heard_s(take)) - [0.4, 0.8]).max() < 0.001


def test_hits_that_move_keep_the_sounds_of_the_region(doors: Reel) -> None:
    had = [take["source"]["file"] for take in doors.takes(1)]
    moved = doors.retaken(1, hits_s=[0.3, 0.9], options={"takes": "2"})
    assert sounds_of(moved) == had
    assert np.abs(np.array(heard_s(moved["takes"][1])) - [0.3, 0.9]).max() < 0.001


def test_other_words_bring_other_sounds(doors: Reel) -> None:
    assert sounds_of(doors.retaken(1, words="bottle smash")) == ["GLASBrk_Bottle Smash_ME_LIB.wav"]
    assert "xylophone" in doors.refused(1, words="xylophone")


def test_more_brings_sounds_that_the_region_does_not_have_until_there_are_none(doors: Reel, tmp_path: Path) -> None:
    reel = Reel.made(doors.one, doors.ground, exemplar=None, **to(tmp_path))
    had = {take["source"]["file"] for take in reel.takes(1)}
    more = reel.retaken(1, more=True, options={"takes": "3"})
    assert len({*had, *sounds_of(more)}) == 4  # the doors that slam
    assert "the sound library has only 2 more that fit as well" in more["notes"]
    assert sounds_of(reel.retaken(1, more=True)) == [GATE]  # of a door, at least
    assert "no more sounds" in reel.refused(1, more=True)


def test_more_like_a_sound_are_those_of_its_words_and_then_of_its_category(doors: Reel, tmp_path: Path) -> None:
    reel = Reel.made(doors.one, doors.ground, exemplar=None, **to(tmp_path))
    had = {take["source"]["file"] for take in reel.takes(1)}
    like = reel.retaken(1, like_take=reel.takes(1)[1]["sha256"], options={"takes": "3"})
    assert len({*had, *sounds_of(like)[:2]}) == 4
    assert sounds_of(like)[2:] == [GATE]


def test_a_region_that_failed_is_looked_at_and_done_with_other_words_or_a_sound_picked_by_hand(
    library: Ground, tmp_path: Path
) -> None:
    folder = tmp_path / "reel"
    folder.mkdir()
    marks = [marker("FOLEY door slam", 0, 20, 25), marker("FOLEY bird", 25, 20, 25)]
    save(timeline_of(library.folder / "shot.mp4", 50, 25, *marks), folder / "cut.otio")
    with watched(tmp_path / "home", catalogue=library.folder / "library") as one:
        (view,) = one.ended(one.processor.submit(Ground(folder).request(exemplar=None)).record.id)
        assert view.record.failed_regions == 1, view.record.error
        reel = Reel(one, Ground(folder), view.record.id)
        assert "nothing for 'bird'" in reel.refused(2)
        one.journal.choices.write(reel.id, 2, 0, {**SETTLED_AT_FIRST, "state": "rejected"}, "me")
        assert sent_back(reel, 2) == (None, []), "who rejects it wants no sound there"
        one.journal.choices.write(reel.id, 2, 1, SETTLED_AT_FIRST, "me")
        mended = reel.retaken(2, words="glass bottle")
        assert (sounds_of(mended), mended["engine"]) == (["GLASBrk_Bottle Smash_ME_LIB.wav"], "recommend")
        assert (mended["error"], len(mended["motion"]["values"]) > 0) == (None, True)
        assert sent_back(reel, 2) == (None, sounds_of(mended))
        gate = Catalogue.open(library.folder / "library").search("gate")[0].sound
        assert sounds_of(reel.retaken(2, options={"pin": gate.id, "engine": "recommend"})) == [GATE]
        hits = [1.1, 1.5]
        assert [each["time_s"] for each in reel.retaken(2, hits_s=hits, words="gate")["onsets"]] == hits
        assert "no more sounds" in reel.refused(2, more=True), "there is none for its own words"


# --- the reel as it was ---


def test_what_becomes_of_the_users_timeline_does_not_matter(reel: Reel, tmp_path: Path) -> None:
    mine = Reel.made(reel.one, make_ground(tmp_path))
    (tmp_path / "cut.otio").unlink()
    shutil.rmtree(mine.ground.out)  # the takes, too: only the place is needed
    assert heard_s(mine.retaken(2, hits_s=[1.5])["takes"][0]) == pytest.approx([1.5], abs=0.001)
    kept = reel.one.home / "jobs" / mine.id
    assert sorted(path.name for path in kept.iterdir()) == ["motion.npz", "opened.otio"]
    shutil.rmtree(kept)
    assert "is not kept any more" in mine.refused(3)


def test_a_timeline_that_came_in_the_message_and_a_video_are_reels_like_any_other(
    ground: Ground, reel: Reel, tmp_path: Path
) -> None:
    one = reel.one
    payload = (ground.folder / "cut.otio").read_bytes()
    asked = ground.request(timeline={"payload": 0, "base": str(ground.folder)}, **to(tmp_path / "a"))
    (view,) = one.ended(one.processor.submit(asked, payload=payload).record.id)
    inline = Reel(one, ground, view.record.id)
    assert inline.retaken(1)["takes"][0]["sha256"] == inline.takes(1)[0]["sha256"]
    video = Reel.made(one, ground, timeline={"path": str(ground.folder / "shot.mp4")}, **to(tmp_path / "b"))
    again = video.retaken(1)  # of what was seen, or of the motion where that was nothing to rely on
    assert not again["tapped"]
    assert again["takes"][0]["sha256"] == video.takes(1)[0]["sha256"]


def test_a_job_that_fails_leaves_nothing_with_the_daemon(ground: Ground, reel: Reel, tmp_path: Path) -> None:
    nowhere = ground.request(exemplar=str(ground.folder / "nowhere.wav"), **to(tmp_path))
    (failed,) = reel.one.ended(reel.one.processor.submit(nowhere).record.id)
    assert failed.record.state == "failed"
    reel.one.until(lambda: not (reel.one.home / "jobs" / failed.record.id).exists())


# --- a worker of its own ---


def test_a_retake_does_not_wait_for_a_long_job_nor_that_for_it(ground: Ground, reel: Reel, tmp_path: Path) -> None:
    one = reel.one
    long = one.processor.submit(ground.request(options={"takes": "64"}, **to(tmp_path / "long"))).record.id
    next_one = one.processor.submit(ground.request(**to(tmp_path / "next"))).record.id
    one.entered(long, "region 1")
    retakes = [reel.submit(3, hits_s=[2.1 + 0.01 * number]) for number in range(3)]
    ended = one.ended(*retakes)
    assert one.processor.job(long).record.state == "running"
    assert one.processor.job(next_one).position == 1
    assert [view.record.state for view in ended] == ["done"] * 3
    assert [view.record.state for view in one.ended(long, next_one)] == ["done", "done"]
    one.until(lambda: one.processor.counts()["running"] == 0)


def test_places_in_the_queue_are_counted_for_long_and_quick_jobs_apart(ground: Ground, reel: Reel, tmp_path: Path) -> None:
    one = reel.one
    one.processor.expect_follow_ups()
    retakes = [reel.submit(2, hits_s=[1.4], options={"takes": "64", "seed": str(seed)}) for seed in range(1, 4)]
    one.entered(retakes[0], "region 2")
    long = [one.processor.submit(ground.request(**to(tmp_path / str(number)))).record.id for number in range(2)]
    places = {view.record.id: view.position for view in one.processor.jobs(("queued",))}
    assert [places.get(job) for job in retakes] == [None, 1, 2]
    assert places[long[1]] - places.get(long[0], 0) == 1  # the first one may be taken up by now
    assert one.processor.counts()["waiting"] >= 3
    one.processor.cancel(retakes[2])
    assert one.processor.job(retakes[2]).record.state == "cancelled"
    assert {view.record.state for view in one.ended(*retakes[:2], *long)} == {"done"}


def test_a_retake_that_runs_is_cancelled_and_leaves_nothing(ground: Ground, reel: Reel) -> None:
    before = ground.hashes()
    job = reel.submit(2, hits_s=[1.4], options={"takes": "64", "seed": "77"})
    reel.one.entered(job, "region 2")
    reel.one.processor.cancel(job)
    (view,) = reel.one.ended(job)
    assert (view.record.state, view.record.swept) == ("cancelled", True)
    assert ground.hashes() == before


def test_the_same_key_is_the_same_retake_whatever_became_of_the_reel(reel: Reel) -> None:
    first = reel.submit(2, more=True, key="more of it")
    reel.one.ended(first)
    reel.retaken(2, more=True)
    assert reel.submit(2, more=True, key="more of it") == first
    with pytest.raises(JobError, match="asked something else"):
        reel.submit(3, more=True, key="more of it")


def test_a_retake_goes_only_where_its_daemon_may_write(ground: Ground, reel: Reel, tmp_path: Path) -> None:
    shutil.copytree(reel.one.home, tmp_path / "home", ignore=shutil.ignore_patterns("*.lock"))
    roots = Roots(None, (tmp_path / "elsewhere",))
    processor = Processor(Journal(tmp_path / "home" / JOURNAL_FILE), home=tmp_path / "home", roots=roots)
    try:
        with pytest.raises(JobError, match=r"media_dir: .* lies outside the daemon's output folders"):
            processor.submit({"kind": "retake", "job": reel.id, "region": 2})
    finally:
        processor.stop()


# --- killed ---


class Undisturbed:
    """A reel, a retake of it, and the file that it makes when nobody disturbs it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.ground = folder / "home", make_ground(folder / "ground")
        with watched(self.home) as one:
            self.reel = Reel.made(one, self.ground)
            self.before = self.ground.hashes()
            (self.take,) = self.reel.retaken(2, hits_s=[1.3, 1.6])["takes"]
        self.files = self.ground.hashes()
        self.clear()

    def clear(self) -> None:
        Path(self.take["path"]).unlink()
        assert self.ground.hashes() == self.before

    def killed_at(self, monkeypatch: pytest.MonkeyPatch, number: int) -> bool:
        """Whether the worker came so far."""
        fault(monkeypatch, self.ground, "kill", number)
        with watched(self.home, workers=0) as one:
            view = Reel(one, self.ground, self.reel.id).asked(2, hits_s=[1.3, 1.6])
            assert view.record.state == "done"
            killed = (self.ground.folder / "fault.once").exists()
            assert view.record.attempts == 1 + killed
        assert self.ground.hashes() == self.files
        self.clear()
        return killed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


@posix
@pytest.mark.parametrize("number", [4, 13])
def test_a_retake_whose_worker_is_killed_makes_the_same_bytes(
    undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    assert undisturbed.killed_at(monkeypatch, number)


@posix
@pytest.mark.nightly
def test_a_retake_whose_worker_is_killed_at_anything_it_does_makes_the_same_bytes(
    undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 1
    while undisturbed.killed_at(monkeypatch, number):
        number += 1
    assert number > 10


def test_a_retake_of_a_daemon_that_goes_is_done_by_the_next(undisturbed: Undisturbed) -> None:
    home = undisturbed.home
    with watched(home, workers=0) as one:
        job = Reel(one, undisturbed.ground, undisturbed.reel.id).submit(2, hits_s=[1.3, 1.6])
    (home / "jobs" / "a job that the journal does not know").mkdir()
    with watched(home, workers=0) as one:
        (view,) = one.ended(job)
        assert view.record.state == "done"
    assert undisturbed.ground.hashes() == undisturbed.files
    assert [path.name for path in (home / "jobs").iterdir()] == [undisturbed.reel.id]
    undisturbed.clear()


def to(folder: Path) -> dict[str, str]:
    return {"out": str(folder / "foley.otio"), "media_dir": str(folder / "takes")}
