"""Synchronisation: which offsets are drawn and what they mean, one picture for many sounds, choosing, and learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.analogy.data import ClipBatch, Film  # noqa: E402
from foley_models.analogy.picture.r2plus1d import PictureConfig  # noqa: E402
from foley_models.analogy.sync import choose  # noqa: E402
from foley_models.analogy.sync.choose import choose_published  # noqa: E402
from foley_models.analogy.sync.network import SIZES, SyncConfig, SyncLearner, SyncNetwork  # noqa: E402
from foley_models.analogy.sync.train import possible, shifted  # noqa: E402

from foley_bridge.inference.clips import ClipPicture, ClipSound, levelled, mel  # noqa: E402
from foley_bridge.inference.offsets import Scores, decided  # noqa: E402

TINY = SyncConfig(
    picture=PictureConfig(widths=(4, 8), blocks=(1, 1), stem=4),
    sound_widths=(4, 4, 8, 8),
    sound_blocks=(1, 1, 1, 1),
    width=16,
    heads=2,
    layers=1,
    selectors=3,
    places=False,
    diagonals=True,
    side=4,
)
PICTURE, SOUND = ClipPicture(short_side=16, size=16), ClipSound()
RATE = SOUND.sample_rate


class _Films(list[Film]):
    """Films in memory."""

    picture, sound = PICTURE, SOUND


def _network(config: SyncConfig = TINY) -> SyncNetwork:
    torch.manual_seed(0)
    return SyncNetwork(config).eval()


def test_offsets_are_finer_than_a_tenth_of_a_second_and_lie_around_none() -> None:
    for config in SIZES.values():
        offsets = np.array(config.offsets_s)
        np.testing.assert_allclose(offsets, np.arange(-12, 13) * 0.05)


def test_a_late_sound_is_taken_from_earlier_in_the_film() -> None:
    """A click 3 s into a film, in a clip from 2 s on, is heard after 1 s and the offset."""
    samples = np.zeros(6 * RATE, np.float32)
    samples[3 * RATE] = 0.5
    film = Film("film", np.zeros((90, 16, 16, 3), np.uint8), samples, (), np.array([30]))
    count = 16
    batch = ClipBatch(
        torch.zeros(count, 3, 30, 16, 16), torch.zeros(count, 44100), *(torch.full((count,), x) for x in (0, 2 * RATE))
    )
    _, mels, classes = next(shifted(_Films([film]), [batch], TINY, (0, 0, 0)))  # type: ignore[arg-type]
    loudest = mels[:, 0].sum(dim=1).argmax(dim=1) * SOUND.hop / RATE
    assert len(set(classes.tolist())) > 5
    np.testing.assert_allclose(loudest, 1 + np.array(TINY.offsets_s)[classes], atol=SOUND.hop / RATE)
    straight = mel(levelled(samples[None, 2 * RATE : 4 * RATE], SOUND), SOUND)[0]
    for mel_of, offset in zip(mels.numpy(), classes.tolist(), strict=True):
        assert (offset == 12) == np.array_equal(mel_of, straight)


def test_what_is_drawn_depends_on_seed_epoch_and_batch_alone() -> None:
    film = Film("film", np.zeros((90, 16, 16, 3), np.uint8), np.ones(6 * RATE, np.float32), (), np.array([30]))
    batch = ClipBatch(None, torch.zeros(4, 44100), torch.zeros(4, dtype=torch.long), torch.full((4,), 2 * RATE))
    films = _Films([film])

    def drawn(batches: int, draw: tuple[int, int, int]) -> list[list[int]]:
        return [classes.tolist() for _, _, classes in shifted(films, [batch] * batches, TINY, draw)]  # type: ignore[arg-type,union-attr]

    assert drawn(3, (0, 0, 0))[2] == drawn(1, (0, 0, 2))[0]
    assert drawn(1, (0, 1, 0)) != drawn(1, (0, 0, 0)) != drawn(1, (1, 0, 0))


def test_only_offsets_that_leave_the_sound_inside_the_film_are_possible() -> None:
    films = _Films()
    offsets = np.array(TINY.offsets_s)
    assert offsets[possible(0, 6 * RATE, TINY, films)].max() == 0  # type: ignore[arg-type]
    assert offsets[possible(4 * RATE, 6 * RATE, TINY, films)].min() == 0  # type: ignore[arg-type]
    assert offsets[possible(0, 44100, TINY, films)].tolist() == [0]  # type: ignore[arg-type]
    near = offsets[possible(round(0.2 * RATE), 6 * RATE, TINY, films)]  # type: ignore[arg-type]
    assert (near.min(), near.max()) == (-0.6, 0.2)


@pytest.mark.parametrize("config", [TINY, replace(TINY, places=True, diagonals=False, side=8)])
def test_a_picture_that_is_looked_at_once_gives_what_it_gives_beside_each_sound(config: SyncConfig) -> None:
    network = _network(config)
    pictures, mels = torch.randn(3, 30, 32, 32), torch.rand(5, 1, 80, 160) * 2 - 1
    with torch.no_grad():
        apart = torch.cat([network(pictures[None], each[None]) for each in mels])
    scores = choose.score(network, pictures, mels)
    together = decided(apart.numpy(), network.offsets_s)
    np.testing.assert_allclose(scores.confidences, together.confidences, rtol=1e-4)
    np.testing.assert_array_equal(scores.offsets_s, together.offsets_s)


def test_diagonals_add_up_pairs_that_lie_an_offset_apart() -> None:
    """Moments of picture and sound that are alike 0.3 s apart speak for an offset of 0.3 s, and most for that."""
    network = _network()
    seen, heard = torch.zeros(1, 3 + 30, 16), torch.zeros(1, 3 + 40, 16)
    seen[0, 3 + 10, 5] = 1.0
    at = round((10 / 15 + 0.3) / (4 * 256 / RATE))
    heard[0, 3 + at, 5] = 1.0
    with torch.no_grad():
        gain = network.compare(seen, heard) - network.compare(seen, torch.zeros_like(heard))
    assert network.offsets_s[int(gain.argmax())] == pytest.approx(0.3)
    assert (gain[0, np.abs(np.array(network.offsets_s) - 0.3) > 0.1] == 0).all()


def test_of_equal_offsets_the_surer_is_chosen_and_the_tolerance_is_above_the_smallest() -> None:
    def scores(*pairs: tuple[float, float]) -> Scores:
        return Scores(np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs]))

    late = scores((0.5, 0.99), (-0.3, 0.2), (0.4, 0.6), (0.45, 0.7))
    assert choose.choose(late, 0.1) == 2  # at most 0.4 s: numbers 1 and 2
    assert choose.choose(late, 0.15) == 3
    assert choose.choose(late, 0.0) == 1
    assert choose.choose(late, 0.2) == 0
    assert choose.choose(scores((0.0, 0.1), (-0.0, 0.4), (0.05, 0.9)), 0.0) == 1
    assert choose.choose(scores((0.1, 0.5), (-0.1, 0.5))) == 0


def test_as_published_none_may_be_within_the_tolerance_and_that_is_said() -> None:
    late = Scores(np.array([0.5, -0.3, 0.4]), np.array([0.9, 0.2, 0.6]))
    assert choose_published(late, 0.2) is None
    assert choose_published(late, 0.4) == 2
    assert choose_published(Scores(late.offsets_s - 0.4, late.confidences), 0.2) == 0
    with pytest.raises(ValueError, match="no sound"):
        choose.choose(Scores(np.zeros(0), np.zeros(0)))


def test_nothing_but_the_offset_is_learned_from_shifted_flashes_and_clicks() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    learner = SyncLearner(TINY)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=5e-3)

    def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pictures = rng.normal(0, 0.2, (8, 3, 30, 16, 16)).astype(np.float32)
        mels = np.full((8, 1, 80, 160), -1, np.float32)
        classes = rng.integers(0, 25, 8)
        for clip, number in enumerate(classes):
            for time in rng.uniform(0, 2, 3):
                pictures[clip, :, round(time * 15) : round(time * 15) + 2] += 2
                frame = round((time + TINY.offsets_s[number]) * RATE / 256)
                mels[clip, :, :, max(0, frame) : max(0, frame + 3)] = 0.8
        return torch.from_numpy(pictures), torch.from_numpy(mels), torch.from_numpy(classes)

    for _ in range(60):
        loss, _ = learner.loss(*batch(), gather=lambda rows: rows)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learner.eval()
    with torch.no_grad():
        right = torch.cat([learner.loss(*batch(), gather=lambda rows: rows)[1] for _ in range(4)])
    assert right.float().mean() > 0.6  # by chance: 0.2


def test_a_kept_network_for_pictures_stays_to_the_bit_and_the_rest_learns() -> None:
    torch.manual_seed(0)
    learner = SyncLearner(TINY, keep_picture=True).train()
    before = {name: each.clone() for name, each in learner.state_dict().items()}
    optimiser = torch.optim.AdamW([each for each in learner.parameters() if each.requires_grad])
    pictures, mels = torch.randn(2, 3, 30, 16, 16), torch.rand(2, 1, 80, 160)
    loss, _ = learner.loss(pictures, mels, torch.tensor([3, 20]), gather=lambda rows: rows)
    loss.backward()
    optimiser.step()
    same = {name for name, each in learner.state_dict().items() if torch.equal(each, before[name])}
    assert same >= {f"network.picture.{name}" for name in learner.network.picture.state_dict()}
    assert not same & {f"network.sound.{name}" for name, _ in learner.network.sound.named_parameters()}
    assert "network.out.weight" not in same
    assert "network.picture_moment.weight" not in same
