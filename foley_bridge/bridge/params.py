"""What the methods of docs/protocol.md take, as types that allow nothing else; those about reels are in
``reel_params.py``, those of the library in ``search_params.py``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from foley_bridge.bridge.refusing import SEE, shown
from foley_bridge.bridge.wire import LONGEST_WAIT_S
from foley_bridge.errors import RequestError
from foley_bridge.jobs.names import KINDS

KINDS_TO_COME = ("spot",)
MOST_OPTIONS = 64
MOST_REGIONS = 10_000
LONGEST_ID = 128
LONGEST_KEY = 200
LONGEST_TEXT = 4096
MOST_POKED = 16
LONGEST_POKED = 500

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
PathText = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Key = Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]
JobName = Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]
State = Literal["queued", "running", "done", "failed", "cancelled"]

_ADDRESS = re.compile(r"(/[^\x00-\x20\x7f-\U0010ffff#*,?\[\]{}/]+)+")


class Params(Struct, forbid_unknown_fields=True, frozen=True):
    """What a method takes; this one takes nothing."""

    def check(self, *, payload: bool) -> None:
        """What types alone cannot say. ``payload``: whether a payload frame came with the request.

        Raises:
            RequestError: names the field.
        """
        if payload:
            raise RequestError("payload: this method takes no payload frame", SEE)

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
        check_key(self.key)
        self._check_timeline(payload)
        check_poke(self.poke)
        check_options(self.options)

    def _check_timeline(self, payload: bool) -> None:
        named = self.timeline
        if (named.path is UNSET) == (named.payload is UNSET):
            raise RequestError("params.timeline: needs either path or payload", 'such as {"path": "/projects/cut.otio"}')
        if named.path is not UNSET and named.base is not UNSET:
            raise RequestError("params.timeline.base: belongs to a payload", "a file's own folder is its base")
        if named.payload is not UNSET and named.payload != 0:
            raise RequestError("params.timeline.payload: must be 0, the only payload frame there is", SEE)
        if payload != (named.payload is not UNSET):
            wrong = (
                "payload: params.timeline does not name it" if payload else "params.timeline.payload: there is no payload frame"
            )
            raise RequestError(wrong, 'send the timeline as the second frame, and name it: {"payload": 0}')


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


def check_key(key: str | UnsetType) -> None:
    """Raises RequestError."""
    if isinstance(key, str) and not key.isprintable():
        raise RequestError("params.key: there are characters in it that cannot be printed", "use letters, digits, signs")


def check_poke(poke: Poke | UnsetType) -> None:
    """Raises RequestError."""
    if isinstance(poke, Poke):
        poke.check()


def check_options(options: dict[str, Any]) -> None:
    """Raises RequestError."""
    for name, value in options.items():
        if not 1 <= len(name) <= LONGEST_ID:
            raise RequestError(f"params.options: {shown(name)} is no name of an option", "see docs/timeline.md")
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise RequestError(
                f"params.options.{shown(name, quoted=False)}: expected a string of up to {LONGEST_TEXT} characters",
                'values are strings, also those of numbers: {"takes": "3"}',
            )
