"""Trainings of codebooks: stopped and gone on with, with a classifier that listens and without, read again for use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

import analogy_runs
import torch
from analogy_tones import tone_films
from foley_models.analogy import checkpoint
from foley_models.analogy.codebook import learner, vqgan
from foley_models.analogy.codebook.train import DEAF, OPTIONS, RUNS, task
from foley_models.analogy.data import Films
from foley_models.analogy.training import Given, Order, train
from foley_models.cli.progress import Progress
from foley_models.errors import ModelError
from foley_models.processes import Processes
from foley_models.settings import Settings

from foley_bridge.errors import Cancelled
from foley_bridge.inference.clips import ClipSound, mel

SETTINGS = Settings(batch=2, lr=1e-3, optimizer="adam", schedule="cosine", steps=4, validate_every=2, threads=1)
SMALL = vqgan.VQGANConfig(channels=2, multipliers=(1, 1, 1, 1, 1), blocks=1, groups=2, codes=8, dimension=4)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    heard = [[(0.5 + 0.2 * index, "hit", "high" if index % 2 else "low"), (2.0, "scratch", "low")] for index in range(5)]
    return tone_films(tmp_path_factory.mktemp("films"), heard)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vqgan.SIZES, "mini", SMALL)
    monkeypatch.setitem(learner.LEARNING, "mini", replace(learner.LEARNING["mini"], adversary_from=1, revive_after=2))


def given(films: Films, sound: ClipSound | None = None, **changed: object) -> Given:
    whole = Given(
        "codebook", "mini", films, films, SETTINGS, {}, dict(OPTIONS), films.picture, films.sound if sound is None else sound
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def run(out: Path, films: Films, runs: dict[str, Path], stop_after: int | None = None) -> None:
    asked = [0]

    def wanted() -> bool:
        asked[0] += 1
        return stop_after is not None and asked[0] > stop_after

    order = Order("codebook", "mini", "tones", films, films, runs, dict(OPTIONS))
    train(order, SETTINGS, out, Processes(torch.device("cpu")), Progress(hidden=True), wanted=wanted)


def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(tmp_path: Path, films: Films) -> None:
    runs = {"classifier": analogy_runs.classifier(tmp_path / "classifier", "material", ("high", "low"))}
    run(tmp_path / "whole", films, runs)
    with pytest.raises(Cancelled):
        run(tmp_path / "parts", films, runs, stop_after=6)
    assert 0 < checkpoint.load(tmp_path / "parts" / "last.pt", "codebook").trained["steps"] < 4
    run(tmp_path / "parts", films, runs)
    whole, parts = (checkpoint.load(tmp_path / name / "last.pt", "codebook") for name in ("whole", "parts"))
    assert whole.state.keys() == parts.state.keys()
    assert all(torch.equal(whole.state[name], parts.state[name]) for name in whole.state)
    assert whole.config == SMALL and not whole.network.training
    assert whole.network.encode(torch.zeros(1, 1, 80, 160)).shape == (1, 50)

    classifier = checkpoint.load(tmp_path / "classifier", "classifier")
    kept = {name.removeprefix("listener."): value for name, value in whole.state.items() if name.startswith("listener.")}
    heard = classifier.network.state_dict()
    assert kept.keys() == heard.keys() and all(torch.equal(kept[name], heard[name]) for name in heard)  # it did not learn


def test_batches_are_mels_of_clips(films: Films) -> None:
    made = task(given(films))
    assert list(made.notes) == [DEAF]
    (first,), (second,) = made.batches(0, 0)
    assert first.shape == (2, 1, 80, 160) and -1 <= first.min() < first.max() <= 1
    (again,) = next(made.batches(0, 1))
    assert torch.equal(again, second) and not torch.equal(first, second)
    (another,) = next(made.batches(1, 0))
    assert not torch.equal(first, another)
    held_out = torch.cat([batch[0] for batch in made.validation() if batch[0] is not None])
    assert held_out.shape == (5, 1, 80, 160)
    assert torch.equal(held_out, torch.cat([batch[0] for batch in made.validation() if batch[0] is not None]))
    assert not torch.allclose(held_out[:1], torch.from_numpy(mel(torch.zeros(1, 44100).numpy(), films.sound)))


def test_what_cannot_be_is_said(films: Films, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--reconstruction ssim: there is none of this name"):
        task(given(films, options={"reconstruction": "ssim"}))
    runs = {"classifier": analogy_runs.classifier(tmp_path, "material", ("high", "low"))}
    assert RUNS.keys() > runs.keys() and task(given(films, runs=runs)).notes == ()
    with pytest.raises(ModelError, match=r"--classifier .*: its network was shown other spectrograms"):
        task(given(films, ClipSound(rms=0.0), runs=runs))
    learns = task(given(films, options={"reconstruction": "mse"})).network
    assert learns.learning.reconstruction == "mse" and learns.listener is None


def test_going_on_from_another_run_begins_with_its_network(
    films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {"from": analogy_runs.codebook(tmp_path / "other", seed=5)}
    begun = checkpoint.load(runs["from"], "codebook").network
    learns = task(given(films, runs=runs)).network
    assert all(torch.equal(learns.network.state_dict()[name], value) for name, value in begun.state_dict().items())
    learns.train().begin_step(0)
    learns.loss(next(task(given(films)).batches(0, 0))[0], gather=lambda rows: rows)
    assert torch.equal(learns.network.quantize.embedding.weight, begun.quantize.embedding.weight)  # nothing was revived
    monkeypatch.setitem(vqgan.SIZES, "mini", replace(SMALL, codes=9))
    with pytest.raises(ModelError, match=r"--from .*: its network is of another size"):
        task(given(films, runs=runs))
