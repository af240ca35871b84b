"""The daemon's log on stderr: lines for a person, or JSON objects for a machine; never a second line that a client made up.

Anything may be logged with fields, ``log.info("job accepted", extra={"job": id})``: they stand behind the words, or as keys of
their own. Lines go out through a thread, because a terminal whose user has stopped it must not stop the daemon; when
nobody reads for long, lines are lost, and the log says how many.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

LogFormat = Literal["text", "json"]

_MOST_WAITING = 10_000  # lines
_LONGEST = 8000  # characters of a message; a traceback may be longer
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def one_line(text: str) -> str:
    """Text with everything escaped that is not plainly one printed character of one line."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:_LONGEST])


def start_log(format: LogFormat, level: str, stream: TextIO | None = None) -> LogWriter:
    """Send this process's log to ``stream`` (stderr); the library loggers' warnings, too.

    Args:
        level: of foley_bridge's own lines: ``debug``, ``info``, ``warning`` or ``error``.
    """
    writer = LogWriter(stream or sys.stderr)
    writer.setFormatter(_Json() if format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [writer]
    root.setLevel(logging.WARNING)
    logging.getLogger("foley_bridge").setLevel(level.upper())
    logging.captureWarnings(True)
    threading.excepthook = _thread_died
    return writer


class Seldom:
    """Warnings about what strangers can make happen as often as they like: now and then one that stands for several."""

    def __init__(self, log: logging.Logger, every_s: float = 10.0) -> None:
        self._log, self._every_s = log, every_s
        self._said_s: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def warning(self, message: str, **fields: object) -> None:
        """Log ``message``, which is one of few, unless it was logged just now."""
        now = time.monotonic()
        if message in self._said_s and now < self._said_s[message] + self._every_s:
            self._unsaid[message] = self._unsaid.get(message, 0) + 1
            return
        self._said_s[message] = now
        self._log.warning(message, extra={**fields, "unsaid": self._unsaid.pop(message, None)})


class LogWriter(logging.Handler):
    """Writes lines from a thread of its own, so that logging never waits."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._lost = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._lost += 1
        except Exception:  # a line that cannot be formatted is our fault, and no reason to stop
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, for a second at most."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(1.0)
        super().close()

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            lost, self._lost = self._lost, 0
            if lost:
                told = {"levelname": "WARNING", "msg": f"{lost} lines of this log were lost: nobody read them"}
                line += "\n" + self.format(logging.makeLogRecord(told))
            with contextlib.suppress(OSError, ValueError):  # nobody is there to read it
                self._stream.write(line + "\n")
                self._stream.flush()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD and value is not None}


def _traceback(record: logging.LogRecord) -> str:
    return logging.Formatter().formatException(record.exc_info) if record.exc_info else ""


class _Text(logging.Formatter):
    """``2026-03-01 12:00:00.123  info     job accepted  job=3f2a client=edit-1``; tracebacks stand indented below."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")
        fields = "".join(f"  {name}={one_line(str(value))}" for name, value in _fields(record).items())
        line = f"{at}  {record.levelname.lower():8} {one_line(record.getMessage())}{fields}"
        below = [f"    | {one_line(part)}" for part in _traceback(record).splitlines()]
        return "\n".join([line, *below])


class _Json(logging.Formatter):
    """One object a line: ``time`` (ISO, UTC), ``level``, ``event``, the fields, and ``traceback`` of an internal fault."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage()[:_LONGEST],
        }
        said |= {name: value for name, value in _fields(record).items() if name not in said}
        if traceback := _traceback(record):
            said["traceback"] = traceback
        return json.dumps(said, default=str)  # ASCII: everything odd is escaped


def _thread_died(died: threading.ExceptHookArgs) -> None:
    if died.exc_value is not None and not issubclass(died.exc_type, SystemExit):
        name = died.thread.name if died.thread else "?"
        logging.getLogger("foley_bridge").error(
            "a thread died: %s", name, exc_info=(died.exc_type, died.exc_value, died.exc_traceback)
        )
