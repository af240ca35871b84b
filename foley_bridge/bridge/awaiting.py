"""``foley-call --follow`` of ``choices``: waits until the choices of a reel were applied, and replies with what that gave.

It may wait for a day, across ends of the daemon. Beside the request ``RUN.json`` lies ``RUN.progress.json``, which says what it
waits for, and is written anew every few seconds: so a host knows that somebody is there yet. It ends without a word when the
request is gone, for then nobody waits for its reply, and when the day is over: a host that is there yet starts another, and one
that was closed leaves none behind for ever.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from foley_bridge.bridge import wire
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.following import Run, patiently, refused

ROUND_S = 5.0
"""How long one ``choices`` waits: a job that fails is seen after that."""
BEAT_S = 10.0
LONGEST_S = 24 * 3600.0
MOST_LOOKED_AT = 100
_PAUSE_S = 1.0
_CANCELLED = ("nobody waits for the choices any more", "what was chosen is kept, and so is what was applied")


class Withdrawn(Exception):
    """Nobody is to get a reply: the request is gone, or it has waited for long enough."""


class Waiting(Run):
    """The files of a request that waits."""

    def __init__(self, request: Path) -> None:
        super().__init__(request, why=_CANCELLED)
        self._request = request
        self._reel: str | None = None
        self._beat_s = 0.0

    def waits(self, reel: str) -> None:
        """What it waits for from now on."""
        self._reel, self._beat_s = reel, 0.0

    def heard(self, job: dict[str, Any]) -> None:
        """A job that it waited for."""
        self._reel = None
        self.seen(job)

    def look(self) -> None:
        """As of ``Run``; raises Withdrawn when the request is gone."""
        if self._is_gone():
            self._progress_file.unlink(missing_ok=True)
            raise Withdrawn
        if self._reel is not None and time.monotonic() >= self._beat_s:
            self._beat_s = time.monotonic() + BEAT_S
            self._untold = {"state": "waiting", "waits_for": "apply", "reel": self._reel, "at_s": time.time()}
        super().look()

    def _is_gone(self) -> bool:
        try:
            return not self._request.exists()
        except OSError:
            return False


def wait_for_apply(client: Client, request: dict[str, Any], run: Waiting) -> dict[str, Any]:
    """Wait, and give the header of the reply: that of ``result`` of the job that was waited for, or its error.

    With a ``timeout_s`` of 0 it waits for nothing but a job that is there already, the one that was sent last. When there is
    none, the reply is that of ``choices``.

    Args:
        client: that calls ``run.look`` while it waits.
        request: a ``choices``.
        run: its files.

    Raises:
        Cancelled: the host does not want to wait any more.
        Withdrawn: the request is gone, or the day is over.
        BridgeError: nobody answers.
    """
    params = request.get("params")
    if not isinstance(params, dict) or "job" not in params:
        return client.exchange(request)[0]  # refused
    header = client.exchange({**request, "params": {**params, "timeout_s": 0}})[0]
    if header.get("ok") is not True:
        return header
    if params.get("timeout_s") == 0:
        return _sent_last(client, request, header, run)
    return _next(client, request, header, run)


def _sent_last(client: Client, request: dict[str, Any], header: dict[str, Any], run: Waiting) -> dict[str, Any]:
    jobs = client.reel(header["result"]["job"])["applied"]
    known = request["params"].get("applied")
    newest = next((each["job"] for each in jobs if each["state"] != "cancelled"), None)
    if newest is None or newest == known:
        return header
    return _ended(client, request, patiently(lambda: client.follow(newest, run.heard), run.look), run)


def _next(client: Client, request: dict[str, Any], header: dict[str, Any], run: Waiting) -> dict[str, Any]:
    reel = header["result"]["job"]
    known = request["params"].get("applied")
    failed_before = patiently(lambda: _failed(client, reel), run.look)
    until_s = time.monotonic() + LONGEST_S
    while time.monotonic() < until_s:
        run.waits(reel)
        run.look()
        began_s = time.monotonic()
        params = {"job": reel, "after": header["result"]["revision"], "applied": known, "timeout_s": ROUND_S}
        header = _answer(client, {**request, "params": params}, run)
        if header.get("ok") is not True:
            return header
        newest = header["result"]["applied"]
        if newest is not None and newest["state"] == "done" and newest["job"] != known:
            return _ended(client, request, newest, run)
        failed = patiently(lambda: _failed(client, reel), run.look)
        now = [job for name, job in failed.items() if name not in failed_before and name != known]
        if now:
            return _ended(client, request, now[0], run)
        while time.monotonic() < began_s + _PAUSE_S:  # a choice was made; the next may follow at once
            time.sleep(0.1)
            run.look()
    raise Withdrawn


def _failed(client: Client, reel: str) -> dict[str, dict[str, Any]]:
    """Jobs of kind ``apply`` of a reel that failed, newest first."""
    jobs = client.jobs(states=["failed"], limit=MOST_LOOKED_AT)
    return {job["job"]: job for job in jobs if job["kind"] == "apply" and job.get("reel") == reel}


def _ended(client: Client, request: dict[str, Any], job: dict[str, Any], run: Waiting) -> dict[str, Any]:
    run.heard(job)
    run.ended()
    if job["state"] != "done":
        return refused(request, job)
    return _answer(client, wire.request(request["id"], "result", {"job": job["job"]}), run)


def _answer(client: Client, request: dict[str, Any], run: Waiting) -> dict[str, Any]:
    return patiently(lambda: client.exchange(request)[0], run.look)
