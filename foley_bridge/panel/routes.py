"""What stands behind the gate: pages, the JSON of reels and jobs, media, events."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from foley_bridge.bridge.client import Client
from foley_bridge.errors import BusyError, ConflictError, JobError, RequestError
from foley_bridge.jobs.names import FOLLOWUPS
from foley_bridge.panel.answers import (
    EXCEPTION_HANDLERS,
    Refused,
    body_of,
    error_answer,
    json_answer,
    on_http_error,
    only_known,
)
from foley_bridge.panel.daemon import Daemon
from foley_bridge.panel.gate import content_policy
from foley_bridge.panel.library import Library
from foley_bridge.panel.media import Media
from foley_bridge.panel.news import Newsstand
from foley_bridge.panel.reels import Reels

STATIC = Path(__file__).parent / "static"
NONCE = "STYLE-NONCE"
_RETAKE = ("hits_s", "options", "words", "more", "like_take")
_APPLY = ("undecided", "force")


class Routes:
    """Answers for everything but media. Used in the loop only."""

    def __init__(self, daemon: Daemon, reels: Reels, media: Media, news: Newsstand) -> None:
        self._daemon, self._reels, self._media, self._news = daemon, reels, media, news

    def application(self) -> Starlette:
        """All of it."""
        for kind, suffix in (("text/javascript", ".js"), ("text/css", ".css"), ("image/svg+xml", ".svg")):
            mimetypes.add_type(kind, suffix)  # Windows may have been told otherwise
        library = Library(self._daemon, self._reels, self._media)
        reel, region = "/api/reels/{job}", "/api/reels/{job}/regions/{number:int}"
        shown, heard = "/media/{job}/{number:int}", "/media/{job}/{number:int}/{window:int}"
        take = "/media/{job}/{number:int}/take/{take}"
        application = Starlette(
            routes=[
                Route("/", self._page("index.html")),
                Route("/reel/{job}", self._page("reel.html")),
                Mount("/static", _Static(directory=STATIC)),
                Route("/api/reels", self._listed),
                Route(reel, self._overview),
                Route(f"{reel}/events", self._events),
                Route(f"{reel}/apply", self._apply, methods=["POST"]),
                Route(region, self._region),
                Route(f"{region}/choice", self._choose, methods=["PUT"]),
                Route(f"{region}/retakes", self._retake, methods=["POST"]),
                Route("/api/jobs/{id}", self._job, methods=["GET", "DELETE"]),
                Route("/api/library", library.search),
                Route("/api/library/near", library.near),
                Route("/media/library/{id}.wav", self._media.sound),
                Route("/media/library/{id}/peaks.json", self._media.sound_peaks),
                Route(f"{shown}/thumb/{{k:int}}.jpg", self._media.thumb),
                Route(f"{heard}/picture.mp4", self._media.picture),
                Route(f"{heard}/take/{{take}}.wav", self._media.take),
                Route(f"{take}/peaks.json", self._media.peaks),
                Route(f"{take}/spectrogram.png", self._media.spectrogram),
            ],
            exception_handlers={**EXCEPTION_HANDLERS, HTTPException: on_http_error},
        )
        application.router.redirect_slashes = False
        return application

    # --- pages ---

    def _page(self, name: str) -> Any:
        async def page(request: Request) -> Response:
            nonce = secrets.token_urlsafe(16)
            try:
                html = (STATIC / name).read_text("utf-8").replace(NONCE, nonce)
            except FileNotFoundError:
                raise HTTPException(404) from None
            return Response(html, media_type="text/html", headers={"Content-Security-Policy": content_policy(nonce)})

        return page

    # --- reels ---

    async def _listed(self, request: Request) -> Response:
        return json_answer({"reels": await self._reels.listed()})

    async def _overview(self, request: Request) -> Response:
        return json_answer((await self._reels.reel(request.path_params["job"])).overview())

    async def _region(self, request: Request) -> Response:
        reel = await self._reels.reel(request.path_params["job"])
        return json_answer(reel.region_whole(request.path_params["number"]))

    async def _events(self, request: Request) -> Response:
        reel = await self._reels.known(request.path_params["job"])
        return self._news.response(reel.job, request)

    # --- what an editor does ---

    async def _choose(self, request: Request) -> Response:
        job, number = await self._named(request)
        body = await body_of(request)
        only_known(body, ("base", "choice", "by"), needed=True)

        def choose(client: Client) -> dict[str, Any]:
            return client.choose(job, number, body["base"], body["choice"], body["by"])

        try:
            written = await self._daemon.ask(choose)
        except ConflictError as error:
            newest = (await self._reels.reel(job)).region(number)["choice"]
            return error_answer(409, error, choice=newest)
        self._reels.chosen(job, number, written["choice"])
        return json_answer({name: written[name] for name in ("choice", "revision")})

    async def _retake(self, request: Request) -> Response:
        job, number = await self._named(request)
        body = await body_of(request)
        only_known(body, _RETAKE)
        return await self._submit({**body, "kind": "retake", "job": job, "region": number})

    async def _apply(self, request: Request) -> Response:
        reel = await self._reels.known(request.path_params["job"])
        body = await body_of(request)
        only_known(body, _APPLY)
        return await self._submit({**body, "kind": "apply", "job": reel.job})

    async def _submit(self, params: Mapping[str, Any]) -> Response:
        key = f"page-{secrets.token_hex(12)}"  # a lost reply makes no second job
        submitted = await self._daemon.ask(lambda client: client.submit({**params, "key": key}))
        self._reels.forget(params["job"])
        return json_answer({"job": submitted["job"]}, 202)

    async def _named(self, request: Request) -> tuple[str, int]:
        """The reel and the region of it that a path names; raises ``Refused`` when there is none."""
        reel, number = await self._reels.known(request.path_params["job"]), request.path_params["number"]
        reel.region(number)
        return reel.job, number

    # --- jobs ---

    async def _job(self, request: Request) -> Response:
        name, cancels = request.path_params["id"], request.method == "DELETE"
        try:
            view = await self._daemon.ask(lambda client: client.status(name))
            if cancels and view["kind"] in FOLLOWUPS:
                view = await self._daemon.ask(lambda client: client.cancel(name))
        except BusyError:
            raise
        except JobError as error:
            raise Refused(404, error) from error
        if cancels and view["kind"] not in FOLLOWUPS:
            raise RequestError(f"job {name} was not asked for from this page", "cancel it where it was")
        return json_answer(view)


class _Static(StaticFiles):
    """The page's own files; they may change with the next start, so a browser asks whether they did."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response
