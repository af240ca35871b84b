"""Published checkpoints as our networks: what is in a file, what is wrong with it, and each trap of the published code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_export.analogy.published.parts import NO_WEIGHTS, PREFIXES  # noqa: E402
from foley_export.analogy.published.read import Published, published_sizes, read_published  # noqa: E402
from foley_export.errors import ExportError  # noqa: E402
from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN  # noqa: E402
from foley_models.analogy.decoder.gpt import Decoder  # noqa: E402
from foley_models.analogy.decoder.sampling import Windows, generate  # noqa: E402
from foley_models.analogy.picture.r2plus1d import R2Plus1D  # noqa: E402
from foley_models.analogy.vocoder.melgan import Generator  # noqa: E402
from published_files import SIZES, checkpoint, codebook_tensors, decoder_tensors, saved, vocoder_tensors  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from foley_bridge.inference import clips  # noqa: E402

FACTS = Path(__file__).parents[3] / "shared" / "facts" / "condfoley_state_dict.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("published")
    checkpoint(made / "last.ckpt", decoder_tensors())
    saved(made / "best_netG.pt", vocoder_tensors(), old=True)
    return made


@pytest.fixture(scope="module")
def published(folder: Path) -> Published:
    return read_published([folder / "last.ckpt", folder / "best_netG.pt"], SIZES)


# --- what is in files ---


@pytest.mark.skipif(not FACTS.exists(), reason="no ../shared here")
def test_our_networks_at_published_sizes_have_exactly_the_published_names_and_shapes() -> None:
    facts, sizes = json.loads(FACTS.read_text()), published_sizes()
    with torch.device("meta"):
        networks = {"codebook": SpectrogramVQGAN(sizes.codebook), "decoder": Decoder(sizes.decoder)}
        networks["picture"] = R2Plus1D(sizes.picture)
        vocoder = Generator(sizes.vocoder)
    ours = {PREFIXES[part] + name: list(t.shape) for part, each in networks.items() for name, t in each.state_dict().items()}
    said = facts["transformer_ckpt.state_dict"]
    assert len(said) == 986
    assert ours == {name: shape for name, (shape, _) in said.items() if not NO_WEIGHTS.match(name)}
    assert {name: list(t.shape) for name, t in vocoder.state_dict().items()} == {
        name: shape for name, (shape, _) in facts["melgan_best_netG.pt"].items()
    }


def test_all_tensors_of_a_checkpoint_are_in_the_networks(published: Published) -> None:
    tensors = decoder_tensors()
    for prefix, network in (
        ("first_stage_model.", published.codebook),
        ("cond_stage_model.model.", published.model.picture),
        ("transformer.", published.model.decoder),
    ):
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, tensors[prefix + name]), name
    assert not any(parameter.requires_grad for parameter in published.model.parameters())
    assert not published.model.training and not published.codebook.training
    assert [(each.name, set(each.parts)) for each in published.files] == [
        ("last.ckpt", {"codebook", "picture", "decoder"}),
        ("best_netG.pt", {"vocoder"}),
    ]


def test_a_codebook_of_its_own_goes_before_the_checkpoints(folder: Path) -> None:
    own = codebook_tensors(seed=9)
    adversary = {"loss.discriminator.main.0.weight": torch.ones(2), "wav_transforms.1.fb": torch.ones(2)}
    path = checkpoint(folder / "codebook.ckpt", own | adversary)
    for order in ([path, folder / "last.ckpt"], [folder / "last.ckpt", path]):
        made = read_published(order, SIZES)
        assert torch.equal(made.codebook.quantize.embedding.weight, own["quantize.embedding.weight"])
        assert made.vocoder is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("transformer.blocks.1.mlp.2.bias"), r"decoder lacks transformer\.blocks\.1\.mlp\.2\.bias"),
        (lambda t: t.pop("first_stage_model.quantize.embedding.weight"), r"codebook lacks first_stage_model\.quantize\.emb"),
        (lambda t: t.pop("cond_stage_model.model.layer2.0.downsample.0.weight"), r"picture lacks .*layer2\.0\.downsample\.0"),
        (lambda t: t.update({"transformer.blocks.7.ln1.bias": torch.ones(2)}), r"has transformer\.blocks\.7\.ln1\.bias, which"),
        (lambda t: t.update({"cond_stage_model.model.fc.weight": torch.ones(2)}), r"has cond_stage_model\.model\.fc\.weight"),
        (lambda t: t.update({"other_model.weight": torch.ones(2)}), r"has other_model\.weight, which is part of no"),
        (lambda t: t.update({"transformer.pos_emb": torch.ones(1, 159, 16)}), r"pos_emb is 1 x 159 x 16, not 1 x 160 x 16"),
        (lambda t: t.update({"transformer.ln_f.bias": torch.arange(16)}), r"ln_f\.bias is of LongStorage"),
        (lambda t: t.update({"transformer.ln_f.bias": torch.full((16,), torch.nan)}), r"ln_f\.bias has numbers that are none"),
    ],
)
def test_a_tensor_that_is_wrong_is_named(tmp_path: Path, change: Callable[[dict[str, Any]], Any], said: str) -> None:
    tensors = decoder_tensors()
    change(tensors)
    with pytest.raises(ExportError, match=said):
        read_published([checkpoint(tmp_path / "wrong.ckpt", tensors)], SIZES)


def test_files_that_do_not_make_a_model_are_named(folder: Path, tmp_path: Path) -> None:
    other = checkpoint(tmp_path / "other.ckpt", decoder_tensors(3))
    with pytest.raises(ExportError, match=r"last\.ckpt and other\.ckpt both hold a"):
        read_published([folder / "last.ckpt", other], SIZES)
    with pytest.raises(ExportError, match="no decoder is in these files"):
        read_published([folder / "best_netG.pt"], SIZES)
    with pytest.raises(ExportError, match=r"none of the published networks.*classifier\.0\.weight"):
        read_published([saved(tmp_path / "strange.pt", {"classifier.0.weight": torch.ones(2)})], SIZES)
    for tensors in ({}, {"model.1.\x1b[2Jbias": torch.ones(2)}, {"model.1." + "a" * 1000: torch.ones(2)}):
        with pytest.raises(ExportError, match="holds no network"):
            read_published([saved(tmp_path / "empty.pt", {"state_dict": tensors})], SIZES)
    larger = replace(SIZES, decoder=replace(SIZES.decoder, layers=3))
    with pytest.raises(ExportError, match=r"lacks transformer\.blocks\.2\..* and 16 more.*of the published size"):
        read_published([folder / "last.ckpt"], larger)


# --- the traps of the published code, each against a computation of its own ---


def test_trap_codes_go_column_by_column_from_the_lowest_bands_up(published: Published) -> None:
    mel = torch.rand(1, 1, 80, 160, generator=torch.Generator().manual_seed(1)) * 2 - 1
    codebook = copy.deepcopy(published.codebook)
    places = codebook.embeddings(mel)[0].double().numpy()  # (d, 5, 10)
    entries = places.reshape(len(places), -1).T[5:37]  # as many different places as there are entries
    codebook.quantize.embedding.weight.copy_(torch.from_numpy(entries))
    codes = codebook.encode(mel)[0].tolist()
    nearest = np.square(places[None] - entries[:, :, None, None]).sum(axis=1).argmin(axis=0)  # (5, 10)
    assert codes == [int(nearest[row, column]) for column in range(10) for row in range(5)]
    assert len(set(codes)) > 20
    changed = list(codes)
    changed[9 * 5] = (codes[9 * 5] + 1) % len(entries)  # the lowest of the last column
    twice = codebook.decode(torch.tensor([codes, changed]))
    moved = (twice[0] - twice[1]).abs()[0].double()
    assert moved[:16, 144:].sum() > moved[64:, 144:].sum() and moved[:, 144:].sum() > moved[:, :16].sum()


def test_trap_codes_in_another_order_are_refused(tmp_path: Path) -> None:
    tensors = decoder_tensors()
    tensors["first_stage_permuter.forward_shuffle_idx"] = torch.arange(50)  # row by row
    with pytest.raises(ExportError, match="another order"):
        read_published([checkpoint(tmp_path / "rows.ckpt", tensors)], SIZES)


def test_trap_attention_to_later_tokens_is_refused(tmp_path: Path) -> None:
    tensors = decoder_tensors()
    tensors["transformer.blocks.1.attn.mask"] = torch.ones(1, 1, 160, 160)
    with pytest.raises(ExportError, match=r"transformer\.blocks\.1\.attn\.mask"):
        read_published([checkpoint(tmp_path / "open.ckpt", tensors)], SIZES)


def test_trap_codes_enter_by_their_index_not_by_the_codebooks_vectors(published: Published) -> None:
    table = decoder_tensors()["transformer.tok_emb.weight"]
    codes = torch.tensor([[3, 0, 31, 3]])
    assert torch.equal(published.model.decoder.sounds(codes)[0], table[[3, 0, 31, 3]])
    conditional, own = torch.randn(2, 1, 30, 8)
    prefix = published.model.prefix(conditional, own, torch.arange(50)[None] % 32)
    pictures = published.model.decoder.pictures(torch.cat([conditional, own], dim=1))
    assert torch.equal(prefix[:, :60], pictures)  # the example's pictures first
    assert torch.equal(prefix[0, 60:], table[torch.arange(50) % 32])


def test_trap_visual_features_go_by_the_statistics_of_the_clip_itself(published: Published) -> None:
    pictures = torch.randn(2, 3, 30, 32, 32, generator=torch.Generator().manual_seed(2))
    told = R2Plus1D(replace(SIZES.picture, batch_statistics=False))
    told.load_state_dict(published.model.picture.state_dict())
    told.train()  # torch's own batch normalisation in training mode, which is where the published code leaves it
    for module in told.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = 0.0
    alone = torch.cat([told(clip) for clip in pictures.split(1)])
    features = published.model.features(pictures)
    torch.testing.assert_close(features, alone, rtol=1e-4, atol=1e-4)
    assert (features - told(pictures)).abs().max() > 1e-2  # two clips in one call are not what is published
    assert (features - told.eval()(pictures)).abs().max() > 1e-2  # nor are the statistics of training


def test_trap_a_clips_last_thirteen_frames_are_not_seen(published: Published) -> None:
    samples = np.zeros((2, 44100), np.float32)
    samples[0, 44100 - 1500 :] = 0.5
    samples[1, 160 * 256 + 300 :] = 0.5  # its middle is in frame 161: frame 159 reaches 512 samples beyond its own middle
    mel = clips.mel(clips.levelled(samples, published.sound), published.sound)
    assert mel.shape == (2, 1, 80, 160)
    assert (mel[0] == -1).all() and (mel[1, :, :, :158] == -1).all()


def test_trap_a_short_sound_is_silence_at_its_end_and_a_short_mel_is_zeros(folder: Path) -> None:
    from foley_export.analogy.parts import of_published

    assert of_published([folder / "last.ckpt"], SIZES).fill == 0.0
    samples = np.zeros(44100, np.float32)
    samples[:11025] = np.random.default_rng(0).normal(0, 0.1, 11025)
    mel = clips.mel(samples, clips.ClipSound(scale="htk", rms=0.0))
    assert (mel[0, 0, :, 48:] == -1).all() and (mel[0, 0, :, :40] > -1).any()


def test_trap_mels_are_of_htks_scale_with_slaneys_norm(published: Published) -> None:
    samples = np.random.default_rng(3).normal(0, 0.05, (1, 44100)).astype(np.float32)
    mel = clips.mel(clips.levelled(samples, published.sound), published.sound)[0, 0]
    edges = 700 * (10 ** (np.linspace(2595 * np.log10(1 + 125 / 700), 2595 * np.log10(1 + 7600 / 700), 82) / 2595) - 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    padded = np.concatenate([samples[0, 512:0:-1], samples[0], samples[0, -2:-514:-1]]).astype(np.float64)
    for frame in (0, 7, 159):
        spectrum = np.abs(np.fft.rfft(padded[frame * 256 : frame * 256 + 1024] * window))
        for band in (0, 1, 40, 79):
            low, middle, high = edges[band : band + 3]
            hz = np.arange(513) * 22050 / 1024
            triangle = np.clip(np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)), 0, None)
            magnitude = (spectrum * triangle * 2 / (high - low)).sum()
            decibels = 20 * np.log10(max(magnitude, 1e-5))
            said = 2 * np.clip((decibels - 20 + 100) / 100, 0, 1) - 1
            assert mel[band, frame] == pytest.approx(said, abs=2e-5)
    slaney = clips.mel(samples, replace(published.sound, scale="slaney"))[0, 0]
    assert np.abs(slaney - mel).max() > 0.1


def test_trap_a_sound_is_not_brought_to_the_level_of_training(published: Published) -> None:
    samples = np.random.default_rng(4).normal(0, 0.02, (1, 44100)).astype(np.float32)
    quiet, loud = (clips.mel(clips.levelled(each, published.sound), published.sound) for each in (samples, 2 * samples))
    within = (quiet > -0.99) & (loud < 0.99)
    assert within.any() and np.allclose((loud - quiet)[within], 2 * 20 * np.log10(2) / 100, atol=1e-4)


def test_trap_the_vocoder_takes_numbers_from_0_to_1(published: Published) -> None:
    assert published.vocoder is not None
    told = Generator(SIZES.vocoder)
    told.load_state_dict(vocoder_tensors())
    mel = torch.rand(2, 80, 24, generator=torch.Generator().manual_seed(5)) * 2.4 - 1.2  # decoded mels go a little beyond
    wave = published.vocoder(torch.from_numpy(clips.magnitudes(mel.numpy())))
    torch.testing.assert_close(wave, told((mel + 1) / 2), rtol=0, atol=2e-6)
    torch.testing.assert_close(
        published.vocoder.plain()(torch.from_numpy(clips.magnitudes(mel.numpy()))), wave, rtol=0, atol=2e-6
    )


def test_trap_what_is_made_for_a_clip_is_shorter_than_the_clip(published: Published) -> None:
    assert published.vocoder is not None
    mel = published.codebook.decode(torch.zeros(1, 50, dtype=torch.int64))
    assert published.vocoder(torch.from_numpy(clips.magnitudes(mel[:, 0].numpy()))).shape == (1, 1, 160 * 256)


def test_trap_pictures_are_made_square_whatever_their_shape(published: Published) -> None:
    image = np.random.default_rng(6).integers(0, 256, (90, 200, 3), dtype=np.uint8)
    kept = clips.kept(image, published.picture)
    assert kept.shape == (128, 128, 3)
    assert clips.pictures(kept[None], published.picture).shape == (3, 1, 112, 112)
    for row, column in ((0, 0), (5, 100), (64, 63), (127, 127)):
        across, down = _cubic_weights(column, 200, 128), _cubic_weights(row, 90, 128)
        rows = np.clip(np.round(np.einsum("hwc,w->hc", image.astype(float), across)), 0, 255)
        said = np.clip(down @ rows, 0, 255)
        assert np.abs(kept[row, column] - said).max() <= 0.51, (row, column)
    middle = (kept[8, 8].astype(np.float64) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert clips.pictures(kept[None], published.picture)[:, 0, 0, 0] == pytest.approx(middle, abs=1e-5)


def test_trap_half_of_the_codes_can_be_drawn_at_temperature_1(published: Published) -> None:
    assert published_sizes().decoder.codes // 2 == 512
    assert (published.top_k, published.temperature) == (16, 1.0)
    features, codes = torch.randn(2, 1, 30, 8, generator=torch.Generator().manual_seed(8)), torch.arange(50)[None] % 32
    drawn = torch.rand(40, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        made = generate(published.model, features[0], features[1], codes, drawn, top_k=published.top_k)
        logits = published.model.logits(features[0], features[1], codes, made[:1])[0, 0].double()
    likely = logits.argsort(descending=True)[:16].sort().values
    assert set(made[:, 0].tolist()) <= set(likely.tolist())
    bounds = torch.softmax(logits[likely], dim=0).cumsum(dim=0)
    said = likely[torch.searchsorted(bounds, drawn[:, 0].contiguous(), right=True).clamp(max=15)]
    assert torch.equal(made[:, 0], said)


def test_trap_the_window_over_a_longer_inputs_pictures_stays_where_it_is(published: Published) -> None:
    windows = Windows("half", published.frames_per_column)
    assert {windows.frame(start, 60, 30) for start in range(3)} == {0}
    features = torch.randn(2, 1, 60, 8, generator=torch.Generator().manual_seed(10))
    later = copy.deepcopy(features)
    later[1, :, 30:] *= -20  # what a longer input shows after two seconds
    drawn = torch.rand(1, 70, dtype=torch.float64, generator=torch.Generator().manual_seed(11))
    codes = torch.arange(50)[None] % 32

    def made(given: Tensor, how: Windows) -> Tensor:
        with torch.no_grad():
            return generate(published.model, given[0, :, :30], given[1], codes, drawn, windows=how)

    assert torch.equal(made(features, windows), made(later, windows))
    assert not torch.equal(made(features, Windows()), made(later, Windows()))


def _cubic_weights(place: int, count: int, length: int) -> np.ndarray:
    """Of each of ``count`` pixels for the pixel at ``place`` of ``length``, by the cubic of Keys with a slope of -0.5."""
    wide = max(count / length, 1)
    at = np.abs((np.arange(count) + 0.5 - (place + 0.5) * count / length) / wide)
    near, far = 1.5 * at**3 - 2.5 * at**2 + 1, -0.5 * at**3 + 2.5 * at**2 - 4 * at + 2
    weights = np.where(at < 1, near, np.where(at < 2, far, 0))
    return weights / weights.sum()
