"""Onset transfer's arithmetic, worked out by hand; style transfer's losses, computed plainly."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.analogy.baselines.onset_transfer import pasted, reach  # noqa: E402
from foley_models.analogy.baselines.style_transfer import random_way, trained_way, transferred  # noqa: E402


class First:
    """Draws that always take the first there is."""

    def integers(self, count: int) -> int:
        return 0


def test_piece_reaches_a_third_back_and_half_on_in_quarters() -> None:
    onsets = np.array([100, 401, 1000])
    assert reach(onsets, 0, 1111) == (33, 150)  # 100 // 3; 301 // 4 * 2
    assert reach(onsets, 1, 1111) == (100, 298)  # 301 // 3; 599 // 4 * 2
    assert reach(onsets, 2, 1111) == (199, 54)  # 599 // 3; 111 // 4 * 2


def test_pasted_piece_is_the_shorter_of_both_and_overwrites_without_a_fade() -> None:
    sound = np.arange(1, 1001, dtype=np.float32)
    made = pasted(np.array([30, 200]), np.array([300]), sound, 400, First())  # type: ignore[arg-type]
    # the example's onset reaches 100 back and 350 on; the input's 10 and 84, then 56 and 100
    wanted = np.zeros(400, np.float32)
    wanted[20:114] = sound[290:384]
    wanted[144:300] = sound[244:400]
    assert np.array_equal(made, wanted)


def test_between_two_pieces_it_is_silent() -> None:
    sound = np.arange(1, 1001, dtype=np.float32)
    made = pasted(np.array([300, 400]), np.array([500]), sound, 1000, First())  # type: ignore[arg-type]
    assert made[349] == sound[549]  # of the first, which ends 50 after its onset
    assert made[350] == 0
    assert made[400 - 33] == sound[500 - 33]
    assert made[400 - 34] == 0


def test_each_onset_of_the_input_gets_one_of_the_example_by_chance() -> None:
    sound = np.repeat(np.float32([1, 2, 3, 4]), 250)
    examples = np.array([125, 375, 625, 875])
    inputs = np.arange(50, 950, 50)
    made = pasted(inputs, examples, sound, 1000, np.random.default_rng(0))
    assert set(made[inputs].tolist()) == {1.0, 2.0, 3.0, 4.0}
    assert np.array_equal(made, pasted(inputs, examples, sound, 1000, np.random.default_rng(0)))


def test_example_without_an_onset_begins_where_it_is_loudest() -> None:
    sound = np.zeros(1000, np.float32)
    sound[600] = -0.5
    made = pasted(np.array([500]), np.zeros(0, np.int64), sound, 1000, np.random.default_rng(0))
    assert made[500] == np.float32(-0.5)
    assert np.count_nonzero(made) == 1


def loss(way: object, made: torch.Tensor, content: torch.Tensor, style: torch.Tensor) -> float:
    """Content and style of mels on a scale of 0-1, by whole Gram matrices."""
    features, kept, strange = way.features(made), way.features(content)[way.content], way.features(style)  # type: ignore[attr-defined]
    apart = (features[way.content] - kept).square()  # type: ignore[attr-defined]
    total = way.content_weight * float(apart.mean() if way.mean else apart.sum())  # type: ignore[attr-defined]
    for one, other in zip(features, strange, strict=True):
        one, other = one.flatten(2)[0], other.flatten(2)[0]
        scale = one.numel() if way.mean else one.shape[1]  # type: ignore[attr-defined]
        off = (one @ one.T / scale - other @ other.T / scale).square()
        total += way.style_weight * float(off.mean() if way.mean else off.sum())  # type: ignore[attr-defined]
    return total


def layers(mel: torch.Tensor) -> list[torch.Tensor]:
    """A fixed network of four stages, of few channels at many places."""
    found = []
    for stage in range(4):
        weights = torch.randn(3, mel.shape[1], 3, 3, generator=torch.Generator().manual_seed(stage))
        mel = torch.nn.functional.conv2d(mel, weights, padding=1).relu()
        found.append(mel)
        mel = torch.nn.functional.max_pool2d(mel, 2)
    return found


@pytest.mark.parametrize("way", [random_way(filters=32), trained_way(layers)], ids=["random", "trained"])
def test_style_transfer_lowers_what_a_plain_computation_says_the_error_is(way: object) -> None:
    generator = torch.Generator().manual_seed(0)
    content = torch.rand(1, 1, 80, 16, generator=generator) * 0.5 - 0.5
    style = torch.rand(1, 1, 80, 16, generator=generator) * 2 - 1
    made = transferred(content, style, way, steps=12)  # type: ignore[arg-type]
    assert made.shape == content.shape
    assert float(made.min()) >= -1 and float(made.max()) <= 1
    before, after = ((each + 1) / 2 for each in (content, made))
    first, last = (loss(way, each, (content + 1) / 2, (style + 1) / 2) for each in (before, after))
    assert last < 0.7 * first


def test_gram_matrices_of_many_channels_are_compared_through_their_places() -> None:
    from foley_models.analogy.baselines.style_transfer import _Gram

    generator = torch.Generator().manual_seed(0)
    for channels, places in ((40, 6), (6, 40)):
        one, other = (torch.randn(1, channels, places, generator=generator).double() for _ in range(2))
        for mean in (True, False):
            scale = channels * places if mean else places
            off = (one[0] @ one[0].T / scale - other[0] @ other[0].T / scale).square()
            wanted = off.mean() if mean else off.sum()
            assert float(_Gram(one, mean=mean).apart(other)) == pytest.approx(float(wanted), rel=1e-9)
