"""What was measured, run by run, and what it says about systems: seeds grouped, orderings judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from foley_models.bootstrap import Compared, Doubles, compared, resampled
from foley_models.errors import ModelError
from foley_models.recommendation.checkpoint import BEST
from foley_models.recommendation.systems import SIZES, SystemConfig

DRAWS = 10_000


@dataclass(frozen=True, eq=False)
class Measured:
    """A run on the test items.

    Attributes:
        path: of its checkpoint.
        system, trained: of ``checkpoint.Loaded``.
        right: by measure ("accuracy", "category", "sample"): in how many of each item's trials it was right, (items,). A
            measure that a system has not (correlation, without a distance head) is left out.
    """

    path: Path
    system: SystemConfig
    trained: Mapping[str, Any]
    right: Mapping[str, Doubles]

    @property
    def shown(self) -> str:
        """Its path, as people give it: a run's folder, where it is that run's best."""
        return str(self.path.parent if self.path.name == BEST else self.path)

    @property
    def size(self) -> str:
        """One of ``SIZES``, or the widths."""
        made = {"widths": self.system.widths, "stem_stride": self.system.stem_stride}
        names = [name for name, size in SIZES.items() if size == made]
        return names[0] if names else "-".join(map(str, self.system.widths))


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the tables: one run, or the runs of one system with several seeds.

    Attributes:
        name: no other row has it.
    """

    name: str
    runs: tuple[Measured, ...]

    @property
    def system(self) -> SystemConfig:
        """All runs'."""
        return self.runs[0].system

    def has(self, measure: str) -> bool:
        """Was that measured?"""
        return measure in self.runs[0].right

    def right(self, measure: str) -> Doubles:
        """(runs, items)."""
        return np.stack([run.right[measure] for run in self.runs])


@dataclass(frozen=True)
class Share:
    """A row's share of what is right, 0-1.

    Attributes:
        mean: over runs. error: standard error of that; None of a single run.
        low, high: 95 % interval over test items and runs.
    """

    mean: float
    error: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Ordering:
    """One system is better than another, says the paper.

    Attributes:
        better, worse: names of systems.
        measures: at what.
        where: the paper says it.
    """

    better: str
    worse: str
    measures: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class Verdict:
    """What was measured about an ordering.

    Attributes:
        better, worse: names of rows, in the paper's order.
    """

    ordering: Ordering
    measure: str
    better: str
    worse: str
    compared: Compared


@dataclass(frozen=True, eq=False)
class Findings:
    """An experiment's results.

    Attributes:
        about: the data, for JSON.
        described: the same in words.
        counts: by measure: trials of each item, (items,).
        chance: by measure: the share that guessing would have.
        runs: what was measured.
        notes: what a reader has to know besides.
    """

    about: Mapping[str, Any]
    described: str
    counts: Mapping[str, Doubles]
    chance: Mapping[str, float]
    runs: Sequence[Measured]
    notes: Sequence[str] = ()


def grouped(runs: Sequence[Measured], *, seeds: bool) -> list[Row]:
    """Rows of the tables.

    Args:
        seeds: runs of the same system that were trained with the same data are one row.

    Raises:
        ModelError: two such runs are of one seed, or a run is there twice.
    """
    if twice := [path for path, times in Counter(run.path for run in runs).items() if times > 1]:
        raise ModelError(f"{twice[0]} is there twice", "give each run once")
    groups: dict[Any, list[Measured]] = {}
    for number, run in enumerate(runs):
        key = (run.system, run.trained.get("data")) if seeds else number
        groups.setdefault(key, []).append(run)
    for group in groups.values():
        for seed, times in Counter(run.trained.get("seed") for run in group).items():
            if times > 1:
                one, other = [run.shown for run in group if run.trained.get("seed") == seed][:2]
                raise ModelError(
                    f"{one} and {other}: both are {group[0].system.name} with seed {seed}",
                    "--seeds wants runs of different seeds",
                )
    names = _told_apart([group[0] for group in groups.values()])
    return [Row(name, tuple(group)) for name, group in zip(names, groups.values(), strict=True)]


def _told_apart(runs: Sequence[Measured]) -> list[str]:
    """Names of systems, with as much behind them as it takes."""
    ways = (
        lambda run: run.system.name,
        lambda run: f"{run.system.name} ({run.size})",
        lambda run: f"{run.system.name} ({run.size}, {run.trained.get('data')})",
        lambda run: f"{run.system.name} ({run.shown})",
    )
    names = [""] * len(runs)
    for way in ways:
        said = Counter(names)
        names = [name if name and said[name] == 1 else way(run) for name, run in zip(names, runs, strict=True)]
    return names


def shares(rows: Sequence[Row], findings: Findings, measure: str, *, draws: int = DRAWS) -> dict[str, Share]:
    """What each row that has a measure measured, by the row's name."""
    having, counts = [row for row in rows if row.has(measure)], findings.counts[measure]
    drawn = resampled({row.name: row.right(measure) for row in having}, counts, draws=draws) if having else {}
    return {row.name: _share(row.right(measure).sum(axis=1) / counts.sum(), drawn[row.name]) for row in having}


def _share(of_runs: Doubles, drawn: Doubles) -> Share:
    error = float(of_runs.std(ddof=1) / np.sqrt(len(of_runs))) if len(of_runs) > 1 else None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Share(float(of_runs.mean()), error, float(low), float(high))


def judged(
    rows: Sequence[Row], findings: Findings, orderings: Iterable[Ordering], *, draws: int = DRAWS, same_data: bool = True
) -> list[Verdict]:
    """Every ordering of which both systems have a row, between all such rows that can be compared.

    Args:
        same_data: only between rows that were trained with the same data.
    """
    verdicts = []
    drawn = {
        measure: resampled({row.name: row.right(measure) for row in rows if row.has(measure)}, counts, draws=draws)
        for measure, counts in findings.counts.items()
        if any(row.has(measure) for row in rows)
    }
    for ordering in orderings:
        for better, worse in product(rows, rows):
            if (better.system.name, worse.system.name) != (ordering.better, ordering.worse):
                continue
            if not comparable(better, worse, same_data=same_data):
                continue
            for measure in ordering.measures:
                if better.has(measure) and worse.has(measure):
                    one, other = (_mean(row, findings, measure) for row in (better, worse))
                    told = compared(one - other, drawn[measure][better.name], drawn[measure][worse.name])
                    verdicts.append(Verdict(ordering, measure, better.name, worse.name, told))
    return verdicts


def comparable(one: Row, other: Row, *, same_data: bool) -> bool:
    """Does a difference between two rows say something about their systems? Not if the networks' sizes differ."""
    sizes, data = ({get(row) for row in (one, other)} for get in (lambda row: row.runs[0].size, _trained_with))
    return len(sizes) == 1 and (len(data) == 1 or not same_data)


def _trained_with(row: Row) -> str:
    return str(row.runs[0].trained.get("data"))


def _mean(row: Row, findings: Findings, measure: str) -> float:
    return float(row.right(measure).sum(axis=1).mean() / findings.counts[measure].sum())
