"""Codes drawn from a pack's decoder, one after another (Du et al., section 3.2, equation 3), in ONNX Runtime and numpy alone.

One graph does both: it runs the whole prefix, and then one code at a time; what attention keeps lies in buffers,
which the graph reads and writes in place. The prefix is run once for all takes, and lies there once for all of them. What is
drawn is given from outside: who has the same logits and the same numbers gets the same codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from foley_bridge.inference.analogy_task import BEFORE, CODES, FEATURES, LOGITS, AnalogyTask
from foley_bridge.inference.in_place import Buffer, InPlace

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Prefix:
    """What stands before the codes that are drawn.

    Attributes:
        conditional: picture features of the example, float32 (1, pictures of a clip, features); None where the decoder takes no
            notice of it.
        features: picture features of the input, float32 (1, pictures, features), at least a clip's.
        codes: of the example's sound, int64 (1, codes of a clip); None likewise.
    """

    conditional: Floats | None
    features: Floats
    codes: Codes | None


class Runs(Protocol):
    """What a graph runs in: a ``Session``."""

    def run_in_place(self, given: Mapping[str, NDArray[Any]], places: Sequence[InPlace]) -> dict[str, NDArray[Any]]:
        """As ``Session.run_in_place``."""

    def buffer(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Buffer:
        """As ``Session.buffer``."""


class Cache:
    """The decoder's buffers for some rows, and how many tokens are in them. All rows hold equally many.

    Args:
        session: of the graph of role ``decoder``.
        rows: of which each has a sequence of its own.
        room: tokens that each of them may come to.
        shared: one row, full, that all of them go on from; it is only read. None: they begin with nothing.

    Attributes:
        tokens: in each row, without those that are shared.
    """

    def __init__(self, session: Runs, task: AnalogyTask, rows: int, room: int, shared: Cache | None = None) -> None:
        self._session, self._task = session, task
        self.rows, self.room, self.tokens = rows, room, 0
        self._shared: Cache | None = shared
        if shared is not None and (shared.rows, shared.tokens, shared._shared) != (1, shared.room, None):
            raise ValueError("rows go on from one that is full, and goes on from nothing itself")
        self._buffers = self._made(rows, room)
        before, names = self._made(1, 0) if shared is None else shared._buffers, task.decoder.buffers
        self._places = [InPlace(each.shared, None, buffer) for each, buffer in zip(names, before, strict=True)]
        self._places += [InPlace(each.past, each.present, buffer) for each, buffer in zip(names, self._buffers, strict=True)]

    @classmethod
    def full(cls, session: Runs, task: AnalogyTask, features: Floats, codes: Codes) -> tuple[Cache, Floats]:
        """One row that holds just this, arguments as for ``run``; and the logits of what comes next, float32 (1, entries)."""
        made = cls(session, task, 1, features.shape[1] + codes.shape[1])
        return made, made.run(features, codes)

    def run(self, features: Floats, codes: Codes) -> Floats:
        """Put pictures, then codes, after what is there.

        Args:
            features: float32 (rows, p, features), p may be 0.
            codes: int64 (rows, c), c may be 0.

        Returns:
            the logits of the code that comes next, float32 (rows, entries).
        """
        tokens = self.tokens + features.shape[1] + codes.shape[1]
        total = tokens if self._shared is None else self._shared.tokens + tokens
        if total > self._task.decoder.positions:
            raise ValueError(f"{total} tokens, where the decoder knows {self._task.decoder.positions}")
        if tokens > self.room:
            raise ValueError(f"{tokens} tokens, where there is room for {self.room}")
        given: dict[str, NDArray[Any]] = {FEATURES: features, CODES: codes, BEFORE: np.array(self.tokens, np.int64)}
        made = self._session.run_in_place(given, self._places)[LOGITS]
        self.tokens = tokens
        return made

    def rows_after(self, rows: int, room: int) -> Cache:
        """So many rows that all go on from this one, which is full."""
        return Cache(self._session, self._task, rows, room, self)

    def repeated(self, each: int) -> Cache:
        """One that holds each row so many times, one row after the other."""
        made = Cache(self._session, self._task, each * self.rows, self.room, self._shared)
        made.tokens = self.tokens
        for own, other in zip(self._buffers, made._buffers, strict=True):
            other.write(np.repeat(own.read(), each, axis=1))
        return made

    def first(self, tokens: int, room: int) -> Cache:
        """One that holds the first tokens of each row, and goes on from nothing, as this one has to."""
        assert self._shared is None
        made = Cache(self._session, self._task, self.rows, room)
        made.tokens = tokens
        for own, other in zip(self._buffers, made._buffers, strict=True):
            there = other.read()
            there[:, :, :tokens] = own.read()[:, :, :tokens]
            other.write(there)
        return made

    def _made(self, rows: int, room: int) -> list[Buffer]:
        decoder = self._task.decoder
        return [self._session.buffer(decoder.shape(rows, room), decoder.dtype) for _ in decoder.buffers]


def logits_along(session: Runs, task: AnalogyTask, before: tuple[Floats, Codes], codes: Codes) -> Floats:
    """The logits that each code of some sequences is drawn from, those before it given, one code of all rows at a time.

    Args:
        before: what stands before them all: features float32 (1, p, features) and codes int64 (1, c).
        codes: int64 (rows, n).

    Returns:
        float32 (rows, n, entries).
    """
    one, first = Cache.full(session, task, *before)
    cache, nothing = one.rows_after(*codes.shape), np.zeros((len(codes), 0, task.features), np.float32)
    steps = [np.repeat(first, len(codes), axis=0)]
    steps += [cache.run(nothing, codes[:, at : at + 1]) for at in range(codes.shape[1] - 1)]
    return np.stack(steps, axis=1)


def generate(session: Runs, task: AnalogyTask, prefix: Prefix, drawn: Doubles) -> Codes:
    """The codes of several takes, as the task says that they were made when the decoder was judged.

    Args:
        drawn: float64 (takes, rows x columns) in [0, 1); as many columns as are wanted, at least a clip's. What is longer than
            a clip is made in a window of a clip that moves on with each column.

    Returns:
        int64 (takes, rows x columns).
    """
    takes, count = drawn.shape
    rows = task.rows
    columns, clip = count // rows, rows * task.columns
    if count % rows or count < clip:
        raise ValueError(f"{count} draws are not whole columns of at least one clip")
    sampling = Sampling(task.top_k, task.temperature)
    made = np.zeros((takes, count), np.int64)
    starts = [start(task, column, columns) for column in range(columns)]
    pinned = Pinned(session, task, prefix)
    for window in dict.fromkeys(starts):
        first = starts.index(window) * rows
        last = first + starts.count(window) * rows
        own = shown(task, prefix, window)
        known = made[:, window * rows : first]
        made[:, first:last] = go_on(pinned, own, known, drawn[:, first:last], sampling)
    return made


@dataclass(frozen=True)
class Sampling:
    """How codes are drawn: from the ``top_k`` likeliest, at a temperature."""

    top_k: int
    temperature: float


class Pinned:
    """The example of a prefix, which stands before the codes of every window alike.

    Its pictures are run with the first window's, in one go; a window's prefix is run once for all that is drawn there.

    Args:
        session: of the graph of role ``decoder``.
        prefix: its ``features`` are not looked at.
    """

    def __init__(self, session: Runs, task: AnalogyTask, prefix: Prefix) -> None:
        self._session, self._task = session, task
        self._shown, self._codes = _of_example(task, prefix)
        self._latest: tuple[Floats, Cache, Floats] | None = None  # of a window

    def before(self, own: Floats) -> tuple[Cache, Floats]:
        """What stands before a window's codes.

        Args:
            own: the input's picture features in this window, float32 (1, pictures of a clip, features).

        Returns:
            one row, not to be written to, and the logits of the window's first code, float32 (1, entries).
        """
        if self._latest is None or not np.array_equal(own, self._latest[0]):
            count = self._shown.shape[1]
            room = count + own.shape[1] + self._codes.shape[1]
            if self._latest is None:
                cache, shown = Cache(self._session, self._task, 1, room), np.concatenate([self._shown, own], axis=1)
            else:
                cache, shown = self._latest[1].first(count, room), own
            self._latest = own.copy(), cache, cache.run(shown, self._codes)
        return self._latest[1:]


def go_on(
    pinned: Pinned,
    own: Floats,
    known: Codes,
    drawn: Doubles,
    sampling: Sampling,
    told: Callable[[], None] = lambda: None,
) -> Codes:
    """Draw the rest of a window's codes.

    The codes that are known are run at once, a row for each history, and then one code of all rows at a time.

    Args:
        pinned: the example.
        own: the input's picture features in this window, float32 (1, pictures of a clip, features).
        known: int64 (histories, k), the window's first codes.
        drawn: float64 (rows, n) in [0, 1); rows are histories times as many as go on from each, one history after the other.
        sampling: how to draw.
        told: called after each code; may raise to stop.

    Returns:
        int64 (rows, n).
    """
    (histories, before), (rows, count) = known.shape, drawn.shape
    prefix, logits = pinned.before(own)
    cache = prefix.rows_after(histories if before else rows, before + count)
    if before:
        logits = cache.run(np.zeros((histories, 0, own.shape[2]), np.float32), known)
        cache = cache.repeated(rows // histories) if rows > histories else cache
    logits = np.repeat(logits, rows // len(logits), axis=0)
    made = np.zeros((rows, count), np.int64)
    shown = np.zeros((rows, 0, own.shape[2]), np.float32)
    for at in range(count):
        if at:
            logits = cache.run(shown, made[:, at - 1 : at])
        made[:, at] = pick(logits, drawn[:, at], sampling.top_k, sampling.temperature)
        told()
    return made


def pick(logits: Floats, drawn: Doubles, top_k: int, temperature: float) -> Codes:
    """The codes that draws mean.

    The ``top_k`` likeliest (and what is exactly as likely as the last of them) keep their probability; they follow one another
    by their index from 0 to 1, and the one that a draw falls into is taken. All in float64.

    Args:
        logits: (n, entries).
        drawn: (n,), in [0, 1).

    Returns:
        int64 (n,).
    """
    sums, weights = _sums(logits, top_k, temperature)
    taken = (sums <= drawn[:, None] * sums[:, -1:]).sum(axis=1)
    last = weights.shape[1] - 1 - (weights[:, ::-1] > 0).argmax(axis=1)  # rounding could lead beyond the last one that is left
    return np.minimum(taken, last).astype(np.int64)


def _sums(logits: Floats, top_k: int, temperature: float) -> tuple[Doubles, Doubles]:
    scaled = logits.astype(np.float64) / temperature
    count = scaled.shape[1]
    kept = min(top_k, count)
    least = np.partition(scaled, count - kept, axis=1)[:, count - kept, None]
    weights = np.where(scaled >= least, np.exp(scaled - scaled.max(axis=1, keepdims=True)), 0.0)
    return weights.cumsum(axis=1), weights


def start(task: AnalogyTask, column: int, columns: int) -> int:
    """The window's first column when ``column`` of ``columns`` is made."""
    back = task.columns // 2 if task.slide == "half" else task.columns - 1
    return max(0, min(column - back, columns - task.columns))


def shown(task: AnalogyTask, prefix: Prefix, first: int) -> Floats:
    """The input's picture features in a window that begins with column ``first``: float32 (1, pictures of a clip, features)."""
    frames = task.picture.frames
    frame = max(0, min(round(first * task.pictures_per_column), prefix.features.shape[1] - frames))
    return prefix.features[:, frame : frame + frames]


def before(task: AnalogyTask, prefix: Prefix, first: int) -> tuple[Floats, Codes]:
    """Pictures and codes that stand before the codes of a window.

    Args:
        first: the window's first column.

    Returns:
        float32 (1, pictures, features), and int64 (1, codes).
    """
    pictures, codes = _of_example(task, prefix)
    return np.concatenate([pictures, shown(task, prefix, first)], axis=1), codes


def _of_example(task: AnalogyTask, prefix: Prefix) -> tuple[Floats, Codes]:
    """A clip of what the decoder takes notice of: float32 (1, pictures or none, features), and int64 (1, codes or none)."""
    pictures, codes = np.zeros((1, 0, task.features), np.float32), np.zeros((1, 0), np.int64)
    if task.decoder.condition == "all":
        assert prefix.conditional is not None
        pictures = prefix.conditional[:, : task.picture.frames]
    if task.decoder.condition != "none":
        assert prefix.codes is not None
        codes = prefix.codes[:, : task.rows * task.columns]
    return pictures, codes
