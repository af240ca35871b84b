"""What the methods and kinds of docs/protocol.md take that are about reels, as types that allow nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from foley_bridge.bridge.params import (
    LONGEST_ID,
    MOST_OPTIONS,
    JobName,
    Key,
    Params,
    PathText,
    Poke,
    Text,
    check_key,
    check_options,
    check_poke,
)
from foley_bridge.bridge.wire import LONGEST_WAIT_S
from foley_bridge.errors import RequestError

MOST_HITS = 10_000
LONGEST_TIMELINE_S = 7 * 24 * 3600
Seconds = Annotated[float, Meta(ge=0, le=LONGEST_TIMELINE_S)]
Revision = Annotated[int, Meta(ge=0, le=2**53)]
RegionNumber = Annotated[int, Meta(ge=1, le=2**31)]
TakeId = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Editor = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]


class PathOnly(Struct, forbid_unknown_fields=True, frozen=True):
    """A timeline in a file."""

    path: PathText


class Retake(Params, kw_only=True, frozen=True):
    """``submit`` of kind ``retake``."""

    kind: Literal["retake"]
    key: Key | UnsetType = UNSET
    job: JobName
    region: RegionNumber
    hits_s: Annotated[list[Seconds], Meta(min_length=1, max_length=MOST_HITS)] | UnsetType = UNSET
    options: Annotated[dict[str, Any], Meta(max_length=MOST_OPTIONS)] = field(default_factory=dict)
    words: Text | UnsetType = UNSET
    more: bool = False
    like_take: TakeId | UnsetType = UNSET
    poke: Poke | UnsetType = UNSET

    def check(self, *, payload: bool) -> None:
        super().check(payload=payload)
        check_key(self.key)
        check_poke(self.poke)
        check_options(self.options)
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
        check_key(self.key)
        check_poke(self.poke)


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

    def check(self, *, payload: bool) -> None:
        super().check(payload=payload)
        if not self.by.isprintable():
            raise RequestError("params.by: there are characters in it that cannot be printed", "use letters, digits, signs")


class Choices(Params, kw_only=True, frozen=True):
    """``choices``."""

    job: JobName
    after: Revision | UnsetType = UNSET
    applied: JobName | UnsetType | None = UNSET
    timeout_s: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] = 0.0
