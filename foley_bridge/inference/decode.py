"""Codes drawn from a pack's decoder, one after another (Du et al., section 3.2, equation 3), in ONNX Runtime and numpy alone.

One graph does both: it runs the whole prefix, and then one code at a time; what attention keeps lies in buffers of one size,
which the graph reads and writes in place. The prefix is run once for all takes. What is drawn is given from outside: who has
the same logits and the same numbers gets the same codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.analogy_task import CODES, FEATURES, LAST, LOGITS, TOTAL, AnalogyTask
from foley_bridge.inference.session import InPlace

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


class Cache:
    """The decoder's buffers for some rows, and how many tokens are in them. All rows hold equally many.

    Args:
        session: of the graph of role ``decoder``.
        rows: of which each has a sequence of its own.
    """

    def __init__(self, session: Runs, task: AnalogyTask, rows: int) -> None:
        self._session, self._task = session, task
        self._names = task.decoder.buffers
        self._buffers = [np.zeros((rows, *task.decoder.shape), np.float32) for _ in self._names]
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
        if self.rows > 1 and self.tokens and count > 1:  # which the graph's attention does for one row only
            made = np.concatenate([self._run(row, features, codes) for row in range(self.rows)])
        else:
            made = self._run(None, features, codes)
        self.tokens += count
        return made

    def repeated(self, rows: int) -> Cache:
        """Of a cache with one row: one with ``rows`` of the same."""
        made = Cache(self._session, self._task, rows)
        made.tokens = self.tokens
        for own, other in zip(self._buffers, made._buffers, strict=True):
            other[:, :, : self.tokens] = own[:, :, : self.tokens]
        return made

    def _run(self, row: int | None, features: Floats, codes: Codes) -> Floats:
        part = slice(None) if row is None else slice(row, row + 1)
        features, codes = features[part], codes[part]
        total = self.tokens + features.shape[1] + codes.shape[1]
        if total > self._task.decoder.positions:
            raise ValueError(f"{total} tokens, where the decoder knows {self._task.decoder.positions}")
        given: dict[str, NDArray[Any]] = {
            FEATURES: features,
            CODES: codes,
            LAST: np.full(len(codes), total - 1, np.int32),
            TOTAL: np.array(total, np.int32),
        }
        places = [
            InPlace(past, present, buffer[part]) for (past, present), buffer in zip(self._names, self._buffers, strict=True)
        ]
        return self._session.run_in_place(given, places)[LOGITS]


def generate(
    session: Runs,
    task: AnalogyTask,
    prefix: Prefix,
    drawn: Doubles,
    *,
    top_k: int | None = None,
    temperature: float | None = None,
) -> Codes:
    """The codes of several takes.

    Args:
        drawn: float64 (takes, rows x columns) in [0, 1); as many columns as are wanted, at least a clip's. What is longer than
            a clip is made in a window of a clip that moves on, as the task says.
        top_k, temperature: None: the task's.

    Returns:
        int64 (takes, rows x columns).
    """
    takes, count = drawn.shape
    rows = task.rows
    columns, clip = count // rows, rows * task.columns
    if count % rows or count < clip:
        raise ValueError(f"{count} draws are not whole columns of at least one clip")
    made = np.zeros((takes, count), np.int64)
    nothing = np.zeros((takes, 0, task.features), np.float32)
    began, cache = -1, None
    for column in range(columns):
        window = start(task, column, columns)
        for at in range(column * rows, (column + 1) * rows):
            if window != began or cache is None:
                one = Cache(session, task, 1)
                logits = np.repeat(one.run(*before(task, prefix, window)), takes, axis=0)
                began, cache = window, one.repeated(takes)
                known = made[:, window * rows : at]
                if known.shape[1]:
                    logits = cache.run(nothing, known)
            else:
                logits = cache.run(nothing, made[:, at - 1 : at])
            made[:, at] = pick(logits, drawn[:, at], top_k or task.top_k, temperature or task.temperature)
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
    own, clip = shown(task, prefix, first), task.rows * task.columns
    if task.decoder.condition == "none":
        return own, np.zeros((1, 0), np.int64)
    assert prefix.codes is not None
    codes = prefix.codes[:, :clip]
    if task.decoder.condition == "sound":
        return own, codes
    assert prefix.conditional is not None
    return np.concatenate([prefix.conditional[:, : task.picture.frames], own], axis=1), codes
