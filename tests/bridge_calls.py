"""``foley-call --follow`` as a host runs it, for the tests: a process beside files."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_S = 90.0


class Call:
    """A ``foley-call --follow`` that runs: ``run.json`` and what lies beside it."""

    def __init__(self, folder: Path, params: Any, endpoint: str, *more: str, method: str = "submit") -> None:
        self.folder = folder
        self.request = folder / "run.json"
        header = {"foley_bridge": 1, "id": "run-1", "method": method, "params": params}
        self.request.write_text(json.dumps(header), "utf-8")
        command = [sys.executable, "-m", "foley_bridge.bridge.call", "--follow", str(self.request), "--endpoint", endpoint]
        self.process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def cancel(self) -> None:
        self.request.with_name("run.cancel").touch()

    def progress(self) -> dict[str, Any] | None:
        """As a host reads it, at any moment."""
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads(self.request.with_name("run.progress.json").read_bytes()))
        return None

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, "it does not get there"
            assert self.process.poll() is None, f"it ended before: {str(self.reply())[:400]}"
            time.sleep(0.02)

    def running(self) -> None:
        """Wait until the job is being worked on."""
        self.until(lambda: (self.progress() or {}).get("progress"))

    def ended(self) -> tuple[int, dict[str, Any]]:
        """Wait for its end: the status, and the reply."""
        said, _ = self.process.communicate(timeout=PATIENCE_S)
        assert said == ""
        return self.process.returncode, self.reply()

    def reply(self) -> dict[str, Any]:
        path = self.request.with_name("run.reply.json")
        return dict(json.loads(path.read_bytes())) if path.exists() else {}
