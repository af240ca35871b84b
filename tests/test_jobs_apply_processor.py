"""Choices applied by a daemon's worker: from the journal into files, once, whatever dies meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from processors import Watched, fault, make_ground, watched

from foley_bridge.jobs.choices import check
from foley_bridge.jobs.reel import region_of
from foley_bridge.timeline import files

posix = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")


def choose(one: Watched, reel: str, number: int, **choice: Any) -> None:
    """What the method ``choose`` writes."""
    region, rate = region_of(one.journal, reel, number)
    base = one.journal.choices.since(reel, 0).choices.get(number, {"revision": 0})["revision"]
    one.journal.choices.write(reel, number, base, check(choice, region, rate), "me")


def asked(one: Watched, **params: Any) -> Any:
    """A job's record when it has ended."""
    (view,) = one.ended(one.processor.submit(params).record.id)
    return view.record


def apply(one: Watched, reel: str, **params: Any) -> dict[str, Any]:
    record = asked(one, kind="apply", job=reel, **params)
    assert record.state == "done", record.error
    answer: dict[str, Any] = record.result
    return answer


def names(region: Mapping[str, Any]) -> list[str]:
    return [Path(take["path"]).name for take in region["takes"]]


def heard(path: str) -> list[str]:
    timeline = files.read(path)
    return [clip.media_reference.name for clip in timeline.audio_tracks()[0].find_clips()]


def test_an_editor_changes_his_mind_and_each_apply_is_what_he_chose_last(tmp_path: Path) -> None:
    ground = make_ground(tmp_path)
    with watched(tmp_path / "home") as one:
        made = asked(one, **ground.request())
        reel, regions = made.id, made.result["regions"]
        choose(one, reel, 1, state="chosen", take=regions[0]["takes"][1]["sha256"])
        choose(one, reel, 2, state="rejected", reason="music")
        first = apply(one, reel)
        assert first["revision"] == 2
        assert heard(first["out"]) == [names(regions[0])[1], names(regions[2])[0]]

        retake = asked(one, kind="retake", job=reel, region=2, hits_s=[1.5])
        assert retake.state == "done", retake.error
        take = retake.result["regions"][0]["takes"][0]
        edit = {"nudge_ms": 20, "level_db": -3}
        choose(one, reel, 2, state="chosen", take=take["sha256"], edits={take["sha256"]: edit}, onsets_s=[1.5])
        second = apply(one, reel)
        drum = second["regions"][1]
        assert heard(second["out"]) == [names(regions[0])[1], names(drum)[0], names(regions[2])[0]]
        assert drum["takes"][0]["edit"]["of"] == take["sha256"]
        assert drum["takes"][0]["onsets_s"] == pytest.approx([take["onsets_s"][0] + 0.02])
        assert drum["tapped"] and [onset["time_s"] for onset in drum["onsets"]] == [1.5]
        assert names(drum)[1:] == names(regions[1])
        assert second["out_sha256"] != first["out_sha256"] and second["revision"] == 3

        again = asked(one, kind="apply", job=reel)
        assert again.result == second

        Path(second["out"]).write_bytes(Path(second["out"]).read_bytes() + b" ")
        refused = asked(one, kind="apply", job=reel)
        assert (refused.state, refused.error["kind"]) == ("failed", "ConflictError")
        assert Path(second["out"]).read_bytes().endswith(b" ")
        assert apply(one, reel, force=True)["out_sha256"] == second["out_sha256"]
        assert not list(ground.out.rglob(".foley_bridge-*"))


def test_applies_that_wait_for_one_another_are_no_strangers_to_each_other(tmp_path: Path) -> None:
    ground = make_ground(tmp_path)
    with watched(tmp_path / "home") as one:
        made = asked(one, **ground.request())
        choose(one, made.id, 1, state="chosen", take=made.result["regions"][0]["takes"][1]["sha256"])
        first = one.processor.submit({"kind": "apply", "job": made.id}).record.id
        choose(one, made.id, 1, state="rejected")
        second = one.processor.submit({"kind": "apply", "job": made.id}).record.id
        assert [view.record.error for view in one.ended(first, second)] == [None, None]
        assert heard(str(ground.out / "cut_foley.otio")) == [names(region)[0] for region in made.result["regions"][1:]]


class Undisturbed:
    """A reel with choices, and the files that applying them makes when nobody disturbs it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.ground = folder / "home", make_ground(folder / "ground")
        self.report = str(self.ground.out / "cut.html")
        with watched(self.home) as one:
            made = asked(one, **self.ground.request())
            self.reel, regions = made.id, made.result["regions"]
            for number, edit in ((1, {"nudge_frames": 1}), (3, {"fade_in_s": 0.1, "level_db": -2})):
                take = regions[number - 1]["takes"][1]["sha256"]
                choose(one, self.reel, number, state="chosen", take=take, edits={take: edit}, note="so")
            choose(one, self.reel, 2, state="rejected", reason="no")
            self.before = self.ground.hashes()
            self.answer = apply(one, self.reel, report=self.report)
        self.files = self.ground.hashes()
        assert len(self.files.keys() - self.before.keys()) == 3  # two edited takes and a report

    def killed_at(self, monkeypatch: pytest.MonkeyPatch, number: int) -> bool:
        """Whether the worker came so far."""
        for name in self.files.keys() - self.before.keys():
            (self.ground.out / name).unlink()
        fault(monkeypatch, self.ground, "kill", number)
        with watched(self.home, workers=0) as one:
            record = asked(one, kind="apply", job=self.reel, report=self.report)
            assert (record.state, record.result) == ("done", self.answer)
            killed = (self.ground.folder / "fault.once").exists()
            assert record.attempts == 1 + killed
        assert self.ground.hashes() == self.files
        return killed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


@posix
@pytest.mark.parametrize("number", [9, 24])
def test_an_apply_whose_worker_is_killed_makes_the_same_bytes(
    undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    assert undisturbed.killed_at(monkeypatch, number)


@posix
@pytest.mark.nightly
def test_an_apply_whose_worker_is_killed_at_anything_it_does_makes_the_same_bytes(
    undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 1
    while undisturbed.killed_at(monkeypatch, number):
        number += 1
    assert number > 25
