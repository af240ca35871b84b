"""The files of ``foley-call``: a request read strictly, a reply and the progress written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from foley_bridge.bridge import wire
from foley_bridge.errors import BridgeError, RequestError

FILE_LIMIT = wire.CLIENT_LIMIT + wire.HEADER_LIMIT


def beside(request: Path, ending: str) -> Path:
    """A file of the run that a request begins: ``RUN.json`` has ``RUN.reply.json`` beside it."""
    return request.with_name(request.name.removesuffix(".json") + ending)


def make_way(reply: Path, request: Path) -> None:
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


def read_request(path: Path) -> dict[str, Any]:
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


def take_inline(request: dict[str, Any]) -> bytes | None:
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


def as_json(header: dict[str, Any], payload: bytes | None) -> bytes:
    """The reply file: the header, and the payload as ``timeline``, an object when it is JSON and else its text."""
    text = wire.encode(header)[0]
    if payload is None:
        return text + b"\n"
    try:
        wire.decode_object(payload, "timeline")
    except RequestError:
        payload = json.dumps(payload.decode("utf-8", "replace"), ensure_ascii=False).encode()
    return b'%s,"timeline":%s}\n' % (text[:-1], payload)


def write_whole(path: Path, data: bytes) -> None:
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
