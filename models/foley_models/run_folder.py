"""The folder of a run: ``config.json``, ``log.jsonl``, ``curves.png``, ``last.pt``, ``best.pt``. One process writes there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from foley_bridge.media.whole_file import whole_file
from foley_models.errors import ModelError

CONFIG, LOG, CURVES, LAST, BEST = "config.json", "log.jsonl", "curves.png", "last.pt", "best.pt"


class RunFolder:
    """A run's folder. Where ``writes`` is not given (all processes but the first) nothing is written.

    Attributes:
        config, last, best, curves: paths.
        lines: of the log.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path, self.writes = path, writes
        self.config, self.log_path, self.curves = path / CONFIG, path / LOG, path / CURVES
        self.last, self.best = path / LAST, path / BEST
        self.lines: list[dict[str, Any]] = []
        self._log: IO[str] | None = None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else trains here meanwhile.

        Raises:
            ModelError: somebody does, or the folder cannot be written.
        """
        if not self.writes:
            yield
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / "run.lock", timeout=0)
            lock.acquire()
        except Timeout:
            raise ModelError(f"{self.path}: another process trains there now", "wait for it, or give another --out") from None
        except OSError as error:
            raise ModelError(f"{self.path} cannot be written: {error.strerror}", "give another --out") from error
        try:
            for torn in self.path.glob(".*.part.*"):  # of a process that was killed while it wrote
                torn.unlink(missing_ok=True)
            yield
        finally:
            if self._log is not None:
                self._log.close()
            lock.release()

    def said(self) -> dict[str, Any] | None:
        """The config of the run that lies here already; None: there is none.

        Raises:
            ModelError: something else lies here.
        """
        if not self.config.exists():
            return None
        try:
            said = json.loads(self.config.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.config} cannot be read", "give another --out") from error
        if not isinstance(said, dict) or "foley_bridge_run" not in said:
            raise ModelError(f"{self.config} is no run's", "give another --out")
        return said

    def configure(self, config: dict[str, Any]) -> None:
        """Write the config."""
        if self.writes:
            text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
            with whole_file(self.config) as beside:
                beside.write_text(text, encoding="utf-8")

    def go_on(self, step: int, validated: int) -> None:
        """Read the log and drop what was logged after the checkpoint that the run goes on from."""
        kept = []
        for line in self.log_path.read_text(encoding="utf-8").splitlines() if self.log_path.exists() else ():
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a line torn by a kill
                read = json.loads(line)
                if read["step"] <= (validated if "validation" in read else step):
                    kept.append(read)
        self.lines = kept
        if self.writes:
            text = "".join(json.dumps(line) + "\n" for line in kept)
            with whole_file(self.log_path) as beside:
                beside.write_text(text, encoding="utf-8")
            self._log = self.log_path.open("a", encoding="utf-8")

    def log(self, line: dict[str, Any]) -> None:
        """Add a line to the log."""
        self.lines.append(line)
        if self._log is not None:
            self._log.write(json.dumps(line) + "\n")
            self._log.flush()
