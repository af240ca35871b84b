"""The gate that every request passes: who does not know the token learns nothing, and other sites' pages are refused.

A path holds only plain characters, none escaped, and no part that is empty or begins with a dot: nothing here is called so.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foley_bridge.errors import RequestError
from foley_bridge.panel.answers import error_answer

log = logging.getLogger(__name__)

LONGEST_PATH = 512
_PLAIN = re.compile(rb"/|(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_CONTENT = (
    "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def content_policy(style_nonce: str | None = None) -> str:
    """The Content-Security-Policy; that of a page allows the style elements that carry its nonce."""
    return _CONTENT if style_nonce is None else f"{_CONTENT}; style-src 'self' 'nonce-{style_nonce}'"


class Gate:
    """Around the application, whose paths begin after the token.

    Args:
        app: what stands behind it.
        token: the first part of every path.
        hosts: as which this server is spoken to, ``HOST:PORT``.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str]) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.monotonic()
        status = 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _CONTENT)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        first, slash, rest = scope["raw_path"][1:].partition(b"/")
        path = slash + rest
        if not hmac.compare_digest(first, self._token):
            await Response(status_code=404)(scope, receive, guarded)
            return
        said = path.decode("ascii", "replace") if _PLAIN.fullmatch(path) else "(not a path of ours)"
        try:
            if (why := self._refused(Headers(scope=scope))) is not None:
                await error_answer(403, RequestError(why, "open the page by its link"))(scope, receive, guarded)
            elif len(path) > LONGEST_PATH or not _PLAIN.fullmatch(path):
                await Response(status_code=404)(scope, receive, guarded)
            else:
                inner = {**scope, "path": path.decode("ascii"), "raw_path": path, "root_path": ""}
                await self._app(inner, receive, guarded)
        except Exception:
            log.exception("%s %s went wrong", scope["method"], said)
            if not status:
                await Response(status_code=500)(scope, receive, guarded)
        finally:
            took_ms = round(1000 * (time.monotonic() - began))
            level = logging.DEBUG if status < 400 else logging.INFO
            log.log(level, "%s %s: %d in %d ms", scope["method"], said, status, took_ms)

    def _refused(self, headers: Headers) -> str | None:
        """Why a request is not answered; None when it is.

        A browser says where a request comes from, and pages cannot lie there. With ``no-referrer`` it may say the origin
        ``null``, even from here: then the site must be named.
        """
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return "this is not the address that the page has"
        site = headers.get("sec-fetch-site")
        if site not in (None, "same-origin", "none"):
            return "another site's page asked for this"
        origin = headers.get("origin")
        if origin is None or origin.lower() == f"http://{host}" or (origin == "null" and site == "same-origin"):
            return None
        return "another site's page asked for this"
