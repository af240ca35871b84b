"""Which pairs are drawn, in which batches, by which processes, and that a run that goes on sees the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from data_sources import Numbers  # noqa: E402
from foley_models.data import (  # noqa: E402
    Batch,
    PairData,
    batches,
    batches_in_epoch,
    plan,
)
from foley_models.data.pairs import APART_S  # noqa: E402
from foley_models.errors import ModelError  # noqa: E402

from foley_bridge.inference import features  # noqa: E402


def data_of(cache: Path | None, videos: Sequence[int], *, seed: int = 0, **options: object) -> PairData:
    return PairData(Numbers(videos, **options), split="train", cache=cache, seed=seed)  # type: ignore[arg-type]


def same(one: Sequence[Batch], other: Sequence[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a.pictures, b.pictures) and torch.equal(a.sounds, b.sounds) and torch.equal(a.indices, b.indices)
        for a, b in zip(one, other, strict=True)
    )


# --- what is uncorrelated ---


def test_every_clip_of_another_label_is_as_likely_as_the_others(tmp_path: Path) -> None:
    data = data_of(tmp_path, [1] * 9, another="label")
    drawn = Counter(data.drawn(epoch, 4, correlated=False)[1].clip for epoch in range(800))
    assert drawn.keys() == {1, 3, 5, 7} and min(drawn.values()) > 150


def test_another_moment_is_of_another_video_or_far_away_in_the_same(tmp_path: Path) -> None:
    data = data_of(tmp_path, [4, 2])
    kinds = Counter()
    for epoch in range(400):
        picture, other = data.drawn(epoch, 1, correlated=False)
        elsewhere = data.clips[other.clip].video != data.clips[picture.clip].video
        apart = abs(data.times(other.clip)[other.moment] - data.times(picture.clip)[picture.moment])
        assert elsewhere or apart >= APART_S
        kinds[elsewhere] += 1
    assert 150 < kinds[True] < 250


def test_where_all_of_the_video_is_near_the_other_videos_are_drawn_from(tmp_path: Path) -> None:
    data = data_of(tmp_path, [1, 1])
    assert {data.drawn(epoch, 0, correlated=False)[1].clip for epoch in range(20)} == {1}


def test_a_single_long_video_is_drawn_from_far_away(tmp_path: Path) -> None:
    data = data_of(tmp_path, [3])
    data.check()
    assert {data.drawn(epoch, 0, correlated=False)[1].clip for epoch in range(40)} == {1, 2}


@pytest.mark.parametrize(
    ("videos", "another", "said"),
    [([1], "moment", "5 s apart"), ([1], "label", "another label"), ([], "label", "none of 0 clips")],
)
def test_data_without_uncorrelated_pairs_is_refused(tmp_path: Path, videos: list[int], another: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        data_of(tmp_path, videos, another=another).check()


# --- batches ---


@given(count=st.integers(1, 90), size=st.integers(2, 40), epoch=st.integers(0, 9))
def test_a_balanced_epoch_has_no_picture_twice_in_a_batch_and_one_pair_of_each_kind_of_a_clip(
    count: int, size: int, epoch: int
) -> None:
    rows = plan.balanced(count, size=size, seed=1, epoch=epoch)
    used = Counter()
    for each in rows:
        assert len(each.indices) == 2 * min(size // 2, count) and each.correlated.sum() * 2 == len(each.indices)
        used.update(zip(each.indices.tolist(), each.correlated.tolist(), strict=True))
        if count >= 2 * (size // 2) and len(rows) * (size // 2) == count:
            assert len(set(each.indices.tolist())) == len(each.indices)
    assert set(used.values()) == {1} and 2 * count - sum(used.values()) < 2 * (size // 2)


@given(videos=st.lists(st.integers(1, 12), min_size=2, max_size=30), size=st.integers(2, 16), epoch=st.integers(0, 3))
def test_no_two_pairs_of_a_contrastive_batch_are_of_one_video(videos: list[int], size: int, epoch: int) -> None:
    first = np.cumsum([0, *videos])
    clips = [list(range(first[video], first[video + 1])) for video in range(len(videos))]
    video_of = np.repeat(np.arange(len(videos)), videos)
    rows = plan.contrastive(clips, size=size, seed=1, epoch=epoch)
    used = np.concatenate([each.indices for each in rows])
    assert len(set(used.tolist())) == len(used)
    assert len({len(each.indices) for each in rows}) == 1 and len(rows[0].indices) >= min(size, len(videos) // 2)
    for each in rows:
        assert len(set(video_of[each.indices].tolist())) == len(each.indices) <= size
    if set(videos) == {1} and len(videos) >= size:
        assert {len(each.indices) for each in rows} == {size} and len(videos) - len(used) < size


def test_a_batch_holds_what_was_drawn_normalised_as_in_the_product(tmp_path: Path) -> None:
    data = data_of(tmp_path, [1] * 12, another="label")
    for contrastive in (False, True):
        made = list(batches(data, size=4, contrastive=contrastive, epoch=3))
        assert len(made) == batches_in_epoch(data, size=4, contrastive=contrastive) == (3 if contrastive else 6)
        for batch in made:
            assert (batch.correlated is None) == contrastive
            marks = [1] * 4 if batch.correlated is None else batch.correlated.tolist()
            for place, (index, mark) in enumerate(zip(batch.indices.tolist(), marks, strict=True)):
                picture, mel = data.correlated(3, index) if mark else data.uncorrelated(3, index)
                np.testing.assert_array_equal(batch.pictures[place].numpy(), picture)
                np.testing.assert_array_equal(batch.sounds[place].numpy(), mel)


def test_a_batch_of_colours_is_normalised_to_the_same_bits_as_a_picture(tmp_path: Path) -> None:
    from foley_models.data.batching import _finished

    images = np.arange(2 * 224 * 224 * 3).astype(np.uint8).reshape(2, 224, 224, 3)
    rows = plan.Rows(0, np.arange(2), np.ones(2, np.int64))
    mels = torch.zeros(2, 1, 64, 100, dtype=torch.float16)
    made = _finished(PairData.picture_features, rows, torch.from_numpy(images), mels, True, torch.device("cpu"))
    for place in range(2):
        np.testing.assert_array_equal(made.pictures[place].numpy(), features.picture(images[place]))


def test_an_epoch_begun_in_the_middle_goes_on_as_it_would_have(tmp_path: Path) -> None:
    whole = list(batches(data_of(tmp_path, [2] * 8, seed=5), size=4, contrastive=False, epoch=2))
    rest = list(batches(data_of(tmp_path, [2] * 8, seed=5), size=4, contrastive=False, epoch=2, first=3))
    assert same(whole[3:], rest) and not same(whole[2:-1], rest)


def test_processes_that_train_together_share_the_batch(tmp_path: Path) -> None:
    data = data_of(tmp_path, [1] * 16)
    whole = list(batches(data, size=8, contrastive=False, epoch=0))
    parts = [list(batches(data, size=8, contrastive=False, epoch=0, part=(rank, 2))) for rank in range(2)]
    for batch, left, right in zip(whole, *parts, strict=True):
        assert torch.equal(batch.sounds, torch.cat([left.sounds, right.sounds]))
        assert left.correlated is not None and left.correlated.tolist() == [1, 0, 1, 0]


def test_worker_processes_read_the_same_leave_the_random_state_alone_and_stay(tmp_path: Path) -> None:
    alone, helped = data_of(tmp_path, [2] * 8), data_of(tmp_path, [2] * 8)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    for epoch in range(2):
        wanted = list(batches(alone, size=6, contrastive=True, epoch=epoch))
        assert same(wanted, list(batches(helped, size=6, contrastive=True, epoch=epoch, workers=1)))
    assert torch.equal(torch.get_rng_state(), before)
    begun = batches(helped, size=6, contrastive=True, epoch=0, workers=1)
    next(begun)
    begun.close()  # as when a budget of steps is used up
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid or 0, signal.SIGINT)  # as Ctrl-C does, to all of them
    assert same(wanted, list(batches(helped, size=6, contrastive=True, epoch=1, workers=1)))


def test_what_cannot_be_read_is_one_error_from_worker_processes_too(tmp_path: Path) -> None:
    data = data_of(tmp_path, [1] * 4, unreadable=[2])
    for workers in (0, 1):
        with pytest.raises(ModelError) as caught:
            list(batches(data, size=4, contrastive=True, epoch=0, workers=workers))
        assert str(caught.value) == "2/0: its features cannot be made again: clip 2: is not readable (export it again)"


def test_contrastive_batches_of_a_single_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="only video"):
        next(batches(data_of(tmp_path, [5]), size=4, contrastive=True, epoch=0))
