"""The onset network: labels at exact pictures, peaks as paper and code have them, the weighted loss, and learning."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.analogy.onset.labels import at, energies  # noqa: E402
from foley_models.analogy.onset.network import SIZES, OnsetConfig, OnsetLearner, OnsetNetwork, onset_bce  # noqa: E402
from foley_models.analogy.onset.peaks import peaks  # noqa: E402
from foley_models.analogy.picture.r2plus1d import PictureConfig  # noqa: E402

from foley_bridge.inference.clips import ClipPicture, ClipSound  # noqa: E402

PICTURE, SOUND = ClipPicture(), ClipSound()
TINY = OnsetConfig(picture=PictureConfig(widths=(4, 8), blocks=(1, 1), stem=4), hidden=8)


def test_onsets_count_for_the_nearest_picture_and_late_ones_for_the_last() -> None:
    labels = at([0.0, 0.99 / 30, 1.01 / 30, 10.49 / 15, 1.99], PICTURE)
    assert labels.dtype == np.float32
    assert labels.nonzero()[0].tolist() == [0, 1, 10, 29]
    assert not at([], PICTURE).any()


def test_loudness_is_the_mean_over_each_pictures_own_time_in_each_band() -> None:
    mel = np.random.default_rng(0).uniform(-1, 1, (2, 1, 80, 160)).astype(np.float32)
    coarse = energies(mel, 8, SOUND, PICTURE)
    each = 22050 / 256 / 15  # 5.74 frames of sound to a picture: 27 pictures lie wholly in 160 frames
    assert coarse.shape == (2, 27, 8)
    for picture in (0, 13, 26):
        first, last = round(picture * each), round((picture + 1) * each)
        np.testing.assert_allclose(coarse[1, picture, 3], mel[1, 0, 30:40, first:last].mean(), atol=1e-6)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ({3: 0.9, 7: 0.8, 8: 0.7}, [3, 8]),  # four pictures on is too near, five is not
        ({3: 0.6, 6: 0.7, 9: 0.8, 12: 0.6}, [3, 9]),  # the most probable first: 9 takes 6 and 12, which leaves 3
        ({3: 0.5, 20: 0.51}, [20]),  # above the threshold, not at it
        ({}, []),
        ({0: 0.9, 29: 0.9}, [0, 29]),
    ],
)
def test_peaks_are_taken_in_order_of_their_probability(probabilities: dict[int, float], expected: list[int]) -> None:
    said = np.full(30, 0.1)
    for picture, probability in probabilities.items():
        said[picture] = probability
    before = said.copy()
    assert peaks(said).tolist() == expected
    np.testing.assert_array_equal(said, before)


def test_peaks_as_published_clear_one_picture_less_behind_and_never_find_none() -> None:
    said = np.full(30, 0.1)
    said[[10, 14, 6]] = 0.9, 0.8, 0.8
    assert peaks(said).tolist() == [10]
    assert peaks(said, as_published=True).tolist() == [10, 14]
    quiet = np.full(30, 0.1)
    quiet[17] = 0.2
    assert peaks(quiet).tolist() == []
    assert peaks(quiet, as_published=True).tolist() == [17]


def test_an_onset_weighs_as_many_times_more_as_it_is_rarer() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.0, 0.5, -3.0]], dtype=torch.double)
    labels = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0]], dtype=torch.double)
    others = sum(math.log1p(math.exp(each)) for each in (-1.0, 0.0, 0.5, -3.0))
    assert float(onset_bce(logits, labels)) == pytest.approx((4 * math.log1p(math.exp(-2.0)) + others) / 5)
    nothing = onset_bce(logits, torch.zeros_like(labels))
    assert float(nothing) == pytest.approx((math.log1p(math.exp(2.0)) + others) / 5)


def test_paper_size_is_the_published_one() -> None:
    network = OnsetNetwork(SIZES["paper"])
    assert [tuple(each.shape) for each in network.head.state_dict().values()] == [(128, 512), (128,), (1, 128), (1,)]


def test_loudness_reaches_the_picture_network_and_not_the_onsets_head() -> None:
    torch.manual_seed(0)
    learner = OnsetLearner(TINY, bands=4)
    pictures, labels = torch.randn(2, 3, 6, 16, 16), torch.zeros(2, 6)
    alone, _ = learner.loss(pictures, labels, None, gather=lambda rows: rows)
    both, _ = learner.loss(pictures, labels, torch.ones(2, 5, 4), gather=lambda rows: rows)
    (both - alone).backward()
    head = [each.grad for each in learner.network.head.parameters()]
    assert all(each is None or each.abs().max() < 1e-6 for each in head)
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in learner.network.picture.parameters())
    assert OnsetLearner(TINY).network.state_dict().keys() == learner.network.state_dict().keys()


def test_it_learns_when_a_light_goes_on() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    learner = OnsetLearner(TINY)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=5e-3)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        pictures = rng.normal(0, 0.3, (8, 3, 12, 16, 16)).astype(np.float32)
        labels = np.zeros((8, 12), np.float32)
        for clip, picture in enumerate(rng.integers(1, 11, 8)):
            pictures[clip, :, picture:, 4:12, 4:12] += 1.5
            labels[clip, picture] = 1
        return torch.from_numpy(pictures), torch.from_numpy(labels)

    for _ in range(40):
        loss, _ = learner.loss(*batch(), None, gather=lambda rows: rows)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    pictures, labels = batch()
    learner.eval()
    with torch.no_grad():
        found = learner.network(pictures).argmax(dim=1)
        _, right = learner.loss(pictures, labels, None, gather=lambda rows: rows)
    assert (found == labels.argmax(dim=1)).float().mean() >= 7 / 8
    assert right.shape == (8,)
