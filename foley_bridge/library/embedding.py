"""Making points of the sounds' segments: what is new or has changed is read by several threads, embedded in batches, and
written every few hundred sounds.

What is written stays: an embedding that was stopped or killed anywhere goes on when it is run again. A sound that cannot be
heard is told once and not tried again until its file changes; one that is not there (a drive that is not mounted) is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from foley_bridge.library.hearing import Encoders, Floats, Heard, hear
from foley_bridge.library.segments import Segments, content_of

if TYPE_CHECKING:
    from foley_bridge.library.catalogue import Catalogue

_AT_ONCE = 64  # segments embedded together
_AHEAD = 4  # sounds a thread may be ahead
_WRITTEN = 300  # sounds written at once, or as many as there are after
_WRITTEN_S = 20.0
_NEWS_S = 0.1
_RATE_S = 1.0  # before this the rate says nothing


@dataclass(frozen=True)
class EmbedProgress:
    """How far an embedding is.

    Attributes:
        step: "embedding" or "indexing".
        done, total: sounds.
        rate: sounds a second.
        left_s: seconds; None while it cannot be told.
    """

    step: str
    done: int
    total: int
    rate: float
    left_s: float | None


@dataclass
class Embedded:
    """What an embedding did.

    Attributes:
        sounds, segments: made and written.
        left: sounds that are no longer in the library, or have another content; their segments are gone.
        skipped: (path, reason) of sounds that could not be heard.
        unheard: sounds that could not be heard before, and were not tried again.
    """

    sounds: int = 0
    segments: int = 0
    left: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unheard: int = 0

    def to_json(self) -> dict[str, Any]:
        """Every field by name."""
        skipped = [{"path": path, "reason": reason} for path, reason in self.skipped]
        return {**dataclasses.asdict(self), "skipped": skipped}


def embed(
    catalogue: Catalogue,
    encoders: Encoders,
    *,
    on_progress: Callable[[EmbedProgress], None] = lambda _: None,
    threads: int | None = None,
) -> Embedded:
    """Embed the sounds that have no segments in the encoders' space yet; see `Catalogue.embed`."""
    segments = catalogue.segments(encoders.space)
    with segments.embedding():
        return _Work(catalogue, segments, encoders, on_progress).run(threads or _threads())


class _Work:
    """One embedding."""

    def __init__(
        self, catalogue: Catalogue, segments: Segments, encoders: Encoders, on_progress: Callable[[EmbedProgress], None]
    ) -> None:
        self.segments = segments
        self.encoders = encoders
        self.report = Embedded()
        self.notes = segments.notes()
        self.files: dict[int, list[str]] = {}
        for path, (_, _, _, fingerprint) in sorted(catalogue.all_files().items()):
            self.files.setdefault(content_of(fingerprint), []).append(path)
        self.meter = _Meter(on_progress)
        self.heard: list[Heard] = []  # read, not embedded yet
        self.made: list[tuple[Heard, Floats]] = []  # embedded, not written yet
        self.noted = False
        self.written = time.monotonic()

    def run(self, threads: int) -> Embedded:
        there = {int(each) for each in self.segments.contents()}
        self._leave(there)
        wanted = [content for content in self.files if content not in there]
        todo = [content for content in wanted if content not in self.notes.unheard]
        self.report.unheard = len(wanted) - len(todo)
        self.encoders.heard(np.zeros(self.encoders.segment, np.float32), self.encoders.sample_rate)  # fails here if at all
        self.meter.begin(len(todo))
        try:
            with contextlib.closing(_read_ahead(todo, self.files, self.encoders, threads, self.meter)) as every:
                for heard in every:
                    self._take(heard)
            self._embed()
        finally:
            self._write()
        self.meter.tell("indexing")
        before = self.notes.trained
        self.segments.index(self.notes)
        if self.notes.trained != before:
            self.segments.write_notes(self.notes)
        return self.report

    def _leave(self, there: set[int]) -> None:
        gone = sorted(there - self.files.keys())
        if gone:
            self.segments.drop(gone)
            self.report.left = len(gone)
        still = {content: why for content, why in self.notes.unheard.items() if content in self.files}
        self.noted |= len(still) != len(self.notes.unheard)
        self.notes.unheard = still

    def _take(self, heard: Heard) -> None:
        if heard.reason:
            self.report.skipped.append((heard.path, heard.reason))
            if heard.lasting:
                self.notes.unheard[heard.content] = heard.reason
                self.noted = True
        else:
            self.heard.append(heard)
            if sum(len(each.starts_s) for each in self.heard) >= _AT_ONCE:
                self._embed()
        if len(self.made) >= _WRITTEN or time.monotonic() - self.written > _WRITTEN_S:
            self._write()

    def _embed(self) -> None:
        if self.heard:
            points = self.encoders.embed_heard(np.concatenate([each.features for each in self.heard]))
            ends = np.cumsum([len(each.starts_s) for each in self.heard])[:-1]
            self.made += zip(self.heard, np.split(points, ends), strict=True)
            self.heard = []

    def _write(self) -> None:
        made, self.made = self.made, []
        if made:
            contents = np.repeat([each.content for each, _ in made], [len(points) for _, points in made])
            starts = np.concatenate([each.starts_s for each, _ in made])
            self.segments.put(contents, starts, np.concatenate([points for _, points in made]))
            self.report.sounds += len(made)
            self.report.segments += len(contents)
        if self.noted:
            self.segments.write_notes(self.notes)
            self.noted = False
        self.written = time.monotonic()


class _Meter:
    """Counts, and tells how far it is now and then."""

    def __init__(self, told: Callable[[EmbedProgress], None]) -> None:
        self._told = told
        self._done = self._total = 0
        self._begun = self._last = time.monotonic()

    def begin(self, total: int) -> None:
        self._total, self._begun = total, time.monotonic()
        self.tell("embedding")

    def count(self) -> None:
        self._done += 1
        self.tick()

    def tick(self) -> None:
        if time.monotonic() - self._last >= _NEWS_S:
            self.tell("embedding")

    def tell(self, step: str) -> None:
        self._last = time.monotonic()
        spent = self._last - self._begun
        rate = self._done / spent if spent > 0 else 0.0
        left = (self._total - self._done) / rate if rate and spent > _RATE_S else None
        self._told(EmbedProgress(step, self._done, self._total, rate, left))


def _read_ahead(
    contents: Sequence[int], files: dict[int, list[str]], encoders: Encoders, threads: int, meter: _Meter
) -> Generator[Heard, None, None]:
    """Every content, read ahead by threads, in the order asked for."""
    stopped = threading.Event()
    waiting: deque[Future[Heard | None]] = deque()
    left = iter(contents)

    def read(content: int) -> Heard | None:
        return None if stopped.is_set() else hear(content, files[content], encoders)

    with ThreadPoolExecutor(threads, thread_name_prefix="embed") as pool:
        try:
            while True:
                while len(waiting) < threads * _AHEAD and (content := next(left, None)) is not None:
                    waiting.append(pool.submit(read, content))
                if not waiting:
                    return
                heard = _result(waiting.popleft(), meter)
                if heard is not None:
                    yield heard
                    meter.count()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


def _result(future: Future[Heard | None], meter: _Meter) -> Heard | None:
    """A thread's result; who is told is told while a long file makes it wait."""
    while True:
        try:
            return future.result(timeout=_NEWS_S)
        except TimeoutError:
            meter.tick()


def _threads() -> int:
    """Decoding and spectra share the cores with the encoder."""
    return max(2, min(4, (os.cpu_count() or 1) // 2))
