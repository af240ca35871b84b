"""Real daemons as ``foley-bridge serve`` starts them, and the commands around them, for the tests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_S = 120  # for what takes a few seconds, on a machine that does much else


@dataclass(frozen=True)
class Serving:
    """A daemon that runs: its process, and what it said when it was ready."""

    process: subprocess.Popen[bytes]
    home: Path
    said: dict[str, Any]

    @property
    def endpoint(self) -> str:
        return str(self.said["endpoints"]["requests"])


def environment(**changes: object) -> dict[str, str]:
    """Of a user without a daemon: no FOLEY_BRIDGE variable but those given; commands are found where this Python is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOLEY_BRIDGE_")}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {name: str(value) for name, value in changes.items()}


@contextlib.contextmanager
def serving(home: Path, *options: object) -> Iterator[Serving]:
    """``foley-bridge serve`` on free ports, for the length of a block; it also ends when this process does."""
    command = [sys.executable, "-m", "foley_bridge", "serve", "--private", "--bind", "tcp://127.0.0.1:0", "--no-osc"]
    command += ["--home", str(home), *map(str, options)]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment(FOLEY_BRIDGE_HOME=home)
        )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (home / "log.txt").read_text("utf-8")
        yield Serving(process, home, json.loads(line))
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.stdout.close()


def command(*args: object, home: Path, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run ``foley-bridge`` to its end, as a user whose home is ``home``."""
    line = [sys.executable, "-m", "foley_bridge", *map(str, args)]
    variables = {"FOLEY_BRIDGE_HOME": home, **variables}
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False, env=environment(**variables))
