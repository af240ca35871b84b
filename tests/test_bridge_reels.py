"""Reels through a real daemon's sockets: two editors, events, who waits, and large reels that keep nobody waiting."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from bridge_daemons import PATIENCE_S, Daemon, Raw, daemon
from job_materials import clicks, marker, movie, save, timeline_of
from reel_records import add_apply, add_reel, region, take, take_id

from foley_bridge.bridge import wire
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.places import JOURNAL_FILE
from foley_bridge.errors import ConflictError, FoleyError, JobError, RequestError
from foley_bridge.jobs.journal import Journal

BIG = 500


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A daemon's folder, with reels in its journal for each test that changes one."""
    folder = tmp_path_factory.mktemp("home")
    with contextlib.closing(Journal(folder / JOURNAL_FILE)) as journal:
        add_reel(journal, "big", [region(n, [take(f"{n} {k}") for k in range(3)]) for n in range(1, BIG + 1)])
        for name in ("two editors", "events", "waits", "many wait", "applied", "ends", "refused"):
            add_reel(journal, name, [region(1, [take("a"), take("b")]), region(2, [take("c")])], key=f"key of {name}")
        add_apply(journal, "sent", "applied", state="done", revision=0)
        add_apply(journal, "broken", "applied", state="failed", error="no room")
    return folder


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Daemon]:
    with daemon(home) as one:
        yield one
    assert "Traceback" not in one.log()


@pytest.fixture
def ada(running: Daemon) -> Iterator[Client]:
    with Client(running.requests) as client:
        yield client


@pytest.fixture
def bob(running: Daemon) -> Iterator[Client]:
    with Client(running.requests) as client:
        yield client


class Meanwhile:
    """A question that is asked while the test goes on."""

    def __init__(self, endpoint: str, ask: Callable[[Client], dict[str, Any]]) -> None:
        self._endpoint, self._ask = endpoint, ask
        self._answer: dict[str, Any] | FoleyError | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with Client(self._endpoint) as client:
            try:
                self._answer = self._ask(client)
            except FoleyError as error:
                self._answer = error

    def answer(self) -> dict[str, Any]:
        self._thread.join(PATIENCE_S)
        assert isinstance(self._answer, dict), self._answer
        return self._answer

    def waits(self) -> bool:
        self._thread.join(0.5)
        return self._thread.is_alive()


def chosen(name: str, **more: Any) -> dict[str, Any]:
    return {"state": "chosen", "take": take_id(name), **more}


# --- two editors ---


def test_of_two_who_choose_at_once_the_second_is_told_and_writes_nothing(ada: Client, bob: Client) -> None:
    reel = "two editors"
    base = ada.reel(reel)["regions"][0]["choice"]["revision"]
    assert base == bob.reel(reel)["regions"][0]["choice"]["revision"] == 0
    first = ada.choose(reel, 1, base, chosen("a"), "Ada")
    with pytest.raises(ConflictError, match="'Ada' has chosen since"):
        bob.choose(reel, 1, base, chosen("b"), "Bob")
    seen = bob.choices(reel)["choices"]
    assert seen == [{"region": 1, "choice": first["choice"]}]
    second = bob.choose(f"key of {reel}", 1, first["choice"]["revision"], chosen("b"), "Bob")
    assert (second["job"], second["choice"]["by"], second["choice"]["revision"], second["revision"]) == (reel, "Bob", 2, 2)
    assert ada.reel(reel)["regions"][0]["choice"] == second["choice"]
    assert ada.choose(reel, 1, base, second["choice"], "Ada") == second  # what is there already


def test_of_many_who_choose_the_same_region_at_once_exactly_one_is_heard(running: Daemon, ada: Client) -> None:
    def choose(number: int) -> Callable[[Client], dict[str, Any]]:
        def ask(client: Client) -> dict[str, Any]:
            try:
                return client.choose("two editors", 2, 0, chosen("c", note=f"{number}"), f"editor {number}")
            except ConflictError:
                return {"conflict": True}

        return ask

    asked = [Meanwhile(running.requests, choose(number)) for number in range(8)]
    answers = [one.answer() for one in asked]
    (heard,) = [answer for answer in answers if "conflict" not in answer]
    assert ada.reel("two editors")["regions"][1]["choice"] == heard["choice"]
    assert heard["choice"]["revision"] == 1


@pytest.mark.parametrize(
    ("field", "params"),
    [
        ("params.base", {"base": -1}),
        ("params.base", {"base": "0"}),
        ("params.region", {"region": 0}),
        ("params.by", {"by": ""}),
        ("params.by", {"by": "a\nb"}),
        ("params.choice", {"choice": []}),
        ("params.job", {"job": ""}),
        ("params.revision", {"revision": 1}),
        ("choice.state", {"choice": {}}),
        ("choice.take", {"choice": {"state": "chosen", "take": take_id("c")}}),
        ("choice.note", {"choice": {"state": "proposed", "note": 5}}),
        ("level_db", {"choice": chosen("a", edits={take_id("a"): {"level_db": 12}})}),
    ],
)
def test_a_choice_that_cannot_be_is_refused_by_its_field(ada: Client, field: str, params: dict[str, Any]) -> None:
    asked = {"job": "refused", "region": 1, "base": 0, "by": "Ada", "choice": chosen("a"), **params}
    with pytest.raises(RequestError) as error:
        ada.request("choose", asked)
    assert field in error.value.message.partition(": ")[0]
    assert ada.choices("refused")["revision"] == 0


def test_what_is_not_a_reel_is_refused_by_name(ada: Client) -> None:
    for ask in (
        lambda: ada.reel("nobody"),
        lambda: ada.choose("nobody", 1, 0, chosen("a"), "Ada"),
        lambda: ada.choices("nobody", after=0, timeout_s=60),  # at once
        lambda: ada.submit({"kind": "apply", "job": "nobody"}),
    ):
        with pytest.raises(JobError, match="no job 'nobody'"):
            ask()
    with pytest.raises(JobError, match="job sent is an apply, not a reel"):
        ada.reel("sent")
    with pytest.raises(JobError, match="region 3"):
        ada.choose("refused", 3, 0, chosen("a"), "Ada")
    with pytest.raises(JobError, match="no audition page"):
        ada.audition()


# --- events ---


def test_a_choice_is_published_under_its_reel_and_no_other(running: Daemon, ada: Client) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as listener:
        listener.connect(running.endpoints["events"])
        listener.subscribe(wire.reel_topic("events"))
        told: list[dict[str, Any]] = []
        note = 0
        while not listener.poll(100):  # until the subscription has arrived
            note += 1
            told.append(ada.choose("events", 1, note - 1, chosen("a", note=f"{note}"), "Ada"))
            ada.choose("refused", 2, 0, {"state": "proposed"}, "Ada")  # another reel
        topic, header = listener.recv_multipart()
    assert topic == b"reel.events"
    said = json.loads(header)
    assert said in [{"foley_bridge": 1, "event": "choice", **each} for each in told]


# --- waiting ---


def test_who_waits_for_a_choice_is_answered_by_the_next_one(running: Daemon, ada: Client) -> None:
    before = ada.choose("waits", 1, 0, chosen("a"), "Ada")["revision"]
    waiting = Meanwhile(running.requests, lambda client: client.choices("waits", after=before, timeout_s=600))
    for_another = Meanwhile(running.requests, lambda client: client.choices("waits", applied=None, timeout_s=3))
    assert waiting.waits()
    choice = ada.choose("waits", 2, 0, {"state": "rejected", "reason": "off screen"}, "Ada")
    assert waiting.answer() == {
        "job": "waits",
        "revision": before + 1,
        "choices": [{"region": 2, "choice": choice["choice"]}],
        "applied": None,
    }
    late = for_another.answer()  # its time was up; the choice was not what it waited for
    assert (late["applied"], late["revision"]) == (None, before + 1)


def test_what_is_there_already_is_told_at_once(ada: Client) -> None:
    assert ada.choices("applied", applied=None, timeout_s=3600)["applied"]["job"] == "sent"
    ada.choose("ends", 1, 0, chosen("a"), "Ada")
    assert ada.choices("ends", after=0, timeout_s=3600)["revision"] == 1
    assert ada.choices("refused", timeout_s=3600)["choices"] == []  # it waits for nothing
    nothing = ada.choices("applied", after=0, applied="sent", timeout_s=0.2)
    assert (nothing["choices"], nothing["applied"]["job"]) == ([], "sent")


def test_one_choice_answers_everybody_who_waits_for_it(running: Daemon, ada: Client) -> None:
    with Raw(running.requests) as raw:
        for number in range(200):
            params = {"job": "many wait", "after": 0, "timeout_s": 600}
            raw.send(*wire.encode(wire.request(str(number), "choices", params)))
        raw.send(*wire.encode(wire.request("last", "choices", {"job": "many wait"})))
        found = raw.read()  # of the lane's work the last: all others wait now
        assert found is not None and json.loads(found[0])["id"] == "last"
        choice = ada.choose("many wait", 1, 0, chosen("b"), "Ada")
        answers = [json.loads((raw.read() or [b"{}"])[0]) for _ in range(200)]
        assert {answer["id"] for answer in answers} == {str(number) for number in range(200)}
        assert all(answer["result"]["choices"][0]["choice"] == choice["choice"] for answer in answers)
        assert raw.read(0.2) is None


def test_who_waits_is_told_when_the_daemon_stops_and_what_was_chosen_is_there_when_it_is_back(tmp_path: Path) -> None:
    with contextlib.closing(Journal(tmp_path / JOURNAL_FILE)) as journal:
        add_reel(journal, "reel", [region(1, [take("a")])])
    with daemon(tmp_path) as one, Client(one.requests) as client:
        waiting = Meanwhile(one.requests, lambda client: client.choices("reel", applied=None, timeout_s=600))
        choice = client.choose("reel", 1, 0, chosen("a", edits={take_id("a"): {"nudge_frames": 2}}), "Ada")["choice"]
        assert waiting.waits()
        one.process.stdin.close()  # type: ignore[union-attr]
        assert waiting.answer()["revision"] == 1
    with daemon(tmp_path) as one, Client(one.requests) as client:
        assert client.reel("reel")["regions"][0]["choice"] == choice
        one.process.kill()  # in whatever way it goes down
        one.process.wait()
    with daemon(tmp_path) as one, Client(one.requests) as client:
        assert client.choices("reel")["choices"] == [{"region": 1, "choice": choice}]


# --- a reel that was really made, and what becomes of it ---


def test_who_waits_for_an_apply_is_answered_when_it_is_done(tmp_path: Path) -> None:
    shot = movie(tmp_path / "shot.mp4")
    clicks(tmp_path / "hit.wav")
    save(timeline_of(shot, 50, 25, marker("FOLEY kettle like=hit.wav", 0, 25, 25)), tmp_path / "cut.otio")
    made = {"kind": "generate", "timeline": {"path": str(tmp_path / "cut.otio")}, "options": {"takes": "2"}}
    made |= {"out": str(tmp_path / "foley.otio"), "media_dir": str(tmp_path / "takes")}
    with daemon(tmp_path / "home") as one, Client(one.requests) as client:
        reel = client.submit(made)["job"]
        assert client.wait(reel, 120)["state"] == "done"
        takes = client.reel(reel)["regions"][0]["takes"]
        assert [Path(each["path"]).is_file() for each in takes] == [True, True]
        assert Path(client.reel(reel)["opened"]["path"]).is_file()
        first = Meanwhile(one.requests, lambda client: client.choices(reel, applied=None, timeout_s=600))
        assert first.waits()
        client.choose(reel, 1, 0, {"state": "chosen", "take": takes[1]["id"]}, "Ada")
        assert first.waits()  # a choice is not what it waits for
        sent = client.submit({"kind": "apply", "job": reel})
        assert (sent["kind"], sent["reel"]) == ("apply", reel)
        told = first.answer()
        assert (told["applied"]["job"], told["applied"]["state"], told["revision"]) == (sent["job"], "done", 1)
        (applied,) = client.reel(reel)["applied"]
        assert applied == {**applied, "job": sent["job"], "state": "done", "revision": 1, "out": made["out"], "error": None}
        (of_region,) = client.result(sent["job"]).result["result"]["regions"]
        assert of_region["takes"][0]["sha256"] == takes[1]["id"]


# --- large reels ---


def test_a_large_reel_is_read_beside_everything_else(running: Daemon) -> None:
    """Replies come as they are ready: what is quick is answered while one reel after another is read."""
    quick = ("ping", {}), ("status", {"job": "sent"}), ("choices", {"job": "waits"}), ("jobs", {"limit": 1})
    with Raw(running.requests) as raw:
        for number in range(10):
            raw.send(*wire.encode(wire.request(f"reel {number}", "reel", {"job": "big"})))
        for method, params in quick:
            raw.send(*wire.encode(wire.request(method, method, params)))
        order = []
        for _ in range(10 + len(quick)):
            found = raw.read()
            assert found is not None
            header = json.loads(found[0])
            assert header["ok"], header
            order.append(header["id"])
            if header["id"].startswith("reel"):
                assert len(header["result"]["regions"]) == BIG
                assert 1.5e6 < len(found[0]) < 4e6
    assert order.index("reel 9") > max(order.index(method) for method, _ in quick)
    assert [name for name in order if name.startswith("reel")] == [f"reel {number}" for number in range(10)]


def test_of_reels_only_so_many_are_asked_for_at_once(running: Daemon) -> None:
    with Raw(running.requests) as raw:
        for number in range(150):
            raw.send(*wire.encode(wire.request(str(number), "reels", {"limit": 1})))
        kinds = [(json.loads((raw.read() or [b"{}"])[0]).get("error") or {}).get("kind") for _ in range(150)]
    assert set(kinds) <= {None, "BusyError"}
    assert kinds.count(None) >= 100


@pytest.mark.skipif(os.name == "nt", reason="counts file descriptors")
def test_asking_for_reels_leaves_nothing_open(running: Daemon, ada: Client) -> None:
    folder = Path(f"/proc/{running.process.pid}/fd")
    if not folder.is_dir():
        pytest.skip("there is no /proc here")
    ada.reel("big")
    before = len(list(folder.iterdir()))
    for _ in range(20):
        ada.reel("waits")
        ada.reels()
    assert len(list(folder.iterdir())) <= before + 2
