"""OSC: what is asked over UDP is done and told to whoever asked, and to nobody else; what is not allowed is refused by name."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bridge_daemons import Raw, daemon
from job_materials import clicks, marker, movie, save, timeline_of
from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient

from foley_bridge.bridge import osc_messages
from foley_bridge.bridge.osc_listeners import MOST_LISTENERS
from foley_bridge.bridge.osc_server import OscServer
from foley_bridge.errors import BridgeError
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots

PATIENCE_S = 60.0


@contextmanager
def service(
    folder: Path, *, workers: int = 0, roots: Roots | None = None, limit: int = 1000, per_s: float = 1e6
) -> Iterator[tuple[Processor, OscServer]]:
    """A processor and its OSC server; without workers every job waits."""
    servers: list[OscServer] = []
    roots = roots or Roots(output=(folder,))
    processor = Processor(
        Journal(folder / "journal.sqlite"),
        home=folder,
        roots=roots,
        workers=workers,
        limit=limit,
        on_event=lambda event: servers[0].on_event(event),
    )
    server = OscServer("127.0.0.1:0", processor, out=folder / "osc", roots=roots, per_s=per_s)
    servers.append(server)
    server.start()
    processor.start()
    try:
        yield processor, server
    finally:
        server.stop()
        processor.stop()


class Surface:
    """A control surface: sends from one port, and hears what comes back to it."""

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self.to = (host, int(port))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_S)
        self.port = self.socket.getsockname()[1]

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.to)

    def ask(self, address: str, *arguments: Any) -> None:
        self.send(message(address, *arguments))

    def hear(self) -> tuple[str, list[Any]]:
        """The next message: its address and arguments."""
        heard = OscMessage(self.socket.recv(65536))
        return heard.address, heard.params

    def hear_until(self, wanted: Callable[[str, list[Any]], bool]) -> list[tuple[str, list[Any]]]:
        """All messages up to the first that is wanted."""
        heard = [self.hear()]
        while not wanted(*heard[-1]):
            heard.append(self.hear())
        return heard

    def hear_all(self) -> list[tuple[str, list[Any]]]:
        """What has been said by now: everything before the answer to a question of its own."""
        self.ask("/foley/status", "is that all?")
        return self.hear_until(lambda address, said: address == "/foley/error" and said[1] == "is that all?")[:-1]

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def surfaces() -> Iterator[Callable[[OscServer | str], Surface]]:
    """Makes surfaces for a server, or an address."""
    made: list[Surface] = []

    def make(server: OscServer | str) -> Surface:
        made.append(Surface(server if isinstance(server, str) else server.address))
        return made[-1]

    yield make
    for surface in made:
        surface.close()


Surfaces = Callable[[OscServer | str], Surface]


def message(address: str, *arguments: Any) -> bytes:
    """As python-osc's own client would send it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(PATIENCE_S)
        with SimpleUDPClient("127.0.0.1", listening.getsockname()[1]) as client:
            client.send_message(address, list(arguments))
            return listening.recv(65536)


def ended(address: str, said: list[Any]) -> bool:
    return address != "/foley/progress"


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    """A timeline with two regions, one of which cannot be done."""
    picture = movie(tmp_path / "shot.mp4")
    clicks(tmp_path / "knock.wav")
    timeline = timeline_of(picture, 50, 25, marker("FOLEY knock", 5, 30, 25), marker("FOLEY bad like=gone.wav", 40, 5, 25))
    return save(timeline, tmp_path / "a cut.otio")


def test_a_job_is_told_from_its_acceptance_to_its_end(tmp_path: Path, reel: Path, surfaces: Surfaces) -> None:
    with service(tmp_path, workers=1) as (processor, server):
        surface = surfaces(server)
        surface.ask("/foley/generate", "reel 1", str(reel), f"takes=2 like='{tmp_path / 'knock.wav'}'")
        heard = surface.hear_until(ended)
        (first, told), (last, end) = heard[0], heard[-1]
        assert first == "/foley/progress" and told[1:4] == ["reel 1", "queued", "accepted"] and told[4:] == [0.0, -1.0]
        steps = list(dict.fromkeys(said[3] for address, said in heard[:-1]))
        assert steps == ["accepted", "opening", "region 1", "placing", "timeline", "publishing"]
        assert all(0 <= said[4] <= 1 for _, said in heard[:-1])
        assert last == "/foley/done", end
        job, key, path, done, failed = end
        assert (job, key, done, failed) == (told[0], "reel 1", 1, 1)
        out = Path(path)
        assert out.parent.parent == tmp_path / "osc" and out.name == "a_cut.otio"
        assert out.is_file() and len(list((out.parent / "takes").glob("*.wav"))) == 2
        assert server.listening == 0

        surface.ask("/foley/generate", "reel 1", str(reel), f"takes=2 like='{tmp_path / 'knock.wav'}'")
        assert surface.hear_all() == [("/foley/done", end)]  # the same job, at once, once
        surface.ask("/foley/status", job)
        assert surface.hear_all() == [("/foley/done", end)]
        assert len(processor.jobs()) == 1

        surface.ask("/foley/generate", "reel 1", str(reel), "takes=1")
        ((address, said),) = surface.hear_all()
        assert address == "/foley/error" and said[1:3] == ["reel 1", "JobError"] and "something else" in said[3]


def test_a_job_that_fails_is_told_with_its_reason(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path, workers=1) as (_, server):
        surface = surfaces(server)
        surface.ask("/foley/generate", "lost", str(tmp_path / "gone.otio"), "")
        address, said = surface.hear_until(ended)[-1]
        assert address == "/foley/error" and said[1:3] == ["lost", "TimelineError"] and "gone.otio" in said[3]
        job = said[0]
        surface.ask("/foley/status", "lost")
        assert surface.hear_all() == [("/foley/error", said)] and job
        assert not (tmp_path / "osc").exists()


def test_what_is_cancelled_by_somebody_else_ends_for_whoever_asked(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (processor, server):
        surface, other = surfaces(server), surfaces(server)
        surface.ask("/foley/generate", "k", "/a/cut.otio", "")
        ((_, told), *_) = surface.hear_until(lambda address, said: address == "/foley/progress")
        processor.cancel(told[0])
        address, said = surface.hear_until(ended)[-1]
        assert (address, said[:3]) == ("/foley/error", [told[0], "k", "Cancelled"])
        assert surface.hear_all() == []
        other.ask("/foley/cancel", "k")  # it has ended, and stays as it is
        assert other.hear_all() == [("/foley/error", said)]


def test_a_waiting_job_is_cancelled_by_its_key(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (processor, server):
        surface, other = surfaces(server), surfaces(server)
        surface.ask("/foley/generate", "k", "/a/cut.otio", "")
        surface.hear()
        other.ask("/foley/cancel", "k")
        address, said = other.hear()
        assert address == "/foley/error" and said[1:3] == ["k", "Cancelled"]
        assert surface.hear_until(ended)[-1] == (address, said)
        assert processor.job("k").record.state == "cancelled" and server.listening == 0


def test_answers_go_to_the_port_in_the_last_argument_or_to_the_senders(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (_, server):
        surface, ear = surfaces(server), surfaces(server)
        surface.ask("/foley/status", "nobody knows", ear.port)
        assert ear.hear()[1][:3] == ["", "nobody knows", "JobError"]
        surface.ask("/foley/status", "nor this", 0)
        assert surface.hear()[1][1] == "nor this"  # and not the one before
        surface.ask("/foley/generate", "", "/a/cut.otio", "", ear.port)
        assert ear.hear()[1][2] == "RequestError"
        surface.ask("/foley/status", "k", 70_000)
        address, said = surface.hear()  # a port that is none cannot be answered at
        assert address == "/foley/error" and "70000 is not a port" in said[3]


REFUSED = {
    "an unknown address": (("/foley/delete", "k"), "'/foley/delete' is no OSC address"),
    "a pattern": (("/foley/*", "k"), "is no OSC address"),
    "no arguments": (("/foley/generate",), "other arguments than it takes"),
    "an argument too few": (("/foley/generate", "k", "/a.otio"), "other arguments than it takes"),
    "a path to write to": (("/foley/generate", "k", "/a.otio", "", "/etc/passwd"), "other arguments than it takes"),
    "an argument too many": (("/foley/status", "k", 0, 0), "other arguments than it takes"),
    "a number for a string": (("/foley/status", 5), "other arguments than it takes"),
    "a number that is not finite": (("/foley/status", float("nan")), "other arguments than it takes"),
    "a blob": (("/foley/status", b"k"), "other arguments than it takes"),
    "an array": (("/foley/status", ["k"]), "other arguments than it takes"),
    "an empty key": (("/foley/generate", "", "/a.otio", ""), "the key '' is not"),
    "a long key": (("/foley/generate", "k" * 201, "/a.otio", ""), "is not 1 to 200 printable"),
    "a key that cannot be shown": (("/foley/generate", "k\n", "/a.otio", ""), "is not 1 to 200 printable"),
    "no path": (("/foley/generate", "k", "", ""), "the path of the timeline is empty"),
    "a relative path": (("/foley/generate", "k", "a.otio", ""), "timeline.path: a.otio is not an absolute path"),
    "a path that climbs": (("/foley/generate", "k", "/media/../etc/a.otio", ""), "climbs with '..'"),
    "a path outside the roots": (("/foley/generate", "k", "/etc/passwd", ""), "lies outside the daemon's media folders"),
    "a path on the network": (("/foley/generate", "k", "//host/a.otio", ""), "is on the network"),
    "free words": (("/foley/generate", "k", "/a.otio", "takes=2 door"), "'door' is not an option"),
    "an open quote": (("/foley/generate", "k", "/a.otio", "like='a b"), "is not closed"),
    "an option twice": (("/foley/generate", "k", "/a.otio", "takes=1 takes=2"), "takes= is given twice"),
    "spotting": (("/foley/spot", "k", "/a.otio", ""), "does not spot"),
}


def test_what_is_not_allowed_is_refused_by_name_and_never_becomes_a_job(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path, roots=Roots(media=(tmp_path / "media",), output=(tmp_path,))) as (processor, server):
        surface = surfaces(server)
        for name, (asked, told) in REFUSED.items():
            surface.ask(*asked)
            ((address, said),) = surface.hear_all()
            assert address == "/foley/error" and told in said[3], (name, said)
        assert processor.jobs() == [] and server.listening == 0


BROKEN = {
    "nothing": b"",
    "no address": b"hello\0\0\0",
    "no end": b"/foley/status",
    "cut short": message("/foley/status", "a key")[:-4],
    "not UTF-8": message("/foley/status", "keys").replace(b"keys", b"\xff\xfe\xfd\xfc"),
    "half a surrogate pair": message("/foley/status", "key").replace(b"key", b"\xed\xa0\x80"),
    "more behind it": message("/foley/status", "key") + b"more",
    "not padded with zeros": message("/foley/status", "k").replace(b"k\0\0\0", b"k\0xx"),
    "too large": message("/foley/status", "k" * 9000),
    "a bundle": b"#bundle\0" + bytes(8) + struct.pack(">i", 24) + message("/foley/status", "key"),
    "a bundle of size -4, which python-osc reads for ever": b"#bundle\0" + bytes(8) + struct.pack(">i", -4),
    "a bundle in a bundle": (b"#bundle\0" + bytes(8) + struct.pack(">i", 400)) * 100,
}


def test_broken_datagrams_cost_one_small_answer_each(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (_, server):
        surface = surfaces(server)
        for name, datagram in BROKEN.items():
            surface.send(datagram)
            ((address, said),) = surface.hear_all()
            assert address == "/foley/error" and said[2] == "RequestError", name
            assert sum(len(text) for text in said) < 300, name


def test_what_a_daemon_says_is_never_answered(tmp_path: Path, surfaces: Surfaces) -> None:
    """Else two daemons, or a forged sender, could make them talk for ever."""
    with service(tmp_path) as (_, server):
        surface = surfaces(server)
        for address in ("/foley/error", "/foley/progress", "/foley/done"):
            surface.ask(address, "", "", "RequestError", "m", "h")
            surface.ask(address)
        assert surface.hear_all() == []
        surface.ask("/foley/status", "echo", surface.to[1])  # answered at its own port: it hears itself, and is silent
        assert surface.hear_all() == []


def test_a_flood_is_answered_at_a_bounded_rate_and_others_are_still_heard(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path, per_s=4) as (_, server):
        flood, quiet = surfaces(server), surfaces(server)
        began = time.monotonic()
        for _ in range(500):
            flood.ask("/foley/status", "k")
        quiet.ask("/foley/status", "q")
        assert quiet.hear()[1][1] == "q"
        flood.socket.setblocking(False)
        answers = 0
        with pytest.raises(BlockingIOError):
            while True:
                flood.socket.recv(65536)
                answers += 1
        assert 1 <= answers <= 8 + 4 * (time.monotonic() - began)


def test_broken_datagrams_of_all_senders_together_are_answered_at_a_bounded_rate(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path, per_s=4) as (_, server):
        began = time.monotonic()
        senders = [surfaces(server) for _ in range(50)]
        for sender in senders:
            sender.send(b"broken")
        quiet = surfaces(server)
        quiet.ask("/foley/status", "q")
        assert quiet.hear()[1][1] == "q"
        answers = 0
        for sender in senders:
            sender.socket.setblocking(False)
            try:
                sender.socket.recv(65536)
                answers += 1
            except BlockingIOError:
                pass
        assert 1 <= answers <= 8 + 4 * (time.monotonic() - began)


def test_a_full_queue_is_refused_with_what_to_do(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path, limit=1) as (_, server):
        surface = surfaces(server)
        surface.ask("/foley/generate", "one", "/a/cut.otio", "")
        surface.ask("/foley/generate", "two", "/a/cut.otio", "")
        address, said = surface.hear_until(ended)[-1]
        assert address == "/foley/error" and said[:3] == ["", "two", "JobError"] and "queue is full" in said[3] and said[4]


def test_only_so_many_listen_to_one_job(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (processor, server):
        several = [surfaces(server) for _ in range(MOST_LISTENERS + 1)]
        for surface in several:
            surface.ask("/foley/generate", "k", "/a/cut.otio", "")
            surface.hear_all()
        processor.cancel("k")
        for surface in several[1:]:
            assert [address for address, _ in surface.hear_until(ended)].count("/foley/error") == 1
        assert not any(ended(*heard) for heard in several[0].hear_all())
        assert server.listening == 0


def test_after_a_restart_a_job_is_found_by_its_key(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (_, server):
        before = surfaces(server)
        before.ask("/foley/generate", "k", "/a/cut.otio", "takes=2")
        _, told = before.hear()
    with service(tmp_path) as (processor, server):
        after = surfaces(server)
        after.ask("/foley/status", "k")
        ((address, said),) = after.hear_all()
        assert address == "/foley/progress" and said[:4] == [told[0], "k", "queued", "accepted"]
        after.ask("/foley/generate", "k", "/a/cut.otio", "takes=2")  # the same job, and now it is told of it again
        assert after.hear()[1][0] == told[0]
        processor.cancel("k")
        assert after.hear_until(ended)[-1][1][2] == "Cancelled"


def test_different_keys_and_timelines_of_one_name_never_share_a_folder(tmp_path: Path, surfaces: Surfaces) -> None:
    asked = [("a", "/x/cut.otio"), ("b", "/x/cut.otio"), ("c", "/y/cut.otio"), ("d", "/x/.."), ("e", "/x/\u65e5\u672c.xml")]
    with service(tmp_path) as (processor, server):
        surface = surfaces(server)
        for key, path in [*asked, ("f", "/x/" + "l" * 300 + ".otio"), ("g", "/x/a:b*c?.otio"), ("h", "/x/dir.d/")]:
            surface.ask("/foley/generate", key, path, "")
        surface.hear_all()
        requests = [processor.job(view.record.id).record.request for view in processor.jobs()]
        folders = {Path(request["out"]).parent for request in requests}
        assert len(folders) == len(requests) == 7  # the one with '..' is refused
        for request in requests:
            out = Path(request["out"])
            assert out.parent.parent == tmp_path / "osc" and Path(request["media_dir"]) == out.parent / "takes"
            assert all(len(part.encode()) < 200 and not set(part) & set('/\\:*?"<>|') for part in out.parts[-2:])


def test_texts_too_long_for_a_datagram_are_cut_and_zeros_taken_out() -> None:
    long = "\N{SNOWMAN}" * 50_000
    datagram = osc_messages.error("job", "k", {"kind": "JobError", "message": "a\0b " + long, "hint": "\ud800" + long})
    said = OscMessage(datagram).params
    assert (
        len(datagram) < osc_messages.LARGEST and said[3].startswith("a b \N{SNOWMAN}") and said[3].endswith("\N{SNOWMAN}\u2026")
    )
    assert said[4].startswith("?\N{SNOWMAN}")


@pytest.mark.parametrize("bind", ["127.0.0.1", ":5579", "127.0.0.1:99999", "no such host:1", "x" * 300 + ":1"])
def test_an_address_that_is_none_is_refused(bind: str, tmp_path: Path) -> None:
    with service(tmp_path) as (processor, _), pytest.raises(BridgeError, match="OSC"):
        OscServer(bind, processor, out=tmp_path)


def test_it_listens_beyond_loopback_when_told_to(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (processor, _):
        server = OscServer("0.0.0.0:0", processor, out=tmp_path)
        server.start()
        try:
            surface = surfaces(server)
            surface.to = ("127.0.0.1", surface.to[1])
            assert surface.hear_all() == []
        finally:
            server.stop()


def test_a_port_that_is_taken_is_said_and_stopping_frees_it(tmp_path: Path, surfaces: Surfaces) -> None:
    with service(tmp_path) as (processor, server):
        second = OscServer(server.address, processor, out=tmp_path)
        with pytest.raises(BridgeError, match=f"cannot listen at {server.address}"):
            second.start()
        server.stop()
        server.stop()
        second.start()
        surface = surfaces(second)
        assert surface.hear_all() == []
        second.stop()


def test_a_daemon_does_what_osc_asks_and_tells_what_zeromq_cancels(tmp_path: Path, reel: Path, surfaces: Surfaces) -> None:
    (tmp_path / "out").mkdir()
    roots = {"media_roots": [str(tmp_path)], "output_roots": [str(tmp_path / "out")]}  # OSC's own folder lies in none of them
    with daemon(tmp_path / "home", osc_bind="127.0.0.1:0", **roots) as running, Raw(running.requests) as host:
        surface = surfaces(running.endpoints["osc"])
        surface.ask("/foley/generate", "one", str(reel), f"takes=64 like='{tmp_path / 'knock.wav'}'")
        surface.ask("/foley/generate", "two", str(reel), f"takes=1 like='{tmp_path / 'knock.wav'}'")
        surface.hear_until(lambda address, said: said[1] == "two")
        assert host.call("cancel", {"job": "two"})["ok"]
        heard = surface.hear_until(lambda address, said: address == "/foley/done")
        assert [said[1:3] for address, said in heard if address == "/foley/error"] == [["two", "Cancelled"]]
        assert heard[-1][1][1] == "one" and Path(heard[-1][1][2]).parent.parent == tmp_path / "home" / "osc"
        said = host.call("result", {"job": "one"})["result"]
        assert said["result"]["out"] == heard[-1][1][2] and len(said["result"]["regions"][0]["takes"]) == 64


def test_where_seats_have_other_names_a_path_still_is_this_machines(tmp_path: Path, reel: Path, surfaces: Surfaces) -> None:
    roots = Roots(output=(tmp_path,), maps=(("P:\\reel", tmp_path),))
    with service(tmp_path, workers=1, roots=roots) as (processor, server):
        surface = surfaces(server)
        params = {"kind": "generate", "key": "reel 1", "timeline": {"path": f"P:\\reel\\{reel.name}"}}
        params |= {"out": "P:\\reel\\out.otio", "media_dir": "P:\\reel\\takes", "exemplar": "P:\\reel\\knock.wav"}
        processor.submit(params, client="a seat")
        deadline = time.monotonic() + PATIENCE_S
        while processor.job("reel 1").record.state != "done":
            assert time.monotonic() < deadline, processor.job("reel 1").to_json()
            time.sleep(0.05)
        assert (processor.job("reel 1").record.result or {})["out"] == "P:\\reel\\out.otio"
        surface.ask("/foley/status", "reel 1")
        ((address, said),) = surface.hear_all()
        assert (address, said[2]) == ("/foley/done", str(tmp_path / "out.otio"))


def test_the_daemons_osc_part_loads_nothing_heavy() -> None:
    code = (
        "import sys; import foley_bridge.bridge.osc_server;"
        "heavy = {'numpy', 'av', 'opentimelineio', 'librosa', 'lancedb', 'pyarrow', 'asyncio'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
