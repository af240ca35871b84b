"""Windows over a stretch: their times, what is on screen in them, what the picture network makes of that."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="packs are made with onnx")
from analogy_packs import COLUMNS, FRAMES, PICTURE, make_analogy_pack, small_task
from hypothesis import given
from hypothesis import strategies as st
from media_movies import make_movie, number_of

from foley_bridge.engines.analogy.pictures import Watched, features_of, images_at
from foley_bridge.engines.analogy.plan import plan
from foley_bridge.engines.analogy.remembered import Remembered
from foley_bridge.errors import EngineError, MediaError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_bridge.inference.pack import Pack
from foley_bridge.media import video
from foley_bridge.timeline.picture import Media, Picture, Span

PUBLISHED = replace(small_task(), picture=ClipPicture(), sound=ClipSound(), rows=5, columns=10)
"""Clips as the paper has them."""
STARTS = st.fractions(0, 90_000, max_denominator=30_000)


@given(start=STARTS, length=st.fractions(Fraction(1, 60), 600, max_denominator=1001), frozen=st.booleans())
def test_windows_cover_the_stretch_and_their_pictures_begin_with_them(start: Fraction, length: Fraction, frozen: bool) -> None:
    task = replace(PUBLISHED, statistics="frozen" if frozen else "call")
    made = plan(task, start, start + length)
    assert made.column_s == Fraction(16 * 256, 22050)
    assert made.start + made.all_columns * made.column_s >= start + length, "it reaches the end"
    assert made.windows == 1 or (made.all_columns - 1) * made.column_s < length, "and no column is too many"
    assert (made.windows - 2) * made.step + made.columns < made.all_columns or made.windows == 1, "and no window"
    for window in {0, made.windows // 2, made.windows - 1}:
        times = made.times(window)
        assert times[0] == start + window * made.step * made.column_s, "to no rounding"
        assert {later - earlier for earlier, later in itertools.pairwise(times)} == {1 / made.fps}
    assert abs(made.fps / 15 - 1) < Fraction(1, 100)
    if made.windows == 1 or not frozen:
        assert made.fps == 15
    else:
        assert made.times(1)[0] == made.times(0)[made.picture_step], "windows share pictures"


def test_a_clip_is_one_window_and_a_hair_more_is_two() -> None:
    clip = 10 * Fraction(16 * 256, 22050)
    assert plan(PUBLISHED, Fraction(0), clip).windows == 1
    assert plan(PUBLISHED, Fraction(0), clip + Fraction(1, 48000)).windows == 2
    assert plan(PUBLISHED, Fraction(0), Fraction(600)).all_columns == 3230


# --- what is on screen ---

SETTINGS = ClipPicture(frames=3, short_side=72, size=72)


def shot(path: Path, rate: Fraction, seconds: int = 4) -> Media:
    make_movie(path, rate=rate, count=round(seconds * rate))
    return Media("movie", path.name, str(path), rate=rate)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(60)])
def test_pictures_are_those_on_screen_at_exactly_these_times(tmp_path: Path, rate: Fraction) -> None:
    media = shot(tmp_path / "shot.mp4", rate)
    picture = Picture((Span(Fraction(10), Fraction(13), media, media_start=Fraction(1, 2)),))
    made = plan(PUBLISHED, Fraction(10), Fraction(13))
    times = [time for time in made.times(0) + made.times(1) if time < 13]
    images = images_at(picture, sorted(times), Fraction(10), Fraction(13), SETTINGS)
    wanted = [int((time - 10 + Fraction(1, 2)) * rate) for time in sorted(times)]
    assert [number_of(wide(image)) for image in images] == wanted


def wide(image: np.ndarray) -> np.ndarray:
    """A picture's middle again as part of the whole, as wide as ``number_of`` wants it; the sides were cut off."""
    return np.pad(image, ((0, 0), (12, 12), (0, 0)), mode="edge")


def test_beyond_the_picture_the_nearest_is_held_and_gaps_are_black(tmp_path: Path) -> None:
    media = shot(tmp_path / "shot.mp4", Fraction(25))
    spans = (Span(Fraction(0), Fraction(1), media), Span(Fraction(1), Fraction(2)), Span(Fraction(2), Fraction(3), media))
    times = [Fraction(-1), Fraction(0), Fraction(3, 2), Fraction(5, 2), Fraction(3), Fraction(9)]
    images = [*images_at(Picture(spans), times, Fraction(0), Fraction(3), SETTINGS)]
    assert [number_of(wide(image)) for image in images] == [0, 0, 0, 12, 25, 25]
    assert not images[2].any() and images[1].any()


def test_what_is_missing_inside_is_refused_and_outside_the_nearest_is_held(tmp_path: Path) -> None:
    media = shot(tmp_path / "shot.mp4", Fraction(25))
    gone = Media("missing", "gone.mov", "/nowhere/gone.mov")
    picture = Picture(
        (Span(Fraction(0), Fraction(1), gone), Span(Fraction(1), Fraction(2), media), Span(Fraction(2), Fraction(3), gone))
    )
    times = [Fraction(1, 2), Fraction(3, 2), Fraction(5, 2)]
    images = [*images_at(picture, times, Fraction(1), Fraction(2), SETTINGS)]
    assert [number_of(wide(image)) for image in images] == [12, 12, 12]
    with pytest.raises(EngineError, match=r"gone\.mov"):
        [*images_at(picture, times, Fraction(1), Fraction(3), SETTINGS)]
    (tmp_path / "broken.mp4").write_bytes(b"no movie")
    broken = Media("movie", "broken.mp4", str(tmp_path / "broken.mp4"))
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        [*images_at(Picture((Span(Fraction(0), Fraction(1), broken),)), times[:1], Fraction(0), Fraction(1), SETTINGS)]


# --- features ---


def watched(folder: Path, statistics: str, seconds: Fraction) -> tuple[Analogy, list[tuple[np.ndarray, np.ndarray]], list]:
    task = replace(small_task(), statistics=statistics)
    analogy = Analogy(Pack.open(make_analogy_pack(folder / "pack", task=task)), threads=1, providers="cpu")
    media = shot(folder / "shot.mp4", Fraction(25))
    picture = Picture((Span(Fraction(0), Fraction(3), media),))
    windows = plan(task, Fraction(0), seconds)
    times: list[float] = []
    made = Watched(picture, windows, Fraction(0), Fraction(3), analogy, Remembered(), times.append)
    return analogy, [*made.windows()], [windows, times, picture]


@pytest.mark.parametrize("statistics", ["frozen", "call"])
@pytest.mark.parametrize("seconds", [Fraction(1, 100), Fraction(1, 10), Fraction(2)])
def test_each_window_has_its_own_pictures_and_their_features(tmp_path: Path, statistics: str, seconds: Fraction) -> None:
    """The tiny network looks at each picture alone, so that what is shared must be what each window sees by itself."""
    analogy, made, (windows, times, picture) = watched(tmp_path, statistics, seconds)
    assert len(made) == windows.windows == 1 + max(0, -(-(seconds - Fraction(128, 8000)) // Fraction(64, 8000)))
    for number, (images, features) in enumerate(made):
        expected = np.stack([*images_at(picture, windows.times(number), Fraction(0), Fraction(3), PICTURE)])
        assert (images == expected).all() and features.shape == (1, FRAMES, 3)
        assert np.abs(features - features_of(analogy, Remembered(), expected)).max() < 1e-6
    assert times == sorted(times) or statistics == "call"
    assert len(times) == (windows.all_pictures if statistics == "frozen" else FRAMES * windows.windows)


def test_nothing_is_looked_at_twice(tmp_path: Path) -> None:
    looked = 0

    def look() -> np.ndarray:
        nonlocal looked
        looked += 1
        return np.arange(4.0)

    remembered, image = Remembered(most_bytes=64), np.zeros((2, 3), np.uint8)
    assert remembered.get("a", image, look) is remembered.get("a", image.copy(), look) and looked == 1
    remembered.get("b", image, look)  # another maker
    remembered.get("a", image.T, look)  # another shape
    assert looked == 3
    remembered.get("a", image + 1, look)  # which is one too many: the first goes
    remembered.get("a", image, look)
    assert looked == 5
    with pytest.raises(ValueError, match="read-only"):
        remembered.get("a", image, look)[0] = 1


def test_a_movie_that_is_held_is_asked_no_further(tmp_path: Path) -> None:
    media = shot(tmp_path / "shot.mp4", Fraction(25), seconds=1)
    picture = Picture((Span(Fraction(0), Fraction(1), media),))
    windows = plan(small_task(), Fraction(1, 2), Fraction(1))
    assert windows.columns == COLUMNS and windows.end > 1
    images = [*images_at(picture, windows.times(windows.windows - 1), Fraction(1, 2), Fraction(1), PICTURE)]
    assert len(images) == FRAMES and video.probe(media.path).frames == 25
