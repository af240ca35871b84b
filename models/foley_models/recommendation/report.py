"""Findings as a report: tables for people, one object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

from foley_models.recommendation import tables
from foley_models.recommendation.scores import Findings, Row, comparable, grouped, judged, shares
from foley_models.tabular import Table


class Report:
    """An experiment's findings, put in order.

    Args:
        findings: of ``evaluate`` or ``evaluate_picks``.
        seeds: runs of one system are seeds of it (``grouped``).
        draws: of the bootstrap.
        gameplay: is it the experiment with picks?

    Raises:
        ModelError: two runs of one system are of one seed.
    """

    def __init__(self, findings: Findings, *, seeds: bool, draws: int, gameplay: bool = False) -> None:
        self.findings, self.draws, self._gameplay = findings, draws, gameplay
        self.rows: list[Row] = grouped(findings.runs, seeds=seeds)
        self.shares = {measure: shares(self.rows, findings, measure, draws=draws) for measure in findings.counts}
        stated = tables.GAMEPLAY_ORDERINGS if gameplay else tables.ORDERINGS
        self.verdicts = judged(self.rows, findings, stated, draws=draws, same_data=not gameplay)
        self.notes = list(findings.notes)
        if not all(comparable(*pair, same_data=not gameplay) for pair in combinations(self.rows, 2)):
            other = "of another size" if gameplay else "of another size, or trained on other data,"
            self.notes.append(f"Networks {other} are not compared with each other.")

    def tables(self) -> list[Table]:
        """In the paper's form, and then what became of its orderings."""
        if self._gameplay:
            made = [tables.gameplay_table(self.rows, self.findings, self.shares)]
        else:
            made = [make(self.rows, self.findings, self.shares) for make in (tables.table_1a, tables.table_1b)]
        if self.verdicts:
            over = "test items" + (" and seeds" if any(len(row.runs) > 1 for row in self.rows) else ", one run of each system")
            title = f"The paper's orderings. Paired bootstrap over {over}, {self.draws} draws, two-sided; p < .05 decides."
            made.append(tables.orderings_table(self.verdicts, title, printed=not self._gameplay))
        return made

    def text(self, *, markdown: bool = False) -> str:
        """All tables and notes."""
        said = [table.markdown() if markdown else table.text() for table in self.tables()]
        if self.notes:
            said.append("\n".join(f"- {note}" if markdown else note for note in self.notes))
        return "\n\n".join(said) + "\n"

    def to_json(self) -> dict[str, Any]:
        """For programs; shares are 0-1."""
        return {
            "about": dict(self.findings.about),
            "chance": dict(self.findings.chance),
            "bootstrap": self.draws,
            "systems": [self._row(row) for row in self.rows],
            "orderings": [
                {
                    "better": verdict.better,
                    "worse": verdict.worse,
                    "at": verdict.measure,
                    "where": verdict.ordering.where,
                    **verdict.compared.to_json(),
                }
                for verdict in self.verdicts
            ],
            "notes": self.notes,
        }

    def _row(self, row: Row) -> dict[str, Any]:
        printed = tables.PRINTED.get(row.system.name)
        measured = {
            measure: asdict(of[row.name])
            | {"paper": None if printed is None or self._gameplay or (said := printed.of(measure)) is None else said / 100}
            for measure, of in self.shares.items()
            if row.name in of
        }
        return {
            "name": row.name,
            "system": row.system.name,
            "model": None if printed is None else printed.model,
            "size": row.runs[0].size,
            "measured": measured,
            "runs": [_run(row, number, self.findings) for number in range(len(row.runs))],
        }


def _run(row: Row, number: int, findings: Findings) -> dict[str, Any]:
    run = row.runs[number]
    told: Sequence[str] = ("data", "seed", "steps", "command")
    return {
        "run": str(run.path),
        **{name: run.trained.get(name) for name in told},
        "measured": {name: float(right.sum() / findings.counts[name].sum()) for name, right in run.right.items()},
    }
