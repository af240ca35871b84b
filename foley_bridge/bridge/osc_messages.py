"""The OSC messages of docs/protocol.md: what a datagram asks for, read strictly, and the datagrams that answer.

python-osc takes messages apart and builds them, but it sees only datagrams whose address and type tags are exactly ours: it
loops for ever on some bundles, logs a line for each type tag that it does not know, and overlooks what follows the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.parsing.osc_types import write_string

from foley_bridge.errors import RequestError

LARGEST = 8192
"""Bytes of a datagram that is read. Ours are smaller than this too: macOS sends no more than 9216 at once."""

COMMANDS = {"/foley/generate": "sss", "/foley/spot": "sss", "/foley/status": "s", "/foley/cancel": "s"}
"""Type tags by address; each may be followed by an ``i``, the reply port."""
ANSWERS = ("/foley/progress", "/foley/done", "/foley/error")

_LONGEST_TEXT = 1000  # bytes of a message or hint
_LONGEST_NAME = 800  # of a key: 200 characters
_LONGEST_PATH = 4096
_LONGEST_LEFT_S = 1e9


@dataclass(frozen=True)
class Asked:
    """What a datagram asks for.

    Attributes:
        address: one of ``COMMANDS``.
        texts: its strings, in order; what they say is not looked at yet.
        reply_port: 0 for the port that the datagram came from.
    """

    address: str
    texts: tuple[str, ...]
    reply_port: int


def is_answer(datagram: bytes) -> bool:
    """True for what only a daemon says: never answered, so that two daemons cannot talk to each other for ever."""
    return datagram.split(b"\0", 1)[0] in [address.encode() for address in ANSWERS]


def read(datagram: bytes) -> Asked:
    """What a datagram asks for.

    Raises:
        RequestError: too large, a bundle, an unknown address, other arguments than the address takes, text that is not UTF-8,
            bytes that belong to nothing, or a reply port that is none.
    """
    if len(datagram) > LARGEST:
        raise RequestError(f"the datagram has {len(datagram)} bytes, more than {LARGEST}", "send shorter texts")
    if datagram.startswith(b"#bundle"):
        raise RequestError("OSC bundles are not read", "send the message by itself")
    address = datagram.split(b"\0", 1)[0].decode("ascii", "replace")
    if address not in COMMANDS:
        raise RequestError(f"{address[:40]!r} is no OSC address of this daemon", f"addresses are {', '.join(COMMANDS)}")
    strings = COMMANDS[address]
    tags = next((tags for tags in (strings, strings + "i") if datagram.startswith(_head(address, tags))), None)
    if tags is None:
        raise RequestError(
            f"{address} was sent with other arguments than it takes",
            f"its type tags are ,{strings} or ,{strings}i (the reply port)",
        )
    try:
        values = OscMessage(datagram).params
    except (ParseError, UnicodeDecodeError):
        raise RequestError(f"{address}: an argument is cut short or is not UTF-8", "send UTF-8 strings") from None
    if _datagram(address, tags, values) != datagram:
        raise RequestError(f"{address} holds bytes that belong to no argument", "pad strings with zeros to 4 bytes")
    port = values[len(strings)] if len(values) > len(strings) else 0
    if not 0 <= port <= 65535:
        raise RequestError(f"{address}: {port} is not a port", "give 1 to 65535, or 0 for the port that you send from")
    return Asked(address, tuple(values[: len(strings)]), port)


def progress(job: Mapping[str, Any]) -> bytes:
    """``/foley/progress`` from a job object."""
    told = job["progress"] or {}
    left_s = told.get("left_s")
    fraction = min(max(float(told.get("fraction", 0)), 0.0), 1.0)
    left = -1.0 if left_s is None else min(max(float(left_s), 0.0), _LONGEST_LEFT_S)
    names = [_cut(str(job[name] or ""), _LONGEST_NAME) for name in ("job", "key", "state", "step")]
    return _datagram("/foley/progress", "ssssff", [*names, fraction, left])


def done(job: Mapping[str, Any], result: Mapping[str, Any]) -> bytes:
    """``/foley/done`` from the object of a job that is done, and its result."""
    names = [_cut(str(job[name] or ""), _LONGEST_NAME) for name in ("job", "key")]
    failed = int(job["failed_regions"])
    path = _cut(str(result["out"]), _LONGEST_PATH)
    return _datagram("/foley/done", "sssii", [*names, path, len(result["regions"]) - failed, failed])


def error(job: str, key: str, fault: Mapping[str, Any]) -> bytes:
    """``/foley/error``.

    Args:
        job: empty when there is none.
        key: empty when there is none, or when it could not be read.
        fault: ``kind``, ``message``, ``hint``.
    """
    texts = [_cut(str(fault[name]), _LONGEST_TEXT) for name in ("kind", "message", "hint")]
    return _datagram("/foley/error", "sssss", [_cut(job, _LONGEST_NAME), _cut(key, _LONGEST_NAME), *texts])


def poke(address: str, arguments: Sequence[str]) -> bytes:
    """What somebody else's program is sent: strings, at an address of its own."""
    return _datagram(address, "s" * len(arguments), arguments)


def _head(address: str, tags: str) -> bytes:
    """How a message with these type tags begins."""
    return bytes(write_string(address) + write_string("," + tags))


def _datagram(address: str, tags: str, values: Sequence[Any]) -> bytes:
    builder = OscMessageBuilder(address)
    for tag, value in zip(tags, values, strict=True):
        builder.add_arg(value, tag)
    return bytes(builder.build().dgram)


def _cut(text: str, most: int) -> str:
    """Text that OSC can carry: no zeros inside, UTF-8 of at most ``most`` bytes."""
    data = text.replace("\0", " ").encode("utf-8", "replace")
    return data.decode() if len(data) <= most else data[: most - 3].decode("utf-8", "ignore") + "\N{HORIZONTAL ELLIPSIS}"
