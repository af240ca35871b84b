"""The daemon: journal, processor, sockets, OSC and metrics put together, from the first check to the last file taken away."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from foley_bridge import __version__
from foley_bridge.bridge.binding import Binding, near
from foley_bridge.bridge.keys import Pair, Seats, server_pair
from foley_bridge.bridge.logs import LogFormat, start_log
from foley_bridge.bridge.methods import Methods
from foley_bridge.bridge.metrics import Metrics, Unmeasured
from foley_bridge.bridge.osc_server import OscServer
from foley_bridge.bridge.panel_process import SEAT_FOLDER, PanelProcess, loopback, own_seat
from foley_bridge.bridge.places import JOURNAL_FILE, PANEL_FOLDER, STATE_FILE, default_output_roots
from foley_bridge.bridge.poker import Poker
from foley_bridge.bridge.senses import Senses
from foley_bridge.bridge.wire import DEFAULT_ENDPOINT
from foley_bridge.bridge.zmq_server import Server
from foley_bridge.errors import BridgeError, MediaError
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import ENDED
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots
from foley_bridge.media.whole_file import whole_file

log = logging.getLogger(__name__)

_OPEN_FILES = 10_000


@dataclass(frozen=True)
class DaemonSettings:
    """How a daemon runs.

    Attributes:
        home: the daemon's folder: journal, timelines that came with requests, ``daemon.json`` while it runs.
        bind: address for requests; events are published at the next port. Port 0 takes free ones.
        workers: jobs done at once.
        queue_limit: jobs that may wait.
        media_roots: folders that jobs may read; None is every folder, and not allowed beyond loopback.
        output_roots: folders that jobs may write to; None is the user's home, the current and the temporary folder, and not
            allowed beyond loopback; of a private daemon, every folder, for only its own user can ask it.
        maps: ``(REMOTE, LOCAL)``: how seats name what lies here at LOCAL.
        keys: folder of CURVE keys (``bridge.keys``); needed beyond loopback.
        osc_bind: ``HOST:PORT`` for OSC; None is no OSC. Whoever reaches it may use it.
        osc_out: where jobs that OSC asked for write; None is ``osc`` in the home folder.
        metrics_bind: ``HOST:PORT`` for metrics; None is none.
        panel_bind: ``HOST:PORT`` for the audition page, on loopback, from when it is first asked for; None is none.
        log_format: ``text`` or ``json``.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        library: the sound library's folder; None is none.
        private: for one program: it reads one line of JSON from stdout, and the daemon ends when its stdin does.
    """

    home: Path
    bind: str = DEFAULT_ENDPOINT
    workers: int = 1
    queue_limit: int = 1000
    media_roots: tuple[Path, ...] | None = None
    output_roots: tuple[Path, ...] | None = None
    maps: tuple[tuple[str, Path], ...] = ()
    keys: Path | None = None
    osc_bind: str | None = None
    osc_out: Path | None = None
    metrics_bind: str | None = None
    panel_bind: str | None = None
    log_format: LogFormat = "text"
    log_level: str = "info"
    library: Path | None = None
    private: bool = False


def default_osc_bind(bind: str) -> str:
    """OSC's usual address beside a ZeroMQ one, on loopback, two ports on; raises BridgeError when ``bind`` is none."""
    return f"127.0.0.1:{Binding.parse(bind).next(2).port}"


def run_daemon(settings: DaemonSettings) -> int:
    """Run until a signal (or, when private, until stdin ends). Returns the exit status.

    The first SIGTERM or SIGINT ends it in order: requests are answered, jobs stay in the journal for the next daemon. The
    second ends it at once, which loses nothing either.

    Raises:
        BridgeError: it would listen beyond loopback unprotected, an address is taken, keys or folders cannot be used.
        JobError: another daemon works in the home folder, or the journal cannot be used.
    """
    log_writer = start_log(settings.log_format, settings.log_level)
    try:
        return _Daemon(settings).run()
    finally:
        log_writer.close()


class _Daemon:
    def __init__(self, settings: DaemonSettings) -> None:
        self._settings = settings
        self._binding = Binding.parse(settings.bind)
        self._pair = _protection(settings, self._binding)
        self._seats = Seats(settings.keys) if settings.keys is not None else None
        self._roots = _roots(settings)
        self._panel_at = loopback(settings.panel_bind) if settings.panel_bind is not None else None
        self._server: Server | None = None
        self._metrics = Unmeasured()
        self._osc: OscServer | None = None
        self._endpoints: dict[str, str | None] = {}
        self._state_file = settings.home / STATE_FILE
        self._state: dict[str, object] = {}

    def run(self) -> int:
        settings = self._settings
        _make_folder(settings.home)
        _allow_many_files()
        with contextlib.ExitStack() as open_things:
            journal = Journal(settings.home / JOURNAL_FILE)
            open_things.callback(journal.close)
            self._poker = Poker(journal)
            server = self._server = self._listen()
            open_things.callback(server.close)
            processor = Processor(
                journal,
                home=settings.home,
                roots=self._roots,
                catalogue=settings.library,
                workers=settings.workers,
                limit=settings.queue_limit,
                on_event=self._on_event,
            )
            endpoints = self._endpoints = {**server.endpoints, "osc": None, "metrics": None, "panel": None}
            if settings.metrics_bind is not None:
                metrics = self._metrics = Metrics(settings.metrics_bind, processor)
                open_things.callback(metrics.stop)
                endpoints["metrics"] = f"http://{metrics.address}/metrics"
            open_things.callback(processor.stop)
            if settings.osc_bind is not None:
                out = _osc_out(settings)
                self._osc = OscServer(settings.osc_bind, processor, out=out, roots=self._roots)
            panel, senses = self._panel(server), Senses()
            open_things.callback(senses.stop)
            methods = Methods(
                processor,
                roots=self._roots,
                library=settings.library,
                senses=senses,
                endpoints=endpoints,
                pokes=self._binding.is_local,
                panel=None if panel is None else panel.link,
            )
            open_things.enter_context(self._stopped_by_signals(server))
            processor.start()
            self._poker.send()  # what an earlier daemon did not come to
            if self._osc is not None:  # only now: what is submitted before the journal is read would be queued twice
                self._osc.start()
                open_things.callback(self._osc.stop)
                endpoints["osc"] = self._osc.address
            open_things.enter_context(self._announced())
            if panel is not None:
                open_things.callback(shutil.rmtree, settings.home / PANEL_FOLDER / SEAT_FOLDER, ignore_errors=True)
                open_things.callback(panel.stop)
            server.run(methods, self._metrics)
            log.info("stopping; what is not done goes on when a daemon runs again")
        log.info("stopped")
        return 0

    def _listen(self) -> Server:
        if self._seats is not None:
            names = self._seats.names()
            log.info("seats that are let in: %s", ", ".join(names) or "none yet")
            for unreadable in self._seats.unreadable:
                log.warning("a seat's key lets nobody in: %s", unreadable)
        return Server(self._binding, pair=self._pair, seats=self._seats)

    def _panel(self, server: Server) -> PanelProcess | None:
        """What the audition page's process needs to know; it is not started yet."""
        if self._panel_at is None:
            return None
        settings, folder = self._settings, self._settings.home / PANEL_FOLDER
        seat: dict[str, str | None] = {"keys": None, "seat": None}
        if self._seats is not None and self._pair is not None:
            seat |= own_seat(folder / SEAT_FOLDER, self._seats, self._pair.public)
        order = {
            "endpoint": near(server.endpoints["requests"]),
            **seat,
            "cache": str(folder / "cache"),
            "log_level": settings.log_level,
            "roots": self._roots.to_json(),
        }
        return PanelProcess(*self._panel_at, order, announce=self._panel_listens)

    def _panel_listens(self, address: str) -> None:
        """From the panel's thread."""
        self._endpoints["panel"] = address
        try:
            self._write_state()
        except (OSError, MediaError) as error:
            log.warning("%s does not say where the audition page is: %s", self._state_file, error)

    def _on_event(self, event: Event) -> None:
        """From the processor's thread."""
        assert self._server is not None  # it listens before there is a processor
        self._server.publish(event)
        if self._osc is not None:
            self._osc.on_event(event)
        self._poker.on_event(event)
        if event.kind == "state" and event.view.record.state in ENDED:
            self._metrics.job_ended(event.view)

    @contextlib.contextmanager
    def _announced(self) -> Iterator[None]:
        """``daemon.json`` in the home folder while the daemon runs, and a line on stdout for the one it runs for."""
        self._state = {"pid": os.getpid(), "version": __version__, "endpoints": self._endpoints, "started": time.time()}
        self._write_state()
        log.info("listening", extra={name: address for name, address in self._endpoints.items() if address})
        if self._settings.private:
            print(json.dumps(self._state), flush=True)
        try:
            yield
        finally:
            self._state_file.unlink(missing_ok=True)

    def _write_state(self) -> None:
        with whole_file(self._state_file) as temporary:
            temporary.write_text(json.dumps(self._state) + "\n", "utf-8")

    @contextlib.contextmanager
    def _stopped_by_signals(self, server: Server) -> Iterator[None]:
        """The loop sleeps in ZeroMQ, where a signal does not wake Python; the byte that a signal sends does."""
        if self._settings.private:
            threading.Thread(target=_when_stdin_ends, args=(server.stop,), name="stdin", daemon=True).start()
        told = False

        def stop(number: int, frame: FrameType | None) -> None:
            nonlocal told
            if told:
                self._state_file.unlink(missing_ok=True)
                os._exit(128 + number)
            told = True
            server.stop()

        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which nohup makes it
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, stop) for number in numbers}
        descriptor = signal.set_wakeup_fd(server.waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)


def _protection(settings: DaemonSettings, binding: Binding) -> Pair | None:
    """The server's keys; None on loopback without any.

    Raises:
        BridgeError: other machines could reach a daemon that is not protected from them.
    """
    if not binding.is_local:
        if settings.keys is None:
            raise BridgeError(
                f"the daemon does not listen at {binding.endpoint} without keys: other machines reach it",
                "make keys with foley-bridge keys DIR --seat NAME and give --keys DIR; or bind to 127.0.0.1",
            )
        for option, roots in (("--media-root", settings.media_roots), ("--output-root", settings.output_roots)):
            if not roots:
                raise BridgeError(
                    f"the daemon does not listen at {binding.endpoint} without {option}: seats would reach every folder",
                    f"name the folders that seats may use with {option} DIR",
                )
    return server_pair(settings.keys) if settings.keys is not None else None


def _roots(settings: DaemonSettings) -> Roots:
    output = settings.output_roots
    if output is None and not settings.private:
        output = default_output_roots(Path.cwd())
    for folder in (*(settings.media_roots or ()), *(output or ())):
        if not folder.is_absolute() or not folder.is_dir():
            raise BridgeError(f"{folder}: there is no such folder", "give the whole path of a folder that is there")
    if settings.osc_bind is not None and output is not None:
        output = (*output, _osc_out(settings))
    return Roots(media=settings.media_roots, output=output, maps=settings.maps)


def _osc_out(settings: DaemonSettings) -> Path:
    """Where jobs that OSC asked for write; need not be there yet."""
    return (settings.osc_out or settings.home / "osc").absolute()


def _allow_many_files() -> None:
    """Each connection is an open file, and some systems allow 256 unless asked for more."""
    if os.name == "posix":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BridgeError(f"{folder}: the daemon's folder cannot be made: {error.strerror}", "choose another --home") from None


def _when_stdin_ends(stop: Callable[[], None]) -> None:
    """The program that the daemon runs for has ended, however it did."""
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):  # not sys.stdin.read, whose lock Python wants when it ends
            pass
    stop()
