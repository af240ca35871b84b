"""Table 2 of Du et al.: how often each system was chosen over the base, by question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foley_models.analogy.study.answers import Answer
from foley_models.tabular import Table

TABLE_2 = {
    "style-transfer": "Style transfer*",
    "onset-transfer": "Onset transfer",
    "specvqgan": "SpecVQGAN",
    "ours": "Ours - base",
    "no-condition": "Ours - no cond.",
    "no-conditional-video": "Ours - no cond. video",
    "no-augmentation": "Ours - no augmentation",
    "random-conditional-examples": "Ours - random cond.",
    "re-rank": "Ours - with re-rank",
}
"""The paper's rows, in its order."""
PRINTED = {
    "style-transfer": ("9.9 ± 2.3", "10.6 ± 2.4"),
    "onset-transfer": ("64.7 ± 3.8", "57.3 ± 3.9"),
    "specvqgan": ("16.3 ± 2.9", "18.0 ± 3.0"),
    "ours": ("50.0 ± 0.0", "50.0 ± 0.0"),
    "no-condition": ("35.3 ± 3.8", "40.1 ± 4.0"),
    "no-conditional-video": ("46.1 ± 4.0", "45.0 ± 4.0"),
    "no-augmentation": ("51.3 ± 3.9", "49.7 ± 4.0"),
    "random-conditional-examples": ("45.5 ± 4.0", "47.5 ± 4.0"),
    "re-rank": ("54.3 ± 3.4", "53.8 ± 3.4"),
}
"""Percent, of 376 participants: material, synchronised."""
QUESTIONS = ("material", "synchronised")
"""In the order of the table's columns."""
NORMAL = 1.959964


@dataclass(frozen=True)
class Chosen:
    """How often a system was chosen over the base, by one question.

    Attributes:
        count: how often. of: how many answers there are.
        low, high: the share's 95 % interval (Wilson's), answers taken as independent of each other.
        p: of an exact two-sided test that neither is chosen more often.
    """

    count: int
    of: int
    low: float
    high: float
    p: float

    @classmethod
    def counted(cls, chosen: Sequence[bool]) -> Chosen:
        """At least one answer."""
        from scipy.stats import binomtest

        count, of = sum(chosen), len(chosen)
        low, high = wilson(count, of)
        return cls(count, of, low, high, float(binomtest(count, of).pvalue))

    @property
    def share(self) -> float:
        """0-1."""
        return self.count / self.of

    def to_json(self) -> dict[str, Any]:
        """With the share."""
        return {"chosen": self.count, "of": self.of, "share": self.share, "low": self.low, "high": self.high, "p": self.p}


def wilson(count: int, of: int) -> tuple[float, float]:
    """95 % interval of a share: holds for few answers, too, and where all of them are the same."""
    share, z2 = count / of, NORMAL**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = NORMAL * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Results:
    """What a study says.

    Attributes:
        base: the system that others were held against.
        participants: of whom something is counted.
        counted, practice: how many sets were judged, and how many more for practice.
        rows: of each system, by question.
    """

    base: str
    participants: int
    counted: int
    practice: int
    rows: dict[str, dict[str, Chosen]]

    @classmethod
    def of(cls, base: str, alternatives: Sequence[str], answers: Sequence[Answer]) -> Results:
        """Practice is not counted."""
        real = [answer for answer in answers if not answer.practice]
        rows = {}
        for system in alternatives:
            own = [answer for answer in real if answer.alternative == system]
            if own:
                rows[system] = {name: Chosen.counted([each.chosen[name] for each in own]) for name in QUESTIONS}
        return cls(base, len({each.participant for each in real}), len(real), len(answers) - len(real), rows)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "base": self.base,
            "participants": self.participants,
            "counted": self.counted,
            "practice": self.practice,
            "systems": {system: {name: chosen.to_json() for name, chosen in row.items()} for system, row in self.rows.items()},
        }

    def table(self, *, paper: bool) -> Table:
        """Table 2. paper: print the paper's own figures below each row."""
        lines: list[list[str]] = []
        for system in (*TABLE_2, *(name for name in self.rows if name not in TABLE_2)):
            label = TABLE_2.get(system, system)
            if system == self.base:
                lines.append([label, "50.0", "50.0", ""])
            elif system in self.rows:
                row = self.rows[system]
                lines.append([label, *(_figure(row[name]) for name in QUESTIONS), str(row[QUESTIONS[0]].of)])
            if paper and system in PRINTED and (system == self.base or system in self.rows):
                lines.append(["  paper", *PRINTED[system], ""])
        title = (
            f"Table 2: how often each was chosen over {TABLE_2.get(self.base, self.base)}, percent with 95 % intervals: "
            f"{self.participants} participant{'s' * (self.participants != 1)}, {self.counted} sets counted"
        )
        return Table(title, ["Model", "material chosen", "sync. chosen", "sets"], lines, frozenset({1, 2, 3}))


def _figure(chosen: Chosen) -> str:
    return f"{100 * chosen.share:.1f} [{100 * chosen.low:.1f}, {100 * chosen.high:.1f}]"
