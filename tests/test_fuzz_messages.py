"""Mutated messages: each gets one reply, none is accepted that docs/protocol.md does not allow, and the daemon goes on.

The judge is ``bridge_oracle``. 2 000 messages here, 100 000 in the nightly run; the seed stands in the name of each test.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from bridge_daemons import Daemon, Raw, daemon
from bridge_oracle import follows_the_protocol

from foley_bridge.bridge import wire

DOCS = Path(__file__).resolve().parents[1] / "docs" / "protocol.md"
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)]
PING = wire.encode(wire.request("p", "ping"))[0]
BATCH = 100
Frames = list[bytes]

ATOMS: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**40, 0.5, -0.0, 1e308, "", "a", "generate", "spot", "ping", "\0", "\n",
    "\u202e", "\U0001f600", "..", "/dev/zero", "x" * 129, "x" * 201, "x" * 4097, [], {}, [[]], {"": ""}, [None, None], [0, 1],
]  # fmt: skip
TOKENS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"01", b"1.", b".5", b"+1", b"0x1", b"'a'", b"\\ud800", b"\\u0000",
    b"\\udc00\\ud800", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xef\xbb\xbf", b"//", b"/**/", b",", b":", b"{", b"}", b"[",
    b"]", b'"', b"\\", b"\0", b"\r\n", b"\x7f", b"9" * 400, b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"1e-9999", b"1E5",
]  # fmt: skip


def requests(folder: Path) -> list[Frames]:
    """What is mutated: a request of every method, as the page has it, with jobs that may be accepted and with a payload."""
    here = {"out": str(folder / "out.otio"), "media_dir": str(folder / "takes")}
    found = [wire.encode(example) for example in EXAMPLES]
    for params in (
        {"kind": "generate", "timeline": {"path": str(folder / "cut.otio")}, **here},
        {"kind": "generate", "key": "k", "timeline": {"path": str(folder / "cut.otio")}, **here, "exemplar": None,
         "options": {"takes": "2", "like": "x"}, "regions": ["0-1 thing"], "sample_rate": 44100, "takes_as_tracks": True,
         "hits_as_markers": False, "preview": str(folder / "p.mp4"), "report": None,
         "poke": {"port": 49_151, "address": "/action/_FOLEY", "arguments": ["a", ""]}},
    ):  # fmt: skip
        found.append(wire.encode(wire.request("s", "submit", params)))
        inline = {**params, "timeline": {"payload": 0, "base": str(folder)}}
        found.append(wire.encode(wire.request("i", "submit", inline), b'{"OTIO_SCHEMA":"Timeline.1"}'))
    for params in (
        {"words": "door", "length_s": [None, 2.5], "ucs": "DOORWood", "channels": 2},
        {"picture": {"path": str(folder / "shot.mp4"), "start_s": 1.5, "duration_s": 3}, "words": ""},
        {"picture": {"job": "JOB", "region": 1}},
        {"like": "lib:a", "limit": 3},
    ):
        found.append(wire.encode(wire.request("l", "library.search", params)))
    return found


class Mutator:
    """Mutations by a seed: of bytes, of JSON, and of frames."""

    def __init__(self, seed: int, bases: list[Frames]) -> None:
        self._chance = random.Random(seed)
        self._bases = bases

    def __call__(self) -> Frames:
        chance = self._chance
        frames = list(chance.choice(self._bases))
        ways: list[Callable[[Frames], Frames]] = [
            self._bytes,
            self._tokens,
            self._values,
            self._fields,
            self._doubled,
            self._frames,
        ]
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            frames = chance.choice(ways)(frames) or [b""]
        return frames

    def _bytes(self, frames: Frames) -> Frames:
        chance, number = self._chance, self._chance.randrange(len(frames))
        data = bytearray(frames[number])
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    data[at:at] = chance.randbytes(chance.randint(1, 4))
                case 1:
                    del data[at : at + chance.randint(1, 8)]
                case 2 if at < len(data):
                    data[at] ^= 1 << chance.randrange(8)
                case 3:
                    del data[at:]
                case _:
                    data[at:at] = data[at : at + chance.randint(1, 40)]
        return [*frames[:number], bytes(data), *frames[number + 1 :]]

    def _tokens(self, frames: Frames) -> Frames:
        """A token put in, or in the place of a value."""
        head, token = frames[0], self._chance.choice(TOKENS)
        places = list(re.finditer(rb'(?<=:)\s*(?:"[^"]*"|\d+|true|false|null)', head))
        if places and self._chance.random() < 0.7:
            place = self._chance.choice(places)
            return [head[: place.start()] + token + head[place.end() :], *frames[1:]]
        at = self._chance.randrange(len(head) + 1)
        return [head[:at] + token + head[at:], *frames[1:]]

    def _values(self, frames: Frames) -> Frames:
        """A value in another's place."""

        def put(holder: Any, key: Any) -> None:
            holder[key] = self._chance.choice(ATOMS)

        return self._changed(frames, put)

    def _fields(self, frames: Frames) -> Frames:
        """A field renamed, removed or added."""

        def change(holder: Any, key: Any) -> None:
            what = self._chance.randrange(3)
            value = holder[key] if what == 2 else holder.pop(key)
            name = self._chance.choice(
                ["params", "id", "path", "payload", "base", "job", "timeout_s", "limit", "more", "", str(key) * 2]
            )
            if what and isinstance(holder, dict):
                holder[name] = value

        return self._changed(frames, change)

    def _changed(self, frames: Frames, change: Callable[[Any, Any], None]) -> Frames:
        try:
            said = json.loads(frames[0])
            places = list(holders(said))
            if places:
                change(*self._chance.choice(places))
            return [json.dumps(said, ensure_ascii=self._chance.random() < 0.5).encode("utf-8", "surrogatepass"), *frames[1:]]
        except (ValueError, RecursionError):
            return frames

    def _doubled(self, frames: Frames) -> Frames:
        """A field that stands there twice, with the same value."""
        pairs = list(re.finditer(rb'"[^"{}]*":(?:"[^"]*"|\d+|\[[^\]]*\]|\{[^{}]*\})', frames[0]))
        if not pairs:
            return frames
        pair = self._chance.choice(pairs)
        return [frames[0][: pair.end()] + b"," + pair[0] + frames[0][pair.end() :], *frames[1:]]

    def _frames(self, frames: Frames) -> Frames:
        match self._chance.randrange(7):
            case 0:
                return [*frames, b""]
            case 1:
                return [*frames, frames[-1]]
            case 2:
                return frames[1:]
            case 3:
                return frames[::-1]
            case 4:
                return [b"", b"", *frames]
            case 5:
                return [frames[0] + frames[-1]]
            case _:
                return frames + [b"x"] * self._chance.randint(1, 30)


def holders(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every object or list in a JSON value, with each of its keys or places."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from holders(value[key])


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Daemon]:
    """Whatever is accepted can only touch the test's own folder."""
    (tmp_path / "here").mkdir()
    roots = [str(tmp_path / "here")]
    with daemon(tmp_path / "home", media_roots=roots, output_roots=roots) as one:
        yield one
    log = one.log()
    assert "Traceback" not in log
    assert "met a fault" not in log


def judged(frames: Frames) -> bool:
    """What the page says of a message; a DEALER's first empty frame is a delimiter when something follows."""
    return follows_the_protocol(frames[1:] if len(frames) > 1 and not frames[0] else frames)


def check(frames: Frames, reply: list[bytes] | None) -> bool:
    """Whether a message was accepted, once its reply is found to be as the page says."""
    assert reply is not None, f"no reply to {frames!r:.500}"
    assert (reply[0] == b"") == (len(frames) > 1 and not frames[0])
    header = json.loads(reply[-1])
    assert set(header) == {"foley_bridge", "id", "ok", "result" if header["ok"] else "error"}
    if not header["ok"]:
        assert set(header["error"]) == {"kind", "message", "hint"}
        assert header["error"]["kind"] in {"RequestError", "JobError", "LibraryError"}, (frames, header)
        assert len(header["error"]["message"]) < 6000
    accepted = header["ok"] or header["error"]["kind"] != "RequestError"
    assert accepted == judged(frames), (frames, header)
    if accepted:
        assert (
            header["id"] == json.loads(frames[-1] if not frames[0] and len(frames) == 2 else frames[bool(not frames[0])])["id"]
        )
    return accepted


def send_mutated(target: Daemon, folder: Path, seed: int, count: int) -> tuple[int, int]:
    """Send mutated messages one after another; how many were accepted and how many refused."""
    mutated = Mutator(seed, requests(folder))
    accepted = 0
    with Raw(target.requests) as raw:
        raw.call("capabilities")  # looks once what loads here, which takes a while
        for number in range(count):
            frames = mutated()
            raw.send(*frames)
            accepted += check(frames, raw.read())
            if number % BATCH == 0:
                assert raw.call("ping")["result"]["pid"] == target.process.pid
                assert raw.read(0) is None  # nobody was answered twice
        assert raw.call("ping")["ok"]
    return accepted, count - accepted


def test_of_2000_mutated_messages_none_is_accepted_that_should_not_be_with_seed_1(target: Daemon, tmp_path: Path) -> None:
    accepted, refused = send_mutated(target, tmp_path / "here", seed=1, count=2000)
    assert accepted > 50  # mutations that change nothing that matters: both verdicts are tested
    assert refused > 1000
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 12))
def test_of_100_000_mutated_messages_none_is_accepted_that_should_not_be(target: Daemon, tmp_path: Path, seed: int) -> None:
    process = psutil.Process(target.process.pid)
    send_mutated(target, tmp_path / "here", seed=seed, count=1000)
    before = process.memory_info().rss
    accepted, refused = send_mutated(target, tmp_path / "here", seed=seed + 1000, count=9000)
    assert min(accepted, refused) > 200
    assert process.memory_info().rss < before + 32 * wire.MB
    assert not list((tmp_path / "here").iterdir())


# --- below the messages: what ZeroMQ itself reads ---

TALKS = [(b"DEALER", "requests"), (b"REQ", "requests"), (b"SUB", "events")]


def greeting(kind: bytes) -> bytes:
    """What a client says before it is let in."""
    ready = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind + b"\x08Identity\0\0\0\0"
    hello = b"\xff" + bytes(7) + b"\x01\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
    return hello + b"\x04" + bytes([len(ready)]) + ready


def message(*frames: bytes) -> bytes:
    """What it says then."""
    said = b""
    for number, frame in enumerate(frames, start=1):
        said += bytes([2 | (number < len(frames))]) + len(frame).to_bytes(8, "big") + frame
    return said


def talk(endpoint: str, first: bytes, then: bytes, *, patience_s: float) -> bytes:
    """Say something to a socket, and something else once it has answered; everything that came back until it fell silent."""
    host, port = endpoint.removeprefix("tcp://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=patience_s) as plain, contextlib.suppress(OSError):
        plain.sendall(first)
        while len(answer) < 100 and (part := plain.recv(65536)):  # its greeting has 64 bytes
            answer += part
        plain.sendall(then)
        while b"foley_bridge" not in answer and (part := plain.recv(65536)):
            answer += part
    return answer


def mutated_bytes(said: bytes, chance: random.Random) -> bytes:
    data = bytearray(said)
    for _ in range(chance.choice((0, 1, 2, 5))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                del data[at : at + chance.randint(1, 30)]
            case 2:
                data[at:at] = chance.randbytes(chance.randint(1, 30))
            case _:
                data[at:] = data[at:] * 2
    return bytes(data)


def mutated_talks(target: Daemon, seed: int, count: int) -> None:
    chance = random.Random(seed)
    said = {b"DEALER": message(PING), b"REQ": message(b"", PING), b"SUB": message(b"\x01job.")}
    with Raw(target.requests) as raw:
        for number in range(count):
            kind, name = chance.choice(TALKS)
            first, then = (mutated_bytes(part, chance) for part in (greeting(kind), said[kind]))
            talk(target.endpoints[name], first, then, patience_s=0.02)
            if number % 20 == 0:
                assert raw.call("ping")["ok"]
        assert raw.call("ping")["ok"]


def test_a_conversation_by_hand_is_answered(target: Daemon) -> None:
    """So that the mutations below begin at something that works."""
    assert b'"pid"' in talk(target.requests, greeting(b"DEALER"), message(PING), patience_s=10)


def test_mutated_connections_harm_nobody_with_seed_1(target: Daemon) -> None:
    mutated_talks(target, seed=1, count=100)


@pytest.mark.nightly
def test_3000_mutated_connections_harm_nobody(target: Daemon) -> None:
    mutated_talks(target, seed=2, count=3000)
