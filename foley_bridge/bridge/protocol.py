"""The requests of docs/protocol.md as types, and how bytes become one: wholly right, or refused by the name of the field.

What a client sends is read here once, strictly, before anything acts on it: no unknown or doubled fields, no number where a
text belongs, nothing longer than it may be. Whether a path may be touched or a job exists is for those who know.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from foley_bridge.bridge.wire import HEADER_LIMIT, LONGEST_WAIT_S, MB, VERSION
from foley_bridge.errors import RequestError
from foley_bridge.jobs.names import KINDS

KINDS_TO_COME = ("spot",)
MOST_OPTIONS = 64
MOST_REGIONS = 10_000
LONGEST_ID = 128
LONGEST_KEY = 200
LONGEST_TEXT = 4096
MOST_HITS = 10_000
LONGEST_TIMELINE_S = 7 * 24 * 3600
MOST_POKED = 16
LONGEST_POKED = 500

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
PathText = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Key = Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]
JobName = Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]
State = Literal["queued", "running", "done", "failed", "cancelled"]
Length = Annotated[float, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=LONGEST_TIMELINE_S)]
Revision = Annotated[int, Meta(ge=0, le=2**53)]
RegionNumber = Annotated[int, Meta(ge=1, le=2**31)]
TakeId = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Editor = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]

_SEE = "see docs/protocol.md"
_ADDRESS = re.compile(r"(/[^\x00-\x20\x7f-\U0010ffff#*,?\[\]{}/]+)+")


def _check_key(key: str | UnsetType) -> None:
    if isinstance(key, str) and not key.isprintable():
        raise RequestError("params.key: there are characters in it that cannot be printed", "use letters, digits, signs")


def _check_poke(poke: Poke | UnsetType) -> None:
    if isinstance(poke, Poke):
        poke.check()


def _check_options(options: dict[str, Any]) -> None:
    for name, value in options.items():
        if not 1 <= len(name) <= LONGEST_ID:
            raise RequestError(f"params.options: {shown(name)} is no name of an option", "see docs/timeline.md")
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise RequestError(
                f"params.options.{shown(name, quoted=False)}: expected a string of up to {LONGEST_TEXT} characters",
                'values are strings, also those of numbers: {"takes": "3"}',
            )


class Params(Struct, forbid_unknown_fields=True, frozen=True):
    """What a method takes; this one takes nothing."""

    def check(self, *, payload: bool) -> None:
        """What types alone cannot say. ``payload``: whether a payload frame came with the request.

        Raises:
            RequestError: names the field.
        """
        if payload:
            raise RequestError("payload: this method takes no payload frame", _SEE)

    def plain(self) -> dict[str, Any]:
        """As JSON has it, without the fields that say no more than their default does."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        defaults = {field.name: field.default for field in msgspec.structs.fields(self)}
        return {name: value for name, value in made.items() if value != defaults[name] and value not in ({}, [])}


class Timeline(Struct, forbid_unknown_fields=True, frozen=True):
    """Where a job's timeline is: in a file, or in the payload frame."""

    path: PathText | UnsetType = UNSET
    payload: int | UnsetType = UNSET
    base: PathText | UnsetType = UNSET


class Poke(Struct, forbid_unknown_fields=True, frozen=True):
    """An OSC message that is sent to a program on the daemon's machine when a job has ended."""

    port: Annotated[int, Meta(ge=1024, le=65535)]
    address: Annotated[str, Meta(min_length=1, max_length=LONGEST_POKED)]
    arguments: Annotated[list[Annotated[str, Meta(max_length=LONGEST_POKED)]], Meta(max_length=MOST_POKED)] = []

    def check(self) -> None:
        """Raises RequestError for what OSC cannot carry; names the field."""
        if not _ADDRESS.fullmatch(self.address):
            raise RequestError("params.poke.address: is no OSC address", "such as /action/_FOLEY_PLACE_READY")
        if any("\0" in text for text in self.arguments):
            raise RequestError("params.poke.arguments: a string has a zero in it", "OSC strings end with one")


class PathOnly(Struct, forbid_unknown_fields=True, frozen=True):
    """A timeline in a file."""

    path: PathText


class Submit(Params, kw_only=True, frozen=True):
    """``submit`` of kind ``generate``, and of what is no kind."""

    kind: Text
    key: Key | UnsetType = UNSET
    timeline: Timeline
    out: PathText
    media_dir: PathText
    exemplar: PathText | None = None
    options: Annotated[dict[str, Any], Meta(max_length=MOST_OPTIONS)] = {}
    regions: Annotated[list[Text], Meta(max_length=MOST_REGIONS)] = []
    sample_rate: Annotated[int, Meta(ge=8000, le=384_000)] = 48_000
    takes_as_tracks: bool = False
    hits_as_markers: bool = False
    preview: PathText | None = None
    report: PathText | None = None
    shape: Literal["resolve"] | None = None
    poke: Poke | UnsetType = UNSET

    def check(self, *, payload: bool) -> None:
        if self.kind not in KINDS:
            known = "is not in this version" if self.kind in KINDS_TO_COME else "is no kind of job"
            raise RequestError(f"params.kind: {shown(self.kind)} {known}", f"this version takes {', '.join(KINDS)}")
        _check_key(self.key)
        self._check_timeline(payload)
        _check_poke(self.poke)
        _check_options(self.options)

    def _check_timeline(self, payload: bool) -> None:
        named = self.timeline
        if (named.path is UNSET) == (named.payload is UNSET):
            raise RequestError("params.timeline: needs either path or payload", 'such as {"path": "/projects/cut.otio"}')
        if named.path is not UNSET and named.base is not UNSET:
            raise RequestError("params.timeline.base: belongs to a payload", "a file's own folder is its base")
        if named.payload is not UNSET and named.payload != 0:
            raise RequestError("params.timeline.payload: must be 0, the only payload frame there is", _SEE)
        if payload != (named.payload is not UNSET):
            wrong = (
                "payload: params.timeline does not name it" if payload else "params.timeline.payload: there is no payload frame"
            )
            raise RequestError(wrong, 'send the timeline as the second frame, and name it: {"payload": 0}')


class Retake(Params, kw_only=True, frozen=True):
    """``submit`` of kind ``retake``."""

    kind: Literal["retake"]
    key: Key | UnsetType = UNSET
    job: JobName
    region: RegionNumber
    hits_s: Annotated[list[Seconds], Meta(min_length=1, max_length=MOST_HITS)] | UnsetType = UNSET
    options: Annotated[dict[str, Any], Meta(max_length=MOST_OPTIONS)] = {}
    words: Text | UnsetType = UNSET
    more: bool = False
    like_take: TakeId | UnsetType = UNSET
    poke: Poke | UnsetType = UNSET

    def check(self, *, payload: bool) -> None:
        super().check(payload=payload)
        _check_key(self.key)
        _check_poke(self.poke)
        _check_options(self.options)
        if isinstance(self.hits_s, list) and any(late <= early for early, late in pairwise(self.hits_s)):
            raise RequestError("params.hits_s: are not in order", "give each onset once, the earliest first")


class Apply(Params, kw_only=True, frozen=True):
    """``submit`` of kind ``apply``."""

    kind: Literal["apply"]
    key: Key | UnsetType = UNSET
    job: JobName
    out: PathText | UnsetType = UNSET
    timeline: PathOnly | UnsetType = UNSET
    undecided: Literal["best", "none"] = "best"
    takes_as_tracks: bool | UnsetType = UNSET
    preview: PathText | UnsetType = UNSET
    report: PathText | UnsetType = UNSET
    force: bool = False
    poke: Poke | UnsetType = UNSET

    def check(self, *, payload: bool) -> None:
        super().check(payload=payload)
        _check_key(self.key)
        _check_poke(self.poke)


class Job(Params, kw_only=True, frozen=True):
    """``status`` and ``cancel``."""

    job: JobName


class Wait(Params, kw_only=True, frozen=True):
    """``wait``."""

    job: JobName
    timeout_s: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] = 60.0


class JobResult(Params, kw_only=True, frozen=True):
    """``result``."""

    job: JobName
    timeline: bool = False


class Jobs(Params, kw_only=True, frozen=True):
    """``jobs``."""

    states: Annotated[list[State], Meta(min_length=1, max_length=5)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class LibrarySearch(Params, kw_only=True, frozen=True):
    """``library.search``."""

    words: Annotated[str, Meta(min_length=1, max_length=1000)]
    ucs: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    length_s: tuple[Length | None, Length | None] | UnsetType = UNSET
    channels: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=500)] = 20

    def check(self, *, payload: bool) -> None:
        super().check(payload=payload)
        if isinstance(self.length_s, tuple):
            shortest, longest = self.length_s
            if shortest is not None and longest is not None and shortest > longest:
                raise RequestError("params.length_s: the shortest is longer than the longest", "write [shortest, longest]")


class Audition(Params, kw_only=True, frozen=True):
    """``audition``."""

    job: JobName | None = None


class Reels(Params, kw_only=True, frozen=True):
    """``reels``."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Reel(Params, kw_only=True, frozen=True):
    """``reel``."""

    job: JobName


class Choose(Params, kw_only=True, frozen=True):
    """``choose``. What a choice may be depends on its region, so ``jobs/choices.py`` looks at it."""

    job: JobName
    region: RegionNumber
    base: Revision
    choice: dict[str, Any]
    by: Editor


class Choices(Params, kw_only=True, frozen=True):
    """``choices``."""

    job: JobName
    after: Revision | UnsetType = UNSET
    applied: JobName | UnsetType | None = UNSET
    timeout_s: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] = 0.0


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
        raise RequestError(f"header: not UTF-8 at byte {error.start}", _SEE) from None
    try:
        version = _peek.decode(header).foley_bridge
        if version is None:
            raise RequestError("foley_bridge: the protocol's version is missing", f"this daemon speaks {VERSION}")
        if type(version) is not int or version != VERSION:
            raise RequestError("foley_bridge: another version of the protocol", f"this daemon speaks {VERSION}")
        envelope = _header.decode(header)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _explained(error, "") from None
    kind = METHODS.get(envelope.method)
    if kind is None:
        raise RequestError(f"method: there is no {shown(envelope.method)}", f"methods are {', '.join(METHODS)}")
    try:
        if kind is Submit and isinstance(asked := _kind.decode(envelope.params).kind, str):
            kind = SUBMITS.get(asked, kind)
        params = _params[kind].decode(envelope.params)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _explained(error, "params", known=kind.__struct_fields__) from None
    try:  # numbers stay text: of those that were passed over, some are longer than Python reads
        doubled = _doubled(json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str), "")
    except RecursionError as error:
        raise _explained(error, "") from None
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


_SAID = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_TYPES = {
    "`str`": "a string",
    "`int`": "an integer",
    "`float`": "a number",
    "`bool`": "true or false",
    "`object`": "an object",
    "`array`": "a list",
    "`null`": "null",
}


def _explained(error: Exception, at: str, known: tuple[str, ...] = ()) -> RequestError:
    """msgspec's words with the field's name in front. ``at``: what it calls ``$``."""
    if isinstance(error, RecursionError):
        return RequestError(f"{at or 'header'}: nested too deeply", _SEE)
    if not isinstance(error, msgspec.ValidationError):
        return RequestError(f"{at or 'header'}: {_small(str(error))}", "send one JSON object in UTF-8")
    said = _SAID.fullmatch(str(error))
    assert said is not None  # it matches anything
    field = (at + (said["path"] or "")).lstrip(".")
    what = said["what"]
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        close = get_close_matches(match[1], known, n=1)
        name = f"{field}.{shown(match[1], quoted=False)}".lstrip(".")
        return RequestError(f"{name}: there is no such field", f"did you mean {close[0]}?" if close else _SEE)
    if match := re.fullmatch(r"Object missing required field `(.*)`", what):
        return RequestError(f"{field}.{match[1]}".lstrip(".") + ": is missing", _SEE)
    for name, words in _TYPES.items():
        what = what.replace(name, words)
    return RequestError(f"{field or 'header'}: {_small(what)}", _SEE)


def _small(text: str) -> str:
    """In the middle of a sentence: ``JSON`` stays as it is."""
    return shown(text if text[:2].isupper() else text[:1].lower() + text[1:], quoted=False)


def shown(text: str, *, quoted: bool = True) -> str:
    """A client's own words inside a message: cut short, on one line, every odd character escaped."""
    cut = text if len(text) <= 80 else text[:80] + "…"
    plain = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)
    return f"'{plain}'" if quoted else plain
