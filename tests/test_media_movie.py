"""Movies out: every frame at its time, sound in step to the sample, whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_movies import number_of, numbered

from foley_bridge.errors import MediaError
from foley_bridge.media import audio, movie, video

RATES = [Fraction(374, 25), Fraction(43, 2), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)]


def click(seconds: Fraction, at: int, rate: int = 48000, channels: int = 2) -> audio.ArraySound:
    samples = np.zeros((round(seconds * rate), channels), np.float32)
    samples[at] = 0.9
    return audio.ArraySound(samples, rate)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_frames_and_click_lie_where_they_were_put(tmp_path: Path, rate: Fraction) -> None:
    path = tmp_path / "m.mp4"
    movie.write_movie(path, (numbered(number) for number in range(60)), rate, click(60 / rate, 31234))
    info = video.probe(path)
    assert (info.rate, info.frames, info.duration) == (rate, 60, 60 / rate)
    frames = list(video.read_span(path, Fraction(0), 60 / rate))
    assert [(number_of(frame.image), frame.pts) for frame in frames] == [(number, number / rate) for number in range(60)]
    heard = audio.load(path)
    assert len(heard) == round(60 / rate * 48000)
    assert np.abs(heard).argmax(axis=0).tolist() == [31234, 31234]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: the second reader did not listen")
def test_another_program_hears_the_click_and_sees_the_frame_within_a_millisecond(tmp_path: Path) -> None:
    path, rate = tmp_path / "m.mp4", Fraction(24000, 1001)
    movie.write_movie(path, (numbered(number) for number in range(60)), rate, click(60 / rate, 77777))
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-c:a", "pcm_f32le", str(tmp_path / "a.wav")], check=True)
    samples, sample_rate = soundfile.read(tmp_path / "a.wav")
    assert abs(int(np.abs(samples[:, 0]).argmax()) - 77777) <= sample_rate // 1000
    seconds = float(77777 / Fraction(48000))
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-ss", str(seconds), "-frames:v", "1", str(tmp_path / "f.png")], check=True
    )
    picture = next(video.read_frames(tmp_path / "f.png", [Fraction(0)])).image
    assert number_of(picture) in (int(seconds * rate), int(seconds * rate) + 1)


def test_sound_of_another_rate_and_layout_is_fitted(tmp_path: Path) -> None:
    movie.write_movie(tmp_path / "m.mp4", (numbered(n) for n in range(25)), Fraction(25), click(Fraction(1), 22050, 44100, 6))
    info = audio.probe(tmp_path / "m.mp4")
    assert (info.sample_rate, info.channels) == (48000, 2)
    assert abs(int(np.abs(audio.load(tmp_path / "m.mp4"))[:, 0].argmax()) - 24000) <= 1


def test_colours_come_back_and_odd_sizes_lose_one_row(tmp_path: Path) -> None:
    for height in (91, 721):
        image = np.zeros((height, 161, 3), np.uint8)
        image[:, :] = (200, 60, 30)
        movie.write_movie(tmp_path / "m.mp4", [image] * 5, Fraction(25))
        read = next(video.read_frames(tmp_path / "m.mp4", [Fraction(1, 10)])).image
        assert read.shape == (height - 1, 160, 3)
        assert np.abs(read.astype(int) - (200, 60, 30)).max() <= 4
        (tmp_path / "m.mp4").unlink()


def test_the_same_input_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        movie.write_movie(tmp_path / name, (numbered(n) for n in range(30)), Fraction(25), click(Fraction(6, 5), 1000))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_the_index_stands_before_the_media(tmp_path: Path) -> None:
    movie.write_movie(tmp_path / "m.mp4", [numbered(1)] * 10, Fraction(25), click(Fraction(2, 5), 5))
    data = (tmp_path / "m.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_movie_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "m.mp4"
    movie.write_movie(path, [numbered(1)] * 5, Fraction(25))
    before = path.read_bytes()

    def breaks() -> Iterator[np.ndarray]:
        yield numbered(1)
        raise MediaError("the picture broke off")

    for frames, fault in (
        (breaks(), "broke off"),
        ([], "at least one frame"),
        ([numbered(1), numbered(1, 64, 48)], "different sizes"),
    ):
        with pytest.raises(MediaError, match=fault):
            movie.write_movie(path, frames, Fraction(25))
    assert [item.name for item in tmp_path.iterdir()] == ["m.mp4"]
    assert path.read_bytes() == before
    with pytest.raises(MediaError, match=r"nowhere/m\.mp4: cannot be written"):
        movie.write_movie(tmp_path / "nowhere" / "m.mp4", [numbered(1)], Fraction(25))


def test_a_long_movie_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        hiss = audio.PlacedSounds(48000, 2, seconds * 48000, [])
        tracemalloc.start()
        movie.write_movie(tmp_path / "m.mp4", (numbered(n % 4096) for n in range(seconds * 25)), Fraction(25), hiss)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(80) < 1.2 * peak(8)
