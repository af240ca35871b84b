"""What each method of docs/protocol.md does, once its request has been read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import UNSET

from foley_bridge import __version__
from foley_bridge.bridge import params as types
from foley_bridge.bridge.library_methods import LibraryMethods
from foley_bridge.bridge.protocol import METHODS, Request
from foley_bridge.bridge.reel_methods import Panel, ReelMethods, Written
from foley_bridge.bridge.running import Running
from foley_bridge.bridge.senses import Senses
from foley_bridge.bridge.wire import CLIENT_LIMIT, MB, VERSION
from foley_bridge.errors import JobError, RequestError
from foley_bridge.jobs.names import ENGINES_HERE, KINDS, STATES
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots

Answer = tuple[dict[str, Any] | Written, bytes | None]
"""A reply's ``result`` and its payload."""


class Methods:
    """The methods, by name. Each may be called from any thread, and may take its time.

    Args:
        processor: of the jobs.
        roots: which folders jobs may touch.
        library: the sound library's folder, which need not be there.
        senses: what looks and listens for searches in it.
        endpoints: where the daemon listens, as ``capabilities`` says it; may still grow.
        pokes: whether whoever submits may have a program on this machine told of the job's end.
        panel: gives the link to a page; None when there are none.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        roots: Roots,
        library: Path | None,
        senses: Senses,
        endpoints: Mapping[str, str | None],
        pokes: bool,
        panel: Panel | None = None,
    ) -> None:
        self._pokes = pokes
        self._processor, self._roots, self._endpoints = processor, roots, endpoints
        self._library = LibraryMethods(processor, roots, library, senses)
        self._running = Running()
        reels = ReelMethods(processor, roots, panel)
        self._methods: dict[str, Callable[[Any, bytes | None, str], Answer]] = {
            "ping": self._ping,
            "capabilities": self._capabilities,
            "submit": self._submit,
            "status": self._status,
            "wait": self._status,
            "result": self._result,
            "cancel": self._cancel,
            "jobs": self._jobs,
            "audition": _plainly(reels.audition),
            "reels": _plainly(reels.reels),
            "reel": _plainly(reels.reel),
            "choose": _plainly(reels.choose),
            "choices": _plainly(reels.choices),
            "library.search": _plainly(self._library.search),
        }

    def answer(self, request: Request, payload: bytes | None, client: str) -> Answer:
        """What a request gives. ``wait`` gives the job's state as it is: waiting is the server's.

        Raises:
            FoleyError: it cannot be done; names what is wrong.
        """
        return self._methods[request.method](request.params, payload, client)

    def job(self, name: str) -> dict[str, Any]:
        """The job object of a job's id or key; raises JobError when there is none."""
        return self._processor.job(name).to_json()

    def _ping(self, params: types.Params, payload: bytes | None, client: str) -> Answer:
        return {"version": __version__, "protocols": [VERSION], "pid": os.getpid(), "endpoints": dict(self._endpoints)}, None

    def _capabilities(self, params: types.Params, payload: bytes | None, client: str) -> Answer:
        counts, packs = self._processor.counts(), self._running.packs()
        return {
            "version": __version__,
            "methods": list(METHODS),
            "kinds": list(KINDS),
            "engines": list(ENGINES_HERE),
            "providers": self._running.providers(),
            "packs": packs,
            "roots": {name: self._roots.to_json()[name] for name in ("media", "output")},
            "library": self._library.summary(_space(packs)),
            "pokes": self._pokes,
            "queue": {name: counts[name] for name in ("waiting", "running", "limit")},
            "endpoints": dict(self._endpoints),
        }, None

    def _submit(self, params: types.Submit, payload: bytes | None, client: str) -> Answer:
        asked = params.plain()
        poke = asked.pop("poke", None)
        if poke is not None and not self._pokes:
            raise RequestError(
                "params.poke: the daemon listens beyond its own machine, and so pokes nobody", "wait for the job instead"
            )
        return self._processor.submit(asked, payload=payload, client=client, poke=poke).to_json(), None

    def _status(self, params: types.Job, payload: bytes | None, client: str) -> Answer:
        return self.job(params.job), None

    def _cancel(self, params: types.Job, payload: bytes | None, client: str) -> Answer:
        return self._processor.cancel(params.job).to_json(), None

    def _jobs(self, params: types.Jobs, payload: bytes | None, client: str) -> Answer:
        states = STATES if params.states is UNSET else params.states
        return {"jobs": [view.to_json() for view in self._processor.jobs(states, params.limit)]}, None

    def _result(self, params: types.JobResult, payload: bytes | None, client: str) -> Answer:
        view = self._processor.job(params.job)
        record = view.record
        if record.state != "done" or record.result is None:
            why = f": {record.error['message']}" if record.error else ""
            raise JobError(
                f"job {record.id} is {record.state}{why}", "a job that is done has a result; wait says when it ended"
            )
        result, timeline = record.result, None
        if params.timeline:
            if result["out"] is None:
                raise JobError(f"job {record.id} is a retake and wrote no timeline", "its takes are in the result")
            timeline = _whole_timeline(self._roots.output_path(result["out"], "out"))
        return {"job": view.to_json(), "result": result}, timeline


def _space(packs: list[dict[str, Any]]) -> str | None:
    """That of the pack by which sounds are found; None when none serves."""
    spaces: list[str | None] = [one["space"] for one in packs if one["task"] == "recommendation"]
    return spaces[0] if spaces else None


def _plainly(method: Callable[[Any], dict[str, Any] | Written]) -> Callable[[Any, bytes | None, str], Answer]:
    """A method that takes no payload and gives none, and does not mind who asks."""
    return lambda params, payload, client: (method(params), None)


def _whole_timeline(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(CLIENT_LIMIT + 1)
    except OSError as error:
        raise JobError(
            f"{path}: the timeline cannot be read: {error.strerror}", "submit the job again with a new key"
        ) from None
    if len(data) > CLIENT_LIMIT:
        raise JobError(f"{path}: the timeline is larger than {CLIENT_LIMIT // MB} MB", "read it from its file")
    return data
