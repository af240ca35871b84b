"""Greatest Hits as published and folders of videos, from real files: what is seen when what is heard, and what is left out."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.analogy.data import Films, clips, open_films, pairs
from foley_models.analogy.data.films import FilmEvent
from foley_models.errors import ModelError
from media_movies import make_movie, number_of

from foley_bridge.inference.clips import ClipPicture, ClipSound

PICTURE, SOUND = ClipPicture(short_side=64, size=56), ClipSound()
HITS_S = (0.4, 1.2, 2.3, 3.1, 4.4)
REAL = Path(__file__).parents[3] / "shared" / "real" / "video"


def struck(path: Path, times: tuple[float, ...] = HITS_S, seconds: float = 5, silent: bool = False) -> Path:
    """A numbered film at 25 pictures a second in which short tones sound at some times."""
    samples = np.zeros(round(seconds * 48000), np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(4800) / 48000) * np.linspace(1, 0, 4800)
    for time in () if silent else times:
        samples[round(time * 48000) :][:4800] += tone
    return make_movie(path, rate=Fraction(25), count=round(seconds * 25), sound=samples[None])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return struck(tmp_path_factory.mktemp("film") / "film.mp4")


def opened(spec: str, split: str, cache: Path) -> Films:
    return open_films(spec, split=split, picture=PICTURE, sound=SOUND, cache=cache, workers=0)


def published(folder: Path, film: Path, names: tuple[str, ...], *, kind: str = "denoised") -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(film, folder / f"{name}_{kind}.mp4")
        lines = [f"{time} wood {'scratch' if number % 2 else 'hit'} static" for number, time in enumerate(HITS_S)]
        (folder / f"{name}_times.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_a_film_of_greatest_hits_shows_and_sounds_what_its_file_does_when_it_does(film: Path, tmp_path: Path) -> None:
    folder = published(tmp_path / "hits", film, ("2015-01", "2015-02", "2015-03"))
    made = opened(f"greatest-hits:{folder}", "train", tmp_path / "cache")[0]
    assert made.frames.shape == (75, 64, 85, 3) and len(made.samples) >= 75 * 1470
    assert [number_of(frame) for frame in made.frames] == [int(number * 25 / 15) for number in range(75)]
    level = np.abs(made.samples)
    for time_s in HITS_S:
        place = round(time_s * 22050)
        assert level[place - 2000 : place - 60].max() < 0.02 < level[place : place + 500].max()
    assert made.events == tuple(
        FilmEvent(time, "scratch" if number % 2 else "hit", "wood") for number, time in enumerate(HITS_S)
    )
    assert (made.action, made.seen, made.heard) == ("", "wood", "wood")


def test_pairs_of_a_film_from_files_are_two_times_of_it(film: Path, tmp_path: Path) -> None:
    folder = published(tmp_path / "hits", film, ("a", "b", "c"))
    films = opened(f"greatest-hits:{folder}", "train", tmp_path / "cache")
    assert (films.actions, films.materials) == (("hit", "scratch"), ("wood",))
    [pair] = pairs(films, size=1, seed=0, epoch=0, augment=False)
    assert abs(int(pair.conditional.starts[0]) - int(pair.target.starts[0])) >= 44100


def test_the_published_lists_say_what_is_for_training_and_for_test(film: Path, tmp_path: Path) -> None:
    names = tuple(f"film-{number:02d}" for number in range(5))
    folder = published(tmp_path / "hits", film, names)
    (folder / "train.txt").write_text("\n".join(names[:4]))
    (folder / "test.txt").write_text(f"{names[4]}\n\n{names[4]}\n")
    held = {split: opened(f"greatest-hits:{folder}", split, tmp_path / "cache") for split in ("train", "validation", "test")}
    assert held["test"].names == ["film-04"]
    assert sorted([*held["train"].names, *held["validation"].names]) == list(names[:4]) and len(held["validation"]) == 1
    (folder / "validation.txt").write_text("film-00\n")
    (folder / "train.txt").write_text("film-01\nfilm-02\nfilm-77\n")
    assert opened(f"greatest-hits:{folder}", "validation", tmp_path / "cache").names == ["film-00"]
    train = opened(f"greatest-hits:{folder}", "train", tmp_path / "cache")
    assert train.names == ["film-01", "film-02"] and str(train) == "train: 2 films, 1 missing"


def test_the_cleaned_sound_is_preferred_and_the_microphones_is_used_where_there_is_no_other(film: Path, tmp_path: Path) -> None:
    folder = published(tmp_path / "hits", film, ("a", "b"), kind="mic")
    published(folder, film, ("c",))
    struck(folder / "c_mic.mp4", silent=True)
    held = [opened(f"greatest-hits:{folder}", split, tmp_path / "cache") for split in ("train", "validation", "test")]
    assert sorted(name for films in held for name in films.names) == ["a", "b", "c"]
    assert all(film.samples.max() > 0.3 for films in held for film in films)


def test_the_small_release_has_the_same_films_by_its_names(film: Path, tmp_path: Path) -> None:
    folder = published(tmp_path / "hits", film, ("a", "b", "c"), kind="denoised_thumb")
    for name in "abc":
        struck(folder / f"{name}_mic.mp4", silent=True)
    held = [opened(f"greatest-hits:{folder}", split, tmp_path / "cache") for split in ("train", "validation", "test")]
    assert sorted(name for films in held for name in films.names) == ["a", "b", "c"]
    assert all(film.samples.max() > 0.3 and len(film.events) == len(HITS_S) for films in held for film in films)


def test_hits_that_nobody_could_tell_have_no_label_and_lines_that_are_none_leave_the_film_out(
    film: Path, tmp_path: Path
) -> None:
    folder = published(tmp_path / "hits", film, ("a", "b", "c"))
    (folder / "train.txt").write_text("a\nb\n")
    (folder / "validation.txt").write_text("c\n")
    (folder / "test.txt").write_text("c\n")
    (folder / "a_times.txt").write_text("3.1 metal hit deform\n0.4 None None None\n")
    (folder / "b_times.txt").write_text("0.4 wood hit static\nhit at 3\n")
    films = opened(f"greatest-hits:{folder}", "train", tmp_path / "cache")
    assert films.names == ["a"] and [event[1:] for event in films[0].events] == [("", ""), ("hit", "metal")]
    assert (films.actions, films.materials) == (("hit",), ("metal",))
    assert films.skipped[0].name == "b" and "line 2" in films.skipped[0].why


def test_a_folder_of_videos_is_films_of_ten_seconds_and_what_is_silent_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for split in ("train", "validation", "test"):
        (folder / split).mkdir(parents=True)
        struck(folder / split / "long.mp4", (0.4, 3, 6, 9, 10.5), seconds=11.5)
    struck(folder / "train" / "quiet.mp4", seconds=3, silent=True)
    (folder / "train" / "broken.mp4").write_bytes(b"nothing")
    films = opened(f"videos:{folder}", "train", tmp_path / "cache")
    assert films.names == ["train/long.mp4 0-10 s"]  # a second and a half is no clip
    assert sorted(each.name.split()[0] for each in films.skipped) == ["train/broken.mp4", "train/quiet.mp4"]
    assert not films[0].events and films.actions == films.materials == ()
    for epoch in range(4):
        for batch in clips(films, size=1, seed=0, epoch=epoch, pictures=False):
            assert float(batch.samples.abs().max()) > 0.1
    assert len(list(clips(films, size=1, seed=0, epoch=0, pictures=False))) == 1
    assert number_of(films[0].frames[149]) == int(149 * 25 / 15)


def test_a_piece_of_a_video_begins_where_it_is_cut(tmp_path: Path) -> None:
    from foley_models.analogy.data.files import read

    movie = struck(tmp_path / "film.mp4")
    frames, samples = read(movie, Fraction(2), Fraction(2), PICTURE, SOUND)
    assert len(frames) == 30 and len(samples) == 44100
    assert [number_of(frame) for frame in frames[:3]] == [50, 51, 53]
    first = np.flatnonzero(np.abs(samples) > 0.05)[0] / 22050
    assert abs(first - 0.3) < 0.01


def test_films_too_short_for_two_clips_make_no_pairs(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for split in ("train", "validation", "test"):
        (folder / split).mkdir(parents=True)
        struck(folder / split / "short.mp4", (0.5, 2), seconds=3)
    films = opened(f"videos:{folder}", "train", tmp_path / "cache")
    assert len(list(clips(films, size=1, seed=0, epoch=0))) == 1
    with pytest.raises(ModelError, match="two clips"):
        next(pairs(films, size=1, seed=0, epoch=0))
    with pytest.raises(ModelError, match="two clips"):
        next(pairs(films, size=1, seed=0, epoch=0, condition="random"))


def test_a_folder_in_which_nothing_can_be_used_is_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for split in ("train", "validation", "test"):
        (folder / split).mkdir(parents=True)
        struck(folder / split / "film.mp4", (0.5, 2), seconds=3, silent=split == "train")
    with pytest.raises(ModelError, match="train: 0 films, 1 skipped") as caught:
        opened(f"videos:{folder}", "train", tmp_path / "cache")
    assert "something is seen and heard" in caught.value.hint


@pytest.mark.skipif(not (REAL / "cfg_hit_metal.mp4").is_file(), reason="the shared recordings are not here")
def test_real_recordings_are_films(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    for split in ("train", "validation", "test"):
        (folder / split).mkdir(parents=True)
        for name in ("cfg_hit_metal.mp4", "cfg_hit_bag.mp4"):
            shutil.copy(REAL / name, folder / split / name)
    films = opened(f"videos:{folder}", "train", tmp_path / "cache")
    assert [film.frames.shape for film in films] == [(90, 64, 113, 3)] * 2
    [batch] = clips(films, size=2, seed=0, epoch=0)
    assert batch.pictures is not None and batch.pictures.shape == (2, 3, 30, 56, 56)
    assert float(batch.samples.square().mean(dim=1).sqrt().min()) > 0.05
