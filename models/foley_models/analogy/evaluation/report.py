"""Findings as Table 1, as verdicts, and as one object for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_models.analogy.evaluation.evaluate import Findings, Measured
from foley_models.analogy.evaluation.pairs import Pair
from foley_models.analogy.evaluation.shares import DRAWS, Row, Share, share
from foley_models.analogy.evaluation.table import ALL, PRINTED, TABLE_1, Column, table_1
from foley_models.bootstrap import DOES_NOT, HOLDS
from foley_models.tabular import Table

MATCHES = ("paper", "published")
"""What match and mismatch mean: of materials and of actions, each in its own columns; or of actions in all, as released."""
TIMES_CHANCE = 3
OURS = ("ours", "re-rank")


@dataclass(frozen=True)
class Verdict:
    """Something that is to hold of a system.

    Attributes:
        row: how it is called.
        claim: what.
        holds: does it?
        figures: by which it is decided.
    """

    row: str
    claim: str
    holds: bool
    figures: str


class Report:
    """Findings, put in order.

    Args:
        match: one of ``MATCHES``.
        paper: are the paper's figures shown?
        draws: of the bootstrap.
    """

    def __init__(self, findings: Findings, *, match: str = MATCHES[0], paper: bool = False, draws: int = DRAWS) -> None:
        self.findings, self._match, self._paper, self._draws = findings, match, paper, draws
        self.rows = [self._row(measured) for measured in findings.rows]
        self.verdicts = _verdicts(self.rows, findings.chance)

    def _row(self, measured: Measured) -> Row:
        about, pairs = measured.about, self.findings.pairs
        shares = {}
        for column in ALL:
            values = np.where(_counts(pairs, column, self._match), measured.values[column.measure], np.nan)
            if (found := share(values, [pair.target for pair in pairs], draws=self._draws)) is not None:
                shares[column.key] = found
        return Row(about.system, None if about.run is None else str(about.run), about.trained, shares)

    def tables(self) -> list[Table]:
        """In the paper's form, and what is to hold."""
        about = self.findings.about
        title = (
            f"Table 1. Measured: {about['data']}, {about['split']}, {about['pairs']} pairs of {about['targets']} targets; "
            "percent, half of the 95 % interval (bootstrap over targets). * knows the input's true sound."
        )
        made = [table_1(self.rows, self.findings.chance, title, paper=self._paper)]
        if self.verdicts:
            lines = [[each.row, each.claim, each.figures, HOLDS if each.holds else DOES_NOT] for each in self.verdicts]
            made.append(Table("Is it so? Intervals must not overlap.", ("Model", "Claim", "Figures", "Verdict"), lines))
        return made

    def text(self, *, markdown: bool = False) -> str:
        """Tables and notes."""
        said = [table.markdown() if markdown else table.text() for table in self.tables()]
        if self.findings.notes:
            said.append("\n".join(f"- {note}" if markdown else note for note in self.findings.notes))
        return "\n\n".join(said) + "\n"

    def to_json(self) -> dict[str, Any]:
        """For programs; shares are 0-1."""
        return {
            "about": {**self.findings.about, "match": self._match, "bootstrap": self._draws},
            "chance": dict(self.findings.chance),
            "systems": [
                {
                    "system": row.system,
                    "run": row.run,
                    "trained": {name: row.trained.get(name) for name in ("data", "size", "seed", "steps", "took_s")},
                    "measured": {key: asdict(found) for key, found in row.shares.items()},
                }
                for row in self.rows
            ],
            "paper": {system: list(PRINTED[system]) for system in TABLE_1} if self._paper else None,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "notes": list(self.findings.notes),
        }


def _counts(pairs: Sequence[Pair], column: Column, match: str) -> NDArray[np.bool_]:
    """bool (pairs,): which pairs a column is about."""
    if column.half == "overall":
        return np.ones(len(pairs), np.bool_)
    by_material = match == MATCHES[0] and column.measure == "material"
    same = [pair.same_materials if by_material else pair.same_actions for pair in pairs]
    return np.array([each is (column.half == "match") for each in same], np.bool_)


def _verdicts(rows: Sequence[Row], chance: Mapping[str, float]) -> list[Verdict]:
    """Of our systems: is the example's material heard, is it heard because of the example, and is the timing no chance?"""
    unconditioned = [row for row in rows if row.system == "no-condition"]
    found = []
    for row in (row for row in rows if row.system in OURS):
        name = row.system if row.run is None else f"{row.system} ({row.run})"
        material, timing, guessed = (row.shares.get(key) for key in ("material", "ap", "ap_random"))
        if material is not None:
            least = TIMES_CHANCE * chance["material"]
            claim = f"the example's material is recognised at least {TIMES_CHANCE} x chance"
            found.append(Verdict(name, claim, material.mean >= least, f"{_said(material)}; {100 * least:.1f}"))
            for other in unconditioned:
                if (without := other.shares.get("material")) is not None:
                    claim = "it is recognised more often than without an example"
                    found.append(Verdict(name, claim, material.above(without), f"{_said(material)}; {_said(without)}"))
        if timing is not None and guessed is not None:
            claim = "its onset AP is above that of as many random onsets"
            found.append(Verdict(name, claim, timing.above(guessed), f"{_said(timing)}; {_said(guessed)}"))
    return found


def _said(share: Share) -> str:
    return f"{100 * share.mean:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"
