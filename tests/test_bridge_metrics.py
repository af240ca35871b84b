"""What the daemon says of itself: metrics that Prometheus' own parser reads, and a log that nobody can write into."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge_daemons import PATIENCE_S, Raw, daemon
from processors import make_ground
from prometheus_client.parser import text_string_to_metric_families

from foley_bridge import __version__
from foley_bridge.bridge import logs, wire
from foley_bridge.bridge.keys import make_keys
from foley_bridge.bridge.logs import LogWriter, Seldom, start_log

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def doomed(folder: Path) -> dict[str, Any]:
    return {
        "kind": "generate",
        "timeline": {"path": str(folder / "missing.otio")},
        "out": str(folder / "out.otio"),
        "media_dir": str(folder / "takes"),
    }


def scrape(endpoints: dict[str, str]) -> Samples:
    """Every sample: its name and labels, and its value."""
    with urllib.request.urlopen(endpoints["metrics"], timeout=PATIENCE_S) as answer:
        text = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((f"foley_bridge_{name}", frozenset(labels.items())), 0.0)


def test_metrics_count_what_happened(tmp_path: Path) -> None:
    with daemon(tmp_path / "home", metrics_bind="127.0.0.1:0", queue_limit=7) as one, Raw(one.requests) as raw:
        fresh = scrape(one.endpoints)
        assert value(fresh, "jobs_ended_total", state="done") == 0
        assert ("foley_bridge_jobs_ended_total", frozenset({("state", "failed")})) in fresh  # there from the beginning
        assert value(fresh, "info", version=__version__) == 1
        for _ in range(3):
            raw.call("ping")
        raw.ask(b"{")
        raw.call("status", {"job": "nobody's"})
        for _ in range(2):
            job = raw.call("submit", doomed(tmp_path))["result"]["job"]
            raw.call("wait", {"job": job})
        samples = scrape(one.endpoints)
        deadline = time.monotonic() + PATIENCE_S
        while value(samples, "jobs_ended_total", state="failed") < 2 and time.monotonic() < deadline:
            time.sleep(0.02)  # whoever waits is answered before it is counted
            samples = scrape(one.endpoints)
        assert value(samples, "requests_total", method="ping", outcome="ok") == 3
        assert value(samples, "requests_total", method="unreadable", outcome="RequestError") == 1
        assert value(samples, "requests_total", method="status", outcome="JobError") == 1
        assert value(samples, "request_seconds_count", method="ping") == 3
        assert 0 < value(samples, "request_seconds_sum", method="wait") < 2 * PATIENCE_S
        assert value(samples, "jobs_ended_total", state="failed") == 2
        assert value(samples, "job_seconds_count", state="failed") == 2
        assert value(samples, "queue_limit") == 7
        assert (value(samples, "jobs_waiting"), value(samples, "jobs_running")) == (0, 0)
        assert value(samples, "message_bytes_total", direction="received") > 500
        assert value(samples, "message_bytes_total", direction="sent") > 500
        assert ("foley_bridge_worker_restarts_total", frozenset()) in samples


def test_metrics_count_who_was_not_let_in_and_whose_reply_found_nobody(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys", ["edit-1"])
    keys = str(tmp_path / "keys")
    with daemon(tmp_path / "guarded", keys=keys, metrics_bind="127.0.0.1:0") as one, Raw(one.requests) as stranger:
        stranger.send(b"x")
        until(lambda: refused(scrape(one.endpoints), "requests") > 0)
    with daemon(tmp_path / "open", metrics_bind="127.0.0.1:0") as one:
        with Raw(one.requests) as hasty:
            job = hasty.call("submit", make_ground(tmp_path / "ground").request())["result"]["job"]
            hasty.send(*wire.encode(wire.request("late", "wait", {"job": job, "timeout_s": 1})))
            assert hasty.call("ping")["ok"]  # so it has been read
        until(lambda: value(scrape(one.endpoints), "replies_lost_total", why="gone") > 0)


def refused(samples: Samples, name: str) -> float:
    """Which end notices first that they do not speak alike, and so why, is chance."""
    return sum(value(samples, "connections_refused_total", socket=name, why=why) for why in ("protocol", "broken off"))


def until(true: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- the log ---


@pytest.fixture
def root_logger() -> Iterator[None]:
    """Logging is the process's own: put back as it was."""
    root, ours = logging.getLogger(), logging.getLogger("foley_bridge")
    before = (root.handlers[:], root.level, ours.level, threading.excepthook)
    yield
    root.handlers[:], root.level, threading.excepthook = before[0], before[1], before[3]
    ours.setLevel(before[2])
    logging.captureWarnings(False)


def logged(format: logs.LogFormat, *records: tuple[str, dict[str, Any]], level: str = "info") -> str:
    stream = io.StringIO()
    with contextlib.closing(start_log(format, level, stream)):
        for message, options in records:
            logging.getLogger("foley_bridge.test").info(message, **options)
    return stream.getvalue()


NASTY = "one\n2026-01-01 00:00:00  info  job done\r\x1b[2J\u2028\u202e\0\x9b"


@pytest.mark.usefixtures("root_logger")
def test_a_line_of_text_stays_one_line_whatever_is_in_it() -> None:
    out = logged("text", (NASTY, {"extra": {"job": NASTY}}))
    assert out.count("\n") == 1
    assert all(letter.isprintable() for letter in out[:-1])
    assert "\\n2026" in out


@pytest.mark.usefixtures("root_logger")
def test_a_line_of_json_is_one_object_with_its_fields() -> None:
    out = logged("json", (NASTY, {"extra": {"job": "j1", "seat": NASTY, "time": "not this one"}}), ("plain", {}))
    first, second = (json.loads(line) for line in out.splitlines())
    assert (first["event"], first["job"], first["seat"], first["level"]) == (NASTY, "j1", NASTY, "info")
    assert first["time"].endswith("+00:00")
    assert set(second) == {"time", "level", "event"}


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("format", ["text", "json"])
def test_a_traceback_cannot_look_like_another_line(format: logs.LogFormat) -> None:
    try:
        raise ValueError(NASTY)
    except ValueError:
        out = logged(format, ("met a fault", {"exc_info": True}))
    if format == "json":
        assert NASTY in json.loads(out)["traceback"]
    else:
        assert all(line.startswith("    | ") for line in out.splitlines()[1:])
        assert all(letter.isprintable() or letter == "\n" for letter in out)


@pytest.mark.usefixtures("root_logger")
def test_debug_lines_are_there_when_asked_for_and_a_dead_thread_is_told_of() -> None:
    assert "fine" not in logged("text", ("fine", {}), level="warning")
    stream = io.StringIO()
    with contextlib.closing(start_log("text", "info", stream)):
        thread = threading.Thread(target=lambda: 1 / 0, name="doomed thread")
        thread.start()
        thread.join()
    assert "doomed thread" in stream.getvalue()
    assert "ZeroDivisionError" in stream.getvalue()


class Stopped(io.StringIO):
    """A terminal whose user has stopped it."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait(PATIENCE_S)
        return super().write(text)


def test_a_terminal_that_stands_still_does_not_stop_who_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MOST_WAITING", 10)
    stream = Stopped()
    writer = LogWriter(stream)
    for number in range(100):
        writer.emit(logging.LogRecord("x", logging.INFO, "", 0, f"line {number}", None, None))
    stream.go_on.set()
    until(lambda: "lines of this log were lost" in stream.getvalue())
    writer.close()
    assert "line 0" in stream.getvalue()
    assert "line 99" not in stream.getvalue()


def test_warnings_that_strangers_cause_are_few_and_say_how_many_they_stand_for(caplog: pytest.LogCaptureFixture) -> None:
    seldom = Seldom(logging.getLogger("test"), every_s=0.2)
    for _ in range(50):
        seldom.warning("refused", address="x")
    time.sleep(0.25)
    seldom.warning("refused", address="y")
    assert [(record.address, record.unsaid) for record in caplog.records] == [("x", None), ("y", 49)]  # type: ignore[attr-defined]


def test_the_daemons_log_has_a_jobs_way_in_json_and_nothing_that_a_client_sent(tmp_path: Path) -> None:
    with daemon(tmp_path / "home", log_format="json", log_level="debug") as one:
        with Raw(one.requests) as raw:
            params = {**doomed(tmp_path), "timeline": {"payload": 0}, "options": {"like": "secret word"}}
            job = raw.call("submit", params, b'{"secret": "payload"}')["result"]["job"]
            raw.call("wait", {"job": job})
            raw.ask(b'{"foley_bridge":1,"id":"x","method":"forged\\n{\\"level\\": \\"error\\"}"}')
        until(lambda: any(line["event"] == "job failed" for line in lines(one.log())))
    said = lines(one.log())
    assert all({"time", "level", "event"} <= set(line) for line in said)
    way = [line["event"] for line in said if line.get("job") == job]
    assert way == ["job queued", "job running", "job at step opening", "job failed"]
    assert {line["client"] for line in said if line["event"] in ("job queued", "job failed")} == {"local"}
    assert "secret" not in one.log()
    assert said[-1]["event"] == "stopped"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
