"""Table 1 of Krishnamurthy: its figures, what it says is better than what, and the same table with measured figures in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from foley_models.recommendation.scores import Findings, Ordering, Row, Share, Verdict
from foley_models.recommendation.systems import SYSTEMS
from foley_models.tabular import Table

PAPERS_DATA = "VGG-Sound"


@dataclass(frozen=True)
class Printed:
    """What the paper printed of a system, percent; None: nothing.

    Attributes:
        model: its number in Table 1b.
        category, sample: top-10 accuracy (Table 1b). accuracy: of correlation (Table 1a).
    """

    model: int | None
    category: float | None
    sample: float | None
    accuracy: float | None

    def of(self, measure: str) -> float | None:
        """By the measure's name."""
        return {"category": self.category, "sample": self.sample, "accuracy": self.accuracy}[measure]


PRINTED = {
    "baseline-bce": Printed(1, 14.1, 8.6, 69.5),
    "attention-bce": Printed(2, 15.6, 13.3, None),
    "attention-bce-margin": Printed(3, 24.2, 18.8, 87.4),
    "attention-infonce-nonlinear": Printed(4, 28.1, 23.4, None),
    "attention-infonce": Printed(5, 38.3, 31.3, None),
    "attention-ntxent-nonlinear": Printed(6, 32.0, 27.3, None),
    "attention-ntxent": Printed(7, 33.6, 28.9, None),
    "finetuned": Printed(None, None, None, 87.8),
}

_RETRIEVAL = ("category", "sample")
_ACCURACY = ("accuracy",)
_ATTENTION = "5.2: attention is better than the baseline"
_MARGIN = "5.2, abstract: by around 10 %"
_LINEAR = "5.2: linear outperforms non-linear"
_BEST = "5.2: model 5 is the best"
_CONTRASTIVE = "5.2, 2): contrastive outperforms classification"
_PRINTED = "Table 1b"

ORDERINGS = (
    Ordering("attention-bce-margin", "baseline-bce", _ACCURACY, "Table 1a; 5.1, abstract: by around 18 %"),
    Ordering("finetuned", "attention-bce-margin", _ACCURACY, "Table 1a"),
    Ordering("finetuned", "baseline-bce", _ACCURACY, "Table 1a"),
    Ordering("attention-bce", "baseline-bce", _RETRIEVAL, _ATTENTION),
    Ordering("attention-bce-margin", "baseline-bce", _RETRIEVAL, _MARGIN),
    Ordering("attention-bce-margin", "attention-bce", _RETRIEVAL, _PRINTED),
    Ordering("attention-infonce", "attention-infonce-nonlinear", _RETRIEVAL, _LINEAR),
    Ordering("attention-ntxent", "attention-ntxent-nonlinear", _RETRIEVAL, _LINEAR),
    Ordering("attention-infonce", "attention-ntxent", _RETRIEVAL, "5.2: model 5 outperforms model 7"),
    Ordering("attention-infonce", "attention-ntxent-nonlinear", _RETRIEVAL, _BEST),
    Ordering("attention-infonce", "baseline-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-infonce", "attention-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-infonce", "attention-bce-margin", _RETRIEVAL, "5.2, 2): by 12 % (sample), 14 % (category)"),
    Ordering("attention-ntxent", "baseline-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-ntxent", "attention-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-ntxent", "attention-bce-margin", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-ntxent-nonlinear", "baseline-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-ntxent-nonlinear", "attention-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-ntxent-nonlinear", "attention-bce-margin", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-infonce-nonlinear", "baseline-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-infonce-nonlinear", "attention-bce", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-infonce-nonlinear", "attention-bce-margin", _RETRIEVAL, _CONTRASTIVE),
    Ordering("attention-ntxent", "attention-infonce-nonlinear", _RETRIEVAL, _PRINTED),
    Ordering("attention-ntxent-nonlinear", "attention-infonce-nonlinear", _RETRIEVAL, _PRINTED),
)
"""All of Table 1, and all that the text says about it, with the section where it does."""

GAMEPLAY_ORDERINGS = (
    Ordering("attention-bce-margin", "baseline-bce", ("sample",), "5.2, Gameplay: 10 times as good"),
    Ordering("attention-infonce", "attention-bce-margin", ("sample",), "5.2, Gameplay: by 7 %"),
    Ordering("attention-infonce", "attention-bce-margin", ("category",), "5.2, Gameplay: by 24 %"),
)
"""Of the experiment with sound designers' picks. Which of the attention models trained to classify correlation it means, the
paper does not say: the better one is taken."""

_LOSSES = {"bce": "BCE", "bce+margin": "BCE+margin-contrastive", "infonce": "InfoNCE", "ntxent": "NT-Xent"}
_PROJECTORS = {"distance": "linear", "linear": "linear", "nonlinear": "nonlinear"}
_MEASURES = {"accuracy": "correlation", "category": "category level", "sample": "sample level"}
Shares = Mapping[str, Mapping[str, Share]]  # of a measure, of a row


def table_1a(rows: Sequence[Row], findings: Findings, shares: Shares) -> Table:
    """Correlation accuracy. The paper's three rows are always there."""
    lines = []
    for name, row in _lines(rows, lambda name, row: row.has("accuracy") if row else PRINTED[name].accuracy is not None):
        fine = "fine-tuned " if name == "finetuned" else ""
        figures = [_figure(row, shares.get("accuracy", {})), _printed(PRINTED[name].accuracy)]
        lines.append([fine + SYSTEMS[name].encoder, _LOSSES[SYSTEMS[name].loss], *figures, _runs(row, findings.about["data"])])
    lines.append(["chance", "", _percent(findings.chance.get("accuracy", 0.5)), "50.0", ""])
    pairs = findings.about["pairs"]
    title = f"Table 1a. A-V correlation accuracy. Measured: {findings.described}" + (f", {pairs} pairs" if pairs else "")
    headings = ("Encoder", "Loss", "Acc (%)", "paper", "Run")
    return Table(f"{title}. Paper: {PAPERS_DATA}, 3000 pairs.", headings, lines, frozenset({2, 3}))


def table_1b(rows: Sequence[Row], findings: Findings, shares: Shares) -> Table:
    """Top-k recommendation accuracy. The paper's seven models are always there."""
    lines = []
    for name, row in _lines(rows, lambda name, row: row is not None or PRINTED[name].model is not None):
        printed, system = PRINTED[name], SYSTEMS[name]
        encoder = ("fine-tuned " if name == "finetuned" else "") + system.encoder
        figures = [each for level in _RETRIEVAL for each in (_figure(row, shares[level]), _printed(printed.of(level)))]
        number = "" if printed.model is None else str(printed.model)
        lines.append(
            [number, encoder, _PROJECTORS[system.head], _LOSSES[system.loss], *figures, _runs(row, findings.about["data"])]
        )
    category, sample = (_percent(findings.chance[level]) for level in _RETRIEVAL)
    lines.append(["", "chance", "", "", category, "-", sample, _percent(10 / 428), ""])
    about = findings.about
    title = f"Table 1b. Top-{about['top']} recommendation accuracy. Measured: {findings.described}."
    headings = (
        "ID",
        "Encoder",
        "Projector",
        "Loss function",
        "Category-level acc (%)",
        "paper",
        "Sample-level acc (%)",
        "paper",
        "Run",
    )
    return Table(f"{title} Paper: {PAPERS_DATA}, 428 clips, top-10.", headings, lines, frozenset({4, 5, 6, 7}))


def gameplay_table(rows: Sequence[Row], findings: Findings, shares: Shares) -> Table:
    """The experiment with picks: the paper gives no figures of it, only how models compare."""
    base = next((shares["sample"][row.name].mean for row in rows if row.system.name == "baseline-bce"), None)
    lines = []
    for name, row in _lines(rows, lambda _, row: row is not None):
        assert row is not None
        share, number = shares["sample"][row.name].mean, PRINTED[name].model
        times = "-" if not base else f"{share / base:.1f}"
        figures = [_figure(row, shares[level]) for level in _RETRIEVAL]
        trained = str(row.runs[0].trained.get("data", "-"))
        lines.append(["" if number is None else str(number), name, trained, *figures, times, _runs(row)])
    guessed = [_percent(findings.chance[level]) for level in _RETRIEVAL]
    lines.append(["", "chance", "", *guessed, f"{findings.chance['sample'] / base:.1f}" if base else "-", ""])
    headings = ("ID", "System", "Trained on", "Category-level acc (%)", "Sample-level acc (%)", "x baseline (sample)", "Run")
    title = f"Sound designers' picks. Top-{findings.about['top']}. Measured: {findings.described}."
    return Table(title, headings, lines, frozenset({3, 4, 5}))


def orderings_table(verdicts: Sequence[Verdict], title: str, *, printed: bool = True) -> Table:
    """What was found about each ordering.

    Args:
        printed: are the paper's figures those of the measures (Table 1)?
    """
    lines = []
    for verdict in verdicts:
        told, ordering = verdict.compared, verdict.ordering
        one, other = (PRINTED[name].of(verdict.measure) for name in (ordering.better, ordering.worse))
        paper = f"+{one - other:.1f}" if printed and one is not None and other is not None else ""
        interval = f"{100 * told.low:+.1f} to {100 * told.high:+.1f}"
        said = [f"{100 * told.difference:+.1f}", interval, *([paper] if printed else []), _p(told.p), told.verdict]
        lines.append([f"{verdict.better} > {verdict.worse}", _MEASURES[verdict.measure], *said, ordering.where])
    headings = ["Ordering", "At", "Measured", "95 % interval", *(["paper"] if printed else []), "p", "Verdict", "Where"]
    return Table(title, headings, lines, frozenset({2, 3, 4, 5}) if printed else frozenset({2, 3, 4}))


def _p(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _lines(rows: Sequence[Row], wanted: Callable[[str, Row | None], bool]) -> list[tuple[str, Row | None]]:
    """Systems in the paper's order, each with its rows, or with None."""
    lines: list[tuple[str, Row | None]] = []
    for name in PRINTED:
        own = [row for row in rows if row.system.name == name and wanted(name, row)]
        lines += [(name, row) for row in own]
        if not own and wanted(name, None):
            lines.append((name, None))
    return lines


def _figure(row: Row | None, shares: Mapping[str, Share]) -> str:
    if row is None or row.name not in shares:
        return "-"
    share = shares[row.name]
    return _percent(share.mean) + (f" ± {100 * share.error:.1f}" if share.error is not None else "")


def _printed(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _runs(row: Row | None, tested: object = None) -> str:
    """Which runs, of which size, and what they were trained with where that is not what they are tested with."""
    if row is None:
        return ""
    run = row.runs[0]
    said = [run.shown if len(row.runs) == 1 else f"{len(row.runs)} seeds", run.size]
    trained = run.trained.get("data")
    return ", ".join(said + [f"trained on {trained}"] * (tested is not None and trained != tested))
