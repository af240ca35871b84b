"""Krishnamurthy's networks: shapes, what the attention computes, which systems there are, what trains."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.recommendation.encoders import Attention, AttentionEncoder, Block  # noqa: E402
from foley_models.recommendation.systems import SYSTEMS, Recommender, SystemConfig, system  # noqa: E402


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(5)


@pytest.mark.parametrize("name", SYSTEMS)
@torch.no_grad()
def test_every_system_embeds_pictures_and_sounds_as_unit_vectors(name: str) -> None:
    network = Recommender(system(name, "mini")).eval()
    for embeddings in network(torch.randn(2, 3, 224, 224), torch.randn(2, 1, 64, 100)):
        assert embeddings.shape == (2, 128)
        torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_parameter_of_every_system_is_trained_by_its_loss(name: str) -> None:
    network = Recommender(system(name, "mini"))
    y = None if network.config.contrastive else torch.tensor([1, 0, 1, 0])
    loss, right = network.loss(torch.randn(4, 3, 64, 64), torch.randn(4, 1, 64, 100), y)
    loss.backward()
    assert right.dtype == torch.bool and right.shape == (4,)
    assert [each for each, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("compatibility", ["conv", "dot"])
@pytest.mark.parametrize("width", [6, 10])
def test_attention_is_the_papers_steps_taken_one_by_one(compatibility: str, width: int) -> None:
    attend = Attention(width, 10, compatibility).double()
    local, g = torch.randn(2, width, 4, 5, dtype=torch.float64), torch.randn(2, 10, dtype=torch.float64)
    wanted = []
    for n in range(2):
        at = [local[n, :, y, x] for y in range(4) for x in range(5)]
        if attend.project is not None:
            at = [attend.project.weight @ each for each in at]
        if compatibility == "conv":
            scores = [(attend.conv.weight[0] * (each + g[n])).sum() for each in at]
        else:
            scores = [(each * g[n]).sum() for each in at]
        weights = [score.exp() / sum(other.exp() for other in scores) for score in scores]
        wanted.append(sum(weight * each for weight, each in zip(weights, at, strict=True)))
    assert (attend.project is None) == (width == 10)
    torch.testing.assert_close(attend(local, g), torch.stack(wanted))
    torch.testing.assert_close(attend.weights(local, g).sum(dim=(1, 2, 3)), torch.ones(2, dtype=torch.float64))


@torch.no_grad()
def test_local_features_are_taken_before_their_blocks_pooling() -> None:
    encoder = AttentionEncoder(3, (4, 6, 8, 10), stem_stride=2).eval()
    local, g = encoder.features(torch.randn(1, 3, 224, 224))
    assert [tuple(each.shape[1:]) for each in local] == [(4, 112, 112), (6, 56, 56), (8, 28, 28)]
    assert g.shape == (1, 10)


@torch.no_grad()
def test_a_block_is_two_convolutions_each_normalised_then_rectified() -> None:
    block = Block(3, 5).eval()
    x = torch.randn(1, 3, 8, 8)
    by_hand = torch.relu(block.norm1(torch.nn.functional.conv2d(x, block.conv1.weight, padding=1)))
    by_hand = torch.relu(block.norm2(torch.nn.functional.conv2d(by_hand, block.conv2.weight, padding=1)))
    torch.testing.assert_close(block(x), by_hand)


def test_the_systems_are_those_of_the_papers_tables() -> None:
    rows = {name: (s.encoder, s.head, s.loss, s.batch, s.margin, s.temperature) for name, s in SYSTEMS.items()}
    assert rows == {
        "baseline-bce": ("baseline", "distance", "bce", 128, 0.1, 0.5),
        "attention-bce": ("attention", "distance", "bce", 32, 0.1, 0.5),
        "attention-bce-margin": ("attention", "distance", "bce+margin", 32, 0.1, 0.5),
        "attention-infonce-nonlinear": ("attention", "nonlinear", "infonce", 32, 0.1, 0.5),
        "attention-infonce": ("attention", "linear", "infonce", 32, 0.1, 0.5),
        "attention-ntxent-nonlinear": ("attention", "nonlinear", "ntxent", 32, 0.1, 0.5),
        "attention-ntxent": ("attention", "linear", "ntxent", 32, 0.1, 0.5),
        "finetuned": ("attention", "distance", "bce+margin", 32, 0.1, 0.5),
    }


def test_a_config_survives_json_and_refuses_what_does_not_go_together() -> None:
    config = system("attention-ntxent", "mini")
    assert SystemConfig.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match="loss"):
        SystemConfig.from_json({**config.to_json(), "head": "distance"})
    with pytest.raises(ValueError, match="tempo"):
        SystemConfig.from_json({**config.to_json(), "tempo": 3})
    with pytest.raises(ValueError, match="attention-infonce"):
        system("attention-infonse")
