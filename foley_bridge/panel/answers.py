"""What every answer of the panel looks like: JSON, and errors as ``{error: {kind, message, hint}}``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from foley_bridge.bridge.wire import HEADER_LIMIT, decode_object
from foley_bridge.errors import BridgeError, BusyError, ConflictError, FoleyError, MediaError, RequestError

RETRY_AFTER_S = 2

T = TypeVar("T")


class Refused(Exception):
    """An error with a status of its own, where the error's class does not say it."""

    def __init__(self, status: int, error: FoleyError) -> None:
        super().__init__(str(error))
        self.status, self.error = status, error


def unknown(what: str) -> Refused:
    """There is no such thing."""
    return Refused(404, RequestError(f"there is no {what}", "read the reel again"))


def json_answer(value: Any, status: int = 200) -> Response:
    """Any value as JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("utf-8", "backslashreplace"), status, media_type="application/json")


def error_answer(status: int, error: FoleyError, **more: Any) -> Response:
    """An error as JSON; ``more`` stands beside it."""
    answer = json_answer({"error": error.to_json(), **more}, status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


async def on_refused(request: Request, refused: Exception) -> Response:
    """For Starlette: a ``Refused`` as an answer."""
    assert isinstance(refused, Refused)
    return error_answer(refused.status, refused.error)


async def on_foley_error(request: Request, error: Exception) -> Response:
    """For Starlette: an error as an answer, whose status its class says."""
    assert isinstance(error, FoleyError)
    return error_answer(_status_of(error), error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """For Starlette: an unknown path, a method that is not there; without a word."""
    return Response(status_code=getattr(error, "status_code", 404))


async def on_gone(request: Request, error: Exception) -> Response:
    """For Starlette: whoever asked is not there any more."""
    return Response(status_code=499)


def _status_of(error: FoleyError) -> int:
    if isinstance(error, BridgeError | BusyError):
        return 503
    if isinstance(error, ConflictError):
        return 409
    return 410 if isinstance(error, MediaError) else 400


async def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON object in a request's body; an empty body is an empty object.

    Raises:
        RequestError: it is longer than 1 MB, or no JSON object, or not said to be JSON.
        ClientDisconnect: it broke off.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > HEADER_LIMIT:
            raise RequestError("the body is larger than 1 MB", "send less")
    if not data:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError("the body is not said to be JSON", "send it with Content-Type: application/json")
    return decode_object(bytes(data), "the body")


def only_known(body: Mapping[str, Any], known: tuple[str, ...], *, needed: bool = False) -> None:
    """Raises RequestError when something is there that nobody knows, or is missing that is needed."""
    for name in body:
        if name not in known:
            raise RequestError(f"{name[:80]!r} is unknown here", f"known are {', '.join(known)}")
    for name in known if needed else ():
        if name not in body:
            raise RequestError(f"{name!r} is missing", f"give {', '.join(known)}")


async def while_there(request: Request, work: Awaitable[T]) -> T:
    """What ``work`` gives; it is cancelled when whoever asked goes away.

    Raises:
        ClientDisconnect: he did.
    """
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait([working, gone], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


EXCEPTION_HANDLERS = {Refused: on_refused, FoleyError: on_foley_error, ClientDisconnect: on_gone}
