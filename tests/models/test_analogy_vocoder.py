"""MelGAN: the published names, shapes and arithmetic; its losses; what its turns move; Griffin-Lim; which sound is where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import analogy_tones
import numpy as np
import pytest
import torch
from foley_models.analogy.evaluation.sounding import network_voice
from foley_models.analogy.vocoder import discriminator, losses, melgan
from foley_models.analogy.vocoder.compare import compare
from foley_models.analogy.vocoder.discriminator import DiscriminatorConfig, MultiScaleDiscriminator
from foley_models.analogy.vocoder.learner import Learning, VocoderLearner
from foley_models.analogy.vocoder.melgan import Generator, MelGANConfig
from foley_models.analogy.vocoder.reflecting import Reflected
from foley_models.analogy.vocoder.train import cut, heard
from foley_models.analogy.vocoder.weight_norm import Conv1d, Upsampling
from foley_models.settings import Settings
from torch import Tensor, nn
from torch.nn import functional

from foley_bridge.engines.analogy.waves import CONTEXT, PIECE, spoken
from foley_bridge.inference.clips import ClipSound, magnitudes, mel
from foley_bridge.inference.griffin_lim import griffin_lim

PUBLISHED = Path(__file__).parents[3] / "shared/facts/condfoley_state_dict.json"
SMALL, SMALL_CRITICS = MelGANConfig(width=2, residual_layers=1), DiscriminatorConfig(width=4, layers=2, factor=2, most=16)
SETTINGS = Settings(batch=2, lr=2e-3, optimizer="adam", schedule="constant")
RATE = ClipSound().sample_rate


def alone(rows: Tensor) -> Tensor:
    """What one process gathers."""
    return rows


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Seeded."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sine(hz: float, samples: int) -> Tensor:
    """float32 (samples,), amplitude 0.3."""
    return 0.3 * torch.sin(2 * torch.pi * hz * torch.arange(samples) / RATE)


# --- the generator ---


def test_names_and_shapes_are_the_published_ones() -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the list of the published names is not here")
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))["melgan_best_netG.pt"]
    own = {name: [list(value.shape), "float32"] for name, value in Generator(melgan.SIZES["paper"]).state_dict().items()}
    assert own == published


def by_names(state: Mapping[str, Tensor], at: Tensor) -> Tensor:
    """MelGAN as its paper has it, written down once more from the published names, with torch's own weight norm."""

    def weight(name: str) -> Tensor:
        return torch._weight_norm(state[f"{name}.weight_v"], state[f"{name}.weight_g"], 0)

    def convolved(name: str, at: Tensor, dilation: int = 1) -> Tensor:
        return functional.conv1d(at, weight(name), state[f"{name}.bias"], dilation=dilation)

    at = convolved("model.1", functional.pad(at, (3, 3), mode="reflect"))
    for stage, ratio in enumerate((8, 8, 2, 2)):
        first = 3 + 5 * stage
        name = f"model.{first}"
        at = functional.leaky_relu(at, 0.2)
        at = functional.conv_transpose1d(at, weight(name), state[f"{name}.bias"], stride=ratio, padding=ratio // 2)
        for block in range(3):
            name, dilation = f"model.{first + 1 + block}", 3**block
            inner = functional.pad(functional.leaky_relu(at, 0.2), (dilation, dilation), mode="reflect")
            inner = functional.leaky_relu(convolved(f"{name}.block.2", inner, dilation), 0.2)
            at = convolved(f"{name}.shortcut", at) + convolved(f"{name}.block.4", inner)
    at = functional.pad(functional.leaky_relu(at, 0.2), (3, 3), mode="reflect")
    return convolved("model.24", at).tanh()


@pytest.mark.parametrize("frames", [4, 33])
def test_generator_computes_what_the_published_weights_were_trained_for(frames: int) -> None:
    torch.manual_seed(0)
    network = Generator(MelGANConfig(width=4)).double()
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)  # lengths that are not those of the directions
    seen = noise(2, 80, frames).double()
    made = network(seen)
    assert made.shape == (2, 1, 256 * frames)
    torch.testing.assert_close(made, by_names(network.state_dict(), seen), rtol=0, atol=1e-12)


def test_ends_are_mirrored_alike_where_only_what_is_deterministic_is_allowed() -> None:
    ends, made = Reflected(3), []
    for deterministic in (False, True):
        at = noise(2, 4, 9).requires_grad_()
        torch.use_deterministic_algorithms(deterministic)
        try:
            padded = ends(at)
        finally:
            torch.use_deterministic_algorithms(False)
        (padded * noise(*padded.shape, seed=1)).sum().backward()
        made.append((padded, at.grad, padded.grad_fn))
    assert torch.equal(made[0][0], made[1][0]) and made[0][0].shape == (2, 4, 15)
    torch.testing.assert_close(made[0][1], made[1][1])
    assert "Reflection" in str(made[0][2]) and "Reflection" not in str(made[1][2])


def test_without_weight_norm_the_network_is_the_same_and_has_plain_weights() -> None:
    torch.manual_seed(0)
    network = Generator(replace(SMALL, ratios=(3, 2)))
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    plain, seen = network.plain(), noise(1, 80, 9)
    torch.testing.assert_close(plain(seen), network(seen), rtol=1e-4, atol=1e-6)
    assert plain(seen).shape[2] == 9 * 6
    normed = {name.removesuffix("_g") for name in network.state_dict() if name.endswith("_g")}
    assert set(plain.state_dict()) == normed | {name for name in network.state_dict() if name.endswith("bias")}
    assert any(name.endswith("weight_g") for name in network.state_dict())  # the network itself stays as it was


@pytest.mark.parametrize(
    ("own", "channels"),
    [(Conv1d(4, 6, 3, stride=2, padding=1, groups=2), 4), (Conv1d(3, 5, 3, dilation=2), 3), (Upsampling(4, 2, 3), 4)],
)
def test_weight_norm_is_torchs_in_value_and_gradient(own: Conv1d | Upsampling, channels: int) -> None:
    own = own.double()
    own.weight_g.data = own.weight_v.data.norm(dim=(1, 2), keepdim=True)  # it was rounded to float32; torch's is not
    other = own.plain().double()
    nn.utils.parametrizations.weight_norm(other, dim=0)
    seen = noise(2, channels, 12).double()
    torch.testing.assert_close(own(seen), other(seen))
    for module in (own, other):
        module(seen).square().sum().backward()
    lengths, directions = other.parametrizations.weight.parameters()  # type: ignore[union-attr]
    torch.testing.assert_close(own.weight_g.grad, lengths.grad)
    torch.testing.assert_close(own.weight_v.grad, directions.grad)


# --- the discriminators and the losses ---


def test_each_scale_hears_half_the_rate_of_the_one_before() -> None:
    torch.manual_seed(0)
    critics = MultiScaleDiscriminator(discriminator.SIZES["paper"])
    said = critics(noise(1, 1, 8192))
    assert [each[0].shape for each in said] == [(1, 16, 8192), (1, 16, 4096), (1, 16, 2048)]
    assert [layer.shape[1] for layer in said[0]] == [16, 64, 256, 1024, 1024, 1024, 1]
    assert [each[-1].shape[2] for each in said] == [32, 16, 8]  # a verdict of each 256 samples of its own rate


def said(*verdicts: float) -> list[list[Tensor]]:
    """What scales say whose layers are all zero and whose verdicts are these."""
    return [
        [torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), torch.full((1, 1, 3), each)] for each in verdicts
    ]


def test_losses_of_the_adversaries() -> None:
    real, made = said(0.25, 2.0), said(-3.0, -0.5)
    assert losses.hinge(real, made).item() == pytest.approx((1 - 0.25) + 0 + 0 + (1 - 0.5))
    assert losses.hinge_fooling(made).item() == pytest.approx(3.5)
    assert losses.least_squares(real, made).item() == pytest.approx(0.75**2 + 1 + 9 + 0.25)
    assert losses.least_squares_fooling(made).item() == pytest.approx(16 + 2.25)


def test_features_are_matched_layer_by_layer_but_for_the_verdicts() -> None:
    real, made = said(9.0, 9.0), said(-9.0, -9.0)
    assert losses.feature_matching(real, made).item() == 0
    real[0][1] = torch.ones(1, 2, 4, requires_grad=True)
    made[0][1] = torch.full((1, 2, 4), 4.0, requires_grad=True)
    loss = losses.feature_matching(real, made)
    assert loss.item() == pytest.approx(3.0 * 4 / 2 / 2)  # four layers in all: one that makes the time coarser; two scales
    loss.backward()
    assert made[0][1].grad is not None and real[0][1].grad is None


def test_distance_is_in_decibels_and_ends_at_the_floor() -> None:
    sound = 0.1 * noise(1, 8192)
    assert losses.distance(sound, sound).item() == 0
    assert losses.distance(sound, 2 * sound).item() == pytest.approx(6.0206, abs=1e-2)
    white = losses.levels(noise(4, 44100), 1024)
    assert 10 * torch.log10((10 ** (white / 10)).mean()).item() == pytest.approx(0, abs=0.2)
    nothing = torch.zeros(1, 8192)
    assert losses.distance(1e-6 * noise(1, 8192), nothing).item() < 1e-3  # both are far below the floor
    assert losses.distance(sound, nothing).item() == pytest.approx(48, abs=2)  # -20 dB, 2.5 less on average, over -70.5


# --- training ---


def learner(**learning: object) -> VocoderLearner:
    """A tiny one."""
    torch.manual_seed(0)
    return VocoderLearner(SMALL, SMALL_CRITICS, replace(Learning(), **learning)).train()  # type: ignore[arg-type]


def test_turns_move_what_is_theirs() -> None:
    own = learner(distance_weight=0.1)
    seen, samples = noise(2, 80, 8), 0.1 * noise(2, 2048)
    for turn, moves, stays in zip(
        own.turns(SETTINGS), (own.network, own.discriminator), (own.discriminator, own.network), strict=True
    ):
        before = {each: {name: p.clone() for name, p in each.named_parameters()} for each in (moves, stays)}
        optimiser = turn.optimiser(SETTINGS)
        own.zero_grad(set_to_none=True)
        loss, right = turn.loss(seen, samples, gather=alone)
        loss.backward()
        optimiser.step()
        assert right.shape == (2,) and right.dtype == torch.bool
        moved = {name: not torch.equal(p, before[moves][name]) for name, p in moves.named_parameters()}
        assert all(moved[name] for name in moved if not name.endswith("bias"))  # the hinge pulls the last bias both ways alike
        assert all(torch.equal(p, before[stays][name]) for name, p in stays.named_parameters())


def test_before_its_step_there_is_no_adversary() -> None:
    own = learner(adversary_from=5, distance_weight=1.0)
    seen, samples = noise(2, 80, 8), 0.1 * noise(2, 2048)
    generator, adversary = own.turns(SETTINGS)
    assert adversary.from_step == 5
    own.begin_step(4)
    alone_loss = generator.loss(seen, samples, gather=alone)[0]
    torch.testing.assert_close(alone_loss, losses.distance(own.network(seen)[:, 0], samples).mean())
    own.begin_step(5)
    critics, made = own.discriminator, own.network(seen)
    verdicts = losses.hinge_fooling(critics(made)) + 10 * losses.feature_matching(critics(samples[:, None]), critics(made))
    torch.testing.assert_close(generator.loss(seen, samples, gather=alone)[0], alone_loss + verdicts)
    own.eval()
    torch.testing.assert_close(own.loss(seen, samples, gather=alone)[0], alone_loss)


def test_published_training_has_no_distance_in_it_and_hears_the_adversary_at_once() -> None:
    own, seen, samples = learner(), noise(2, 80, 8), 0.1 * noise(2, 2048)
    critics, made = own.discriminator, own.network(seen)
    wanted = losses.hinge_fooling(critics(made)) + 10 * losses.feature_matching(critics(samples[:, None]), critics(made))
    torch.testing.assert_close(own.loss(seen, samples, gather=alone)[0], wanted)


def test_a_tiny_vocoder_learns_a_tone() -> None:
    own = learner(distance_weight=1.0, adversary_from=10**9)
    samples = torch.stack([sine(hz, 44100) for hz in (500.0, 1500.0)])
    seen, said = heard(samples, ClipSound())
    seen, said = seen[:, :, 40:48], said[:, 40 * 256 : 48 * 256]
    optimiser = torch.optim.Adam(own.parameters(), lr=1e-2)
    far = []
    for _ in range(40):
        loss, _ = own.loss(seen, said, gather=alone)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        far.append(loss.item())
    assert far[-1] < 0.65 * far[0]


# --- which sound belongs where ---


def test_frames_and_samples_go_together() -> None:
    click = torch.zeros(1, 44100)
    click[0, 50 * 256] = 1
    seen, samples = heard(click, ClipSound())
    assert seen.shape == (1, 80, 160) and samples.shape == (1, 160 * 256)
    assert seen[0].sum(dim=0).argmax() == 50
    frames, first = torch.arange(160.0).expand(3, 80, 160), torch.arange(160 * 256.0).expand(3, -1)
    some, said = cut(frames, first, 32, np.random.default_rng(0))
    assert some.shape == (3, 80, 32) and said.shape == (3, 8192)
    assert torch.equal(said[:, ::256], 256 * some[:, 0])
    assert len({int(each) for each in some[:, 0, 0]}) == 3


@pytest.mark.parametrize("size", ["mini", pytest.param("paper", marks=pytest.mark.nightly)])
def test_a_long_sound_in_pieces_is_that_of_the_whole(size: str) -> None:
    torch.manual_seed(0)
    network = Generator(melgan.SIZES[size]).eval()
    wanted = np.random.default_rng(0).uniform(-4, 1, (80, 2 * PIECE + 70)).astype(np.float32)
    voice = network_voice(network, torch.device("cpu"))
    whole = voice(wanted[None])[0]
    for frames in (wanted.shape[1], 2 * PIECE + 1, PIECE + CONTEXT, 5):
        given = (wanted[:, first : min(first + 80, frames)] for first in range(0, frames, 80))
        made = np.concatenate(list(spoken(given, lambda shown: voice(shown[None])[0], 256)))
        alike = whole if frames == wanted.shape[1] else voice(wanted[None, :, :frames])[0]
        assert made.shape == (frames * 256,) and np.abs(made - alike).max() < 1e-5 * np.abs(alike).max()


@pytest.mark.parametrize("size", ["mini", "paper"])
def test_a_sample_hears_less_than_the_frames_that_a_piece_is_shown_around_it(size: str) -> None:
    torch.manual_seed(0)
    network = Generator(melgan.SIZES[size]).eval().double()
    with torch.no_grad():
        wanted = torch.randn(1, 80, 41, dtype=torch.double)
        changed = wanted.clone()
        changed[..., 20] += 1
        moved = (network(changed) - network(wanted))[0, 0].abs().reshape(41, 256).amax(dim=1)
    assert (moved > 0).nonzero()[:, 0].tolist() == list(range(14, 27)) and CONTEXT > 6


def test_griffin_lim_brings_pitch_and_time_back() -> None:
    samples = torch.cat([torch.zeros(44100 - 22050), sine(1000.0, 22050)])
    seen = magnitudes(mel(samples.numpy()))[0, 0]
    seen = seen[:, 60:110]  # silent until frame 86
    made = griffin_lim(seen, ClipSound(), rounds=8)
    assert made.shape == (50 * 256,) and made.dtype == np.float32
    assert np.array_equal(made, griffin_lim(seen, ClipSound(), rounds=8))
    sounding = made[7500:12500]
    spectrum = np.abs(np.fft.rfft(sounding * np.hanning(5000)))
    assert spectrum.argmax() * RATE / 5000 == pytest.approx(1000, abs=40)  # a band is wider than that
    assert abs(20 * np.log10(np.std(sounding) / np.std(samples.numpy()[24000:40000]))) < 4
    assert np.std(made[:5500]) < 0.02 * np.std(sounding)
    assert np.abs(griffin_lim(np.full((80, 6), -4, np.float32), ClipSound(), rounds=2)).max() < 1e-2


def test_vocoder_and_griffin_lim_are_measured_with_the_same_sounds(tmp_path: Path) -> None:
    films = analogy_tones.tone_films(tmp_path, [[(0.5, "scratch", "low")], [(0.8, "hit", "high")]], "validation")
    torch.manual_seed(0)
    network = Generator(SMALL).eval()
    nn.init.zeros_(network.model[-2].weight_g)  # type: ignore[arg-type]
    nn.init.zeros_(network.model[-2].bias)  # type: ignore[arg-type]
    made = compare(network, films, ClipSound(), most=2)
    assert made.clips == 2
    assert made.vocoder == pytest.approx(made.silence)  # that is what it makes
    assert made.griffin_lim < made.silence and made.nearer == 0
