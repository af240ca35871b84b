"""``foley-call REQUEST.json REPLY.json``: one request to the daemon, for hosts whose script language has no ZeroMQ.

It is started for every request, so it imports nothing that starts slowly: the standard library, ZeroMQ, and the client.
Whatever happens, the reply file appears, whole, for a host may be polling for it; only when it cannot be written is stderr all
there is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foley_bridge import __version__
from foley_bridge.bridge import wire
from foley_bridge.bridge.client import Client
from foley_bridge.errors import BridgeError, FoleyError, InternalError, RequestError

OK, REFUSED, NOT_ASKED = 0, 1, 2
FILE_LIMIT = wire.CLIENT_LIMIT + wire.HEADER_LIMIT
LONGEST_TIMEOUT_S = 86400.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run once; returns the exit status: 0 the reply is ``ok``, 1 it is an error, 2 nobody was asked."""
    args = _parser().parse_args(argv)
    try:
        _make_way(args.reply, args.request)
        header, payload, status = _ask(args)
        try:
            reply = _as_json(header, payload)
        except FoleyError as error:
            reply, status = _as_json(wire.refusal(None, error), None), REFUSED
        _write_whole(args.reply, reply)
    except BridgeError as error:
        print(f"foley-call: {error.message}\n  what to do: {error.hint}", file=sys.stderr)
        return NOT_ASKED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="foley-call",
        description="Send one request to the foley-bridge daemon and write its reply to a file, whole or not at all.",
        epilog="Exit status: 0 the reply is ok, 1 it is an error, 2 nobody was asked. The protocol is in docs/protocol.md.",
    )
    parser.add_argument("request", type=Path, metavar="REQUEST.json", help="the request to send")
    parser.add_argument("reply", type=Path, metavar="REPLY.json", help="where the reply goes; what lies there is removed first")
    parser.add_argument("--endpoint", help="of the daemon [FOLEY_BRIDGE_ENDPOINT, or tcp://127.0.0.1:5577]")
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="how long the reply may take")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="folder with this seat's keys [FOLEY_BRIDGE_KEYS]")
    parser.add_argument("--seat", metavar="NAME", help="whose keys [FOLEY_BRIDGE_SEAT]")
    parser.add_argument("--version", action="version", version=f"foley-call {__version__}")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= LONGEST_TIMEOUT_S:
        raise ValueError
    return value


def _make_way(reply: Path, request: Path) -> None:
    """Remove an earlier reply, so that nobody takes it for this one's.

    Raises:
        BridgeError: no reply can be written there.
    """
    hint = "name a file to write the reply to, in a folder that is there"
    try:
        if reply.is_dir():
            raise BridgeError(f"{reply}: is a folder", hint)
        if not reply.parent.is_dir():
            raise BridgeError(f"{reply.parent}: there is no such folder", hint)
        if reply.exists() and request.exists() and reply.samefile(request):
            raise BridgeError(f"{reply}: is the request itself", hint)
        reply.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise BridgeError(f"{reply}: cannot be replaced, {getattr(error, 'strerror', None) or error}", hint) from error


def _ask(args: argparse.Namespace) -> tuple[dict[str, Any], bytes | None, int]:
    """The reply's header and payload, and the exit status; an error of ours when nobody was asked."""
    request: dict[str, Any] = {}
    fault: FoleyError
    try:
        request = _read(args.request)
        payload = _take_inline(request)
        keys, seat = args.keys or os.environ.get("FOLEY_BRIDGE_KEYS"), args.seat or os.environ.get("FOLEY_BRIDGE_SEAT")
        with Client(args.endpoint, keys=Path(keys) if keys else None, seat=seat) as client:
            header, found = client.exchange(request, payload, args.timeout)
        return header, found, OK if header.get("ok") is True else REFUSED
    except FoleyError as error:
        fault = error
    except Exception as error:  # a fault of ours, but a host is waiting for the file
        fault = InternalError(f"{type(error).__name__}: {error}", "please report this, with the request file")
    request_id = request.get("id")
    return wire.refusal(request_id if isinstance(request_id, str) else None, fault), None, NOT_ASKED


def _read(path: Path) -> dict[str, Any]:
    """The request's header, its inline timeline still in it.

    Raises:
        RequestError: it cannot be read, or is no JSON object.
    """
    try:
        if path.exists() and not path.is_file():
            raise RequestError(f"{path}: is no file", "give the file that holds the request")
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        said = f"{path}: cannot be read, {getattr(error, 'strerror', None) or error}"
        raise RequestError(said, "give the file that holds the request") from error
    if len(data) > FILE_LIMIT:
        raise RequestError(f"{path}: is more than {wire.CLIENT_LIMIT // wire.MB} MB", wire.TOO_LARGE_HINT)
    return wire.decode_object(data, str(path))


def _take_inline(request: dict[str, Any]) -> bytes | None:
    """Take an inline timeline out of a request, in which it then stands as the payload; None when there is none.

    Raises:
        RequestError: it is no object, or stands beside a path or payload.
    """
    params = request.get("params")
    timeline = params.get("timeline") if isinstance(params, dict) else None
    if not isinstance(timeline, dict) or "inline" not in timeline:
        return None
    inline = timeline.pop("inline")
    if not isinstance(inline, dict) or timeline.keys() - {"base"}:
        raise RequestError(
            "params.timeline: inline must be a timeline as OTIO JSON, with at most base beside it",
            'such as {"inline": {"OTIO_SCHEMA": "Timeline.1", ...}, "base": "/projects/reel1"}',
        )
    timeline["payload"] = 0
    return wire.encode(inline)[0]


def _as_json(header: dict[str, Any], payload: bytes | None) -> bytes:
    """The reply file: the header, and the payload as ``timeline``, an object when it is JSON and else its text."""
    text = wire.encode(header)[0]
    if payload is None:
        return text + b"\n"
    try:
        wire.decode_object(payload, "timeline")
    except RequestError:
        payload = json.dumps(payload.decode("utf-8", "replace"), ensure_ascii=False).encode()
    return b'%s,"timeline":%s}\n' % (text[:-1], payload)


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, then rename it.

    Raises:
        BridgeError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        for wait_s in (0.05, 0.2, 0.5, 0):  # Windows replaces no file that somebody is just looking at
            try:
                temporary.replace(path)
                return
            except PermissionError:
                if not wait_s:
                    raise
                time.sleep(wait_s)
    except OSError as error:
        said = f"{path}: cannot be written, {error.strerror or error}"
        raise BridgeError(said, "check the folder's permissions and the free space") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
