"""What the daemon counts and measures, in Prometheus' form over HTTP.

``prometheus_client`` is only loaded when somebody asked for metrics; ``Unmeasured`` stands in for them otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from foley_bridge import __version__
from foley_bridge.bridge.binding import host_and_port
from foley_bridge.errors import BridgeError

if TYPE_CHECKING:
    from foley_bridge.jobs.processor import Processor
    from foley_bridge.jobs.view import JobView

_REQUEST_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600)
_JOB_BUCKETS_S = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)


class Unmeasured:
    """Takes every observation and keeps none."""

    def request(self, method: str, outcome: str, seconds: float) -> None:
        """A request was answered. outcome: ``ok`` or the kind of its error; method: ``unreadable`` when it had none of ours."""

    def reply_lost(self, why: str) -> None:
        """A reply found nobody (``gone``) or nobody who reads (``full``)."""

    def traffic(self, *, received: int = 0, sent: int = 0) -> None:
        """Bytes of messages."""

    def connection_refused(self, socket: str, why: str) -> None:
        """Somebody was not let in at ``requests`` or ``events``."""

    def job_ended(self, view: JobView) -> None:
        """A job is done, failed or cancelled."""

    def stop(self) -> None:
        """Close what is open."""


class Metrics(Unmeasured):
    """Counts, and answers HTTP at ``address`` (``HOST:PORT``; port 0 takes a free one).

    Args:
        bind: ``HOST:PORT`` to listen at.
        processor: is asked for its queue and its workers whenever somebody looks.

    Raises:
        BridgeError: the address is taken or is not one of this machine.
    """

    def __init__(self, bind: str, processor: Processor) -> None:
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            Histogram,
            Info,
            disable_created_metrics,
            start_http_server,
        )

        disable_created_metrics()  # a time stamp for each counter, which nobody reads
        registry = CollectorRegistry()
        self._requests = Counter("foley_bridge_requests", "Requests answered.", ["method", "outcome"], registry=registry)
        self._request_seconds = Histogram(
            "foley_bridge_request_seconds",
            "From a request's arrival to its reply.",
            ["method"],
            buckets=_REQUEST_BUCKETS_S,
            registry=registry,
        )
        self._lost = Counter("foley_bridge_replies_lost", "Replies that nobody took.", ["why"], registry=registry)
        self._bytes = Counter("foley_bridge_message_bytes", "Bytes of requests and replies.", ["direction"], registry=registry)
        self._refused = Counter(
            "foley_bridge_connections_refused", "Connections not let in.", ["socket", "why"], registry=registry
        )
        self._jobs = Counter("foley_bridge_jobs_ended", "Jobs that ended since the daemon began.", ["state"], registry=registry)
        self._job_seconds = Histogram(
            "foley_bridge_job_seconds",
            "From a job's begin to its end.",
            ["state"],
            buckets=_JOB_BUCKETS_S,
            registry=registry,
        )
        for state in ("done", "failed", "cancelled"):
            self._jobs.labels(state)  # there from the beginning, at 0
        Info("foley_bridge", "Of the daemon.", registry=registry).info({"version": __version__})
        registry.register(_Queue(processor))
        host, port = host_and_port(bind, "metrics")
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise BridgeError(
                f"metrics cannot listen at {bind}: {error.strerror or error}", "give another address with --metrics-bind"
            ) from error
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{shown}:{self._server.server_port}"

    def request(self, method: str, outcome: str, seconds: float) -> None:
        self._requests.labels(method, outcome).inc()
        self._request_seconds.labels(method).observe(seconds)

    def reply_lost(self, why: str) -> None:
        self._lost.labels(why).inc()

    def traffic(self, *, received: int = 0, sent: int = 0) -> None:
        self._bytes.labels("received").inc(received)
        self._bytes.labels("sent").inc(sent)

    def connection_refused(self, socket: str, why: str) -> None:
        self._refused.labels(socket, why).inc()

    def job_ended(self, view: JobView) -> None:
        record = view.record
        self._jobs.labels(record.state).inc()
        if record.started_s is not None and record.finished_s is not None:
            self._job_seconds.labels(record.state).observe(max(0.0, record.finished_s - record.started_s))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Queue:
    """The queue and the workers as they are when somebody looks."""

    _NAMES = (
        ("waiting", "foley_bridge_jobs_waiting", "Jobs in the queue."),
        ("running", "foley_bridge_jobs_running", "Jobs being worked on."),
        ("limit", "foley_bridge_queue_limit", "Jobs that the queue holds at most."),
    )

    def __init__(self, processor: Processor) -> None:
        self._processor = processor

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        counts = self._processor.counts()
        for key, name, says in self._NAMES:
            yield GaugeMetricFamily(name, says, value=counts[key])
        yield CounterMetricFamily(
            "foley_bridge_worker_restarts", "Workers that had to be replaced.", value=self._processor.restarts()
        )
