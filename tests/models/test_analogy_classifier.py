"""The sound classifier: VGG's shape, what it may learn from, and that it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import analogy_tones
import numpy as np
import pytest
import torch
from foley_models.analogy.data import clips
from foley_models.analogy.evaluation.classifier import SIZES, ClassifierConfig, SoundClassifier, accuracy, classify, confusion
from foley_models.analogy.evaluation.train import ClassifierLearner, held_out, told_apart

from foley_bridge.inference.clips import ClipSound, mel

SMALL = ClassifierConfig(labels=("high", "low"), widths=(2, 4, 4), convolutions=(2, 1, 1), hidden=8, batch_norm=True)


def test_published_size_is_vgg_with_sixteen_layers_and_the_code_places_of_a_mel() -> None:
    labels = tuple(f"material {number}" for number in range(17))
    with torch.device("meta"):
        network = SoundClassifier(replace(SIZES["paper"], labels=labels))
        ends = network.layers(torch.empty(1, 1, 80, 160))
    convolutions = [name for name, value in network.named_parameters() if value.ndim == 4]
    assert convolutions == [f"features.{at}.weight" for at in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
    assert [tuple(each.shape[1:]) for each in ends] == [
        (64, 80, 160),
        (128, 40, 80),
        (256, 20, 40),
        (512, 10, 20),
        (512, 5, 10),
    ]
    sizes = {name: tuple(value.shape) for name, value in network.named_parameters() if name.startswith("classifier")}
    assert sizes["classifier.0.weight"] == (4096, 512 * 5 * 10) and sizes["classifier.4.bias"] == (17,)


def test_bands_are_standardised_each_by_itself() -> None:
    torch.manual_seed(0)
    network = SoundClassifier(SMALL).eval()
    mels = torch.randn(8, 1, 80, 160) * torch.linspace(0.1, 1, 80)[:, None] + torch.linspace(-1, 1, 80)[:, None]
    network.standardise(mels)
    first = network.features[0]((mels - mels.mean((0, 1, 3))[:, None]) / mels.std((0, 1, 3))[:, None])
    seen: list[torch.Tensor] = []
    network.features[0].register_forward_hook(lambda _module, _given, made: seen.append(made))
    network(mels)
    torch.testing.assert_close(seen[0], first)
    assert set(network.state_dict()) >= {"band_mean", "band_std"}


def test_gradients_reach_a_mel_through_every_layer() -> None:
    torch.manual_seed(0)
    network = SoundClassifier(SMALL).eval().requires_grad_(False)
    for number in range(3):
        heard = torch.randn(1, 1, 80, 160).requires_grad_()
        network.layers(heard)[number].square().mean().backward()
        assert heard.grad is not None and heard.grad.abs().sum() > 0


@pytest.mark.parametrize("wrong", [{"what": "colour"}, {"labels": ("low",)}, {"convolutions": (1,)}])
def test_a_config_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SoundClassifier(replace(SMALL, **wrong))  # type: ignore[arg-type]


def test_confusion_and_accuracy() -> None:
    counts = confusion([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0], 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert accuracy(counts) == pytest.approx(4 / 6)
    assert np.isnan(accuracy(confusion([], [], 2)))


MIXED = [(0.3, "hit", "low"), (1.2, "scratch", "low"), (1.8, "hit", "high")]


def test_only_clips_of_one_material_or_of_one_action_are_learnt_from(tmp_path: Path) -> None:
    films = analogy_tones.tone_films(
        tmp_path,
        [MIXED, [(0.5, "hit", "low"), (1.5, "hit", "low")], [(1.1, "hit", "low"), (1.5, "hit", "high")], [(1.0, "hit", "")]],
    )

    def told(what: str, labels: tuple[str, ...]) -> list[str]:
        config = replace(SMALL, what=what, labels=labels)
        made = clips(films, size=1, seed=0, epoch=0, pictures=False, augment=False)
        return [labels[label] for _, some in told_apart(films, config, made) for label in some.tolist()]

    assert films.materials == ("high", "low")
    assert told("material", films.materials) == ["low"]
    assert sorted(told("action", ("hit", "scratch"))) == ["hit", "hit", "hit"]
    assert told("material", ("glass", "high")) == []


def test_it_learns_to_tell_tones_apart(tmp_path: Path) -> None:
    kinds = [[(0.2 + 0.3 * (index % 5), "hit", ("high", "low")[index % 2])] for index in range(12)]
    films = analogy_tones.tone_films(tmp_path, kinds)
    parts = list(held_out(films, SMALL, 8))
    assert [len(labels) for _, labels in parts] == [8, 4]
    samples, labels = (torch.cat(list(each)) for each in zip(*parts, strict=True))
    mels = mel(samples.numpy(), ClipSound())
    torch.manual_seed(0)
    learner = ClassifierLearner(replace(SMALL, widths=(4, 8), convolutions=(1, 1), batch_norm=False)).train()
    learner.network.standardise(torch.from_numpy(mels))
    optimiser = torch.optim.Adam(learner.parameters(), lr=3e-3)
    for _ in range(15):
        loss, right = learner.loss(torch.from_numpy(mels), labels, gather=lambda rows: rows)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert right.all()
    counts = confusion(labels.numpy(), classify(learner.network.eval(), mels), 2)
    assert counts.tolist() == [[6, 0], [0, 6]] and accuracy(counts) == 1
