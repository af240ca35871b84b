"""``foley-call --follow``: a job from its submission to its end, for a host that can only look at files.

Beside the request ``RUN.json`` lie ``RUN.progress.json``, the job object as it was last told, and, once the host wants the job
ended, ``RUN.cancel``. A daemon that goes down and comes back is waited for; the key makes it safe to ask it again. What is
waited for without a job of one's own is in ``awaiting.py``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from foley_bridge.bridge import wire
from foley_bridge.bridge.call_files import beside, write_whole
from foley_bridge.bridge.client import Client
from foley_bridge.errors import BridgeError, Cancelled, FoleyError, JobError

T = TypeVar("T")
CANCELLED = ("the job was cancelled", "nothing of it was kept")

PROGRESS_EVERY_S = 0.25
AWAY_S = 60.0
"""How long the daemon may be away in the middle of a job."""
_ASK_AGAIN_S = 0.25


class Run:
    """The files of a run, beside its request.

    Args:
        request: ``RUN.json``.
        why: what to say when the host wants an end.
    """

    def __init__(self, request: Path, *, why: tuple[str, str] = CANCELLED) -> None:
        self._progress_file, self._cancel_file = beside(request, ".progress.json"), beside(request, ".cancel")
        self._why = why
        self._untold: dict[str, Any] | None = None
        self._told_s = 0.0
        self._cancelled = False

    def look(self) -> None:
        """Look after both files; to be called a few times a second.

        Raises:
            Cancelled: the host wants an end; raised once.
        """
        if self._untold is not None and time.monotonic() >= self._told_s + PROGRESS_EVERY_S:
            self._tell()
        if not self._cancelled and self._is_cancelled():
            self._cancelled = True
            raise Cancelled(*self._why)

    def seen(self, job: dict[str, Any]) -> None:
        """Something is known about the job; raises as ``look`` does."""
        self._untold = job
        self.look()

    def ended(self) -> None:
        """Tell the last that is known."""
        if self._untold is not None:
            self._tell()

    def _is_cancelled(self) -> bool:
        with contextlib.suppress(OSError):  # the folder may be gone
            return self._cancel_file.exists()
        return False

    def _tell(self) -> None:
        assert self._untold is not None
        with contextlib.suppress(FoleyError):  # the reply is what counts
            write_whole(self._progress_file, wire.encode(self._untold)[0] + b"\n")
        self._untold, self._told_s = None, time.monotonic()


def follow(client: Client, request: dict[str, Any], payload: bytes | None, run: Run, timeout_s: float | None) -> dict[str, Any]:
    """Submit, follow, and give the header of the reply: that of ``result`` when the job is done, and else an error.

    Args:
        client: that calls ``run.look`` while it waits.
        request: a ``submit``.
        payload: the timeline, when it travels with the request.
        run: its files.
        timeout_s: how long submitting may take; None: as long as it usually may.

    Raises:
        Cancelled: before the job was accepted.
        BridgeError: nobody answers; the job, if it was accepted, goes on when the daemon is back.
        JobError: the daemon that came back does not know the job, and there is no key to submit it again with.
    """
    params = request.get("params")
    key = params.get("key") if isinstance(params, dict) else None
    while True:
        try:
            run.look()
            header, _ = client.exchange(request, payload, timeout_s)
        except Cancelled:
            if key is not None:  # it may have been accepted all the same, now or when it was sent before
                with contextlib.suppress(FoleyError):
                    client.cancel(key)
            raise
        if header.get("ok") is not True:
            return header
        try:
            view = _to_its_end(client, header["result"]["job"], run)
            break
        except BridgeError as away:
            hint = f"{away.hint}; it goes on with the job then, and asking for the same again takes it up"
            raise BridgeError(away.message, hint) from away
        except JobError:  # the daemon came back without its journal
            if key is None:
                raise
    run.ended()
    if view["state"] == "done":
        asked = wire.request(request["id"], "result", {"job": view["job"]})
        return patiently(lambda: client.exchange(asked)[0])
    return refused(request, view)


def refused(request: dict[str, Any], view: dict[str, Any]) -> dict[str, Any]:
    """The reply's header for a job that ended without a result."""
    error = view["error"] or Cancelled(*CANCELLED).to_json()
    return {"foley_bridge": wire.VERSION, "id": request["id"], "ok": False, "error": error}


def _to_its_end(client: Client, job: str, run: Run) -> dict[str, Any]:
    """The job object of a job that has ended."""
    try:
        return client.follow(job, run.seen, patience_s=AWAY_S)
    except Cancelled:
        patiently(lambda: client.cancel(job))
        return client.follow(job, run.seen, patience_s=AWAY_S)


def patiently(ask: Callable[[], T], look: Callable[[], None] = lambda: None) -> T:
    """Ask, again and again while the daemon is away; ``look`` is called meanwhile, and what it raises passes through."""
    until_s = time.monotonic() + AWAY_S
    while True:
        try:
            return ask()
        except BridgeError:
            if time.monotonic() > until_s:
                raise
        look()
        time.sleep(_ASK_AGAIN_S)
