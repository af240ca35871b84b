"""Table 1 of Du et al.: its rows, its columns, what was printed, and the same table with measured figures in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foley_models.analogy.evaluation.shares import Row, Share
from foley_models.tabular import Table

CHANCE = "chance"
ROWS = {
    "style-transfer": "Style transfer*",
    "onset-transfer": "Onset transfer",
    CHANCE: "Chance",
    "specvqgan": "SpecVQGAN",
    "specvqgan-finetuned": "SpecVQGAN - finetuned",
    "no-condition": "Ours - No cond.",
    "ours": "Ours - Base",
    "re-rank": "Ours - w/ re-rank",
    "no-conditional-video": "Ours - No cond. video",
    "no-augmentation": "Ours - No augmentation",
    "random-conditional-examples": "Ours - Random cond.",
    "coded": "Limit of codes and vocoder*",
}
"""The paper's, in its order, and what else there may be."""
TABLE_1 = tuple(ROWS)[:8]
PRINTED = {
    "style-transfer": (30.0, 33.5, 32.3, 20.8, 36.6, 31.3, 19.1, 46.9),
    "onset-transfer": (54.8, 51.4, 52.6, 69.0, 44.7, 52.9, 24.8, 71.9),
    CHANCE: (5.9, 5.9, 5.9, 50.0, 50.0, 50.0, None, None),
    "specvqgan": (25.4, 26.8, 26.1, 52.3, 43.1, 46.2, 11.3, 51.0),
    "specvqgan-finetuned": (29.9, 25.7, 27.2, 70.6, 58.4, 62.5, 25.8, 59.3),
    "no-condition": (21.3, 24.9, 23.7, 61.4, 55.1, 57.2, 24.6, 59.3),
    "ours": (41.1, 41.6, 41.4, 67.5, 59.2, 62.0, 26.5, 60.0),
    "re-rank": (43.4, 45.2, 44.0, 78.2, 61.3, 66.7, 25.3, 54.3),
}


@dataclass(frozen=True)
class Column:
    """A measure, and over which pairs.

    Attributes:
        measure: one of ``evaluate.MEASURES``.
        half: "match", "mismatch", or "overall".
        heading: above it.
    """

    measure: str
    half: str
    heading: str

    @property
    def key(self) -> str:
        """In JSON."""
        return f"{self.measure}_{self.half}" if self.half != "overall" else self.measure


COLUMNS = (
    *(
        Column(measure, half, f"{measure} match" if half == "match" else half)
        for measure in ("material", "action")
        for half in ("match", "mismatch", "overall")
    ),
    Column("count", "overall", "# onset"),
    Column("ap", "overall", "AP"),
)
"""The paper's, in its order."""
RANDOM = Column("ap_random", "overall", "AP of random")
PUBLISHED = Column("ap_published", "overall", "AP as published")
ALL = (*COLUMNS, RANDOM, PUBLISHED)


def table_1(rows: Sequence[Row], chance: Mapping[str, float], title: str, *, paper: bool) -> Table:
    """The measured table, behind each figure half of its 95 % interval.

    Args:
        chance: of each classifier, 0-1.
        paper: print the paper's own figures below each row. Its onset AP is the published variant.
    """
    lines: list[list[str]] = []
    for system, label in ROWS.items():
        own = [row for row in rows if row.system == system]
        if system == CHANCE:
            lines.append([label, *(_percent(chance.get(column.measure)) for column in ALL)])
        elif own:
            lines += [[_name(row, label, len(own)), *(_figure(row.shares.get(column.key)) for column in ALL)] for row in own]
        elif system in TABLE_1:
            lines.append([label, *("-" for _ in ALL)])
        if paper and system in PRINTED:
            *told, ap = PRINTED[system]
            lines.append(["  paper", *(_printed(each) for each in (*told, None, None, ap))])
    return Table(title, ["Model", *(column.heading for column in ALL)], lines, frozenset(range(1, len(ALL) + 1)))


def _name(row: Row, label: str, count: int) -> str:
    return label if count == 1 or row.run is None else f"{label} ({row.run})"


def _figure(share: Share | None) -> str:
    return "-" if share is None else f"{100 * share.mean:.1f} ± {50 * (share.high - share.low):.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _printed(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.1f}"
