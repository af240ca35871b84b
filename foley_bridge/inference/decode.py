"""Codes drawn from a pack's decoder, one after another (Du et al., section 3.2, equation 3), in ONNX Runtime and numpy alone.

One graph does both: it runs the whole prefix, and then one code at a time; what attention keeps lies in buffers of one size,
which the graph reads and writes in place. The prefix is run once for all takes. What is drawn is given from outside: who has
the same logits and the same numbers gets the same codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from foley_bridge.inference.analogy_task import CODES, FEATURES, LAST, LOGITS, TOTAL, AnalogyTask
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
    """

    def __init__(self, session: Runs, task: AnalogyTask, rows: int) -> None:
        self._session, self._task = session, task
        self._buffers = [session.buffer((rows, *task.decoder.shape), task.decoder.dtype) for _ in task.decoder.buffers]
        self.rows, self.tokens = rows, 0

    def run(self, features: Floats, codes: Codes) -> Floats:
        """Put pictures, then codes, after what is there.

        Args:
            features: float32 (rows, p, features), p may be 0.
            codes: int64 (rows, c), c may be 0.

        Returns:
            the logits of the code that comes next, float32 (rows, entries).
        """
        count = features.shape[1] + codes.shape[1]
        total = self.tokens + count
        if total > self._task.decoder.positions:
            raise ValueError(f"{total} tokens, where the decoder knows {self._task.decoder.positions}")
        if self.rows > 1 and self.tokens and count > 1:  # which the graph's attention does for one row only
            apart = [self.copied([row]) for row in range(self.rows)]
            made = np.concatenate(
                [one.run(features[row : row + 1], codes[row : row + 1]) for row, one in enumerate(apart)], dtype=np.float32
            )
            self._join(apart, 1)
        else:
            made = self._run(features, codes, total)
        self.tokens = total
        return made

    def copied(self, rows: Sequence[int], tokens: int | None = None) -> Cache:
        """One that holds these rows of this one, in this order; of each the first ``tokens``, or all."""
        made = Cache(self._session, self._task, len(rows))
        made.tokens = self.tokens if tokens is None else tokens
        for own, other in zip(self._buffers, made._buffers, strict=True):
            there, here = other.read(), own.read()
            for row, taken in enumerate(rows):
                there[row, :, : made.tokens] = here[taken, :, : made.tokens]
            other.write(there)
        return made

    @classmethod
    def joined(cls, caches: Sequence[Cache], each: int) -> Cache:
        """One that holds the row of each of several caches so many times; they hold equally many tokens."""
        made = cls(caches[0]._session, caches[0]._task, each * len(caches))
        made.tokens = caches[0].tokens
        made._join(caches, each)
        return made

    def _join(self, caches: Sequence[Cache], each: int) -> None:
        tokens = caches[0].tokens
        for number, buffer in enumerate(self._buffers):
            there = buffer.read()
            for place, cache in enumerate(caches):
                there[place * each : (place + 1) * each, :, :tokens] = cache._buffers[number].read()[:, :, :tokens]
            buffer.write(there)

    def _run(self, features: Floats, codes: Codes, total: int) -> Floats:
        given: dict[str, NDArray[Any]] = {
            FEATURES: features,
            CODES: codes,
            LAST: np.full(len(codes), total - 1, np.int32),
            TOTAL: np.array(total, np.int32),
        }
        names = self._task.decoder.buffers
        places = [InPlace(past, present, buffer) for (past, present), buffer in zip(names, self._buffers, strict=True)]
        return self._session.run_in_place(given, places)[LOGITS]


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
            if self._latest is None:
                cache, shown = Cache(self._session, self._task, 1), np.concatenate([self._shown, own], axis=1)
            else:
                cache, shown = self._latest[1].copied([0], self._shown.shape[1]), own
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

    The codes that are known are run once for each history, and then one code of all rows at a time.

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
    histories, (rows, count) = len(known), drawn.shape
    each = rows // histories
    prefix, first = pinned.before(own)
    if known.shape[1]:
        caches = [prefix.copied([0]) for _ in range(histories)]
        shown = np.zeros((1, 0, own.shape[2]), np.float32)
        first = np.concatenate([cache.run(shown, known[row : row + 1]) for row, cache in enumerate(caches)])
        cache, logits = Cache.joined(caches, each), np.repeat(first, each, axis=0)
    else:
        cache, logits = prefix.copied([0] * rows), np.repeat(first, rows, axis=0)
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
