"""Codes for a stretch, window by window, in several rows at once; in each window those go on that fit the picture best.

A pool is a batch of candidates that begin alike (Du et al., section 3.3, re-ranking). Its best become takes, each of which is a
history: in later windows every history goes on in several ways, and keeps the best of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from foley_bridge.engines import rerank
from foley_bridge.engines.analogy.judging import Judged, Seen, judge
from foley_bridge.engines.analogy.plan import Plan
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Codes, Pinned, Sampling, go_on
from foley_bridge.inference.offsets import Scores

TAKES_OF_POOL = 4
"""At most; half of the candidates at least are not taken."""


def takes_of_pool(candidates: int) -> int:
    """How many takes come of a pool."""
    return min(TAKES_OF_POOL, max(1, candidates // 2))


@dataclass(frozen=True)
class Drawn:
    """What became of a take.

    Attributes:
        codes: int64 (columns, rows).
        judged: what is known of it, window by window.
    """

    codes: Codes
    judged: Judged

    @property
    def score(self) -> float:
        """0-1."""
        return rerank.value(self.judged.scores, self.judged.agreed)

    def sounding_at(self, plan: Plan, frame_s: float) -> tuple[float, ...]:
        """When its hits are, seconds from the first column on."""
        windows = self.judged.rises
        frames = windows.shape[1] // plan.columns  # of a column
        strength = np.zeros(plan.all_columns * frames)
        for number, rises in enumerate(windows):
            first = plan.whole_clip(number) * frames
            unsure = rerank.BACK if number else 0  # nothing is known there of what was before
            strength[first + unsure : first + len(rises)] = rises[unsure:]
        return rerank.sounding_at(strength, frame_s)


class Pool:
    """Candidates drawn together for one stretch, and those that go on.

    Args:
        analogy: whose decoder draws.
        pinned: the example.
        plan: the windows, given in turn to ``window``.
        candidates: rows of a batch.
        seed, number: which pool of which seed; the same draws the same.
        choice: as in ``judge``: what says which go on.
    """

    def __init__(
        self, analogy: Analogy, pinned: Pinned, plan: Plan, *, candidates: int, seed: int, number: int, choice: str
    ) -> None:
        self._analogy, self._pinned, self._plan, self._choice = analogy, pinned, plan, choice
        self._seed, self._number, self._candidates = seed, number, candidates
        self._takes = takes_of_pool(candidates)
        self._sampling = Sampling(analogy.task.top_k, analogy.task.temperature)
        self._made = np.zeros((self._takes, plan.all_columns * analogy.task.rows), np.int64)
        self._judged: list[list[Judged]] = [[] for _ in range(self._takes)]  # of each take, in each window
        self._before: Seen | None = None

    def window(self, number: int, seen: Seen, told: Callable[[], None] = lambda: None) -> None:
        """Draw the codes of the next window.

        Args:
            number: of the window, from 0 on.
            seen: its picture.
            told: called after each code; may raise to stop.
        """
        rows, plan = self._analogy.task.rows, self._plan
        begins, judged_from = number * plan.step, plan.whole_clip(number)
        if number:
            histories, each, known = self._made, self._candidates // self._takes, begins + plan.columns - plan.step
        else:
            histories, each, known = self._made[:1], self._candidates, 0
        first, last = known * rows, (judged_from + plan.columns) * rows
        drawn = np.random.default_rng([self._seed, self._number, number]).random((len(histories) * each, last - first))
        before = histories[:, begins * rows : first]
        codes = go_on(self._pinned, seen.features, before, drawn, self._sampling, told)
        whole = np.concatenate([np.repeat(histories[:, judged_from * rows : first], each, axis=0), codes], axis=1)
        shown = seen if self._before is None else seen.earlier(self._before, begins - judged_from, plan)
        judged = judge(self._analogy, whole, shown, self._choice)
        going_on = self._going_on(judged, number, each)
        self._made[:, :first] = self._made[[row // each for row in going_on], :first]
        self._made[:, first:last] = codes[going_on]
        for take, row in enumerate(going_on):
            self._judged[take].append(judged.of([row]))
        self._before = seen

    def _going_on(self, judged: Judged, number: int, each: int) -> list[int]:
        """The row that each take goes on with."""
        if not number:
            return judged.order()[: self._takes]
        rows = [[take * each + one for one in range(each)] for take in range(self._takes)]
        return [own[judged.of(own).order()[0]] for own in rows]

    def latest(self, number: int) -> tuple[int, Codes]:
        """Of the first take, as it is now: the codes of a window that was drawn, (columns, rows), and the column at which they
        begin."""
        first = self._plan.whole_clip(number)
        whole = self._made[0].reshape(-1, self._analogy.task.rows)
        return first, whole[first : first + self._plan.columns].copy()

    def takes(self) -> list[Drawn]:
        """Those that went on, best first."""
        drawn = [
            Drawn(made.reshape(-1, self._analogy.task.rows), _all(judged))
            for made, judged in zip(self._made, self._judged, strict=True)
        ]
        return [drawn[number] for number in _all([_mean(each.judged) for each in drawn]).order()]


def _all(judged: Sequence[Judged]) -> Judged:
    """What is known of several, or of one in several windows."""
    scores = [each.scores for each in judged if each.scores is not None]
    agreed = [each.agreed for each in judged if each.agreed is not None]
    return Judged(
        Scores(*(np.concatenate(each) for each in zip(*scores, strict=True))) if scores else None,
        np.concatenate(agreed) if agreed else None,
        np.concatenate([each.rises for each in judged]),
    )


def _mean(judged: Judged) -> Judged:
    """A take's windows as one: how far it is away, how sure that is, how well it agrees."""
    scores, agreed = judged.scores, judged.agreed
    return Judged(
        scores and Scores(np.abs(scores.offsets_s).mean(keepdims=True), scores.confidences.mean(keepdims=True)),
        None if agreed is None else agreed.mean(keepdims=True),
        judged.rises[:1],
    )
