"""Bringing the catalogue up to date with folders of sounds: what is new, changed, moved, gone; what cannot be read.

The walk comes first and says how much there is to do; files that did not change since the last scan are not opened. The others
are read by a few threads, and put into the catalogue in batches, in a fixed order. Each batch is whole, and no state is kept
outside the catalogue: a scan that was stopped or killed anywhere goes on when it is run again, with the same result.

Sounds whose file has vanished leave the catalogue last, once no other file turned out to hold them; those in places that cannot
be looked into (a drive that is not mounted) stay, and the report says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foley_bridge.errors import LibraryError, MediaError
from foley_bridge.library import managers
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.describe import describe, overlaid, settled
from foley_bridge.library.fingerprint import Print, fingerprint
from foley_bridge.library.ledger import Ledger, Place
from foley_bridge.library.metadata import Metadata, read
from foley_bridge.library.sound import LibrarySound, corrected
from foley_bridge.library.tags import Words
from foley_bridge.library.walk import Walked, walk

_CHUNK = 16  # files a thread reads at one go
_AHEAD = 8  # chunks a thread may be ahead of what is put in
_BATCH = 2000  # files put in at once, or as many as were read in
_BATCH_S = 5.0
_NEWS_S = 0.1  # between two calls of the watcher
_RATE_S = 1.0  # before this the rate says nothing
_STAMPS = ("paths", "size", "mtime_ns", "edited")  # of a sound; not what it is


@dataclass(frozen=True)
class ScanProgress:
    """How far a scan is.

    Attributes:
        step: "looking", "reading" or "tidying up".
        seen: sounds found in the folders. read, total: files read, of those that have to be.
        rate: files a second.
        left_s: seconds; None while it cannot be told.
    """

    step: str
    seen: int
    read: int
    total: int
    rate: float
    left_s: float | None


@dataclass
class ScanReport:
    """What a scan did. The counts are of files.

    Attributes:
        added: of sounds that are new. changed: with other contents or words than before. moved: known from another path.
        vanished: there no more. unchanged: as they were. duplicates: further files of a sound.
        failed: (path, reason) of files and folders that could not be read.
        notes: sentences a person should know.
        unmatched: (CSV file, line, path, why) of its rows that belong to no file, or to no single one.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    vanished: int = 0
    unchanged: int = 0
    duplicates: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unmatched: list[tuple[str, int, str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Every field by name."""
        return {
            **dataclasses.asdict(self),
            "failed": [{"path": path, "reason": reason} for path, reason in self.failed],
            "unmatched": [{"csv": csv, "line": line, "path": path, "reason": why} for csv, line, path, why in self.unmatched],
        }


def scan(
    catalogue: Catalogue,
    folders: Sequence[str | os.PathLike[str]],
    *,
    watcher: Callable[[ScanProgress], None] = lambda _: None,
    licence: str | None = None,
    source: str | None = None,
    csv: Iterable[str | os.PathLike[str]] = (),
    threads: int | None = None,
) -> ScanReport:
    """Put the sounds in some folders into the catalogue, or bring it up to date with them.

    Args:
        folders: to look through, with all that is in them; single files may be given too.
        watcher: called about ten times a second; may raise (`Cancelled`) to stop, and what is in stays in.
        licence, source: said of every file in the folders, over what its tags say.
        csv: lists of a library manager; what they say of a file goes over its tags, and over ``licence`` and ``source``.
        threads: that read files; as many as pay off on this machine when None.

    Raises:
        LibraryError: none of the folders is there, or a list cannot be read; then nothing was changed. Or the catalogue
            cannot be written to.
    """
    lists = [(os.fspath(each), managers.read_rows(Path(each))) for each in csv]
    report = ScanReport()
    meter = _Meter(watcher)
    walked = walk(folders, meter.looking)
    missing = [root for root in walked.roots if walked.closed.get(root) == "is not there"]
    if missing and len(missing) == len(walked.roots):
        raise LibraryError(f"{missing[0]}: there is no such folder", "check the path, or mount the drive it is on")
    said: dict[str, Words] = {}
    for name, rows in lists:
        matches = managers.match(rows, walked.files)
        said |= {path: said.get(path, {}) | words for path, words in matches.words.items()}
        report.unmatched += [(name, *row) for row in matches.unmatched]
    known = catalogue.all_files()
    ledger = Ledger(known, walked, walked.files if licence or source else said, meter.tick)
    work = _Work(catalogue, walked, ledger, report, said, licence or "", source or "")
    untouched = len(walked.files) - len(ledger.unread)
    counts = work.read(ledger.unread, meter, threads or _threads())
    report.added, report.changed, report.moved = counts["new"], counts["changed"], counts["moved"]
    report.duplicates, report.unchanged = counts["duplicate"], counts["same"] + untouched
    work.read(ledger.heirs(), meter, 1)
    meter.step = "tidying up"
    meter.tick()
    _note_closed(ledger, walked, known, report)
    report.vanished = len(ledger.gone - ledger.claimed)
    catalogue.forget(ledger.gone)
    if work.wrote or ledger.gone:
        catalogue.optimise()
    return report


@dataclass(frozen=True)
class _Read:
    """What a thread made of a file: what it is, or why it cannot be read; neither when it is not there any more."""

    path: str
    content: Print | None = None
    found: Metadata | None = None
    reason: str = ""


class _Work:
    """One scan's putting in."""

    def __init__(
        self,
        catalogue: Catalogue,
        walked: Walked,
        ledger: Ledger,
        report: ScanReport,
        said: dict[str, Words],
        licence: str,
        source: str,
    ) -> None:
        self.catalogue = catalogue
        self.walked = walked
        self.ledger = ledger
        self.report = report
        self.said = said
        self.licence = licence
        self.source = source
        self.wrote = False

    def read(self, paths: Sequence[str], meter: _Meter, threads: int) -> Counter[str]:
        """Read files and put them in, batch by batch. Returns how many files of each `Place.kind` there were."""
        counts: Counter[str] = Counter()
        if not paths:
            return counts
        meter.reading(len(self.walked.files), len(paths))
        batch: list[_Read] = []
        begun = time.monotonic()
        with contextlib.closing(_read_all(paths, meter, threads)) as every:
            for done in every:
                batch.append(done)
                if len(batch) >= _BATCH or time.monotonic() - begun > _BATCH_S:
                    counts += self.put(batch)
                    batch, begun = [], time.monotonic()
        return counts + self.put(batch)

    def put(self, batch: Sequence[_Read]) -> Counter[str]:
        """Put in what was read. Returns how many files of each `Place.kind` there were."""
        placed = [(done, place) for done in batch if (place := self.placed(done)) is not None]
        sounds = self.catalogue.known({place.sound for _, place in placed if place.kind != "new"})
        before = dict(sounds)
        fresh = []
        counts: Counter[str] = Counter()
        for done, place in placed:
            old = sounds.get(place.sound)
            sound = self.described(done, place, old)
            sounds[place.sound] = sound
            told = old is None or not place.first or _as_kept(sound, old) == _as_kept(old, old)
            counts["changed" if place.kind == "same" and not told else place.kind] += 1
            if place.kind != "same" or not told or place.sound not in before or _stamp(sound) != _stamp(before[place.sound]):
                fresh.append(sound)
        self.catalogue.upsert(fresh, leaving=self.ledger.leaving)
        self.ledger.leaving.clear()
        self.wrote |= bool(fresh)
        return counts

    def placed(self, done: _Read) -> Place | None:
        """Where a file belongs; None when it could not be read, which the report says, or is gone."""
        if done.reason:
            self.report.failed.append((done.path, done.reason))
        if done.content is None or done.found is None:
            return None
        try:
            return self.ledger.place(done.path, done.content)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.report.failed.append((done.path, f"cannot be read, {error.strerror or error}"))
            return None

    def described(self, done: _Read, place: Place, old: LibrarySound | None) -> LibrarySound:
        """What goes into the catalogue for a file."""
        assert done.content is not None and done.found is not None
        row = self.said.get(done.path, {})
        if old is not None and not place.first:
            sound = overlaid(old, row)
        else:
            folders = self.walked.files[done.path].folders
            sound = describe(done.path, folders, done.found, row=row, licence=self.licence, source=self.source)
            sound = settled(sound, old) if old is not None else sound
        return dataclasses.replace(
            sound,
            id=place.sound,
            paths=(done.path,),
            fingerprint=place.fingerprint,
            size=done.content.size,
            mtime_ns=done.content.mtime_ns,
        )


class _Meter:
    """Counts, and tells the watcher now and then."""

    def __init__(self, watcher: Callable[[ScanProgress], None]) -> None:
        self.step = "looking"
        self._watcher = watcher
        self._seen = self._read = self._total = 0
        self._begun = self._told = -_NEWS_S

    def looking(self, seen: int) -> None:
        self._seen = seen
        self.tick()

    def reading(self, seen: int, total: int) -> None:
        self.step, self._seen, self._read, self._total = "reading", seen, 0, total
        self._begun, self._told = time.monotonic(), -_NEWS_S
        self.tick()

    def count(self) -> None:
        self._read += 1
        self.tick()

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._told < _NEWS_S:
            return
        self._told = now
        spent = now - self._begun
        rate = self._read / spent if self._read and spent > 0 else 0.0
        left = (self._total - self._read) / rate if rate and spent > _RATE_S else None
        self._watcher(ScanProgress(self.step, self._seen, self._read, self._total, rate, left))


def _read_all(paths: Sequence[str], meter: _Meter, threads: int) -> Generator[_Read, None, None]:
    """Every file, read ahead by threads, in the order asked for."""
    stopped = threading.Event()
    waiting: deque[Future[list[_Read]]] = deque()
    chunks = (paths[at : at + _CHUNK] for at in range(0, len(paths), _CHUNK))
    with ThreadPoolExecutor(threads, thread_name_prefix="scan") as pool:
        try:
            while True:
                while len(waiting) < threads * _AHEAD and (chunk := next(chunks, None)):
                    waiting.append(pool.submit(_read_some, chunk, stopped))
                if not waiting:
                    return
                for done in _result(waiting.popleft(), meter):
                    meter.count()
                    yield done
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


def _result(future: Future[list[_Read]], meter: _Meter) -> list[_Read]:
    """A thread's result; the watcher is heard while a slow drive makes it wait."""
    while True:
        try:
            return future.result(timeout=_NEWS_S)
        except TimeoutError:
            meter.tick()


def _read_some(paths: Sequence[str], stopped: threading.Event) -> list[_Read]:
    return [_read_one(path) for path in paths if not stopped.is_set()]


def _read_one(path: str) -> _Read:
    try:
        path.encode("utf-8")
        return _Read(path, fingerprint(path), read(path))
    except FileNotFoundError:
        return _Read(path)
    except UnicodeEncodeError:
        return _Read(path, reason="its name is not Unicode, so no timeline or request could name it; rename it")
    except OSError as error:
        return _Read(path, reason=f"cannot be read, {error.strerror or error}")
    except MediaError as error:
        if not os.path.exists(path):  # noqa: PTH110
            return _Read(path)
        return _Read(path, reason=error.message.removeprefix(f"{path}: "))
    except Exception as error:  # a reader's own fault in one file must not stop the others
        return _Read(path, reason=f"cannot be read, {type(error).__name__}: {str(error)[:200]}")


def _note_closed(ledger: Ledger, walked: Walked, known: dict[str, tuple[str, int, int, str]], report: ScanReport) -> None:
    """Say which places could not be looked into, and how many sounds stay in the catalogue for that."""
    kept = Counter(ledger.closed_above(path) for path in known if path not in walked.files)
    for place, why in sorted(walked.closed.items()):
        if kept[place]:
            stay = "its sound stays" if kept[place] == 1 else f"its {kept[place]} sounds stay"
            report.notes.append(f"{place} {why}: {stay} in the library until foley-bridge library remove")
        elif why == "is not there" or why.startswith("cannot"):
            report.failed.append((place, why))


def _as_kept(sound: LibrarySound, old: LibrarySound) -> LibrarySound:
    """A sound as the catalogue will hold it, without its files."""
    return dataclasses.replace(corrected(sound, old), **{name: getattr(old, name) for name in _STAMPS})


def _stamp(sound: LibrarySound) -> tuple[int, int]:
    return sound.size, sound.mtime_ns


def _threads() -> int:
    """Reading headers is as much waiting for the disk as working."""
    return min(8, 2 * (os.cpu_count() or 1))
