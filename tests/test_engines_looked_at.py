"""The pictures that sounds are found by: at the right moments, upright, of what is there, and never too large."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from media_movies import make_movie, number_of, numbered

from foley_bridge.engines.looked_at import WIDEST, picture_file, pictures_of
from foley_bridge.errors import Cancelled, FoleyError, MediaError
from foley_bridge.inference.features import MOST_PICTURES, moments
from foley_bridge.timeline.picture import Media, Picture, Span

FPS = 25


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds; every frame says its number."""
    return make_movie(tmp_path_factory.mktemp("shots") / "shot.mp4", rate=Fraction(FPS), count=6 * FPS)


def media(path: Path) -> Media:
    return Media("movie", path.name, str(path))


def span(start: float, end: float, shows: Media | None, media_start: float = 0.0, speed: float = 1.0) -> Span:
    return Span(*map(Fraction, (start, end)), shows, Fraction(media_start), Fraction(speed))


def numbers(picture: Picture, start: float, end: float) -> list[int]:
    return [number_of(image) for image in pictures_of(picture, Fraction(start), Fraction(end))]


def test_a_region_is_looked_at_at_the_middles_of_its_seconds(shot: Path) -> None:
    picture = Picture((span(10, 16, media(shot)),))
    assert numbers(picture, 10, 14) == [12, 37, 62, 87]
    assert numbers(picture, 11, Fraction(57, 5)) == [30]
    assert [number_of(image) for image in picture_file(shot, 1.0, 2.0)] == [37, 62]


@pytest.mark.parametrize(("speed", "first", "expected"), [(2, 0, [25, 75, 125]), (-1, 4, [87, 62, 37]), (0, 1, [25, 25, 25])])
def test_fast_reversed_and_frozen_clips_show_what_is_on_screen(shot: Path, speed: int, first: int, expected: list[int]) -> None:
    nudge = 1e-6 if speed < 0 else 0.0
    assert numbers(Picture((span(0, 3, media(shot), first - nudge, speed),)), 0, 3) == expected


def test_a_region_over_cuts_shows_each_shot_and_black_shows_nothing(shot: Path) -> None:
    spans = (span(0, 2, media(shot), 3), span(2, 3, None), span(3, 4, Media("generator", "title")), span(4, 5, media(shot)))
    told: list[float] = []
    images = pictures_of(Picture(spans), Fraction(0), Fraction(5), seen=told.append)
    assert [number_of(image) for image in images] == [87, 112, 12]
    assert told == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_what_is_missing_or_breaks_off_is_left_out_and_told(shot: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no movie")
    lost = Media("missing", "lost.mov", "/nowhere/lost.mov")
    spans = (
        span(0, 2, media(shot), 4.2),
        span(2, 3, lost),
        span(3, 4, media(tmp_path / "broken.mp4")),
        span(4, 5, media(shot)),
    )
    left_out: list[FoleyError] = []
    images = pictures_of(Picture(spans), Fraction(0), Fraction(5), left_out=left_out.append)
    assert [number_of(image) for image in images] == [117, 142, 12]
    assert ["lost.mov" in left_out[0].message, "broken.mp4" in left_out[1].message, len(left_out)] == [True, True, 2]
    left_out.clear()  # past the file's end: those before it are there
    images = pictures_of(Picture((span(0, 4, media(shot), 4),)), Fraction(0), Fraction(4), left_out=left_out.append)
    assert [number_of(image) for image in images] == [112, 137] and len(left_out) == 2


def test_whoever_watches_can_stop_it(shot: Path) -> None:
    def seen(time_s: float) -> None:
        if time_s > 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        pictures_of(Picture((span(0, 6, media(shot)),)), Fraction(0), Fraction(6), seen=seen)


def test_long_regions_are_looked_at_a_limited_number_of_times(shot: Path) -> None:
    assert len(pictures_of(Picture((span(0, 90, media(shot), 2, 0),)), Fraction(0), Fraction(90))) == MOST_PICTURES


def test_an_image_sequence_is_read_like_a_movie(tmp_path: Path) -> None:
    for number in range(50):
        cv2.imwrite(str(tmp_path / f"f{number:04d}.png"), numbered(number))
    shows = Media("images", "f", str(tmp_path), prefix="f", suffix=".png", padding=4, count=50, rate=Fraction(FPS))
    (tmp_path / "f0037.png").unlink()
    assert numbers(Picture((span(0, 2, shows),)), 0, 2) == [12]


def test_pictures_come_upright_and_no_wider_than_is_of_use(tmp_path: Path) -> None:
    path = make_movie(tmp_path / "tall.mp4", size=(96, 64), rotation=90, count=FPS)
    (image,) = picture_file(path)
    assert image.shape == (96, 64, 3) and image.dtype == np.uint8
    assert np.abs(image.astype(int) - np.rot90(numbered(12, 96, 64))).mean() < 8
    cv2.imwrite(str(tmp_path / "wide.png"), numbered(77, 2 * WIDEST, 1000))
    (image,) = picture_file(tmp_path / "wide.png", 5.0, 3.0)
    assert image.shape == (500, WIDEST, 3) and number_of(image) == 77


def test_a_file_is_looked_at_to_its_end_unless_a_length_is_said(shot: Path) -> None:
    times = moments(Fraction(2), Fraction(6))
    assert [number_of(image) for image in picture_file(shot, 2.0)] == [int(time * FPS) for time in times]
    assert [number_of(image) for image in picture_file(shot, 2.0, 0.0)] == [50]
    assert [number_of(image) for image in picture_file(shot, 5.0, 30.0)] == [137]
    assert [number_of(image) for image in picture_file(shot, 3.0, 1e9)] == [87, 112, 137]


def test_a_file_without_a_picture_there_says_what_is_wrong(shot: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="ends at"):
        picture_file(shot, 60.0, 1.0)
    (tmp_path / "text.mp4").write_text("no movie", "utf-8")
    with pytest.raises(MediaError, match=r"text\.mp4"):
        picture_file(tmp_path / "text.mp4")
    with pytest.raises(MediaError, match=r"gone\.mp4"):
        picture_file(tmp_path / "gone.mp4")
