"""Krishnamurthy's losses against slow references written from the paper's equations, values and gradients, in float64."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.recommendation import losses  # noqa: E402
from foley_models.recommendation.heads import CorrelationHead, distance  # noqa: E402


@pytest.fixture
def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    """Five pairs of embeddings of length 1, whose gradients are asked for."""
    rng = torch.Generator().manual_seed(3)
    made = [torch.randn(5, 8, generator=rng, dtype=torch.float64) for _ in range(2)]
    return tuple((each / each.norm(dim=1, keepdim=True)).requires_grad_() for each in made)


def cosine(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    dot = sum(one[k] * other[k] for k in range(len(one)))
    return dot / (sum(x * x for x in one).sqrt() * sum(x * x for x in other).sqrt())


def nt_xent_by_hand(v: torch.Tensor, a: torch.Tensor, tau: float) -> torch.Tensor:
    total = torch.zeros((), dtype=v.dtype)
    for i in range(len(v)):
        below = sum(torch.exp(cosine(v[i], a[k]) / tau) for k in range(len(v)) if k != i)
        total = total - torch.log(torch.exp(cosine(v[i], a[i]) / tau) / below)
    return total / len(v)


def info_nce_by_hand(v: torch.Tensor, a: torch.Tensor, tau: float) -> torch.Tensor:
    total = torch.zeros((), dtype=v.dtype)
    for i in range(len(v)):
        below = sum(torch.exp(cosine(v[i], a[k]) / tau) for k in range(len(v)))
        total = total - torch.log(torch.exp(cosine(v[i], a[i]) / tau) / below)
    return total / len(v)


def margin_by_hand(v: torch.Tensor, a: torch.Tensor, y: torch.Tensor, m: float) -> torch.Tensor:
    total = torch.zeros((), dtype=v.dtype)
    for i in range(len(v)):
        apart = sum((v[i][k] - a[i][k]) ** 2 for k in range(v.shape[1])).sqrt()
        total = total + (apart if y[i] else torch.clamp(m - apart, min=0))
    return total / len(v)


def alike(one: torch.Tensor, other: torch.Tensor, of: tuple[torch.Tensor, ...]) -> None:
    """The same number, and the same gradients."""
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    for mine, theirs in zip(torch.autograd.grad(one, of), torch.autograd.grad(other, of), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("tau", [0.5, 0.07])
def test_nt_xent_is_equation_2_without_the_positive_in_its_denominator(
    pairs: tuple[torch.Tensor, torch.Tensor], tau: float
) -> None:
    alike(losses.nt_xent(*pairs, tau), nt_xent_by_hand(*pairs, tau), pairs)


@pytest.mark.parametrize("tau", [0.5, 0.07])
def test_info_nce_has_the_positive_in_its_denominator(pairs: tuple[torch.Tensor, torch.Tensor], tau: float) -> None:
    alike(losses.info_nce(*pairs, tau), info_nce_by_hand(*pairs, tau), pairs)


def test_cosines_take_no_notice_of_lengths(pairs: tuple[torch.Tensor, torch.Tensor]) -> None:
    v, a = pairs
    torch.testing.assert_close(losses.info_nce(3 * v, a / 7), losses.info_nce(v, a))


@pytest.mark.parametrize("margin", [0.1, 1.5])
def test_the_margin_loss_is_equation_1(pairs: tuple[torch.Tensor, torch.Tensor], margin: float) -> None:
    y = torch.tensor([1, 0, 0, 1, 0])
    alike(losses.margin_contrastive(*pairs, y, margin), margin_by_hand(*pairs, y, margin), pairs)


def test_uncorrelated_pairs_beyond_the_margin_cost_nothing() -> None:
    v, a = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert losses.margin_contrastive(v, a, torch.tensor([0]), 0.1).item() == 0
    near = torch.tensor([[1.0, 0.04]])
    assert losses.margin_contrastive(v, near, torch.tensor([0]), 0.1).item() == pytest.approx(0.06, abs=1e-5)


def test_bce_is_the_mean_negative_logarithm_of_the_right_answers_probability() -> None:
    logits = torch.tensor([[0.3, -1.0], [2.0, 0.5], [-0.7, 0.1]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0, 1, 1])
    by_hand = sum(-math.log(math.exp(row[k]) / sum(map(math.exp, row))) for row, k in zip(logits.tolist(), y, strict=True)) / 3
    assert losses.correlation_bce(logits, y).item() == pytest.approx(by_hand, abs=1e-12)


def test_the_head_tells_pairs_apart_by_their_distance_and_its_bias_is_the_threshold() -> None:
    head = CorrelationHead()
    v = torch.tensor([[1.0, 0.0]]).repeat(3, 1)
    angles = torch.tensor([0.5, 1.0 * 2 * math.asin(0.5), 2.0])  # distances 0.49, 1.0, 1.68
    a = torch.stack([angles.cos(), angles.sin()], dim=1)
    logits = head(v, a)
    assert [row.argmax().item() for row in logits[[0, 2]]] == [1, 0]
    torch.testing.assert_close(logits[1, 0], logits[1, 1], atol=1e-5, rtol=0)
    with torch.no_grad():
        head.fc.bias += torch.tensor([0.5, -0.5])  # nearer is asked for
    assert head(v, a)[1].argmax().item() == 0


def test_equal_embeddings_have_a_gradient() -> None:
    v = torch.tensor([[0.6, 0.8]], requires_grad=True)
    distance(v, v.detach()).sum().backward()
    assert torch.isfinite(v.grad).all()
