"""Reels as pages see them: asked of the daemon once, true afterwards, through every absence of the daemon."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from panel_serving import TOKEN, Panel, panel
from panel_staged import Staged
from ports import free_ports
from serving import PATIENCE_S, Serving, serving

from foley_bridge.bridge.client import Client
from foley_bridge.bridge.places import JOURNAL_FILE
from foley_bridge.jobs.journal import Journal

REGIONS = 500


def write_long_reel(home: Path, staged: Staged) -> None:
    """A daemon's folder whose journal has a reel of 500 regions, job ``long``, each as that which was made."""
    home.mkdir()
    first = staged.result["regions"][0]
    regions = [{**first, "name": f"region {number}"} for number in range(1, REGIONS + 1)]
    request = {
        "kind": "generate",
        "timeline": {"path": str(staged.folder / "cut.otio")},
        "out": staged.result["out"],
        "media_dir": str(staged.folder / "takes"),
    }
    journal = Journal(home / JOURNAL_FILE)
    journal.add("long", "generate", request, folders=[staged.folder])
    journal.start("long")
    journal.finish("long", "done", result={**staged.result, "regions": regions}, swept=True)
    journal.close()


@pytest.fixture(scope="module")
def long_daemon(staged: Staged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    home = tmp_path_factory.mktemp("long") / "home"
    write_long_reel(home, staged)
    with serving(home, "--metrics-bind", "127.0.0.1:0") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def long_panel(long_daemon: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    with panel(long_daemon.endpoint, tmp_path_factory.mktemp("long-panel")) as running:
        yield running


def asked(daemon: Serving) -> dict[str, int]:
    """How many requests of each method the daemon has answered."""
    with urllib.request.urlopen(daemon.said["endpoints"]["metrics"], timeout=PATIENCE_S) as answer:
        lines = answer.read().decode().splitlines()
    found: dict[str, int] = {}
    for line in lines:
        if line.startswith("foley_bridge_requests_total{method="):
            method = line.split('"')[1]
            found[method] = found.get(method, 0) + int(float(line.split()[-1]))
    return found


def choose(client: Client, region: int, base: int, job: str = "long", **choice: Any) -> dict[str, Any]:
    return client.choose(job, region, base, {"state": "rejected", "take": None, **choice}, "another page")


# --- what a page costs ---


def test_a_page_of_500_regions_costs_the_daemon_one_reel(long_daemon: Serving, tmp_path: Path) -> None:
    before = asked(long_daemon)
    with panel(long_daemon.endpoint, tmp_path) as fresh:
        overview = fresh.get("/api/reels/long")
        assert [region["number"] for region in overview["regions"]] == list(range(1, REGIONS + 1))
        for number in range(1, REGIONS + 1, 25):
            assert fresh.get(f"/api/reels/long/regions/{number}")["name"] == f"region {number}"
        assert fresh.get("/api/reels/long") == overview
    after = asked(long_daemon)
    assert after["reel"] - before.get("reel", 0) == 1
    assert after["choices"] - before.get("choices", 0) == REGIONS // 25 + 1


def test_the_overview_says_what_the_contract_says(staged: Staged) -> None:
    overview = staged.panel.get(f"/api/reels/{staged.job}")
    assert {name: overview[name] for name in ("job", "title", "revision", "rate", "drop", "start_s", "sample_rate")} == {
        "job": staged.job,
        "title": "cut",
        "revision": 0,
        "rate": "24000/1001",
        "drop": False,
        "start_s": 3603.6,
        "sample_rate": 48000,
    }
    assert set(overview) >= {"duration_s", "out", "notes", "applied", "retaking", "regions"}
    assert "opened" not in overview and "media_dir" not in overview
    short, _, odd, nothing = overview["regions"]
    assert short == {
        "number": 1,
        "name": "short",
        "text": "FOLEY short takes=2 handles=12f",
        "timecode": "01:00:01:00",
        "timecode_end": "01:00:03:00",
        "start_s": 1.001,
        "end_s": 3.003,
        "engine": "transfer",
        "state": "proposed",
        "tapped": False,
        "reliable": short["reliable"],
        "touched": False,
        "takes": 2,
        "error": None,
        "note": None,
        "revision": 0,
    }
    assert (odd["timecode"], odd["timecode_end"]) == ("01:01:11:06", "01:01:12:12")
    assert nothing["takes"] == 0
    assert "nothing.wav" in nothing["error"]


def test_a_region_is_as_the_reel_has_it(staged: Staged) -> None:
    with Client(staged.daemon.endpoint) as client:
        whole = client.reel(staged.job)["regions"][0]
    found = staged.panel.get(f"/api/reels/{staged.job}/regions/1")
    assert {name: value for name, value in found.items() if name != "windows"} == whole


def test_the_reels_are_listed(staged: Staged) -> None:
    (only,) = staged.panel.get("/api/reels")["reels"]
    assert (only["job"], only["title"], only["regions"], only["chosen"], only["failed"]) == (staged.job, "cut", 4, 0, 1)


# --- choices ---


def test_a_choice_is_written_and_read_again(long_panel: Panel) -> None:
    region = long_panel.get("/api/reels/long/regions/10")
    take = region["takes"][1]["id"]
    choice = {"state": "chosen", "take": take, "edits": {take: {"level_db": -3.0}}, "note": "good"}
    path = "/api/reels/long/regions/10/choice"
    written = long_panel.ask(path, "PUT", {"base": 0, "choice": choice, "by": "me"})
    assert written.status == 200
    assert (written.json["choice"]["revision"], written.json["choice"]["by"]) == (1, "me")
    overview = long_panel.get("/api/reels/long")
    assert (overview["regions"][9]["state"], overview["regions"][9]["note"]) == ("chosen", "good")
    assert overview["revision"] == written.json["revision"]
    assert long_panel.get("/api/reels/long/regions/10")["choice"] == written.json["choice"]


def test_a_region_is_touched_when_an_editor_did_something_to_it_and_decided_nothing(long_panel: Panel) -> None:
    number = 40
    take = long_panel.get(f"/api/reels/long/regions/{number}")["takes"][1]["id"]
    done = [
        ({"note": "ask"}, False),
        ({"edits": {take: {"level_db": -3.0}}}, True),
        ({"onsets_s": [1.5]}, True),
        ({"take": take}, True),
        ({"state": "chosen", "take": take}, False),
    ]
    for base, (choice, touched) in enumerate(done):
        body = {"base": base, "choice": {"state": "proposed", "take": None, **choice}, "by": "me"}
        assert long_panel.ask(f"/api/reels/long/regions/{number}/choice", "PUT", body).status == 200
        assert long_panel.get("/api/reels/long")["regions"][number - 1]["touched"] is touched, choice


def test_a_choice_that_is_refused_says_which_field(long_panel: Panel) -> None:
    body = {"base": 0, "choice": {"state": "perhaps", "take": None}, "by": "me"}
    answer = long_panel.ask("/api/reels/long/regions/11/choice", "PUT", body)
    assert answer.status == 400
    assert "state" in answer.json["error"]["message"]


def test_who_has_not_seen_the_newest_choice_gets_it_and_changes_nothing(long_daemon: Serving, long_panel: Panel) -> None:
    long_panel.get("/api/reels/long")
    with Client(long_daemon.endpoint) as client:
        newest = choose(client, 12, 0, reason="too loud")["choice"]
    body = {"base": 0, "choice": {"state": "proposed", "take": None, "note": "mine"}, "by": "me"}
    answer = long_panel.ask("/api/reels/long/regions/12/choice", "PUT", body)
    assert answer.status == 409
    assert answer.json["error"]["kind"] == "ConflictError"
    assert answer.json["choice"] == newest
    assert long_panel.get("/api/reels/long/regions/12")["choice"] == newest
    again = long_panel.ask("/api/reels/long/regions/12/choice", "PUT", {**body, "base": newest["revision"]})
    assert (again.status, again.json["choice"]["note"]) == (200, "mine")


# --- events ---


def choices_told(told: Iterator[tuple[str, Any]], region: int) -> Iterator[dict[str, Any]]:
    """The choices of a region among a reel's events; those of other tests' regions may still be on their way."""
    return (data for name, data in told if name == "choice" and data["region"] == region)


def test_what_another_program_chooses_is_told_and_read(long_daemon: Serving, long_panel: Panel) -> None:
    with long_panel.events("long") as told, Client(long_daemon.endpoint) as client:
        written = choose(client, 20, 0, note="from elsewhere")
        assert next(choices_told(told, 20)) == {"region": 20, "choice": written["choice"], "revision": written["revision"]}
        assert long_panel.get("/api/reels/long/regions/20")["choice"] == written["choice"]


def test_a_page_that_comes_again_is_told_to_read_anew(long_panel: Panel) -> None:
    with long_panel.events("long", Last_Event_ID="1") as told:
        assert next(told) == ("back", {})


def test_events_of_a_reel_that_is_none_are_not_to_be_had(long_panel: Panel) -> None:
    assert long_panel.ask("/api/reels/none/events").status == 404


def test_a_page_that_never_reads_keeps_nobody_waiting(long_daemon: Serving, long_panel: Panel) -> None:
    deaf = []
    for _ in range(20):
        wire = socket.socket()
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.connect(("127.0.0.1", long_panel.port))
        request = f"GET /{TOKEN}/api/reels/long/events HTTP/1.1\r\nHost: 127.0.0.1:{long_panel.port}\r\n\r\n"
        wire.sendall(request.encode())
        deaf.append(wire)
    count = 120
    with long_panel.events("long") as told, Client(long_daemon.endpoint) as client:
        base = long_panel.get("/api/reels/long/regions/30")["choice"]["revision"]
        notes = []
        for number in range(count):
            notes.append(f"{number} " + "x" * 4000)
            base = choose(client, 30, base, note=notes[-1])["choice"]["revision"]
        told_of = choices_told(told, 30)
        heard = [next(told_of)["choice"]["note"] for _ in range(count)]
        assert heard == notes
    assert long_panel.get("/api/reels/long/regions/30")["choice"]["note"] == notes[-1]
    for wire in deaf:
        wire.close()


# --- retakes and applying ---


def until_ended(panel: Panel, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        view = dict(panel.get(f"/api/jobs/{job}"))
        if view["state"] in ("done", "failed", "cancelled"):
            return view
        time.sleep(0.1)
    raise AssertionError(view)


def test_a_retake_is_told_and_its_takes_can_be_heard(staged: Staged) -> None:
    path = f"/api/reels/{staged.job}/regions/3"
    before = staged.panel.get(path)["takes"]
    with staged.panel.events(staged.job) as told:
        answer = staged.panel.ask(f"{path}/retakes", "POST", {"options": {"takes": "1", "seed": "77"}})
        assert answer.status == 202, answer.body
        job = answer.json["job"]
        states = []
        for name, view in told:
            assert (name, view["job"], view["reel"]) == ("job", job, staged.job)
            states.append(view["state"])
            if view["state"] in ("done", "failed"):
                assert view["error"] is None
                break
    assert states[-1] == "done"
    takes = staged.panel.get(path)["takes"]
    (new,) = takes[len(before) :]
    assert takes[: len(before)] == before
    assert new["made"] == job
    assert staged.panel.ask(f"/media/{staged.job}/3/1/take/{new['id']}.wav").status == 200
    assert staged.panel.get(f"/api/reels/{staged.job}")["regions"][2]["takes"] == len(takes)


def test_choices_are_sent_back(staged: Staged) -> None:
    answer = staged.panel.ask(f"/api/reels/{staged.job}/apply", "POST", {"undecided": "best"})
    assert answer.status == 202, answer.body
    view = until_ended(staged.panel, answer.json["job"])
    assert (view["kind"], view["state"], view["error"]) == ("apply", "done", None)
    newest = staged.panel.get(f"/api/reels/{staged.job}")["applied"][0]
    assert (newest["job"], newest["state"]) == (view["job"], "done")


@pytest.mark.parametrize(
    ("path", "body"),
    [("regions/1/retakes", {"out": "/tmp/x"}), ("regions/1/retakes", {"more": "yes"}), ("apply", {"out": "/tmp/x.otio"})],
)
def test_a_page_says_no_path_and_nothing_unknown(staged: Staged, path: str, body: dict[str, Any]) -> None:
    answer = staged.panel.ask(f"/api/reels/{staged.job}/{path}", "POST", body)
    assert answer.status == 400
    assert next(iter(body)) in answer.json["error"]["message"]


def test_a_page_cancels_only_what_pages_ask_for(staged: Staged) -> None:
    answer = staged.panel.ask(f"/api/jobs/{staged.job}", "DELETE")
    assert answer.status == 400
    assert staged.panel.ask("/api/jobs/none", "DELETE").status == 404


# --- the daemon goes and comes ---


def test_a_daemon_that_goes_and_comes_again_is_told_and_used(staged: Staged, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_long_reel(home, staged)
    bind = f"tcp://127.0.0.1:{free_ports(2)}"
    with serving(home, "--bind", bind) as daemon, panel(daemon.endpoint, tmp_path / "panel") as running:
        running.get("/api/reels/long")
        with running.events("long") as told:
            assert daemon.process.stdin is not None
            daemon.process.stdin.close()
            assert next(told) == ("away", {})
            daemon.process.wait(PATIENCE_S)
            answer = running.ask("/api/reels/long")
            assert answer.status == 503
            assert answer.json["error"]["kind"] == "BridgeError"
            assert int(answer.headers["retry-after"]) > 0
            with serving(home, "--bind", bind) as again, Client(again.endpoint) as client:
                assert next(told) == ("back", {})
                written = choose(client, 1, running.get("/api/reels/long/regions/1")["choice"]["revision"], note="back again")
                assert next(told)[1]["choice"] == written["choice"]
                assert running.get("/api/reels/long/regions/1")["choice"] == written["choice"]


def test_answers_are_json_that_any_reader_reads(staged: Staged) -> None:
    for path in ("/api/reels", f"/api/reels/{staged.job}", f"/api/reels/{staged.job}/regions/1"):
        answer = staged.panel.ask(path)
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.body, parse_constant=lambda text: pytest.fail(text))
