"""A worker: does one job after another for the daemon that started it (``worker_process.py``), and dies with it.

``python -P -m foley_bridge.jobs.worker --slot N --home DIR [--library DIR]``. The heavy libraries are loaded once, the sound
library, where one is named, when nothing else is to be done. A thread reads the orders:

    {"do": "job", "job": ID, "kind": KIND, "request": {...}, "publishing": [FOLDER], "payload": PATH or null, "opened": PATH,
        "written": [SHA256], "roots": {...}, "catalogue": PATH or null}; "publishing" names the folders of a job that had begun
        to put its files in their places, "opened" is where the timeline of the reel is kept (``kept.py``), written by a
        "generate"; "written", for an "apply", names the timelines that the reel and applies of it have written
    {"do": "go", "job": ID}       the step that the worker said it enters is in the journal
    {"do": "cancel", "job": ID}   also the answer to a step that must not be entered any more

and the worker says {"say": "ready"} once, when it can take orders, and from then on, always with the job's id,

    {"say": "step", "step": NAME}, and waits for "go"
    {"say": "progress", "step": WORDS, "region": N, "regions": N, "frames": N, "whole": 0-1,
        "early": PATH or null}
    {"say": "done", "result": {...}, "failed_regions": N}, {"say": "failed", "error": {...}} or {"say": "cancelled"}
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from filelock import Timeout

from foley_bridge.errors import Cancelled, FoleyError
from foley_bridge.jobs.child import die, own_streams
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.worker_process import worker_lock

if TYPE_CHECKING:
    from foley_bridge.jobs.request import Progress, Watcher

PROGRESS_EVERY_S = 0.1
LOCK_TIMEOUT_S = 30.0


def main() -> int:
    """Work until standard input ends, which ends the process."""
    parser = argparse.ArgumentParser(prog="foley_bridge.jobs.worker")
    parser.add_argument("--slot", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--library", type=Path)
    args = parser.parse_args()
    orders, words = own_streams()
    worker = Worker(orders, words)
    threading.Thread(target=worker.listen, daemon=True).start()
    try:
        with worker_lock(args.home, args.slot, timeout_s=LOCK_TIMEOUT_S):
            worker.work(args.library)
    except Timeout:
        print(f"another worker holds slot {args.slot} of {args.home}", file=sys.stderr)
    return 1


def _warm(library: Path | None) -> None:
    """Load what only some jobs need and what takes long; whoever needs it before waits for it, or is told what is wrong."""
    from foley_bridge.jobs.sight import open_library, sight_of
    from foley_bridge.library import ucs

    ucs.guess("footsteps")
    if library is not None:
        with contextlib.suppress(FoleyError):
            open_library(library).count()
            sight_of(library)


class Worker:
    """Does jobs.

    Args:
        orders: lines from the daemon.
        words: lines to it.
    """

    def __init__(self, orders: IO[bytes], words: IO[bytes]) -> None:
        self._orders, self._words = orders, words
        self._jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: str | None = None  # the id of a job
        self._said_s = 0.0

    def listen(self) -> None:
        """Read orders until the daemon is gone, then die."""
        try:
            for line in self._orders:
                order = json.loads(line)
                if order["do"] == "job":
                    self._jobs.put(order)
                    continue
                if order["do"] == "cancel":
                    self._cancelled = order["job"]
                self._answers.put(order)
        finally:
            die()

    def work(self, library: Path | None) -> None:
        """Do jobs for ever. library: the sound library's folder, to be at hand when an editor asks for a sound."""
        import foley_bridge.jobs.generate
        import foley_bridge.jobs.retake  # noqa: F401  what takes long to load is there when the first job comes

        self._say({"say": "ready"})
        threading.Thread(target=_warm, args=(library,), daemon=True).start()
        while True:
            order = self._jobs.get()
            self._say_of(order["job"], _outcome(partial(self._do, order)))

    def _do(self, order: Mapping[str, Any]) -> dict[str, Any]:
        from foley_bridge.jobs.outputs import Outputs

        job = order["job"]
        folders = [Path(folder) for folder in order["publishing"]]
        for folder in folders:  # first: this was allowed when it began, whatever the daemon allows now
            answer = Outputs(folder, job, keep=True).published(folders)
            if answer is not None:
                return _done(answer)
        return _done(_KINDS[order["kind"]](order, partial(self._watch, job), partial(self._enter, job)))

    def _enter(self, job: str, step: str) -> None:
        self._say_of(job, {"say": "step", "step": step})
        while (answer := self._answers.get())["job"] != job:
            pass  # meant for a job that is over
        if answer["do"] == "cancel":
            raise Cancelled("stopped; nothing was kept")

    def _watch(self, job: str, progress: Progress) -> None:
        if self._cancelled == job:
            raise Cancelled("stopped; nothing was kept")
        now_s = time.monotonic()
        if now_s - self._said_s >= PROGRESS_EVERY_S:
            self._said_s = now_s
            said = {name: getattr(progress, name) for name in ("step", "region", "regions", "frames", "whole", "early")}
            self._say_of(job, {"say": "progress", **said})

    def _say_of(self, job: str, said: Mapping[str, Any]) -> None:
        self._say({"job": job, **said})

    def _say(self, said: Mapping[str, Any]) -> None:
        try:
            self._words.write(json.dumps(said).encode() + b"\n")
            self._words.flush()
        except OSError:  # nobody is there to hear it
            die()


# --- one for each kind: what an order says becomes a request, and the request a result ---


def _generate(order: Mapping[str, Any], watcher: Watcher, enter: Callable[[str], None]) -> dict[str, Any]:
    from foley_bridge.jobs.generate import run_job
    from foley_bridge.jobs.request import request_from_json

    roots, catalogue, payload = Roots.from_json(order["roots"]), _path(order["catalogue"]), _path(order["payload"])
    request = request_from_json(order["request"], roots=roots, catalogue=catalogue, timeline_file=payload)
    return run_job(request, watcher, job=order["job"], enter=enter, opened=Path(order["opened"]))


def _retake(order: Mapping[str, Any], watcher: Watcher, enter: Callable[[str], None]) -> dict[str, Any]:
    from foley_bridge.jobs.kept import base_of
    from foley_bridge.jobs.retake import retake_request_from_json, run_retake

    params, opened = order["request"], Path(order["opened"])
    roots, catalogue = Roots.from_json(order["roots"]), _path(order["catalogue"])
    base = base_of(params["of"], opened, roots)
    request = retake_request_from_json(params, roots=roots, catalogue=catalogue, opened=opened, base=base)
    return run_retake(request, watcher, job=order["job"], enter=enter)


def _apply(order: Mapping[str, Any], watcher: Watcher, enter: Callable[[str], None]) -> dict[str, Any]:
    from foley_bridge.jobs.apply import apply_request_from_json, run_apply
    from foley_bridge.jobs.kept import base_of

    params, opened, roots = order["request"], Path(order["opened"]), Roots.from_json(order["roots"])
    reel = json.loads(Path(order["payload"]).read_text("utf-8"))
    base = base_of(params["of"], opened, roots)
    request = apply_request_from_json(params, roots=roots, reel=reel, opened=opened, base=base, written=order["written"])
    return run_apply(request, watcher, job=order["job"], enter=enter)


_KINDS = {"generate": _generate, "retake": _retake, "apply": _apply}


def _outcome(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What to say of a job: what ``run`` gives, or the error it met."""
    try:
        return run()
    except Cancelled:
        return {"say": "cancelled"}
    except FoleyError as error:
        return _failed(type(error).__name__, error.message, error.hint)
    except MemoryError:
        return _failed(
            "JobError", "the job needs more memory than there is", "close other programs, or make its regions shorter"
        )
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _failed("JobError", f"{name}{error.strerror or error}", "check the folder's permissions and the free space")
    except Exception as error:
        traceback.print_exc()
        return _failed(
            "InternalError", f"{type(error).__name__}: {error}", "the daemon's log says where; this is a fault of foley_bridge"
        )


def _done(result: dict[str, Any]) -> dict[str, Any]:
    failed = sum(region["error"] is not None for region in result["regions"])
    return {"say": "done", "result": result, "failed_regions": failed}


def _failed(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"say": "failed", "error": {"kind": kind, "message": message, "hint": hint}}


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


if __name__ == "__main__":
    sys.exit(main())
