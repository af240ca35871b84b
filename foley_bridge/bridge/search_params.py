"""What ``library.search`` of docs/protocol.md takes, as types that allow nothing else."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from foley_bridge.bridge.params import JobName, Params, PathText
from foley_bridge.bridge.reel_params import LONGEST_TIMELINE_S, RegionNumber, Seconds
from foley_bridge.errors import RequestError

Length = Annotated[float, Meta(ge=0)]
Duration = Annotated[float, Meta(gt=0, le=LONGEST_TIMELINE_S)]


class Shown(Struct, forbid_unknown_fields=True, frozen=True):
    """A picture: a stretch of a movie, or an image; or what a region of a reel shows."""

    path: PathText | UnsetType = UNSET
    start_s: Seconds | UnsetType = UNSET
    duration_s: Duration | UnsetType = UNSET
    job: JobName | UnsetType = UNSET
    region: RegionNumber | UnsetType = UNSET

    def check(self) -> None:
        """Raises RequestError for fields that do not go together; names them."""
        of_file = [name for name in ("path", "start_s", "duration_s") if getattr(self, name) is not UNSET]
        of_reel = [name for name in ("job", "region") if getattr(self, name) is not UNSET]
        if of_file and of_reel:
            raise RequestError(f"params.picture.{of_reel[0]}: does not go with {of_file[0]}", _EITHER)
        for name in ("job", "region") if of_reel else ("path",):
            if getattr(self, name) is UNSET:
                raise RequestError(f"params.picture.{name}: is missing", _EITHER)


class LibrarySearch(Params, kw_only=True, frozen=True):
    """``library.search``."""

    words: Annotated[str, Meta(max_length=1000)] = ""
    picture: Shown | UnsetType = UNSET
    like: PathText | UnsetType = UNSET
    ucs: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    length_s: tuple[Length | None, Length | None] | UnsetType = UNSET
    channels: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=500)] = 20

    @property
    def looks(self) -> bool:
        """Whether there is something to look at or to listen to."""
        return self.picture is not UNSET or self.like is not UNSET

    def check(self, *, payload: bool) -> None:
        super().check(payload=payload)
        if isinstance(self.picture, Shown):
            if self.like is not UNSET:
                raise RequestError("params.like: does not go with picture", "ask by one of them")
            self.picture.check()
        if not self.words and not self.looks:
            raise RequestError("params.words: are missing, or empty", "give words, or picture, or like")
        if isinstance(self.length_s, tuple):
            shortest, longest = self.length_s
            if shortest is not None and longest is not None and shortest > longest:
                raise RequestError("params.length_s: the shortest is longer than the longest", "write [shortest, longest]")


_EITHER = 'such as {"path": "/projects/shot.mp4", "start_s": 12.5, "duration_s": 3}, or {"job": "…", "region": 1}'
