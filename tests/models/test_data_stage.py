"""The stage as a data set: what a clip's moments show and sound, and which pairs are drawn of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.data import PairData, open_data
from foley_models.data.stage import KINDS, SEEDS, Stage

from foley_bridge.errors import FoleyError
from foley_bridge.inference import features
from foley_bridge.stage.sound import sound


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


def stage(kept: Path, seed: int = 0, split: str = "train") -> PairData:
    return open_data("stage:48", split=split, cache=kept, seed=seed)


def test_every_moment_sounds_and_shows_something_of_its_label() -> None:
    made = Stage("train", len(KINDS))
    for index in range(0, len(KINDS), 3):
        scene, moments = made.scene(index), made.make(index)
        assert " ".join(scene.labels) == made.clips[index].label
        samples = sound(scene)
        for time, mel in zip(moments.times, moments.sounds, strict=True):
            events = [event for event in scene.events if event.audible]
            assert any(event.time_s < time + 1 and event.end_s >= time for event in events)
            first = round(time * 48000)
            wanted = features.log_mel(samples[first : first + 48000])[0, 0]
            np.testing.assert_allclose(mel.astype(np.float32), wanted, atol=2e-3)
        assert moments.pictures.shape == (len(moments.times), 224, 224, 3) and moments.pictures.std() > 5


def test_labels_are_as_frequent_as_each_other_in_every_split() -> None:
    for split in SEEDS:
        counts = Counter(clip.label for clip in Stage(split, 480).clips)
        assert set(counts.values()) == {20} and len(counts) == 24


def test_splits_share_no_scene(kept: Path) -> None:
    seeds = sorted(SEEDS.values())
    assert min(np.diff(seeds)) > 10_000_000 < seeds[0]
    first = [Stage(split, 1).make(0).pictures.tobytes() for split in SEEDS]
    assert len(set(first)) == len(SEEDS)


def test_a_draw_is_a_function_of_seed_epoch_and_index(kept: Path) -> None:
    def drawn(seed: int, epoch: int) -> list[bytes]:
        data = stage(kept, seed)
        return [data.correlated(epoch, index)[0].tobytes() for index in range(6)]

    assert drawn(1, 4) == drawn(1, 4)
    assert drawn(1, 4) != drawn(1, 5)
    assert drawn(1, 4) != drawn(2, 4)


def test_validation_and_test_do_not_depend_on_the_seed(kept: Path) -> None:
    for split in ("validation", "test"):
        one, other = stage(kept, 1, split), stage(kept, 2, split)
        for index in range(4):
            drawn = [data.drawn(0, index, correlated=False) for data in (one, other)]
            assert drawn[0] == drawn[1]
            for a, b in zip(one.test_pair(index), other.test_pair(index), strict=True):
                np.testing.assert_array_equal(a, b)


def test_pairs_are_what_the_encoders_are_shown_in_the_product(kept: Path) -> None:
    data = stage(kept)
    moments = data.source.make(7)
    picture, mel = data.correlated(3, 7)
    number = data.drawn(3, 7, correlated=True)[0].moment
    assert picture.dtype == mel.dtype == np.float32 and mel.shape == (1, 64, 100)
    np.testing.assert_array_equal(picture, features.picture(moments.pictures[number]))
    np.testing.assert_array_equal(mel[0], moments.sounds[number].astype(np.float32))


def test_an_uncorrelated_pair_has_the_same_picture_and_a_sound_of_another_label(kept: Path) -> None:
    data = stage(kept)
    np.testing.assert_array_equal(data.correlated(2, 5)[0], data.uncorrelated(2, 5)[0])
    for epoch in range(8):
        picture, other = data.drawn(epoch, 5, correlated=False)
        assert picture == data.drawn(epoch, 5, correlated=True)[0]
        assert data.labels[other.clip] != data.labels[5]


def test_a_retrieval_test_has_one_pair_of_each_video_that_fits_together(kept: Path) -> None:
    data = stage(kept, split="test")
    picture, mel = data.test_pair(3)
    moments = data.source.make(3)
    number = [features.picture(image).tobytes() for image in moments.pictures].index(picture.tobytes())
    np.testing.assert_array_equal(mel[0], moments.sounds[number].astype(np.float32))


@pytest.mark.parametrize("spec", ["stages", "stage:many", "stage:1", "vggsound:list.csv", "videos:", "reels", ""])
def test_a_data_set_that_is_none_is_refused_by_its_name(spec: str) -> None:
    with pytest.raises(FoleyError) as caught:
        open_data(spec, split="train", cache=None, seed=0)
    assert spec in caught.value.message and "stage" in caught.value.hint
