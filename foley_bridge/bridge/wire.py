"""The wire: what frames a message of docs/protocol.md is made of, how large they may be, and how errors travel.

Used at both ends, and by ``foley-call``, which must start at once: nothing beyond the standard library.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from foley_bridge import errors
from foley_bridge.errors import BridgeError, FoleyError, RequestError

VERSION = 1
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5577"

MB = 1 << 20
HEADER_LIMIT = 1 * MB
"""Bytes of a request's header. A reply's may be longer, since a job's result has a line for every onset."""
CLIENT_LIMIT = 64 * MB
"""Bytes of a request, all frames together: clients refuse to send more."""
SERVER_LIMIT = 256 * MB
"""Up to here a daemon says that a request is too large."""
SOCKET_LIMIT = 288 * MB
"""For ``ZMQ_MAXMSGSIZE``: above it ZeroMQ drops the sender without a word."""

LONGEST_WAIT_S = 3600
"""Of ``wait``."""

TOO_LARGE_HINT = "write the timeline to a file and give its path, or split it"
LONG_HEADER_HINT = "send a timeline as the payload, not inside the header"


def request(request_id: str, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The header of a request."""
    header: dict[str, Any] = {"foley_bridge": VERSION, "id": request_id, "method": method}
    if params is not None:
        header["params"] = dict(params)
    return header


def reply(request_id: str | None, result: Mapping[str, Any] | None) -> dict[str, Any]:
    """The header of a reply that is ``ok``. ``result``: None when it is put in as it is sent."""
    header: dict[str, Any] = {"foley_bridge": VERSION, "id": request_id, "ok": True}
    return header if result is None else {**header, "result": dict(result)}


def refusal(request_id: str | None, error: FoleyError) -> dict[str, Any]:
    """The header of a reply that is an error."""
    return {"foley_bridge": VERSION, "id": request_id, "ok": False, "error": error.to_json()}


def encode(header: Mapping[str, Any], payload: bytes | None = None, *, result: bytes | None = None) -> list[bytes]:
    """A message's frames: the header as JSON, and the payload when there is one.

    Args:
        header: of a request, a reply or an event.
        payload: the second frame.
        result: JSON that stands for ``result`` in the header of a reply: what is large is not written by who sends it.

    Raises:
        RequestError: the header is not JSON: a value of another type, a number that is not finite, text that is not UTF-8.
    """
    try:
        frame = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        raise RequestError(f"the message cannot be written as JSON: {error}") from error
    if result is not None:
        frame = frame[:-1] + b',"result":' + result + b"}"
    return [frame] if payload is None else [frame, payload]


def decode(frames: Sequence[bytes], *, header_limit: int = HEADER_LIMIT) -> tuple[dict[str, Any], bytes | None]:
    """The header and the payload (or None) of a message's frames, an empty delimiter already taken off.

    Raises:
        RequestError: no frame or more than two, a header longer than ``header_limit`` bytes, or one that is not a JSON object
            in UTF-8 with unique keys and finite numbers.
    """
    if not 1 <= len(frames) <= 2:
        raise RequestError(f"the message has {len(frames)} frames", "send a JSON header and at most one payload frame")
    if len(frames[0]) > header_limit:
        raise RequestError(
            f"the message's header is {len(frames[0]) / MB:.1f} MB, more than {header_limit / MB:.0f} MB",
            LONG_HEADER_HINT,
        )
    return decode_object(bytes(frames[0]), "the message's header"), (bytes(frames[1]) if len(frames) == 2 else None)


def decode_object(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object from bytes, read as strictly as docs/protocol.md says; ``name`` is what errors call it.

    Raises:
        RequestError: it is anything else.
    """
    hint = "see docs/protocol.md"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"{name} is not UTF-8: byte {error.start}", hint) from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_not_finite, parse_float=_finite)
        if "\\u" in text:  # a lone surrogate can be escaped in JSON, but is no text
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise RequestError(f"{name} has text that is not Unicode: half of a surrogate pair", hint) from None
    except json.JSONDecodeError as error:
        raise RequestError(f"{name} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}", hint) from None
    except RecursionError:
        raise RequestError(f"{name} is nested too deeply", hint) from None
    except ValueError as error:
        raise RequestError(f"{name}: {error}", hint) from None
    if not isinstance(value, dict):
        raise RequestError(f"{name} is not a JSON object", hint)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:80]!r} stands there twice")
        found[name] = value
    return found


def _not_finite(text: str) -> Any:
    raise ValueError(f"{text} is not a finite number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a finite number")
    return value


def error_from(found: Any) -> FoleyError:
    """The error that an object of a reply stands for, of the class that its ``kind`` names."""
    if not isinstance(found, dict):
        return BridgeError("the daemon answered with an error that says nothing")
    kind = getattr(errors, str(found.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, FoleyError)):
        kind = errors.InternalError
    return kind(str(found.get("message", "")), str(found.get("hint", "")))


def topic(job: str) -> bytes:
    """What a job's events are published under; ``topic("")`` begins those of all jobs."""
    return f"job.{job}".encode()


def reel_topic(reel: str) -> bytes:
    """What is chosen in a reel is published under; ``reel_topic("")`` begins those of all reels."""
    return f"reel.{reel}".encode()


def choice_event(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The header of the event ``choice``, with what ``choose`` answered."""
    return {"foley_bridge": VERSION, "event": "choice", **chosen}


def event(kind: str, job: Mapping[str, Any]) -> dict[str, Any]:
    """The header of an event: ``state``, ``step`` or ``progress``, with the job object."""
    return {"foley_bridge": VERSION, "event": kind, "job": dict(job)}
