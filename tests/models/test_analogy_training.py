"""Runs of the parts of Foley by analogy: stopped and gone on with, refused where they would be others, read again for use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

import torch
from foley_models.analogy import checkpoint
from foley_models.analogy.data import Films, open_films
from foley_models.analogy.training import PARTS, PICTURES, SOUND, Order, module_of, train
from foley_models.cli import main
from foley_models.cli.analogy import own_options
from foley_models.cli.progress import Progress
from foley_models.errors import ModelError
from foley_models.processes import Processes
from foley_models.settings import Settings

from foley_bridge.errors import Cancelled

SETTINGS = Settings(batch=4, lr=1e-3, optimizer="adamw", schedule="cosine", steps=4, validate_every=2, seed=3, threads=1)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    cache = tmp_path_factory.mktemp("films")
    return open_films("stage:10", split="train", picture=PICTURES["mini"], sound=SOUND, cache=cache, workers=0)


def run(out: Path, films: Films, settings: Settings = SETTINGS, stop_after: int | None = None, **changed: object) -> None:
    asked = [0]

    def wanted() -> bool:
        asked[0] += 1
        return stop_after is not None and asked[0] > stop_after

    order = Order("classifier", "mini", "stage:10", films, films, {}, {"what": "material"})
    train(replace(order, **changed), settings, out, Processes(torch.device("cpu")), Progress(hidden=True), wanted=wanted)  # type: ignore[arg-type]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(run / "last.pt", "classifier").state


def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(tmp_path: Path, films: Films) -> None:
    run(tmp_path / "whole", films)
    with pytest.raises(Cancelled):
        run(tmp_path / "parts", films, stop_after=6)
    assert 0 < checkpoint.load(tmp_path / "parts" / "last.pt", "classifier").trained["steps"] < SETTINGS.steps  # type: ignore[operator]
    run(tmp_path / "parts", films)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys() and all(torch.equal(whole[name], parts[name]) for name in whole)

    loaded = checkpoint.load(tmp_path / "whole", "classifier")
    assert loaded.network.config.labels == films.materials and loaded.picture == PICTURES["mini"] and loaded.sound == SOUND
    assert loaded.trained["data"] == "stage:10" and loaded.trained["options"] == {"what": "material"}
    mels = torch.rand(2, 1, 80, 160)
    assert loaded.network(mels).shape == (2, len(films.materials)) and not loaded.network.training

    with pytest.raises(ModelError, match="another what: material, not action"):
        run(tmp_path / "whole", films, options={"what": "action"})
    with pytest.raises(ModelError, match="another batch: 4, not 2"):
        run(tmp_path / "whole", films, settings=replace(SETTINGS, batch=2))
    with pytest.raises(ModelError, match="another data: stage:10, not stage:11"):
        run(tmp_path / "whole", films, data="stage:11")
    with pytest.raises(ModelError, match="is a checkpoint of classifier, not of codebook"):
        checkpoint.load(tmp_path / "whole", "codebook")
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes((tmp_path / "whole" / "best.pt").read_bytes()[:-200])
    with pytest.raises(ModelError, match=r"damaged\.pt cannot be read"):
        checkpoint.load(damaged, "classifier")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_says_how_it_is_trained_and_has_a_network_of_each_size(part: str) -> None:
    module = module_of(part)
    with torch.device("meta"):
        counts = {
            size: sum(each.numel() for each in checkpoint.network_of_size(part, size).parameters()) for size in module.DEFAULTS
        }
    assert counts.keys() == {"paper", "mini"} and counts["mini"] * 12 < counts["paper"]
    for defaults in module.DEFAULTS.values():
        Settings(defaults.batch, defaults.lr, defaults.optimizer, defaults.schedule, steps=1)
    assert set(module.RUNS.values()) <= PARTS.keys()


OPTIONS = {"what": "material", "bands": 0, "rate": 0.5, "fast": False, "path": None}


def test_a_parts_own_options_are_read_by_what_their_defaults_are() -> None:
    given = ["--bands", "8", "--rate=2", "--fast", "--codebook", "runs/c", "--path", "x"]
    options, runs = own_options("onset", given, OPTIONS, {"codebook": "codebook"})
    assert options == {"what": "material", "bands": 8, "rate": 2.0, "fast": True, "path": "x"}
    assert runs == {"codebook": Path("runs/c")}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--brands", "8"], "--brands: onset has no such option"),
        (["stray"], "stray: onset has no such option"),
        (["--bands"], "--bands: a value is wanted"),
        (["--bands", "few"], "--bands few: a whole number is wanted"),
        (["--rate", "fast"], "--rate fast: a number is wanted"),
    ],
)
def test_an_option_that_cannot_be_is_named(given: list[str], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        own_options("onset", given, OPTIONS, {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["encoder"], "encoder: there is no such part"),
        (["decoder", "--size", "huge"], "--size huge: there is none of this name"),
        (["decoder", "--batches", "3"], "--codebook, --picture, --from"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(
    given: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "analogy", *given, "--data", "stage", "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr()
    assert said in told.err and "Traceback" not in told.err and not (tmp_path / "run").exists()
