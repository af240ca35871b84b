"""Pictures, takes, library sounds: things with a name, never a path. What was made is kept, and served from there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
from collections import OrderedDict
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from foley_bridge.errors import MediaError
from foley_bridge.jobs.roots import Roots
from foley_bridge.panel.answers import json_answer, unknown, while_there
from foley_bridge.panel.cache import Cache
from foley_bridge.panel.reels import Reel, Reels
from foley_bridge.panel.takes import clip_of, clip_peaks, place_of_take, window_wav
from foley_bridge.panel.windows import exact
from foley_bridge.panel.workshop import Workshop
from foley_bridge.timeline.time import floor_frame, rate_text

VERSION = 1
"""Of what is made: another number makes everything anew."""
THUMBS = 8
MOST_SOUNDS = 5000
KEEP_S = 3600
MISSING = "Foley-Missing"
"""Header of a picture that is black somewhere: why, a JSON array of texts, percent-encoded."""

_FIRST, _THUMB, _AHEAD = range(3)  # what is made before what


class Media:
    """Answers for everything under ``/media``. Used in the loop only.

    Args:
        reels: what there is.
        cache: where it is kept.
        roots: of the daemon's jobs.
    """

    def __init__(self, reels: Reels, cache: Cache, roots: Roots) -> None:
        self._reels, self._cache, self._roots = reels, cache, roots
        self._movies = Workshop("movies", ["pictures"])
        self._sketches = Workshop("thumbnails and sounds", ["pictures", "sounds"])
        self._sounds: OrderedDict[str, dict[str, Any]] = OrderedDict()

    @property
    def workshops(self) -> tuple[Workshop, ...]:
        """Those to be run."""
        return self._movies, self._sketches

    def found(self, sounds: list[dict[str, Any]]) -> None:
        """The library answered a search with these: from now on they can be heard."""
        for sound in sounds:
            self._sounds[sound["id"]] = sound
            self._sounds.move_to_end(sound["id"])
        while len(self._sounds) > MOST_SOUNDS:
            self._sounds.popitem(last=False)

    # --- pictures ---

    async def picture(self, request: Request) -> Response:
        """A window's picture. The next region's first one is made when there is nothing else to do."""
        asked = request.path_params
        reel = await self._reels.known(asked["job"])
        place, work = self._movie(reel, asked["number"], asked["window"])
        await self._have(request, self._movies, place, work, _FIRST)
        following = reel.following(asked["number"])
        if following is not None:
            place_next, work_next = self._movie(reel, following, 1)
            if not self._cache.has(place_next):
                self._movies.ahead(place_next, work_next, rank=_AHEAD)
        return self._file(place, "video/mp4")

    def _movie(self, reel: Reel, number: int, window_number: int) -> tuple[Path, dict[str, Any]]:
        window = reel.window(number, window_number)
        frames = {"first": window.first, "last": window.last}
        return self._cache.place(".mp4", VERSION, reel.job, number, window), {**self._shown(reel), "kind": "picture", **frames}

    async def thumb(self, request: Request) -> Response:
        """A picture of a region, one of THUMBS evenly spread."""
        asked = request.path_params
        if asked["k"] >= THUMBS:
            raise unknown(f"picture {asked['k']} of a region")
        reel = await self._reels.known(asked["job"])
        region = reel.region(asked["number"])
        start, end = exact(region["start"]), exact(region["end"])
        frame = floor_frame(start + (end - start) * (2 * asked["k"] + 1) / (2 * THUMBS), reel.rate)
        place = self._cache.place(".jpg", VERSION, reel.job, frame)
        work = {**self._shown(reel), "kind": "thumb", "frame": max(0, frame)}
        await self._have(request, self._sketches, place, work, _THUMB)
        return self._file(place, "image/jpeg")

    def _shown(self, reel: Reel) -> dict[str, Any]:
        opened = reel.whole.get("opened")
        if opened is None:
            raise MediaError("the timeline that the reel was made from was not kept", "make the reel again to see its picture")
        shown = {"opened": opened["path"], "base": opened["base"], "rate": rate_text(reel.rate)}
        return {**shown, "roots": self._roots.to_json()}

    # --- takes ---

    async def take(self, request: Request) -> Response:
        """What a take's file holds in a window."""
        asked = request.path_params
        reel, take, path = await self._take(asked)
        window = reel.window(asked["number"], asked["window"])
        content = await asyncio.to_thread(window_wav, path, take, window)
        return Response(content, media_type="audio/wav", headers=_kept())

    async def peaks(self, request: Request) -> Response:
        """The peaks of a take's clip."""
        _, take, path = await self._take(request.path_params)
        answer = json_answer(await asyncio.to_thread(clip_peaks, path, take))
        answer.headers.update(_kept())
        return answer

    async def spectrogram(self, request: Request) -> Response:
        """The spectrogram of a take's clip."""
        _, take, path = await self._take(request.path_params)
        place = self._cache.place(".png", VERSION, take["sha256"], _clip(take))
        skip, duration = clip_of(take)
        clip = {"path": str(path), "sha256": take["sha256"], "skip_s": float(skip), "duration_s": float(duration)}
        await self._have(request, self._sketches, place, {"kind": "spectrogram", **clip}, _FIRST)
        return self._file(place, "image/png")

    async def _take(self, asked: Mapping[str, Any]) -> tuple[Reel, dict[str, Any], Path]:
        reel = await self._reels.with_take(asked["job"], asked["number"], asked["take"])
        take = reel.take(asked["number"], asked["take"])
        return reel, take, await asyncio.to_thread(place_of_take, take, reel.whole["media_dir"], self._roots)

    async def like_take(self, job: str, number: int, take: str) -> str:
        """What ``library.search`` calls the sound of a take: that of the library which it is made of, or else its own file.

        Raises:
            Refused: there is no such reel, region or take.
            MediaError: its file is not the one that was made any more.
        """
        _, found, path = await self._take({"job": job, "number": number, "take": take})
        known = found["source"].get("library_id")
        return f"lib:{known}" if known else str(path)

    # --- the library ---

    async def sound(self, request: Request) -> Response:
        """A sound of the library, at most a minute of it."""
        path, state = await self._sound(request)
        place = self._cache.place(".wav", VERSION, str(path), state)
        await self._have(request, self._sketches, place, {"kind": "sound", "path": str(path)}, _FIRST)
        return self._file(place, "audio/wav")

    async def sound_peaks(self, request: Request) -> Response:
        """The peaks of a sound of the library, of the minute that can be heard."""
        path, state = await self._sound(request)
        place = self._cache.place(".peaks.json", VERSION, str(path), state)
        await self._have(request, self._sketches, place, {"kind": "peaks", "path": str(path)}, _FIRST)
        return self._file(place, "application/json")

    async def _sound(self, request: Request) -> tuple[Path, tuple[int, int]]:
        """The file of a sound, and its time of change and size."""
        sound = self._sounds.get(request.path_params["id"])
        if sound is None:
            raise unknown("such sound among those that were searched for")
        found = await asyncio.to_thread(_first_there, sound["paths"])
        if found is None:
            raise MediaError(f"{sound['paths'][0]} is not there any more", "look for it, or scan the library again")
        return found

    # --- making and serving ---

    async def _have(self, request: Request, workshop: Workshop, place: Path, work: Mapping[str, Any], rank: int) -> None:
        """See that it is made, unless it is there or nobody waits for it any more."""
        if not self._cache.has(place):
            missing = await while_there(request, workshop.make(place, work, rank=rank))
            await asyncio.to_thread(self._cache.made, place, missing=missing)

    def _file(self, place: Path, media_type: str) -> Response:
        missing = self._cache.missing(place)
        headers = {MISSING: quote(json.dumps(missing))} if missing else _kept()
        return FileResponse(place, media_type=media_type, headers=headers)


def _clip(take: Mapping[str, Any]) -> tuple[Fraction, ...]:
    """What a picture of a take depends on besides its bytes."""
    return exact(take["start"]), *clip_of(take)


def _first_there(paths: list[str]) -> tuple[Path, tuple[int, int]] | None:
    for path in map(Path, paths):
        with contextlib.suppress(OSError, ValueError):
            state = path.stat()
            if stat.S_ISREG(state.st_mode):
                return path, (state.st_mtime_ns, state.st_size)
    return None


def _kept() -> dict[str, str]:
    """What has such a name stays as it is."""
    return {"Cache-Control": f"private, max-age={KEEP_S}"}
