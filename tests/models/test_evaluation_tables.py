"""The tables of the paper, and what becomes of its orderings."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.errors import ModelError  # noqa: E402
from foley_models.recommendation.report import Report  # noqa: E402
from foley_models.recommendation.scores import Findings, Measured, grouped  # noqa: E402
from foley_models.recommendation.systems import SYSTEMS, system  # noqa: E402
from foley_models.recommendation.tables import GAMEPLAY_ORDERINGS, ORDERINGS, PRINTED  # noqa: E402
from foley_models.tabular import Table  # noqa: E402

ITEMS = 40
CHANCE = {"category": 0.35, "sample": 0.25, "accuracy": 0.5}


def measured(name: str, *, seed: int = 0, size: str = "mini", data: str = "stage", **hits: int) -> Measured:
    right = {measure: (np.arange(ITEMS) < count).astype(float) for measure, count in hits.items()}
    return Measured(Path(f"runs/{name}-{seed}/best.pt"), system(name, size), {"data": data, "seed": seed, "steps": 9}, right)


def findings(*runs: Measured, **about: Any) -> Findings:
    return Findings(
        about={"data": "stage", "pairs": 80, "top": 10, **about},
        described="stage, test: 40 clips",
        counts={name: np.ones(ITEMS) for name in CHANCE if any(name in run.right for run in runs)},
        chance={name: chance for name, chance in CHANCE.items() if any(name in run.right for run in runs)},
        runs=runs,
    )


def report(*runs: Measured, seeds: bool = False, gameplay: bool = False) -> Report:
    return Report(findings(*runs), seeds=seeds, draws=2000, gameplay=gameplay)


# --- what is written down of the paper ---


def test_every_system_is_in_the_table_and_every_two_figures_of_it_are_an_ordering_that_they_bear_out() -> None:
    assert PRINTED.keys() == SYSTEMS.keys()
    for measure in ("accuracy", "category", "sample"):
        stated = {(each.better, each.worse) for each in ORDERINGS if measure in each.measures}
        printed = {name: each.of(measure) for name, each in PRINTED.items() if each.of(measure) is not None}
        pairs = [sorted(pair, key=lambda name: -(printed[name] or 0)) for pair in combinations(printed, 2)]
        assert stated == {(better, worse) for better, worse in pairs}
        assert len(stated) == sum(measure in each.measures for each in ORDERINGS), "one of them is there twice"


def test_the_orderings_of_the_game_experiment_are_of_known_systems() -> None:
    assert {name for each in GAMEPLAY_ORDERINGS for name in (each.better, each.worse)} < SYSTEMS.keys()


# --- tables ---


def cells(text: str, *wanted: str) -> list[str]:
    """Of the only Markdown row with all these cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    found = [row for row in rows if set(wanted) <= set(row)]
    assert len(found) == 1, (wanted, found)
    return found[0]


def test_a_contrastive_run_alone_has_no_correlation_accuracy_and_its_tables_say_so() -> None:
    text = report(measured("attention-infonce", category=20, sample=8)).text(markdown=True)
    assert cells(text, "5", "linear")[4:8] == ["50.0", "38.3", "20.0", "31.3"]
    assert cells(text, "fine-tuned attention")[2:] == ["-", "87.8", ""]


def test_measured_figures_stand_beside_the_papers() -> None:
    text = report(
        measured("baseline-bce", accuracy=24, category=10, sample=4),
        measured("finetuned", accuracy=30, category=20, sample=8),
        measured("attention-infonce", category=23, sample=13),
    ).text(markdown=True)
    assert "Table 1a. A-V correlation accuracy. Measured: stage, test: 40 clips, 80 pairs. Paper: VGG-Sound" in text
    assert cells(text, "fine-tuned attention", "75.0") == [
        "fine-tuned attention",
        "BCE+margin-contrastive",
        "75.0",
        "87.8",
        "runs/finetuned-0, mini",
    ]
    assert cells(text, "5", "linear") == [
        *["5", "attention", "linear", "InfoNCE", "57.5", "38.3", "32.5", "31.3"],
        "runs/attention-infonce-0, mini",
    ]
    assert cells(text, "1", "linear")[4:8] == ["25.0", "14.1", "10.0", "8.6"]
    assert cells(text, "4", "nonlinear")[4:] == ["-", "28.1", "-", "23.4", ""], "no run of model 4, but the paper's figures"
    assert cells(text, "chance", "25.0")[4:8] == ["35.0", "-", "25.0", "2.3"]
    assert cells(text, "baseline", "60.0")[2:4] == ["60.0", "69.5"]
    assert len([line for line in text.splitlines() if line.startswith("| attention")]) == 3, "one row of 1a, two orderings"


def test_seeds_are_one_row_with_mean_and_standard_error() -> None:
    runs = [measured("attention-infonce", seed=seed, category=20, sample=8 + 4 * seed) for seed in range(3)]
    together = report(*runs, measured("baseline-bce", accuracy=20, category=8, sample=4), seeds=True)
    assert [len(row.runs) for row in together.rows] == [3, 1]
    assert cells(together.text(markdown=True), "5", "linear")[6:] == ["30.0 ± 5.8", "31.3", "3 seeds, mini"]
    said = together.to_json()["systems"][0]
    assert said["measured"]["sample"]["error"] == pytest.approx(0.1 / 3**0.5)
    assert [run["measured"]["sample"] for run in said["runs"]] == [0.2, 0.3, 0.4]
    assert len(report(*runs).rows) == 3, "without --seeds every run is a row"


def test_runs_of_another_size_or_other_data_are_no_seeds_of_the_same_and_are_told_apart() -> None:
    runs = [
        measured("attention-infonce", seed=1, category=20, sample=8),
        measured("attention-infonce", seed=2, size="paper", category=20, sample=8),
        measured("attention-infonce", seed=3, data="vggsound:a.csv:b", category=20, sample=8),
    ]
    rows = grouped(runs, seeds=True)
    assert len({row.name for row in rows}) == 3
    assert "trained on vggsound:a.csv:b" in report(*runs, seeds=True).text()


def test_two_runs_of_one_seed_are_refused_as_seeds_and_a_run_given_twice_altogether() -> None:
    run = measured("attention-infonce", seed=4, category=1, sample=1)
    again = replace(run, path=Path("runs/again/best.pt"))
    with pytest.raises(ModelError, match=r"attention-infonce-4 and runs/again: both .* seed 4"):
        grouped([run, again], seeds=True)
    assert [row.name for row in grouped([run, again], seeds=False)] == [
        f"attention-infonce ({each.shown})" for each in (run, again)
    ]
    with pytest.raises(ModelError, match="is there twice"):
        grouped([run, run], seeds=False)


def test_orderings_are_judged_where_both_systems_were_measured() -> None:
    judged = report(
        measured("baseline-bce", accuracy=20, category=20, sample=5),
        measured("attention-bce", accuracy=20, category=21, sample=20),
        measured("attention-bce-margin", category=2, sample=20),
    ).verdicts
    told = {(each.better, each.worse, each.measure): each.compared.verdict for each in judged}
    assert told == {
        ("attention-bce", "baseline-bce", "category"): "undecided",
        ("attention-bce", "baseline-bce", "sample"): "holds",
        ("attention-bce-margin", "baseline-bce", "category"): "does not",
        ("attention-bce-margin", "baseline-bce", "sample"): "holds",
        ("attention-bce-margin", "attention-bce", "category"): "does not",
        ("attention-bce-margin", "attention-bce", "sample"): "undecided",
    }


def test_networks_of_another_size_are_not_compared_and_only_picks_compare_what_was_trained_on_other_data() -> None:
    baseline = measured("attention-bce-margin", category=10, sample=4)
    others = [
        measured("attention-infonce", seed=1, size="paper", category=30, sample=24),
        measured("attention-infonce", seed=2, data="vggsound:a.csv:b", category=30, sample=24),
    ]
    assert report(baseline, *others).verdicts == []
    assert "Networks of another size, or trained on other data, are not compared" in report(baseline, *others).text()
    picked = report(baseline, *others, gameplay=True).verdicts
    assert {each.better for each in picked} == {"attention-infonce (mini)"}
    assert report(baseline, measured("attention-infonce", category=30, sample=24)).notes == []


def test_an_ordering_says_how_much_the_paper_had_and_where() -> None:
    text = report(
        measured("baseline-bce", accuracy=10, category=10, sample=4), measured("attention-infonce", category=30, sample=24)
    ).text(markdown=True)
    row = cells(text, "attention-infonce > baseline-bce", "sample level")
    assert (row[2], row[4:]) == ("+50.0", ["+22.7", "< .001", "holds", "5.2, 2): contrastive outperforms classification"])
    assert "one run of each system, 2000 draws" in text


def test_picks_compare_models_and_show_no_figures_of_the_paper() -> None:
    text = report(
        measured("baseline-bce", accuracy=10, category=10, sample=2),
        measured("attention-bce-margin", accuracy=10, category=10, sample=20),
        gameplay=True,
    ).text(markdown=True)
    assert cells(text, "3", "stage")[3:6] == ["25.0", "50.0", "10.0"]
    assert cells(text, "attention-bce-margin > baseline-bce")[-2:] == ["holds", "5.2, Gameplay: 10 times as good"]
    assert "31.3" not in text


def test_text_is_aligned_and_markdown_keeps_bars_in_their_cells() -> None:
    table = Table("T.", ("a", "n"), [("x|y", "1"), ("z", "100")], frozenset({1}))
    assert table.text().splitlines() == ["T.", "", "a      n", "---  ---", "x|y    1", "z    100"]
    assert table.markdown().splitlines() == ["**T.**", "", "| a | n |", "| --- | ---: |", "| x\\|y | 1 |", "| z | 100 |"]
