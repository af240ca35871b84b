"""The requests of docs/protocol.md, and how bytes become one: wholly right, or refused by the name of the field.

What a client sends is read here once, strictly, before anything acts on it: no unknown or doubled fields, no number where a
text belongs, nothing longer than it may be. Whether a path may be touched or a job exists is for those who know.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from foley_bridge.bridge.params import LONGEST_ID, Job, JobResult, Jobs, Params, Submit, Text, Wait
from foley_bridge.bridge.reel_params import Apply, Audition, Choices, Choose, Reel, Reels, Retake
from foley_bridge.bridge.refusing import SEE, explained, shown
from foley_bridge.bridge.search_params import LibrarySearch
from foley_bridge.bridge.wire import HEADER_LIMIT, MB, VERSION
from foley_bridge.errors import RequestError

METHODS: dict[str, type[Params]] = {
    "ping": Params,
    "capabilities": Params,
    "submit": Submit,
    "status": Job,
    "wait": Wait,
    "result": JobResult,
    "cancel": Job,
    "jobs": Jobs,
    "audition": Audition,
    "reels": Reels,
    "reel": Reel,
    "choose": Choose,
    "choices": Choices,
    "library.search": LibrarySearch,
}
SUBMITS: dict[str, type[Params]] = {"retake": Retake, "apply": Apply}
"""By kind, those that ``submit`` takes instead of its own."""


class Request(Struct, frozen=True):
    """A request that follows the protocol."""

    id: str
    method: str
    params: Params


class _Header(Struct, forbid_unknown_fields=True):
    foley_bridge: int
    id: Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
    method: Text
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Peek(Struct):
    """What can be told of a header that may be wrong elsewhere."""

    foley_bridge: Any = None
    id: Any = None


_peek = msgspec.json.Decoder(_Peek)


class _PeekKind(Struct):
    """What a ``submit`` asks for."""

    kind: Any = None


_header = msgspec.json.Decoder(_Header)
_kind = msgspec.json.Decoder(_PeekKind)
_params = {kind: msgspec.json.Decoder(kind) for kind in (*METHODS.values(), *SUBMITS.values())}


def request_id(header: bytes) -> str | None:
    """The id of a request that is refused, when it can be read at all."""
    try:
        found = _peek.decode(header).id if len(header) <= HEADER_LIMIT else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, str) and 1 <= len(found) <= LONGEST_ID else None


def read_request(header: bytes, *, payload: bool) -> Request:
    """A request's header frame, read strictly.

    Args:
        header: the first frame.
        payload: whether a payload frame came with it.

    Raises:
        RequestError: anything that docs/protocol.md does not allow; names the field.
    """
    if len(header) > HEADER_LIMIT:
        raise RequestError(
            f"header: more than {HEADER_LIMIT // MB} MB",
            "send a timeline as the payload, not inside the header",
        )
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"header: not UTF-8 at byte {error.start}", SEE) from None
    try:
        version = _peek.decode(header).foley_bridge
        if version is None:
            raise RequestError("foley_bridge: the protocol's version is missing", f"this daemon speaks {VERSION}")
        if type(version) is not int or version != VERSION:
            raise RequestError("foley_bridge: another version of the protocol", f"this daemon speaks {VERSION}")
        envelope = _header.decode(header)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explained(error, "") from None
    kind = METHODS.get(envelope.method)
    if kind is None:
        raise RequestError(f"method: there is no {shown(envelope.method)}", f"methods are {', '.join(METHODS)}")
    try:
        if kind is Submit and isinstance(asked := _kind.decode(envelope.params).kind, str):
            kind = SUBMITS.get(asked, kind)
        params = _params[kind].decode(envelope.params)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explained(error, "params", known=kind.__struct_fields__) from None
    try:  # numbers stay text: of those that were passed over, some are longer than Python reads
        doubled = _doubled(json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str), "")
    except RecursionError as error:
        raise explained(error, "") from None
    if doubled is not None:
        raise RequestError(f"{doubled}: stands there twice", "give it once")
    params.check(payload=payload)
    return Request(envelope.id, envelope.method, params)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with every pair it was written with."""


def _doubled(value: Any, at: str) -> str | None:
    """The first field that an object has twice; None when there is none."""
    if isinstance(value, _Pairs):
        seen = set()
        for name, inner in value:
            field = f"{at}.{shown(name, quoted=False)}".lstrip(".")
            if name in seen:
                return field
            seen.add(name)
            if (found := _doubled(inner, field)) is not None:
                return found
    return None
