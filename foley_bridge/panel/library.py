"""The library as pages search it: by words, by a region's picture, by a sound that is there; and whether that can be done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from foley_bridge.errors import LibraryError, RequestError
from foley_bridge.panel.answers import json_answer, only_known, while_there
from foley_bridge.panel.daemon import Daemon
from foley_bridge.panel.media import Media
from foley_bridge.panel.reels import Reels

TASK = "recommendation"
"""Of a pack that knows pictures and sounds."""
_SEARCH = ("words", "ucs", "shortest", "longest", "limit", "like", "job", "region", "take")
_SOUND = re.compile(r"[a-z0-9]{1,64}")
_COUNT = re.compile(r"[0-9]{1,6}")
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")


class Library:
    """Answers for everything under ``/api/library``. Used in the loop only."""

    def __init__(self, daemon: Daemon, reels: Reels, media: Media) -> None:
        self._daemon, self._reels, self._media = daemon, reels, media

    async def search(self, request: Request) -> Response:
        """What the library has; of sounds like one of it, the others. A search that nobody waits for any more is not begun."""
        asked = dict(request.query_params)
        only_known(asked, _SEARCH)
        params = {"words": asked.get("words", ""), **_narrowed(asked), **await self._near(request, asked)}
        asking = self._daemon.ask(lambda client: client.request("library.search", params).result, slow=True)
        found = await while_there(request, asking)
        sounds = [sound for sound in found["sounds"] if f"lib:{sound['id']}" != params.get("like")]
        self._media.found(sounds)
        return json_answer({"sounds": sounds, "notes": found["notes"]})

    async def _near(self, request: Request, asked: Mapping[str, str]) -> dict[str, Any]:
        """What the sounds are to be near to: ``picture`` or ``like`` of ``library.search``; nothing where words are all.

        Raises:
            RequestError: it is said by halves, or twice.
            Refused: there is no such reel, region or take.
        """
        if "like" in asked and any(name in asked for name in ("job", "region", "take")):
            raise RequestError("like is a sound of the library, and job, region, take name another", "give one of them")
        if "like" in asked:
            if not _SOUND.fullmatch(asked["like"]):
                raise RequestError("like is no sound's id", "give the id of a sound that a search found")
            return {"like": f"lib:{asked['like']}"}
        named = [name for name in ("job", "region") if name in asked]
        if not named and "take" not in asked:
            return {}
        if len(named) < 2 or not _COUNT.fullmatch(asked["region"]):
            raise RequestError("job and region are needed, and region is a number", "give a reel's job and a region of it")
        job, number = asked["job"], int(asked["region"])
        if "take" in asked:
            return {"like": await self._media.like_take(job, number, asked["take"])}
        (await self._reels.known(job)).region(number)
        return {"picture": {"job": job, "region": number}}

    async def near(self, request: Request) -> Response:
        """Whether it can be searched by picture and by sound: ``error`` says why not."""
        only_known(request.query_params, ())
        told = await self._daemon.ask(lambda client: client.request("capabilities").result, slow=True)
        return json_answer({"error": _unserved(told["packs"]) or _unembedded(told["library"])})


def _unserved(packs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Why no pack serves, as errors are told; None: one does."""
    serving = next((one for one in packs if one["task"] == TASK), None)
    if serving is not None and serving["fault"] is not None:
        return dict(serving["fault"])
    if serving is None or serving["pack"] is None:
        return LibraryError("no pack in use knows pictures and sounds", "foley-bridge packs shows which there are").to_json()
    return None


def _unembedded(library: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Why nothing of the library can be found so; None: something can."""
    if library is None or not library["sounds"]:
        return LibraryError("there are no sounds in the library", "foley-bridge library add FOLDER adds some").to_json()
    if not library["embedded"]:
        why = "the library's sounds are not embedded for the pack in use"
        return LibraryError(why, "foley-bridge library embed does it").to_json()
    return None


def _narrowed(asked: Mapping[str, str]) -> dict[str, Any]:
    """The conditions of ``library.search``.

    Raises:
        RequestError: one is none.
    """
    params: dict[str, Any] = {"ucs": asked["ucs"]} if asked.get("ucs") else {}
    bounds = [_seconds(asked, name) for name in ("shortest", "longest")]
    if bounds != [None, None]:
        params["length_s"] = bounds
    if "limit" in asked:
        if not _COUNT.fullmatch(asked["limit"]):
            raise RequestError("limit is no number", "give a number from 1 to 500")
        params["limit"] = int(asked["limit"])
    return params


def _seconds(asked: Mapping[str, str], name: str) -> float | None:
    text = asked.get(name, "")
    if text and not _SECONDS.fullmatch(text):
        raise RequestError(f"{name} is no length", "give seconds, such as 0.5")
    return float(text) if text else None
