"""Both cores and the audition page, against a real daemon: opened, waited for, what was sent back laid in, found again."""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from core_bench import Place, lines, ours
from cores import LuaCore, PythonCore
from job_materials import clicks, movie
from serving import PATIENCE_S, Serving, serving
from simulated_plain import Host

from foley_bridge.bridge.client import Client

Json = dict[str, Any]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("daemon"), "--panel", "127.0.0.1:0") as serving_now:
        yield serving_now


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return movie(tmp_path_factory.mktemp("media") / "shot.mp4", seconds=6)


@pytest.fixture(scope="module")
def knock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clicks(tmp_path_factory.mktemp("sounds") / "knock.wav")


@pytest.fixture(params=["lua54", "python"])
def core(request: pytest.FixtureRequest) -> Any:
    return PythonCore() if request.param == "python" else LuaCore(request.param)


@pytest.fixture
def place(tmp_path: Path, daemon: Serving, shot: Path, knock: Path) -> Iterator[Place]:
    place = Place(tmp_path, daemon.endpoint, shot, knock)
    place.ranges = [
        place.range(f"R{number}", f'FOLEY like="{knock}" takes=2', 50 * number, 50 * number + 20) for number in (0, 1)
    ]
    yield place
    for path in place.work.glob("*.json"):  # who still waits sees that he need not
        path.unlink(missing_ok=True)


class Reel:
    """The page's part: what an editor chooses there and sends back."""

    def __init__(self, place: Place, host: Host) -> None:
        (last,) = place.work.glob("last-*")
        self.note, self.endpoint = last, place.endpoint
        self.job = self.last()["job"]

    def last(self) -> Json:
        return dict(json.loads(self.note.read_text("utf-8")))

    def choose(self, region: int, state: str, take: int | None = None) -> None:
        with Client(self.endpoint) as client:
            found = client.reel(self.job)["regions"][region - 1]
            choice = {"state": state, "take": found["takes"][take - 1]["id"] if take else None}
            client.choose(self.job, region, found["choice"]["revision"], choice, "me")

    def send_back(self, state: str = "done", **params: Any) -> str:
        with Client(self.endpoint) as client:
            job = client.submit({"kind": "apply", "job": self.job, **params})["job"]
            assert client.wait(job, PATIENCE_S)["state"] == state
        return str(job)


def laid(core: Any, place: Place) -> tuple[Host, Reel]:
    """A host in which two regions have their takes, and the reel they are of."""
    host = place.host()
    core.act(host, "generate", "all")
    host.run_ticks()
    assert [clip["region"] for clip in ours(host)] == ["R0", "R1"]
    host.said.clear()
    return host, Reel(place, host)


def opened(core: Any, host: Host, place: Place) -> str:
    """Open the page and wait until the host waits; the link."""
    core.act(host, "audition")
    until(host, lambda: waits(place))
    return host.opened[-1]


def waits(place: Place) -> Json | None:
    """What the foley-call that waits says of it."""
    for note in place.work.glob("waiting-*"):
        run = json.loads(note.read_text("utf-8"))["run"]
        progress = place.work / f"{run}.progress.json"
        if progress.exists():
            return dict(json.loads(progress.read_text("utf-8")))
    return None


def until(host: Host, true: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, host.said
        host.tick()
        time.sleep(0.05)


def sounding(host: Host) -> dict[str, int]:
    """Which of its files, by name, sounds in each region."""
    return {clip["region"]: Path(clip["path"]).name for clip in ours(host)}


def runs_of(place: Place) -> list[psutil.Process]:
    """Processes of foley-call for this project."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "--follow" in command and any(str(place.work) in word for word in command):
            found.append(process)
    return found


def gone(place: Place) -> None:
    end = time.monotonic() + PATIENCE_S
    while runs_of(place):
        assert time.monotonic() < end, "a foley-call still waits"
        time.sleep(0.05)


# --- open, send back ---


def test_the_page_of_the_last_run_is_opened_and_answers(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    link = urlsplit(opened(core, host, place))
    assert (host.said, len(host.opened)) == ([], 1)
    assert link.path.endswith(f"/reel/{reel.job}")
    page = http.client.HTTPConnection(link.netloc, timeout=PATIENCE_S)
    page.request("GET", link.path)
    assert page.getresponse().status == 200
    page.close()


def test_what_is_sent_back_is_laid_in_and_more_is_waited_for(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    before = sounding(host)
    opened(core, host, place)
    reel.choose(1, "chosen", take=2)
    reel.choose(2, "rejected")
    first = reel.send_back()
    until(host, lambda: host.said)
    assert lines(host)[0] == "1 region done, 2 takes laid on track Foley. 1 region without sound, as chosen. Undo: Edit > Undo"
    (clip,) = ours(host)
    assert (clip["region"], clip["start"], clip["duration"], clip["chosen"]) == ("R0", 0, 20, 1)
    assert sounding(host)["R0"] != before["R0"] and Path(clip["takes"][1]).name == before["R0"]
    assert reel.last()["applied"] == first
    reel.choose(2, "chosen", take=1)
    second = reel.send_back()
    until(host, lambda: len(host.said) > 1)
    assert [each["region"] for each in ours(host)] == ["R0", "R1"]
    assert sounding(host)["R1"] == before["R1"] and reel.last()["applied"] == second


def test_one_undo_step_lays_what_was_sent_back_and_takes_out_what_was_rejected(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    plans: list[Json] = []
    placing = host.place
    host.place = lambda plan: plans.append(plan) or placing(plan)  # type: ignore[method-assign, func-returns-value]
    opened(core, host, place)
    reel.choose(1, "rejected")
    reel.send_back()
    until(host, lambda: host.said)
    (plan,) = plans
    assert plan["label"] == "Foley: lay the choices for 2 regions"
    assert [clip["region"] for clip in plan["remove"]] == ["R0", "R1"] and [add["region"] for add in plan["add"]] == ["R1"]


def test_a_region_that_is_gone_is_refused_by_name_and_the_others_are_laid(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    del host._ranges[0]
    reel.choose(1, "rejected")
    reel.send_back()
    until(host, lambda: host.said)
    assert lines(host)[1] == "Not done:" and "at 01:00:00:00 is gone" in lines(host)[2]
    assert [clip["region"] for clip in ours(host)] == ["R0", "R1"]


def test_a_region_that_was_rejected_is_cleared_though_it_was_moved_and_renamed_meanwhile(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    host._ranges[0] |= {"start": 3, "text": "FOLEY other words"}
    reel.choose(1, "rejected")
    reel.send_back()
    until(host, lambda: host.said)
    assert [clip["region"] for clip in ours(host)] == ["R1"] and "Not done:" not in host.said[0]


def test_undecided_regions_that_are_to_get_none_are_cleared(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    reel.choose(1, "chosen", take=2)
    reel.send_back(undecided="none")
    until(host, lambda: host.said)
    assert lines(host)[0].startswith("1 region done, 2 takes laid on track Foley. 1 region without sound, as chosen.")
    assert [clip["region"] for clip in ours(host)] == ["R0"] and "Not done:" not in host.said[0]


def test_a_sending_that_fails_is_told_and_the_next_one_is_laid(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    out = next((place.folder / "Foley").glob("*/takes.otio"))
    whole = out.read_bytes()
    out.write_text("somebody's", "utf-8")
    reel.send_back("failed")
    until(host, lambda: host.said)
    assert lines(host)[0].startswith("The choices could not be applied: ") and str(out) in host.said[0]
    out.write_bytes(whole)
    reel.send_back()
    until(host, lambda: len(host.said) > 1)
    assert host.said[1].startswith("2 regions done")


def test_what_was_in_the_way_can_be_cleared_and_the_choices_applied_again(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    host.audio[0]["locked"] = True
    reel.choose(1, "rejected")
    reel.send_back()
    until(host, lambda: host.said)
    assert lines(host) == ["track 'Foley' is locked", "Unlock it and try again.", "Nothing was changed."]
    host.audio[0]["locked"] = False
    core.act(host, "apply_choices")
    until(host, lambda: len(host.said) > 1)
    assert [clip["region"] for clip in ours(host)] == ["R1"]


# --- at once ---


def test_apply_the_choices_lays_in_what_was_sent_last_as_often_as_one_likes(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    core.act(host, "apply_choices")
    host.run_ticks()
    assert host.said.pop() == "nothing was sent back from the audition page yet\nSend the choices back there first."
    reel.choose(2, "rejected")
    reel.send_back()
    for _ in range(2):
        core.act(host, "apply_choices")
        host.run_ticks()
        assert "1 region without sound, as chosen" in host.said.pop()
        assert [clip["region"] for clip in ours(host)] == ["R0"]


def test_apply_the_choices_lets_another_script_end_its_laying_and_then_waits_in_its_place(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    reel.choose(1, "rejected")
    reel.send_back()
    gone(place)  # it has answered; host, as a process of its own, is laying it in
    place.note("waiting", placing=True)
    other = place.host()
    other.audio = host.audio
    core.act(other, "apply_choices")
    until(other, lambda: (0, "Choices are being laid in") in other.shown)
    other.tick()
    assert other.said == [] and [clip["region"] for clip in ours(host)] == ["R0", "R1"]
    place.note("waiting", placing=False)  # it did not come to that
    until(other, lambda: other.said)
    host.run_ticks()
    assert (host.said, [clip["region"] for clip in ours(other)]) == ([], ["R1"])
    until(other, lambda: waits(place))
    reel.choose(2, "rejected")
    reel.send_back()
    until(other, lambda: len(other.said) > 1)
    assert ours(other) == []


def test_what_another_script_has_laid_in_meanwhile_is_not_laid_in_again(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    job = reel.send_back()
    gone(place)
    place.note("waiting", placing=True)
    other = place.host()
    core.act(other, "apply_choices")
    until(other, lambda: (0, "Choices are being laid in") in other.shown)
    place.note("last", applied=job)
    place.note("waiting", placing=False)
    other.run_ticks()
    assert other.said == [] and other.audio == []


def test_where_a_script_may_not_live_on_the_page_is_opened_and_the_user_told_to_come_back(core: Any, place: Place) -> None:
    host, _ = laid(core, place)
    host.lives_on = False
    core.act(host, "audition")
    host.run_ticks()
    assert len(host.opened) == 1 and "Apply the choices" in lines(host)[0]
    gone(place)
    assert place.left() == []


@pytest.mark.parametrize("action", ["audition", "apply_choices"])
def test_without_a_reel_the_user_is_told_to_generate(core: Any, place: Place, action: str) -> None:
    host = place.host()
    core.act(host, action)
    host.run_ticks()
    assert lines(host)[0].startswith("nothing was laid into this project yet") and lines(host)[1] == "Generate first."
    note = place.work / f"last-{core.call('call', 'digest', host._project['id'])}.json"
    note.write_text('{"run": "plain-1", "report": null}', "utf-8")  # as it was before there was a page
    core.act(host, action)
    host.run_ticks()
    assert host.said[1].splitlines()[1] == "Generate again."


def test_a_reel_that_the_daemon_does_not_know_is_told(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    reel.note.write_text(json.dumps(reel.last() | {"job": "nowhere"}), "utf-8")
    core.act(host, "audition")
    host.run_ticks()
    assert "nowhere" in host.said[0] and host.opened == []
    assert place.left() == []


# --- closed, taken over, ended ---


def test_a_host_that_was_closed_finds_what_was_sent_back_meanwhile(core: Any, place: Place) -> None:
    closed, reel = laid(core, place)
    opened(core, closed, place)
    reel.choose(1, "rejected")
    reel.send_back()
    place.age("waiting")  # closed ticks no more
    host = place.host()
    host.audio = closed.audio
    core.act(host, "place_ready")
    until(host, lambda: host.said)
    assert [clip["region"] for clip in ours(host)] == ["R1"]
    closed.run_ticks()  # it sees that another has taken over
    assert closed.said == []


def test_a_foley_call_that_was_ended_is_started_again_by_the_next_action(core: Any, place: Place) -> None:
    closed, reel = laid(core, place)
    opened(core, closed, place)
    for process in runs_of(place):
        process.kill()
    progress = next(place.work.glob("*.progress.json"))
    progress.write_text(json.dumps(json.loads(progress.read_text("utf-8")) | {"at_s": 0}), "utf-8")
    place.age("waiting")
    host = place.host()
    core.act(host, "audition")
    until(host, lambda: runs_of(place))
    reel.send_back()
    until(host, lambda: host.said)
    assert host.said[0].startswith("2 regions done")


def test_a_foley_call_that_gave_up_while_the_host_was_closed_is_replaced_when_the_page_is_opened_again(
    core: Any, place: Place
) -> None:
    closed, reel = laid(core, place)
    opened(core, closed, place)
    for process in runs_of(place):
        process.kill()
    progress = next(place.work.glob("*.progress.json"))
    error = {"kind": "BridgeError", "message": "nobody answers", "hint": ""}
    reply = progress.with_name(progress.name.replace(".progress.", ".reply."))
    reply.write_text(json.dumps({"foley_bridge": 1, "id": "x", "ok": False, "error": error}), "utf-8")
    place.age("waiting")
    host = place.host()
    core.act(host, "audition")
    until(host, lambda: reply not in list(place.work.iterdir()) and waits(place))
    reel.send_back()
    until(host, lambda: host.said)
    assert host.said[0].startswith("2 regions done")


def test_a_foley_call_is_not_taken_for_dead_when_nobody_looked_for_long(core: Any, place: Place) -> None:
    host, _ = laid(core, place)
    opened(core, host, place)
    core.set("waiting", "SILENT_S", 2)
    try:
        before = runs_of(place)
        time.sleep(4)  # the machine was asleep, and the host wakes up first
        host.tick()
        assert runs_of(place) == before
    finally:
        core.set("waiting", "SILENT_S", 60)


def test_only_one_waits_for_a_project(core: Any, place: Place) -> None:
    host, _ = laid(core, place)
    opened(core, host, place)
    other = place.host()
    core.act(other, "audition")
    other.run_ticks()
    assert (len(other.opened), other.said) == (1, [])
    until(host, lambda: len(runs_of(place)) == 1)  # that which asked for the link has ended


def test_a_new_run_ends_the_waiting(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    core.act(host, "generate", "selected")  # nothing is selected: no new run
    until(host, lambda: host.said)
    assert waits(place) and host.said.pop().startswith("no region is selected")
    core.act(host, "generate", "all")
    host.run_ticks()
    assert host.said[0].startswith("2 regions done") and reel.last()["job"] != reel.job
    assert "applied" not in reel.last()
    gone(place)
    assert place.left() == []


def test_a_new_run_that_comes_to_nothing_leaves_the_waiting_as_it_is(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    host.cancels = True
    host._ranges.pop()
    core.act(host, "generate", "all")
    until(host, lambda: host.said)
    assert host.said.pop() == "Cancelled. Nothing was changed."
    reel.choose(1, "rejected")
    reel.send_back()
    until(host, lambda: host.said)
    assert [clip["region"] for clip in ours(host)] == ["R1"]


def test_before_a_new_run_what_was_sent_back_to_a_closed_host_can_be_laid_in(core: Any, place: Place) -> None:
    closed, reel = laid(core, place)
    opened(core, closed, place)
    reel.choose(1, "rejected")
    reel.send_back()
    gone(place)  # it has answered
    place.age("waiting")
    host = place.host()
    host.audio = closed.audio
    host._ranges[0]["text"] = "FOLEY"  # another request
    host._ranges.pop(0)
    host.answers = [True]
    core.act(host, "generate", "all")
    host.run_ticks()
    assert host.asked == ["Choices that the audition page sent back were not laid in. Lay them in first?"]
    assert host.said[0].startswith("1 region done") and host.said[-1].startswith("1 region done")
    assert place.left() == []


def test_progress_offers_to_stop_the_waiting(core: Any, place: Place) -> None:
    host, _ = laid(core, place)
    opened(core, host, place)
    host.answers = [True]
    core.act(host, "progress")
    assert host.asked == ["What the audition page sends back is waited for. Stop waiting?"]
    core.set("waiting", "SILENT_S", -1)  # as when it has waited for long
    try:
        host.run_ticks()
    finally:
        core.set("waiting", "SILENT_S", 60)
    gone(place)
    assert (host.said, place.left()) == ([], [])


def test_choices_are_not_laid_into_another_project_that_was_opened_meanwhile(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    own, host._project["id"] = host._project["id"], "another"
    reel.choose(1, "rejected")
    reel.send_back()
    host.run_ticks()
    assert lines(host)[0] == "choices for project 'reel' were sent back, and it is not the one that is open now"
    assert [clip["region"] for clip in ours(host)] == ["R0", "R1"]
    host._project["id"] = own
    core.act(host, "place_ready")
    until(host, lambda: len(host.said) > 1)
    assert [clip["region"] for clip in ours(host)] == ["R1"]


def test_choices_that_come_when_no_project_is_open_wait_for_theirs(core: Any, place: Place) -> None:
    host, reel = laid(core, place)
    opened(core, host, place)
    reel.choose(1, "rejected")
    reel.send_back()
    gone(place)
    own, host.project = host.project, lambda: {}["none"]  # type: ignore[method-assign]
    host.run_ticks()
    assert lines(host)[0].startswith("choices for project 'reel' were sent back")
    host.project = own  # type: ignore[method-assign]
    core.act(host, "place_ready")
    until(host, lambda: len(host.said) > 1)
    assert [clip["region"] for clip in ours(host)] == ["R1"]


def test_a_daemon_that_is_not_there_is_started_for_the_page(
    core: Any, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with serving(home, "--panel", "127.0.0.1:0") as first:
        place.endpoint = first.endpoint
        place.write_config(endpoint=first.endpoint)
        host, _ = laid(core, place)
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(home))
    host.answers = [True]
    try:
        opened(core, host, place)
        assert host.asked[0].endswith("Start it?") and "/reel/" in host.opened[0]
    finally:
        shutil.rmtree(place.work)
        for note in home.rglob("daemon.json"):
            process = psutil.Process(json.loads(note.read_text("utf-8"))["pid"])
            process.terminate()
            process.wait(60)
        place.work.mkdir(parents=True)
