"""Films of the stage, and clips and pairs out of films: what is where, what is drawn, and that it is drawn again the same."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.analogy.data import ClipBatch, Films, clips, open_films, pairs
from foley_models.analogy.data.stage import KINDS, SEEDS, Stage
from foley_models.errors import ModelError

from foley_bridge.inference import clips as shown
from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_bridge.stage.draw import draw_at

PICTURE, SOUND = ClipPicture(short_side=32, size=24), ClipSound()
COUNT = 12


def opened(spec: str, cache: Path | None, split: str = "train") -> Films:
    return open_films(spec, split=split, picture=PICTURE, sound=SOUND, cache=cache, workers=0)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return opened(f"stage:{COUNT}:dubbed", tmp_path_factory.mktemp("films"))


def same(one: ClipBatch, other: ClipBatch) -> bool:
    return all(a is b or (a is not None and b is not None and a.equal(b)) for a, b in zip(one, other, strict=True))


# --- films ---


def test_a_film_shows_its_scene_at_fifteen_pictures_a_second(films: Films) -> None:
    film, scene = films[3], Stage("train", COUNT, dubbed=True).scene(3)
    assert film.frames.shape == (90, 32, 32, 3) and film.frames.dtype == np.uint8
    assert (film.action, film.seen) == scene.labels == KINDS[3]
    for number in (0, 17, 89):
        drawn = draw_at(scene, Fraction(number, 15), (128, 128))
        difference = shown.kept(drawn, PICTURE).astype(int) - film.frames[number]
        assert np.abs(difference).mean() < 6  # but for blur


def test_a_film_sounds_when_its_events_say(films: Films) -> None:
    for film in films[:8]:
        assert film.samples.shape == (132300,) and film.samples.dtype == np.float32
        level = np.abs(film.samples)
        first = film.events[0].time_s
        assert level[: int((first - 0.01) * 22050)].max(initial=0) < 1e-3
        for time_s, _, _ in film.events:
            begin = int(time_s * 22050)
            assert level[begin : begin + 2205].max() > 0.02
        assert [event.time_s for event in film.events] == sorted(event.time_s for event in film.events)


def test_what_happens_in_a_stretch_is_timed_from_its_beginning(films: Films) -> None:
    film = films[0]
    second = film.events[1].time_s
    within = film.events_in(second - 0.5, 0.75)
    assert within[-1].time_s == pytest.approx(0.5) and all(0 <= event.time_s < 0.75 for event in within)
    assert film.events_in(second, 1e-9)[0].time_s == 0 and not film.events_in(0, film.events[0].time_s)


def test_kinds_are_as_frequent_as_each_other_and_half_of_a_dubbed_set_sounds_of_another_material() -> None:
    made = Stage("train", 640, dubbed=True)
    assert set(Counter(KINDS[index % len(KINDS)] for index in range(640)).values()) == {20}
    dubbed = Counter(KINDS[index % len(KINDS)] for index in range(640) if made.heard(index) != KINDS[index % len(KINDS)][1])
    assert set(dubbed.values()) == {10} and len(dubbed) == len(KINDS)
    heard = Counter(made.heard(index) for index in range(640))
    assert len(heard) == 8 and min(heard.values()) > 50
    plain = Stage("train", 64)
    assert all(plain.heard(index) == KINDS[index % len(KINDS)][1] for index in range(64))


def test_a_dubbed_film_looks_the_same_and_sounds_of_the_other_material_at_the_same_times(films: Films) -> None:
    index = next(index for index, film in enumerate(films) if film.heard != film.seen)
    one = films[index]
    other = Stage("train", COUNT).make(index, PICTURE, SOUND)
    np.testing.assert_array_equal(one.frames, other.frames)
    assert [event.time_s for event in one.events] == [event.time_s for event in other.events]
    assert {event.material for event in one.events} == {one.heard} != {event.material for event in other.events}
    apart = np.abs(shown.mel(shown.levelled(one.samples[:44100])) - shown.mel(shown.levelled(other.samples[:44100])))
    assert apart.mean() > 0.05


def test_splits_share_no_scene() -> None:
    assert min(np.diff(sorted(SEEDS.values()))) > 1 << 40
    scenes = {Stage(split, 1).scene(0) for split in SEEDS}
    assert len(scenes) == len(SEEDS)


def test_films_are_made_once_and_lie_on_disk(films: Films) -> None:
    folder = films.store.folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    again = opened(f"stage:{COUNT}:dubbed", folder)
    fewer = opened("stage:4:dubbed", folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
    assert len(before) == 3 * COUNT and len(again) == COUNT and len(fewer) == 4
    assert isinstance(again[0].frames, np.memmap) and isinstance(again[0].samples, np.memmap)
    np.testing.assert_array_equal(again[0].frames, films[0].frames)


def test_other_settings_make_other_films(films: Films) -> None:
    larger = open_films(
        "stage:2", split="train", picture=ClipPicture(short_side=40, size=24), sound=SOUND, cache=films.store.folder, workers=0
    )
    assert larger[0].frames.shape == (90, 40, 40, 3) and films[0].frames.shape == (90, 32, 32, 3)


def test_a_film_that_is_gone_is_named_and_one_without_its_last_file_is_made_again(tmp_path: Path) -> None:
    made = opened("stage:2", tmp_path)
    frames = sorted(tmp_path.rglob("*.frames.npy"))[0]
    frames.write_bytes(b"")
    with pytest.raises(ModelError, match=r"frames\.npy"):
        _ = made[0], made[1]
    for path in tmp_path.rglob("*.json"):
        path.unlink()
    assert opened("stage:2", tmp_path)[0].frames.shape == (90, 32, 32, 3)


def test_films_without_a_cache_go_with_the_data_set() -> None:
    films = opened("stage:2", None)
    folder = films.store.folder
    assert films[0].frames.any() and folder.is_dir()
    del films
    assert not folder.exists()


def test_validation_and_test_are_no_more_than_asked_for_training(tmp_path: Path) -> None:
    assert len(opened("stage:2", tmp_path, "validation")) == 2
    assert opened("stage:2", tmp_path, "test").names == ["stage-test-000000", "stage-test-000001"]


# --- clips ---


def test_clips_are_what_their_films_show_and_sound_at_their_starts(films: Films) -> None:
    [batch] = clips(films, size=COUNT, seed=1, epoch=0, augment=False)
    assert batch.pictures is not None and batch.pictures.shape == (COUNT, 3, 30, 24, 24)
    assert sorted(batch.films.tolist()) == list(range(COUNT))
    for number in range(COUNT):
        film, start = films[int(batch.films[number])], int(batch.starts[number])
        first = start * 15 // 22050
        assert start == first * 1470
        np.testing.assert_array_equal(batch.pictures[number], shown.pictures(film.frames[first : first + 30], PICTURE))
        np.testing.assert_array_equal(batch.samples[number], shown.levelled(np.array(film.samples[start : start + 44100])))


def test_something_begins_to_sound_in_every_clip(films: Films) -> None:
    for epoch in range(6):
        for batch in clips(films, size=4, seed=0, epoch=epoch, pictures=False):
            assert batch.pictures is None
            for number in range(4):
                begin_s = int(batch.starts[number]) / 22050
                assert films[int(batch.films[number])].events_in(begin_s, 1.75)
                assert float(batch.samples[number].square().mean().sqrt()) > 0.02


def test_without_augmentation_clips_begin_at_whole_seconds_with_it_anywhere(films: Films) -> None:
    def starts(augment: bool) -> set[int]:
        drawn = [clips(films, size=COUNT, seed=0, epoch=epoch, pictures=False, augment=augment) for epoch in range(8)]
        return {int(start) % 22050 for epoch in drawn for batch in epoch for start in batch.starts}

    assert starts(False) == {0} and len(starts(True)) > 10


def test_batches_are_a_function_of_seed_and_epoch_and_go_on_in_the_middle(films: Films) -> None:
    whole = list(clips(films, size=5, seed=3, epoch=2))
    assert len(whole) == 2 and all(len(batch.films) == 5 for batch in whole)
    assert all(same(a, b) for a, b in zip(whole, clips(films, size=5, seed=3, epoch=2), strict=True))
    [last] = clips(films, size=5, seed=3, epoch=2, first=1)
    assert same(last, whole[1])
    assert not same(next(clips(films, size=5, seed=3, epoch=3)), whole[0])
    assert not same(next(clips(films, size=5, seed=4, epoch=2)), whole[0])


def test_what_is_left_over_at_an_epochs_end_comes_when_it_is_asked_for(films: Films) -> None:
    sizes = [len(batch.films) for batch in clips(films, size=5, seed=0, epoch=0, pictures=False, rest=True)]
    assert sizes == [5, 5, 2]
    assert not list(clips(films, size=COUNT + 1, seed=0, epoch=0, pictures=False))


def test_augmentation_holds_for_a_whole_clip_and_differs_between_clips() -> None:
    from foley_models.analogy.data.augmenting import augmented

    image = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    clip = np.stack([image] * 5)
    made = [augmented(clip, 24, np.random.default_rng(seed)) for seed in range(20)]
    for each in made:
        assert each.shape == (5, 24, 24, 3) and each.dtype == np.uint8
        assert all((picture == each[0]).all() for picture in each)
    assert len({each.tobytes() for each in made}) == 20


def test_a_change_of_colours_is_the_one_that_was_drawn() -> None:
    from foley_models.analogy.data.augmenting import blended, grey, turned

    red = np.array([[[255, 0, 0]]], np.uint8)
    np.testing.assert_allclose(turned(red, 1 / 3).ravel(), [0, 255, 0], atol=6)
    np.testing.assert_allclose(turned(red, -1 / 3).ravel(), [0, 0, 255], atol=6)
    np.testing.assert_array_equal(grey(red).ravel(), [76, 76, 76])  # 0.299
    np.testing.assert_array_equal(blended(red, grey(red), 0.5).ravel(), [166, 38, 38])
    np.testing.assert_array_equal(blended(red, grey(red), 1.2).ravel(), [255, 0, 0])


def test_contrast_of_every_picture_is_about_its_own_mean() -> None:
    from foley_models.analogy.data import augmenting

    class Drawn:
        """Contrast alone: 1.2, and the others as they are."""

        def uniform(self, low: float, high: float) -> float:
            return {0.8: 1.2, -0.1: 0.0}.get(round(low, 3), 1.0)

        def permutation(self, count: int) -> list[int]:
            return [1, 0, 2, 3][:count]

    images = np.stack([np.full((4, 4, 3), 60, np.uint8), np.full((4, 4, 3), 200, np.uint8)])
    images[:, 0, 0] += 20
    made = augmenting._jittered(images, Drawn())  # type: ignore[arg-type]
    assert made[0, 2, 2].tolist() == [60] * 3 and made[1, 2, 2].tolist() == [200] * 3
    assert made[0, 0, 0].tolist() == [84] * 3 and made[1, 0, 0].tolist() == [224] * 3


# --- pairs ---


def test_the_clips_of_a_pair_are_of_one_film_and_do_not_overlap(films: Films) -> None:
    seen = set()
    for epoch in range(6):
        for augment in (True, False):
            for pair in pairs(films, size=4, seed=0, epoch=epoch, augment=augment):
                assert pair.conditional.films.equal(pair.target.films)
                apart = pair.conditional.starts - pair.target.starts
                assert int(apart.abs().min()) >= 44100
                seen |= set(np.sign(apart.numpy()).tolist())
    assert seen == {-1, 1}


def test_random_conditional_examples_are_of_other_films(films: Films) -> None:
    for epoch in range(3):
        for pair in pairs(films, size=4, seed=0, epoch=epoch, condition="random"):
            assert not (pair.conditional.films == pair.target.films).any()


def test_pairs_go_on_in_the_middle_and_show_what_their_clips_are(films: Films) -> None:
    whole = list(pairs(films, size=4, seed=1, epoch=5, augment=False))
    [again] = pairs(films, size=4, seed=1, epoch=5, first=2, augment=False)
    assert same(again.target, whole[2].target) and same(again.conditional, whole[2].conditional)
    for clip in again:
        assert clip.pictures is not None
        film, first = films[int(clip.films[0])], int(clip.starts[0]) // 1470
        np.testing.assert_array_equal(clip.pictures[0], shown.pictures(film.frames[first : first + 30], PICTURE))


@pytest.mark.parametrize("spec", ["stages", "stage:many", "stage:1", "stage:8:sung", "greatest-hits:", "videos:", ""])
def test_a_data_set_that_is_none_is_refused_by_its_name(spec: str) -> None:
    with pytest.raises(ModelError) as caught:
        opened(spec, None)
    assert spec in caught.value.message and "stage" in caught.value.hint
