"""A daemon without its sockets, for the tests of crashes: takes one request, sees it through, and says how it ended.

``python daemon_stand_in.py HOME REQUEST.json [WHEN WRITE]``. With the last two it kills itself ``before`` or ``after`` a write
to its journal, named as in what it prints: ``add``, ``enter region 2``, ``finish done``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foley_bridge.bridge.places import JOURNAL_FILE
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import ENDED
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots

WRITERS = ("add", "start", "requeue", "enter", "died", "ask_cancel", "finish", "mark_swept", "prune")
writes: list[str] = []


def main() -> None:
    home, request = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text("utf-8"))
    when, name = sys.argv[3:5] if len(sys.argv) > 3 else ("", "")
    journal = Journal(home / JOURNAL_FILE)
    for writer in WRITERS:
        setattr(journal, writer, deadly(getattr(journal, writer), writer, when, name))
    ended = threading.Event()

    def heard(event: Event) -> None:
        if event.kind == "step" and event.view.record.step == "opening":
            print("begun", flush=True)
        if event.kind == "state" and event.view.record.state in ENDED:
            ended.set()

    processor = Processor(journal, home=home, roots=Roots(), on_event=heard)
    processor.start()
    view = processor.submit(request)
    if view.record.state not in ENDED:
        ended.wait(60)
    said = {
        **processor.job(view.record.id).to_json(),
        "jobs": len(processor.jobs()),
        "began": journal.steps(view.record.id)[1][0],
    }
    processor.stop()
    print(json.dumps({**said, "writes": writes}), flush=True)


def deadly(write: Callable[..., Any], writer: str, when: str, name: str) -> Callable[..., Any]:
    """A writer of the journal that kills the process before or after a write."""

    def wrapped(*args: Any, **named: Any) -> Any:
        writes.append(" ".join([writer, *args[1:2]]) if writer in ("enter", "finish") else writer)
        if when == "before" and writes[-1] == name:
            os.kill(os.getpid(), signal.SIGKILL)
        done = write(*args, **named)
        if when == "after" and writes[-1] == name:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return wrapped


if __name__ == "__main__":
    main()
