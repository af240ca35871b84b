"""The spectrogram VQGAN: the published names and shapes, the order of codes, what each loss is and what it moves."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from foley_models.analogy.codebook.discriminator import PatchDiscriminator
from foley_models.analogy.codebook.learner import LEARNING, NEVER, CodebookLearner, Learning
from foley_models.analogy.codebook.losses import adaptive_weight, hinge, perceptual
from foley_models.analogy.codebook.quantiser import Quantiser, usage
from foley_models.analogy.codebook.vqgan import SIZES, SpectrogramVQGAN, VQGANConfig
from foley_models.settings import Settings
from torch import Tensor, nn

PUBLISHED = Path(__file__).parents[3] / "shared/facts/condfoley_state_dict.json"
SMALL = VQGANConfig(channels=4, multipliers=(1, 1, 2, 2, 2), blocks=1, attention=(4,), groups=2, codes=12, dimension=6)
CALM = Learning(adversary_width=4, adversary_from=NEVER)
SETTINGS = Settings(batch=4, lr=2e-3, optimizer="adam", schedule="constant")


def alone(rows: Tensor) -> Tensor:
    """What one process gathers."""
    return rows


def take(learner: CodebookLearner, mel: Tensor, step: int, optimisers: list[torch.optim.Optimizer]) -> float:
    """One step, as the trainer takes it; the codebook's loss."""
    learner.train().begin_step(step)
    losses = []
    for turn, optimiser in zip(learner.turns(SETTINGS), optimisers, strict=True):
        if step >= turn.from_step:
            learner.zero_grad()
            loss, _ = turn.loss(mel, gather=alone)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    return losses[0]


def test_keys_and_shapes_are_the_published_ones() -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the list of published keys is not here")
    prefix = "first_stage_model."
    said = json.loads(PUBLISHED.read_text())["transformer_ckpt.state_dict"]
    published = {key.removeprefix(prefix): shape for key, (shape, _) in said.items() if key.startswith(prefix)}
    sound = {key for key in published if key.startswith("wav_transforms.")}
    assert sound == {"wav_transforms.0.w", "wav_transforms.1.fb"}  # a window and filters: no weights
    with torch.device("meta"):
        network = SpectrogramVQGAN(SIZES["paper"])
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == {key: shape for key, shape in published.items() if key not in sound}
    assert (network.config.patch, network.config.rows) == (16, 5)


@pytest.mark.parametrize(("part", "millions"), [("encoder", 29.3), ("decoder", 42.4)])
def test_paper_size_has_the_published_number_of_parameters(part: str, millions: float) -> None:
    with torch.device("meta"):
        network = SpectrogramVQGAN(SIZES["paper"])
    assert sum(each.numel() for each in getattr(network, part).parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize("size", [SMALL, SIZES["mini"]])
def test_clip_is_fifty_codes_and_a_mel_again(size: VQGANConfig) -> None:
    network = SpectrogramVQGAN(size).eval()
    mel = torch.rand(2, 1, 80, 160) * 2 - 1
    with torch.no_grad():
        codes = network.encode(mel)
        again, quantised = network(mel)
        assert codes.shape == (2, 50) and codes.dtype == torch.int64 and network.codes == size.codes
        assert codes.min() >= 0 and codes.max() < size.codes
        torch.testing.assert_close(network.decode(codes), again, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(network.reconstruct(mel), again, atol=1e-4, rtol=1e-4)
        assert again.shape == mel.shape
        assert torch.equal(quantised.codes, codes)
        assert network.decode(codes[:, :15]).shape == (2, 1, 80, 48)  # three columns


def test_codes_go_column_by_column_from_the_lowest_bands_up() -> None:
    """Of a codebook that says how loud a patch is, told by mels that are loud in one patch alone."""

    class Loudness(nn.Module):
        def forward(self, mel: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(mel, 16)

    class Loud(nn.Module):
        def forward(self, entries: Tensor) -> Tensor:
            return nn.functional.interpolate(entries, scale_factor=16.0)

    network = SpectrogramVQGAN(replace(SMALL, codes=2, dimension=1))
    network.encoder, network.decoder = Loudness(), Loud()  # type: ignore[assignment]
    network.quant_conv = network.post_quant_conv = nn.Identity()  # type: ignore[assignment]
    network.quantize.embedding.weight.data = torch.tensor([[0.0], [1.0]])
    for column in (0, 3, 9):
        for row in range(5):
            mel = torch.zeros(1, 1, 80, 160)
            mel[0, 0, row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 1  # band 0 is the lowest
            codes = network.encode(mel)
            assert codes[0].nonzero().flatten().tolist() == [column * 5 + row]
            assert torch.equal(network.decode(codes), mel)


def test_nearest_entries_and_their_loss_are_those_of_a_plain_computation() -> None:
    rng = np.random.default_rng(1)
    entries, places = rng.normal(size=(7, 3)), rng.normal(size=(2, 3, 5, 4))
    quantiser = Quantiser(7, 3).double()
    quantiser.embedding.weight.data = torch.from_numpy(entries)
    embeddings = torch.from_numpy(places).requires_grad_()
    made = quantiser(embeddings)
    wanted = np.empty((2, 20), int)
    for n in range(2):
        for column in range(4):
            for row in range(5):
                apart = ((entries - places[n, :, row, column]) ** 2).sum(axis=1)
                wanted[n, column * 5 + row] = apart.argmin()
    assert np.array_equal(made.codes.numpy(), wanted)
    near = entries[wanted].reshape(2, 4, 5, 3).transpose(0, 3, 2, 1)
    np.testing.assert_allclose(made.entries.detach().numpy(), near)
    for each in (made.drawn, made.committed):
        assert each.item() == pytest.approx(((near - places) ** 2).mean())
    made.committed.backward()
    np.testing.assert_allclose(embeddings.grad, 2 * (places - near) / places.size)
    assert quantiser.embedding.weight.grad is None
    made.drawn.backward()
    gradient = np.zeros_like(entries)
    np.add.at(gradient, wanted, 2 * (near - places).transpose(0, 3, 2, 1).reshape(2, 20, 3) / places.size)
    np.testing.assert_allclose(quantiser.embedding.weight.grad, gradient)
    np.testing.assert_allclose(embeddings.grad, 2 * (places - near) / places.size)


def test_decoder_s_gradients_pass_the_codebook_by() -> None:
    quantiser, embeddings = Quantiser(5, 2), torch.randn(1, 2, 5, 3, requires_grad=True)
    weights = torch.randn(1, 2, 5, 3)
    (quantiser(embeddings).entries * weights).sum().backward()
    torch.testing.assert_close(embeddings.grad, weights)
    assert quantiser.embedding.weight.grad is None


def test_usage_is_one_where_all_entries_are_used_alike() -> None:
    assert usage(torch.arange(8).repeat(3), 8).item() == pytest.approx(1)
    assert usage(torch.zeros(30, dtype=torch.int64), 8).item() == pytest.approx(1 / 8)
    assert usage(torch.tensor([0, 0, 0, 1]), 8).item() == pytest.approx(4 / 3**0.75 / 8)


def test_discriminator_is_the_published_one() -> None:
    """Three halvings, 64 channels to begin with, a kernel of 4: its logits see patches of 70 by 70."""
    network = PatchDiscriminator()
    shapes = [tuple(each.shape) for name, each in network.named_parameters() if each.ndim == 4]
    assert shapes == [(64, 1, 4, 4), (128, 64, 4, 4), (256, 128, 4, 4), (512, 256, 4, 4), (1, 512, 4, 4)]
    mel = torch.randn(1, 1, 80, 160, requires_grad=True)
    logits = network.eval()(mel)
    assert logits.shape == (1, 1, 8, 18)
    logits[0, 0, 4, 9].backward()
    assert mel.grad is not None
    seen = mel.grad[0, 0].nonzero()
    assert (seen.max(dim=0).values - seen.min(dim=0).values + 1).tolist() == [70, 70]


def test_hinge_asks_for_no_more_than_one() -> None:
    assert hinge(torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -9.0])).item() == 0
    assert hinge(torch.tensor([0.0]), torch.tensor([0.5])).item() == pytest.approx(0.5 * (1 + 1.5))


def test_perceptual_loss_is_that_of_a_plain_computation() -> None:
    rng = np.random.default_rng(2)
    one, two = ([rng.normal(size=shape) for shape in ((2, 3, 4, 5), (2, 6, 2, 2))] for _ in range(2))
    wanted = 0.0
    for a, b in zip(one, two, strict=True):
        a, b = (each / np.sqrt((each**2).sum(axis=1, keepdims=True)) for each in (a, b))
        wanted += ((a - b) ** 2).sum(axis=1).mean()
    made = perceptual([torch.from_numpy(each) for each in one], [torch.from_numpy(each) for each in two])
    assert made.item() == pytest.approx(wanted)


def test_perceptual_loss_is_no_other_where_squares_are_beyond_half_precision() -> None:
    one, two = (100 * torch.rand(1, 512, 5, 10, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    made = perceptual([one.half()], [two.half()])
    assert made.item() == pytest.approx(perceptual([one], [two]).item(), rel=1e-3) and made > 0.3


def test_adaptive_weight_compares_gradients_within_its_bounds() -> None:
    last = torch.tensor([3.0, 4.0], requires_grad=True)
    near, fooling = (last**2).sum(), 0.5 * last.sum()
    wanted = 10 / (math.sqrt(0.5) + 1e-4)
    assert adaptive_weight(near, fooling, last, (0.0, 1e4)).item() == pytest.approx(wanted)
    assert adaptive_weight(near, fooling, last, (0.0, 2.0)).item() == 2
    assert adaptive_weight(near, fooling, last, Learning().adversary_bounds).item() == 1  # published: gradients decide nothing


@pytest.mark.parametrize(("reconstruction", "power"), [("l1", 1), ("mse", 2)])
def test_validation_loss_is_reconstruction_and_codebook_alone(reconstruction: str, power: int) -> None:
    torch.manual_seed(0)
    learner = CodebookLearner(SMALL, replace(CALM, reconstruction=reconstruction, adversary_from=0)).eval()
    learner.begin_step(5)
    mel = torch.rand(3, 1, 80, 160) * 2 - 1
    with torch.no_grad():
        loss, used = learner.loss(mel, gather=alone)
        again, quantised = learner.network(mel)
    wanted = ((again - mel).abs() ** power).mean().item() + (1 + 0.25) * quantised.drawn.item()
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    assert used.shape == (3,)
    assert used[0].item() == pytest.approx(usage(quantised.codes, 12).item())


def test_mixed_precision_finds_the_nearest_entry() -> None:
    """Also among entries that are one and the same number at half precision."""
    torch.manual_seed(0)
    learner = CodebookLearner(SMALL, replace(CALM, revive_after=99)).train()
    learner.begin_with(learner.network)
    entries = 1 + 1e-2 * torch.randn(12, 6)
    learner.network.quantize.embedding.weight.data = entries
    nn.init.zeros_(learner.network.quant_conv.weight)
    nn.init.ones_(learner.network.quant_conv.bias)  # what every place becomes
    with torch.autocast("cpu", torch.bfloat16):
        learner.loss(torch.zeros(2, 1, 80, 160), gather=alone)
    assert learner.revival is not None
    nearest = (entries.double() - 1).square().sum(dim=1).argmin()
    assert (learner.revival.idle == 0).nonzero().flatten().tolist() == [nearest]


def test_each_turn_moves_its_own_and_nothing_else() -> None:
    torch.manual_seed(0)
    learner = CodebookLearner(SMALL, replace(CALM, adversary_from=1))
    turns = learner.turns(SETTINGS)
    moved = [{id(each) for group in turn.groups for each in group["params"]} for turn in turns]
    assert moved == [{id(each) for each in part.parameters()} for part in (learner.network, learner.discriminator)]
    assert [turn.from_step for turn in turns] == [0, 1]
    assert {turn.betas for turn in turns} == {(0.5, 0.9)}
    mel = torch.rand(2, 1, 80, 160)
    turns[1].loss(mel, gather=alone)[0].backward()
    assert all(each.grad is None for each in learner.network.parameters())
    assert all(each.grad is not None for each in learner.discriminator.parameters())


def test_adversary_reaches_the_codebook_from_its_first_step_on() -> None:
    torch.manual_seed(0)
    learner = CodebookLearner(SMALL, replace(CALM, adversary_from=7)).train()
    mel = torch.rand(2, 1, 80, 160)

    def loss(step: int) -> float:
        learner.begin_step(step)
        return learner.loss(mel, gather=alone)[0].item()

    assert loss(6) == loss(0)
    learner.begin_step(7)
    with torch.no_grad():
        decoded, _ = learner.network(mel)
        fooling = -learner.discriminator(decoded).mean().item()
    assert loss(7) - loss(6) == pytest.approx(0.8 * fooling, abs=1e-6)


def test_listener_tells_and_does_not_learn() -> None:
    class Ear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hearing = nn.Conv2d(1, 3, 5, stride=3)
            self.noise = nn.Dropout(0.5)

        def layers(self, mel: Tensor) -> list[Tensor]:
            first = self.hearing(mel)
            return [first, self.noise(first)[:, :2]]

    torch.manual_seed(0)
    ear = Ear()
    learner = CodebookLearner(SMALL, replace(CALM, perceptual_weight=0.3), ear).train()
    deaf = CodebookLearner(SMALL, CALM).train()
    deaf.network.load_state_dict(learner.network.state_dict())
    mel = torch.rand(2, 1, 80, 160)
    loss, _ = learner.loss(mel, gather=alone)
    decoded, _ = learner.network(mel)
    heard = perceptual(ear.layers(decoded), ear.layers(mel)).item()
    assert not ear.training and heard > 0
    assert loss.item() - deaf.loss(mel, gather=alone)[0].item() == pytest.approx(0.3 * heard, rel=1e-4)
    loss.backward()
    assert ear.hearing.weight.grad is None
    assert {id(each) for turn in learner.turns(SETTINGS) for group in turn.groups for each in group["params"]}.isdisjoint(
        id(each) for each in ear.parameters()
    )


def test_codebook_out_of_use_is_put_where_mels_are() -> None:
    torch.manual_seed(0)
    learner = CodebookLearner(SMALL, replace(CALM, revive_after=3)).train()
    entries, mel = learner.network.quantize.embedding.weight, torch.rand(4, 1, 80, 160)

    def places() -> Tensor:
        with torch.no_grad():
            return learner.network.embeddings(mel).permute(0, 2, 3, 1).reshape(-1, SMALL.dimension)

    def apart() -> Tensor:
        return (entries.detach()[:, None] - places()).norm(dim=2).min(dim=1).values

    learner.begin_step(0)
    learner.loss(mel, gather=alone)
    assert apart().max() < 1e-4  # the first batch is where the codebook begins
    entries.data[[2, 5]] = 100.0
    for step in range(1, 4):
        learner.begin_step(step)
        learner.loss(mel, gather=alone)
        assert (entries.data[[2, 5]] == 100).all()
    learner.begin_step(4)
    learner.loss(mel, gather=alone)
    assert apart().max() < 1e-4
    assert LEARNING["paper"].revive_after == 0 and CodebookLearner(SMALL, CALM).revival is None


def test_revival_does_the_same_on_all_processes() -> None:
    torch.manual_seed(0)
    learners = [CodebookLearner(SMALL, replace(CALM, revive_after=2)).train() for _ in range(2)]
    learners[1].load_state_dict(learners[0].state_dict())
    mel = torch.rand(4, 1, 80, 160)
    with torch.no_grad():
        everyones = learners[0].network.embeddings(mel).permute(0, 3, 2, 1).flatten(0, 2)
        codes = torch.arange(SMALL.codes).repeat(20)
    for rank, learner in enumerate(learners):

        def gather(rows: Tensor) -> Tensor:
            return everyones if rows.ndim == 2 else codes  # of both halves of the batch

        learner.loss(mel[rank * 2 : rank * 2 + 2], gather=gather)
    assert torch.equal(*(each.network.quantize.embedding.weight for each in learners))
    assert all((each.revival.idle == 0).all() for each in learners if each.revival is not None)


def test_small_network_learns_patches() -> None:
    """Four kinds of patches are told apart and come back, with an adversary towards the end."""
    torch.manual_seed(0)
    halves = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])

    def batch(seed: int) -> Tensor:
        drawn = torch.randint(4, (16, 1, 4, 4), generator=torch.Generator().manual_seed(seed))
        return halves[drawn].flatten(3).repeat_interleave(2, dim=2) * 0.8

    size = VQGANConfig(channels=8, multipliers=(1, 2), blocks=1, attention=(), groups=2, codes=12, dimension=6, bands=8)
    learning = replace(LEARNING["mini"], adversary_width=4, adversary_layers=1, adversary_from=80)
    learner = CodebookLearner(size, learning)
    optimisers = [turn.optimiser(SETTINGS) for turn in learner.turns(SETTINGS)]
    before = next(learner.discriminator.parameters()).clone()
    for step in range(100):
        take(learner, batch(step), step, optimisers)
    mel = batch(999)
    assert mel.shape == (16, 1, 8, 8)
    left = (learner.eval().network.reconstruct(mel) - mel).abs().mean().item()
    assert left < 0.6  # 0.8 is the best where one code stands for everything
    assert not torch.equal(next(learner.discriminator.parameters()), before)
