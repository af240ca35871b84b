"""Hostile OSC datagrams: none is accepted that docs/protocol.md does not allow, and none brings the server down."""

from __future__ import annotations

import random
import socket
import struct
from pathlib import Path

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from foley_bridge.bridge import osc_messages
from foley_bridge.bridge.osc_messages import Asked
from foley_bridge.bridge.osc_server import OscServer
from foley_bridge.errors import FoleyError, RequestError
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots
from foley_bridge.timeline.region_text import split_region_text

FEW, MANY = 2_000, 100_000
TAKES = {"/foley/generate": 3, "/foley/spot": 3, "/foley/status": 1, "/foley/cancel": 1}  # strings, from docs/protocol.md


def message(address: str, *arguments: tuple[str, object]) -> bytes:
    """A datagram built by python-osc; arguments as (type tag, value)."""
    builder = OscMessageBuilder(address)
    for tag, value in arguments:
        builder.add_arg(value, tag)  # type: ignore[arg-type]
    return bytes(builder.build().dgram)


def allowed(datagram: bytes) -> Asked | None:
    """What a datagram asks for by docs/protocol.md and the OSC 1.0 specification; None when it is to be refused.

    Written from the specification alone, without python-osc, as the judge of the server's reader.
    """
    if len(datagram) > 8192:
        return None
    texts: list[str] = []
    at = 0

    def string() -> bool:
        nonlocal at
        end = datagram.find(b"\0", at)
        padded = at + (end - at) // 4 * 4 + 4
        if end < 0 or padded > len(datagram) or any(datagram[end:padded]):
            return False
        try:
            texts.append(datagram[at:end].decode("utf-8"))
        except UnicodeDecodeError:
            return False
        at = padded
        return True

    if not (string() and string()) or texts[0] not in TAKES:
        return None
    address, tags = texts
    wanted = "," + "s" * TAKES[address]
    if tags not in (wanted, wanted + "i"):
        return None
    texts.clear()
    if not all(string() for _ in range(TAKES[address])):
        return None
    port = 0
    if tags.endswith("i"):
        if len(datagram) < at + 4:
            return None
        (port,) = struct.unpack_from(">i", datagram, at)
        at += 4
    return Asked(address, tuple(texts), port) if at == len(datagram) and 0 <= port <= 65535 else None


# --- the mutations ---

TEXTS = (
    "",
    "k",
    "reel1-2026-03-01",
    "/projects/reel1/cut.otio",
    "takes=3 seed=7",
    "like='a b.wav'",
    "\N{SNOWMAN}" * 70,
    "x" * 5000,
)
PORTS = (0, 1, 5580, 65535, 65536, -1, 2**31 - 1, -(2**31))
OTHERS: tuple[tuple[str, object], ...] = (
    ("f", float("nan")),
    ("f", float("inf")),
    ("d", -1e308),
    ("h", 2**63 - 1),
    ("b", b"\xff" * 9),
    ("r", 0xFFFFFFFF),
    ("m", (1, 2, 3, 4)),
    ("T", True),
    ("F", False),
    ("N", None),
    ("i", 7),
)


def sound_message(random_: random.Random) -> bytes:
    """A message that is allowed, unless two long texts make it too large."""
    address = random_.choice(list(TAKES))
    arguments: list[tuple[str, object]] = [("s", random_.choice(TEXTS)) for _ in range(TAKES[address])]
    if random_.random() < 0.5:
        arguments.append(("i", random_.choice(PORTS[:4])))
    return message(address, *arguments)


def other_message(random_: random.Random) -> bytes:
    """A whole message, with any arguments."""
    address = random_.choice([*TAKES, "/foley/*", "/foley/done", "/foley/error", "/foley/generate/", "/", "/foley"])
    several = [
        random_.choice([("s", random_.choice(TEXTS)), ("i", random_.choice(PORTS)), random_.choice(OTHERS)])
        for _ in range(random_.randrange(6))
    ]
    return message(address, *several)


def bundle(random_: random.Random) -> bytes:
    """Bundles in bundles, with sizes that may lie (a size of -4 makes python-osc loop for ever)."""
    data = sound_message(random_)
    for _ in range(random_.randrange(1, 40)):
        size = random_.choice([len(data), len(data), -4, 0, 2**31 - 1, len(data) - 1])
        data = b"#bundle\0" + random_.randbytes(8) + struct.pack(">i", size) + data
    return data


def hostile_tags(random_: random.Random) -> bytes:
    """Type tags that name far more than follows: open arrays, booleans, blobs of a negative size."""
    tags = random_.choice(
        ["[" * 3000, "[" * 1500 + "]" * 1500, "T" * 7000, "i" * 7000, "b", "sssb", "zq\N{SNOWMAN}", "ss[s]", ""]
    )
    head = random_.choice(list(TAKES)).encode().ljust(16, b"\0") + ("," + tags).encode()
    return head + bytes(4 - len(head) % 4) + random_.choice([b"", struct.pack(">i", -5), b"\xff\xff\xff\xff", b"a\0\0\0" * 4])


def flipped(data: bytes, random_: random.Random) -> bytes:
    """A few bytes changed, put in, taken out or repeated; or the end cut off or made longer."""
    changed = bytearray(data)
    for _ in range(random_.choice([1, 1, 1, 2, 8])):
        at = random_.randrange(len(changed) + 1)
        match random_.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << random_.randrange(8)
            case 1 if at < len(changed):
                changed[at] = random_.choice([0, 0x2C, 0x2F, 0x69, 0x73, 0x80, 0xC0, 0xED, 0xFF])
            case 2:
                changed[at:at] = random_.randbytes(random_.choice([1, 2, 4]))
            case 3:
                del changed[at : at + random_.choice([1, 2, 4])]
            case 4:
                del changed[at:]
            case 5:
                changed += bytes(random_.choice([1, 3, 4, 8]))
            case _:
                changed[at:at] = changed[max(0, at - random_.choice([4, 8, 64])) : at]
    return bytes(changed)


def datagrams(count: int, seed: int) -> list[bytes]:
    """Sound messages, mutated ones, and others that are hostile by design; the same for the same seed."""
    random_ = random.Random(seed)
    made = []
    for _ in range(count):
        kind = random_.randrange(12)
        if kind < 1:
            data = sound_message(random_)
        elif kind < 7:
            data = flipped(sound_message(random_), random_)
        elif kind < 8:
            data = other_message(random_)
        elif kind < 9:
            data = flipped(other_message(random_), random_)
        elif kind < 10:
            data = bundle(random_)
        elif kind < 11:
            data = hostile_tags(random_)
        else:
            data = random_.randbytes(random_.choice([0, 1, 4, 64, 1000, 9000, 60_000]))
        made.append(data)
    return made


def read_exactly_what_is_allowed(count: int, seed: int) -> tuple[int, int]:
    accepted = refused = 0
    for datagram in datagrams(count, seed):
        want = allowed(datagram)
        try:
            got = osc_messages.read(datagram)
        except RequestError as error:
            assert want is None, (datagram, error)
            assert error.message and len(osc_messages.error("", "", {"kind": "", "message": error.message, "hint": ""})) < 400
            refused += 1
        else:
            assert got == want, datagram
            accepted += 1
    assert accepted > count / 20 and refused > count / 2, (accepted, refused)  # else the mutations test nothing
    return accepted, refused


def test_mutated_datagrams_are_read_exactly_as_the_protocol_allows() -> None:
    read_exactly_what_is_allowed(FEW, seed=1)


@pytest.mark.nightly
def test_very_many_mutated_datagrams_are_read_exactly_as_the_protocol_allows() -> None:
    read_exactly_what_is_allowed(MANY, seed=2)


def may_become_a_job(asked: Asked) -> bool:
    """Whether docs/protocol.md lets this be submitted, however the job then ends."""
    if asked.address != "/foley/generate":
        return False
    key, path, text = asked.texts
    try:
        words, _ = split_region_text(text)
    except FoleyError:
        return False
    return (
        asked.address == "/foley/generate" and 1 <= len(key) <= 200 and key.isprintable() and path.startswith("/") and not words
    )


def send_all(count: int, seed: int, folder: Path) -> None:
    """Every datagram to a server that listens, and a question after each, which must be answered."""
    servers: list[OscServer] = []
    processor = Processor(
        Journal(folder / "journal.sqlite"),
        home=folder,
        roots=Roots(output=(folder,)),
        workers=0,
        limit=count,
        on_event=lambda event: servers[0].on_event(event),
    )
    server = OscServer("127.0.0.1:0", processor, out=folder / "osc", per_s=1e9)
    servers.append(server)
    allowed_jobs: set[tuple[str, str]] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as surface:
        surface.settimeout(60)
        server.start()
        processor.start()
        host, port = server.address.rsplit(":", 1)
        try:
            for number, datagram in enumerate(datagrams(count, seed)):
                asked = allowed(datagram)
                if asked is not None and may_become_a_job(asked):
                    allowed_jobs.add(asked.texts[:2])
                surface.sendto(datagram, (host, int(port)))
                surface.sendto(message("/foley/status", ("s", f"still there {number}")), (host, int(port)))
                answers = 0
                while (heard := OscMessage(surface.recv(65536))).params[1] != f"still there {number}":
                    of_a_job = heard.address == "/foley/progress" or heard.params[2] == "Cancelled"  # told whenever it happens
                    answers += not of_a_job
                assert answers <= 1, datagram
                if asked is None and not osc_messages.is_answer(datagram):
                    assert answers == 1, datagram
            records = [processor.job(view.record.id).record for view in processor.jobs(limit=count)]
            found = {(record.key, record.request["timeline"]["path"]) for record in records}
        finally:
            server.stop()
            processor.stop()
    assert found and found <= allowed_jobs
    assert {path.name.split(".")[0] for path in folder.iterdir()} == {"journal"}  # and nothing was written anywhere


def test_a_server_answers_each_mutated_datagram_at_most_once_and_keeps_answering(tmp_path: Path) -> None:
    send_all(FEW, 3, tmp_path)


@pytest.mark.nightly
def test_a_server_answers_each_of_very_many_mutated_datagrams_at_most_once_and_keeps_answering(tmp_path: Path) -> None:
    send_all(MANY, 4, tmp_path)
