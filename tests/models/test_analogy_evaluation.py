"""Table 1: pairs, intervals, verdicts, runs that do not fit together, and all of it on films of Greatest Hits' shape."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import analogy_runs as runs  # noqa: E402
from analogy_tones import tone_films  # noqa: E402
from foley_models.analogy.checkpoint import load  # noqa: E402
from foley_models.analogy.data import Films  # noqa: E402
from foley_models.analogy.data.batching import Place  # noqa: E402
from foley_models.analogy.decoder.sampling import draws, generate  # noqa: E402
from foley_models.analogy.decoder.systems import SYSTEMS  # noqa: E402
from foley_models.analogy.evaluation.evaluate import MEASURES, Findings, Measured, evaluate  # noqa: E402
from foley_models.analogy.evaluation.lineup import Asked, lineup  # noqa: E402
from foley_models.analogy.evaluation.makers import About, Generated  # noqa: E402
from foley_models.analogy.evaluation.pairs import Pair, drawn_pairs, listed_pairs  # noqa: E402
from foley_models.analogy.evaluation.report import Report  # noqa: E402
from foley_models.analogy.evaluation.shares import share  # noqa: E402
from foley_models.analogy.evaluation.sounding import Sounding, clip  # noqa: E402
from foley_models.analogy.evaluation.table import PRINTED, ROWS, TABLE_1  # noqa: E402
from foley_models.cli import main  # noqa: E402
from foley_models.errors import ModelError  # noqa: E402

from foley_bridge.stage.scene import stream  # noqa: E402

HITS = [
    [(0.3, "hit", "high"), (1.2, "hit", "high"), (2.1, "hit", "high")],
    [(0.4, "scratch", "low"), (1.5, "scratch", "low"), (2.2, "scratch", "low")],
    [(0.3, "hit", "low"), (1.1, "hit", "low"), (1.9, "hit", "low")],
    [(0.6, "scratch", "high"), (1.4, "scratch", "high"), (2.2, "scratch", "high")],
    [(0.6, "hit", ""), (1.5, "", "high"), (2.2, "", "high")],
]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return tone_films(tmp_path_factory.mktemp("films"), HITS, "test")


# --- pairs ---


def test_each_target_has_three_examples_of_other_films(films: Films) -> None:
    pairs = drawn_pairs(films, 24)
    assert [pair.target for pair in pairs] == [target for target in range(8) for _ in range(3)]
    for target in range(8):
        own = pairs[3 * target : 3 * target + 3]
        assert len({pair.input for pair in own}) == 1
        assert len({pair.conditional.film for pair in own} | {own[0].input.film}) == 4
    assert {pair.input.film for pair in pairs[:15]} == set(range(5)), "all films give a target before one gives another"
    assert pairs == drawn_pairs(films, 24) != drawn_pairs(films, 24, seed=1)
    assert pairs[:6] == drawn_pairs(films, 6)


def test_what_matches_is_what_is_heard_within_the_clips_as_far_as_it_is_known(films: Films, tmp_path: Path) -> None:
    said = {
        "tones-0_0.0000": ["tones-2_0.2000", "tones-3_0.0000"],
        "tones-1_0.3333": ["tones-4_0.0000", "tones-4_0.8667", "tones-9_0.0000"],
        "tones-1_8.0000": ["tones-0_0.0000"],
    }
    (tmp_path / "list.json").write_text(json.dumps(said))
    pairs, lost = listed_pairs(films, tmp_path / "list.json")
    assert lost == 2  # no such film; no such moment
    assert [(pair.target, pair.input, pair.conditional) for pair in pairs] == [
        (0, Place(0, 0), Place(2, 3)),
        (0, Place(0, 0), Place(3, 0)),
        (1, Place(1, 5), Place(4, 0)),
        (1, Place(1, 5), Place(4, 13)),
    ]
    assert [pair.same_materials for pair in pairs] == [False, True, False, False]
    assert [pair.same_actions for pair in pairs] == [True, False, False, None]


@pytest.mark.parametrize("said", ["", "[]", '{"a": "b"}', '{"tones-0_x": ["tones-1_0"]}', '{"other_0.0": ["tones-1_0.0"]}'])
def test_list_that_cannot_be_used_is_said_to_be_so(films: Films, tmp_path: Path, said: str) -> None:
    (tmp_path / "list.json").write_text(said)
    with pytest.raises(ModelError, match=r"list\.json"):
        listed_pairs(films, tmp_path / "list.json")


def test_too_few_films_are_refused(films: Films, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="too few"):
        drawn_pairs(tone_films(tmp_path, HITS[:3], "test"), 3)


# --- intervals and verdicts ---


def test_share_is_over_pairs_and_its_interval_over_targets() -> None:
    values = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, np.nan, 1.0, 0.0] * 20)
    targets = [number // 3 for number in range(len(values))]
    found = share(values, targets, draws=4000)
    assert found is not None and (found.pairs, found.targets) == (160, 60)
    assert found.mean == pytest.approx(0.5)
    # pairs of one target are alike: as wide as for 60 values and not for 160
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.25 * (3 / 4) / 60) * 1.06, rel=0.15)
    assert share(np.full(6, np.nan), [0, 0, 0, 1, 1, 1]) is None
    assert share(np.ones(6), [0, 0, 0, 1, 1, 1], draws=100) == share(np.ones(6), [0, 0, 0, 1, 1, 1], draws=100)


def findings(**systems: dict[str, float]) -> Findings:
    """60 targets of three pairs, of which every second matches in material and every third in action; of each measure, the
    share of the targets that have it right."""
    pairs = [Pair(n // 3, Place(0, 0), Place(1, 0), bool(n % 2), n % 3 == 0) for n in range(180)]
    rows = []
    for system, said in systems.items():
        values = {measure: np.full(180, np.nan) for measure in MEASURES}
        for measure, right in said.items():
            values[measure] = (np.arange(180) // 3 < 60 * right).astype(float)
        rows.append(Measured(About(system.replace("_", "-"), Path(f"runs/{system}")), values))
    about = {"data": "stage", "split": "test", "pairs": 180, "targets": 60}
    return Findings(about, pairs, {"material": 1 / 6, "action": 1 / 3}, rows, ["A note."])


def verdicts(**systems: dict[str, float]) -> list[bool]:
    return [verdict.holds for verdict in Report(findings(**systems), draws=500).verdicts]


def test_verdicts_hold_where_intervals_are_apart_and_chance_is_far() -> None:
    ours, without = {"material": 0.8, "ap": 0.7, "ap_random": 0.2}, {"material": 0.3}
    assert verdicts(ours=ours, no_condition=without) == [True, True, True]
    assert verdicts(ours={**ours, "material": 0.45}, no_condition=without) == [False, False, True]
    assert verdicts(ours={**ours, "ap": 0.25}, no_condition={"material": 0.9}) == [True, False, False]
    assert verdicts(ours=ours) == [True, True]
    assert verdicts(no_condition=without) == []


def test_halves_are_of_what_has_to_match() -> None:
    values = {measure: np.full(180, np.nan) for measure in MEASURES}
    values["material"] = (np.arange(180) % 2).astype(float)  # right where materials match
    values["action"] = (np.arange(180) % 3 == 0).astype(float)  # right where actions do
    said = findings()
    given = Findings(said.about, said.pairs, said.chance, [Measured(About("ours"), values)], [])
    paper = Report(given, draws=100).rows[0].shares
    assert [paper[key].mean for key in ("material_match", "material_mismatch", "material")] == [1.0, 0.0, 0.5]
    assert [paper[key].mean for key in ("action_match", "action_mismatch")] == [1.0, 0.0]
    assert paper["action"].mean == pytest.approx(1 / 3)
    published = Report(given, match="published", draws=100).rows[0].shares
    assert [published[key].mean for key in ("material_match", "material_mismatch")] == [0.5, 0.5]
    assert "ap" not in paper


def test_table_has_all_rows_of_the_paper_in_its_order_with_chance() -> None:
    assert set(SYSTEMS) < set(ROWS) and set(PRINTED) == set(TABLE_1)
    report = Report(findings(ours={"material": 0.5, "count": 1.0}), paper=True, draws=100)
    lines = report.tables()[0].rows
    assert [line[0] for line in lines if line[0] != "  paper"] == [ROWS[system] for system in TABLE_1]
    by_name = {line[0]: list(line[1:]) for line in lines}
    assert by_name["Chance"] == ["16.7"] * 3 + ["33.3"] * 3 + ["-"] * 4
    assert by_name["SpecVQGAN"] == ["-"] * 10
    assert by_name["Ours - Base"][6] == "100.0 ± 0.0" and by_name["Ours - Base"][2].startswith("50.0 ±")
    assert list(lines[-1]) == ["  paper", "43.4", "45.2", "44.0", "78.2", "61.3", "66.7", "25.3", "", "", "54.3"]
    assert "**Table 1" in report.text(markdown=True) and "- A note." in report.text(markdown=True)
    assert json.loads(json.dumps(report.to_json()))["paper"]["ours"][2] == 41.4


# --- runs that do not fit ---


def test_runs_that_do_not_fit_together_are_named(tmp_path: Path) -> None:
    codebook, ours = runs.codebook(tmp_path / "codebook"), runs.decoder(tmp_path / "ours")
    material = runs.classifier(tmp_path / "material", "material", ("high", "low"))

    def refused(message: str, decoders: list[Path], style: str = "none", **others: Path) -> None:
        with pytest.raises(ModelError, match=message):
            lineup(Asked(decoders, others, style=style), CPU)

    refused("nothing to measure", [])
    refused("codes of a codebook", [ours])
    refused("tells material, not action", [ours], codebook=codebook, action=material)
    refused("no such way", [ours], codebook=codebook, style="photographs")
    refused("features of a classifier", [ours], codebook=codebook, style="trained")
    refused("is a checkpoint of codebook, not of decoder", [codebook], codebook=codebook)
    other = runs.decoder(tmp_path / "other", runs={"codebook": "0" * 64})
    refused("another codebook", [other], codebook=codebook)


def test_classifier_that_the_codebook_was_trained_with_is_said_to_be_no_fair_judge(tmp_path: Path) -> None:
    material = runs.classifier(tmp_path / "material", "material", ("high", "low"))
    sha256 = hashlib.sha256((material / "best.pt").read_bytes()).hexdigest()
    pleased = runs.codebook(tmp_path / "pleased", runs={"classifier": sha256})
    deaf = runs.codebook(tmp_path / "deaf", runs={"classifier": "0" * 64})
    found = [
        lineup(Asked(others={"codebook": each, "material": material}, style="none"), CPU).notes for each in (pleased, deaf)
    ]
    assert [sum("flattered" in note for note in notes) for notes in found] == [1, 0]


# --- all of it ---


def test_what_is_heard_of_true_sounds_is_what_they_are(films: Films, tmp_path: Path) -> None:
    """A maker that gives the input's own sound is right in all but the material; one that gives the example's, in that."""

    class Giving:
        def __init__(self, system: str) -> None:
            self.rows = (About(system),)

        def make(self, pair: int, given: Any, example: Any) -> list[Any]:
            return [{"style-transfer": given, "onset-transfer": example}[self.rows[0].system].samples]

    judges = lineup(
        Asked([], {name: runs.classifier(tmp_path / name, name, ("a", "b", "c")) for name in ("material", "action")}), CPU
    ).judges
    pairs = drawn_pairs(films, 9)
    found = evaluate(
        pairs, films, [Giving("style-transfer"), Giving("onset-transfer")], judges, about={"data": "tones"}, device=CPU
    )
    own, examples = (row.values for row in found.rows)
    for measure in ("action", "count", "ap"):
        assert (own[measure] == 1).all()
    assert (examples["material"] == 1).all()
    assert found.chance == {"material": 1 / 3, "action": 1 / 3}
    assert (found.about["pairs"], found.about["targets"]) == (9, 3)


def test_a_decoder_is_shown_example_and_input_each_in_its_place(films: Films, tmp_path: Path) -> None:
    model = load(runs.decoder(tmp_path / "ours"), "decoder").network
    codebook = load(runs.codebook(tmp_path / "codebook"), "codebook").network
    with torch.no_grad():
        for weight in model.decoder.parameters():
            weight.mul_(6)  # it minds what it is shown
    torch.manual_seed(0)
    torch.nn.init.normal_(model.decoder.pos_emb)  # untrained, it does not mind where anything is
    given, example = (
        replace(clip(films, place, CPU), pictures=scale * torch.randn(1, 3, 30, 8, 8))
        for place, scale in ((Place(0, 0), 1), (Place(1, 5), 10))
    )
    sounding = Sounding(films.sound, lambda spectra: spectra.mean(axis=1).repeat(films.sound.hop, axis=1), codebook, CPU)
    maker = Generated(About("ours"), model, sounding, None, 1, 0)
    drawn = draws(int(stream(0, "draws", 7).integers(1 << 31)), 1, 50)
    with torch.no_grad():
        of_example, of_input = model.features(example.pictures), model.features(given.pictures)
        codes = codebook.encode(example.mel)
        right, wrong = (generate(model, *each, codes, drawn) for each in ((of_example, of_input), (of_input, of_example)))
    assert not right.equal(wrong)
    np.testing.assert_array_equal(maker.make(7, given, example)[0], sounding.of_codes(right)[0])
    silent = replace(given, samples=np.zeros_like(given.samples), mel=torch.full_like(given.mel, -1))
    np.testing.assert_array_equal(maker.make(7, silent, example)[0], sounding.of_codes(right)[0])


def test_table_is_made_of_films_of_the_published_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from test_analogy_data_files import struck

    folder = tmp_path / "hits"
    folder.mkdir()
    names = [f"2015-0{number}" for number in range(4)]
    film = struck(tmp_path / "film.mp4", times=(0.4, 1.2, 1.9), seconds=2.5)
    for number, name in enumerate(names):
        shutil.copy(film, folder / f"{name}_mic.mp4")
        (folder / f"{name}_times.txt").write_text(f"0.4 {'wood' if number % 2 else 'metal'} hit static\n1.2 None None None\n")
    (folder / "train.txt").write_text("2015-99\n")
    (folder / "test.txt").write_text("\n".join(names))
    (tmp_path / "list.json").write_text(json.dumps({"2015-00_0.0000": ["2015-01_0.2000", "2015-02_0.0000", "2015-09_1.0"]}))
    others = {
        "codebook": runs.codebook(tmp_path / "codebook"),
        "vocoder": runs.vocoder(tmp_path / "vocoder"),
        "onset": runs.onset(tmp_path / "onset"),
        "sync": runs.sync(tmp_path / "sync"),
        "material": runs.classifier(tmp_path / "material", "material", ("metal", "wood")),
        "action": runs.classifier(tmp_path / "action", "action", ("hit", "scratch")),
    }
    decoders = [runs.decoder(tmp_path / name, name) for name in ("ours", "no-condition", "specvqgan-finetuned")]
    given = [*map(str, decoders), "--data", f"greatest-hits:{folder}", "--list", str(tmp_path / "list.json")]
    given += [word for name, path in others.items() for word in (f"--{name}", str(path))]
    given += ["--candidates", "3", "--style", "trained", "--style-steps", "2", "--keep", str(tmp_path / "kept")]
    given += ["--cache", str(tmp_path / "cache"), "--workers", "0", "--threads", "1", "--device", "cpu", "--bootstrap", "100"]
    assert main(["evaluate", "analogy", *given, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    systems = ["style-transfer", "onset-transfer", "ours", "re-rank", "no-condition", "specvqgan-finetuned", "coded"]
    assert [each["system"] for each in said["systems"]] == systems
    assert (said["about"]["pairs"], said["about"]["targets"], said["about"]["left_out"]) == (2, 1, 1)
    for each in said["systems"]:
        assert {"material", "action", "count", "ap", "ap_random"} <= each["measured"].keys()
        assert each["measured"]["material_match"]["pairs"] == each["measured"]["material_mismatch"]["pairs"] == 1
    kept = json.loads((tmp_path / "kept" / "pairs.json").read_text())
    assert kept["systems"] == systems
    assert [(pair["input"], pair["conditional"]) for pair in kept["pairs"]] == [
        ("2015-00_0.0000", "2015-01_0.2000"),
        ("2015-00_0.0000", "2015-02_0.0000"),
    ]
    made = {path.relative_to(tmp_path / "kept").as_posix() for path in (tmp_path / "kept").rglob("*.mp4")}
    assert made == {f"{system}/{number:03d}.mp4" for system in [*systems, "conditional"] for number in range(2)}
    _shown_and_heard(tmp_path / "kept" / "conditional" / "001.mp4")


def _shown_and_heard(path: Path) -> None:
    """A kept example has its 30 pictures and its sound, which begins when it did."""
    from foley_bridge.media import audio, video

    assert video.probe(path).duration == 2
    samples = np.abs(audio.load(path, sample_rate=22050, mono=True)[:, 0])
    loud = np.flatnonzero(samples > 0.3 * samples.max())
    assert loud[0] / 22050 == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("wrong", [["--markdown", "--json"], ["--match", "both"]])
def test_options_that_cannot_be_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "analogy", "--data", "stage", *wrong]) == 2
    assert wrong[0] in "".join(capsys.readouterr())
