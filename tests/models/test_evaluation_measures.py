"""What is measured of networks on test videos: exactly, with networks that know the answers, and as the command says it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from data_sources import Numbers  # noqa: E402
from foley_models.cli import main  # noqa: E402
from foley_models.data import PairData, stage  # noqa: E402
from foley_models.errors import ModelError  # noqa: E402
from foley_models.recommendation import checkpoint  # noqa: E402
from foley_models.recommendation.checkpoint import Loaded  # noqa: E402
from foley_models.recommendation.evaluate import drawn_pairs, evaluate  # noqa: E402
from foley_models.recommendation.systems import Recommender, system  # noqa: E402
from foley_models.retrieval import chance  # noqa: E402

CPU = torch.device("cpu")


class Knowing(torch.nn.Module):
    """An encoder that reads off its input which of the ``Numbers`` it is, and is wrong by ``off``."""

    def __init__(self, off: float = 0, *, sound: bool = False) -> None:
        super().__init__()
        self._off, self._sound = off, sound

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        number = x.mean(dim=(1, 2, 3)).floor() if self._sound else (x[:, 0].mean(dim=(1, 2)) * 0.229 + 0.485) * 255
        return (number + self._off)[:, None]


class Near(torch.nn.Module):
    """A distance head with a threshold."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self._threshold = threshold

    def forward(self, picture: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
        apart = (picture - sound).norm(dim=1)
        return torch.stack([apart, torch.full_like(apart, self._threshold)], dim=1)


def knowing(name: str = "baseline-bce", off: float = 0, threshold: float = 0.5) -> Loaded:
    network: Any = torch.nn.Module()
    network.picture, network.sound, network.head = Knowing(), Knowing(off, sound=True), Near(threshold)
    path = Path(f"runs/{name}{off}/best.pt")
    return Loaded(
        path, network.eval(), system(name), checkpoint.PICTURE, checkpoint.SOUND, {"data": "numbers", "seed": 0}, None
    )


def numbers(tmp_path: Path, videos: Sequence[int] = (1,) * 20, **options: Any) -> PairData:
    source = Numbers(videos, another="label", **options)
    return PairData(source, split="test", cache=tmp_path / "cache", seed=0)


def shares(runs: Sequence[Loaded], data: PairData, **options: Any) -> list[dict[str, float]]:
    found = evaluate(runs, data, spec="numbers", device=CPU, **options)
    return [{name: float(right.sum() / found.counts[name].sum()) for name, right in run.right.items()} for run in found.runs]


def test_a_network_that_knows_finds_every_sound_first_and_tells_all_pairs(tmp_path: Path) -> None:
    assert shares([knowing()], numbers(tmp_path), top=1, pairs=100) == [{"accuracy": 1, "category": 1, "sample": 1}]


def test_right_category_wrong_sound_and_the_reverse_are_told_apart(tmp_path: Path) -> None:
    two_off, one_off = shares([knowing(off=2.1), knowing(off=1.1)], numbers(tmp_path), top=1, pairs=100)
    assert (two_off["sample"], one_off["sample"]) == (1 / 20, 1 / 20)  # the first picture's own is the nearest there is
    assert two_off["category"] == 19 / 20  # labels alternate; the second picture has the first sound
    assert one_off["category"] == 1 / 20
    assert shares([knowing(off=2.1)], numbers(tmp_path), top=5, pairs=100)[0]["sample"] == 1


def test_a_head_that_says_yes_to_everything_is_right_half_the_time(tmp_path: Path) -> None:
    assert shares([knowing(threshold=1e6)], numbers(tmp_path), pairs=60)[0]["accuracy"] == 0.5


def test_runs_are_measured_each_on_its_own_and_contrastive_ones_tell_no_pairs(tmp_path: Path) -> None:
    found = shares([knowing("attention-infonce", off=2.1), knowing("finetuned")], numbers(tmp_path), top=1, pairs=40)
    assert [sorted(each) for each in found] == [["category", "sample"], ["accuracy", "category", "sample"]]
    assert found[1] == {"accuracy": 1, "category": 1, "sample": 1}
    assert found[0]["sample"] < 1


def test_chance_is_that_of_the_list_and_findings_say_what_was_measured(tmp_path: Path) -> None:
    data = numbers(tmp_path)
    found = evaluate([knowing()], data, spec="numbers", device=CPU, top=3, pairs=30)
    assert found.chance == {
        "category": pytest.approx(chance(data.labels, [{label} for label in data.labels], 3)),
        "sample": pytest.approx(3 / 20),
        "accuracy": 0.5,
    }
    assert found.counts["accuracy"].sum() == 30
    assert (found.about["clips"], found.about["labels"], found.about["pairs"], found.about["top"]) == (20, 2, 30, 3)


def test_pairs_are_balanced_spread_over_all_clips_and_uncorrelated_by_the_data_sets_rule(tmp_path: Path) -> None:
    data = numbers(tmp_path, (1,) * 7)
    drawn = drawn_pairs(data, 40)
    assert (len(drawn.pictures), int(drawn.correlated.sum())) == (40, 20)
    per_clip = Counter(drawn.clips.tolist())
    assert sorted(per_clip.values()) == [4, 6, 6, 6, 6, 6, 6]
    for picture, sound, correlated in zip(drawn.pictures, drawn.sounds, drawn.correlated, strict=True):
        assert (picture == sound) if correlated else (data.labels[picture.clip] != data.labels[sound.clip])
    assert len(set(drawn.pictures)) > 7, "a clip's moments are all used"
    again = drawn_pairs(numbers(tmp_path, (1,) * 7), 40)
    assert (again.pictures, again.sounds) == (drawn.pictures, drawn.sounds)


def test_a_network_of_other_features_is_refused(tmp_path: Path) -> None:
    other = replace(knowing(), sound=replace(checkpoint.SOUND, mels=32))
    with pytest.raises(ModelError, match=r"best\.pt was trained with other features"):
        evaluate([other], numbers(tmp_path), spec="numbers", device=CPU)


# --- the command, on the stage ---


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setitem(stage.COUNTS, "test", 12)  # of 428: seconds
    made = []
    for name, seed in (("baseline-bce", 0), ("attention-infonce", 0), ("attention-infonce", 1)):
        torch.manual_seed(seed)
        network = Recommender(replace(system(name, "mini"), widths=(4, 4, 8, 8)))
        folder = tmp_path / "runs" / f"{name}-{seed}"
        folder.mkdir(parents=True)
        checkpoint.save(folder / "best.pt", network, trained={"data": "stage", "seed": seed, "steps": 0})
        made.append(str(folder))
    return made


def test_the_command_says_the_same_as_text_as_markdown_and_as_json(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "recommendation", *runs, "--data", "stage", "--seeds", "--bootstrap", "500", "--threads", "1"]
    command += ["--device", "cpu", "--cache", str(tmp_path / "cache")]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["test"]
    assert {name: said["about"][name] for name in ("data", "split", "clips", "pairs", "top")} == {
        "data": "stage",
        "split": "test",
        "clips": 12,
        "pairs": 3000,
        "top": 10,
    }
    baseline, contrastive = said["systems"]
    assert (len(baseline["runs"]), len(contrastive["runs"]), contrastive["size"]) == (1, 2, "4-4-8-8")
    assert contrastive["measured"]["sample"]["paper"] == 0.313
    assert said["chance"]["sample"] == pytest.approx(10 / 12)
    assert [each["at"] for each in said["orderings"]] == ["category", "sample"]
    assert main([*command, "--markdown", "--out", str(tmp_path / "report.md")]) == 0
    assert capsys.readouterr().out == f"report: {tmp_path / 'report.md'}\n"
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    sample = contrastive["measured"]["sample"]
    assert f"| {100 * sample['mean']:.1f} ± {100 * sample['error']:.1f} | 31.3 | 2 seeds, 4-4-8-8 |" in report
    assert "Measured: stage, test: 12 clips, 12 labels, 3000 pairs." in report
    assert f"| {100 * baseline['measured']['accuracy']['mean']:.1f} | 69.5 |" in report


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to measure with"),
        (["--picks", "p.csv"], "--picks and --sounds belong together"),
        (["--data", "stage", "--json", "--markdown"], "two forms of one report"),
        (["--data", "nothing"], "no such data set"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    runs: list[str], options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "recommendation", runs[0], "--device", "cpu", *options]) == 2
    shown = capsys.readouterr()
    assert said in (json.loads(shown.out)["error"]["message"] if "--json" in options else shown.err)


def test_seeds_that_are_one_are_refused_before_anything_is_measured(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "copy.pt").write_bytes((Path(runs[0]) / "best.pt").read_bytes())
    command = ["evaluate", "recommendation", runs[0], str(tmp_path / "copy.pt"), "--seeds", "--data", "nothing"]
    assert main(command) == 2
    assert "both are baseline-bce with seed 0" in capsys.readouterr().err
