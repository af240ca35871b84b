"""Sound in: any file, exact lengths and places, streamed like loaded; loudness against pyloudnorm."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from media_movies import make_movie

from foley_bridge.errors import MediaError
from foley_bridge.media import audio, loudness
from foley_bridge.media.channels import remix


def noise(frames: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (frames, channels)).astype(np.float32)


def encode(path: Path, codec: str, samples: np.ndarray, rate: int = 48000, sample_format: str = "fltp") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        for start in range(0, len(samples), 1024):
            piece = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[start : start + 1024].T), format=sample_format, layout="mono"
            )
            piece.sample_rate, piece.pts = rate, start
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("extension,subtype", [("wav", "PCM_24"), ("flac", "PCM_24"), ("aiff", "PCM_24"), ("wav", "FLOAT")])
def test_lossless_files_come_back_sample_for_sample(tmp_path: Path, extension: str, subtype: str) -> None:
    samples = np.round(noise(30011, 2) * 2**23) / np.float32(2**23)
    path = tmp_path / f"a.{extension}"
    soundfile.write(path, samples, 44100, subtype=subtype)
    assert audio.probe(path) == audio.AudioInfo(str(path), 44100, 2, 30011, True)
    assert np.array_equal(audio.load(path), samples)
    part = audio.load(path, start_s=Fraction(1000, 44100), duration_s=Fraction(500, 44100))
    assert np.array_equal(part, samples[1000:1500])


@pytest.mark.parametrize(
    "extension,codec,late", [("m4a", "aac", 0), ("mp3", "libmp3lame", 0), ("opus", "libopus", 0), ("aac", "aac", 1024)]
)
def test_a_click_in_a_compressed_file_is_where_it_was_put(tmp_path: Path, extension: str, codec: str, late: int) -> None:
    """Priming samples are taken off where the container says how many; bare ADTS does not say, so there they stay."""
    samples = np.zeros((192000, 1), np.float32)
    samples[100000] = 0.9
    path = encode(tmp_path / f"a.{extension}", codec, samples)
    whole = audio.load(path)
    assert abs(len(whole) - 192000) <= late + 512
    assert abs(int(np.abs(whole).argmax()) - 100000 - late) <= 1
    part = audio.load(path, start_s=Fraction(3, 2), duration_s=1)
    assert len(part) == 48000
    assert abs(int(np.abs(part).argmax()) - 28000 - late) <= 1, "after a seek"


def test_second_0_of_a_movies_sound_is_its_first_picture(tmp_path: Path) -> None:
    samples = np.zeros((1, 96000), np.float32)
    samples[0, 50000] = 0.9
    early = [number * 3600 + 18000 for number in range(40)]  # the picture starts 0.2 s after the sound
    path = make_movie(
        tmp_path / "late.mkv", count=40, pts=early, time_base=Fraction(1, 90000), sound=samples, sound_codec="flac"
    )
    assert abs(int(np.abs(audio.load(path)).argmax()) - (50000 - 9600)) <= 48, "Matroska rounds to milliseconds"


@pytest.mark.parametrize("target", [8000, 44100, 48000, 96000])
def test_streamed_and_resampled_sound_is_the_same_every_time_and_of_exact_length(tmp_path: Path, target: int) -> None:
    path = tmp_path / "a.wav"
    time = np.arange(22050 * 3) / 22050
    soundfile.write(path, np.sin(2 * np.pi * 440 * time), 22050, subtype="FLOAT")
    sound = audio.FileSound(path, sample_rate=target, channels=2)
    first, second = (np.concatenate(list(sound.blocks(size))) for size in (1000, 65536))
    assert sound.frames == len(first) == 3 * target
    assert np.array_equal(first, second)
    expected = np.sin(2 * np.pi * 440 * np.arange(3 * target) / target)
    inner = slice(target // 10, -target // 10)
    assert np.abs(first[inner, 0] - expected[inner]).max() < 1e-3, "no delay, no loss"


def test_three_hours_of_sound_need_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        path = tmp_path / f"{seconds}.wav"
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
            for _ in range(seconds // 60):
                file.write(np.zeros(8000 * 60))
        tracemalloc.start()
        frames = sum(len(block) for block in audio.FileSound(path, sample_rate=16000, channels=1).blocks())
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert frames == seconds * 16000
        return top

    assert peak(3 * 3600) < 1.2 * peak(60)


def test_surround_is_folded_as_bs_775_says() -> None:
    c = 0.5**0.5
    six = np.eye(6, dtype=np.float32)  # L R C LFE Ls Rs
    assert np.allclose(remix(six, 2), [[1, 0], [0, 1], [c, c], [0, 0], [c, 0], [0, c]])
    assert np.allclose(remix(six, 1)[:, 0], [0.5, 0.5, c, 0, c / 2, c / 2])
    assert np.array_equal(remix(np.ones((1, 1), np.float32), 2), [[1, 1]])
    assert np.array_equal(remix(np.ones((1, 2), np.float32), 1), [[1]]), "one microphone on both channels keeps its level"


def test_the_real_51_movie_folds_to_what_its_own_channels_give(real_media: Path) -> None:
    path = real_media / "video" / "bbb_5s.mp4"
    six = audio.load(path)
    assert six.shape[1] == 6
    assert np.allclose(np.concatenate(list(audio.FileSound(path, channels=2).blocks())), remix(six, 2))
    assert audio.load(path, mono=True).shape == (len(six), 1)


def test_sound_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound\n" * 100)
    soundfile.write(tmp_path / "zero.wav", np.zeros((0, 1)), 48000)
    make_movie(tmp_path / "mute.mp4", count=5)
    for name, fault in (
        ("text.wav", "not a readable"),
        ("zero.wav", "zero length"),
        ("mute.mp4", "has no sound"),
        ("gone.wav", "no such file"),
    ):
        with pytest.raises(MediaError, match=rf"{name}.*{fault}"):
            audio.load(tmp_path / name)
    soundfile.write(tmp_path / "short.wav", np.zeros(4800), 48000)
    with pytest.raises(MediaError, match=r"short\.wav: no sound at 1\.000 s"):
        audio.load(tmp_path / "short.wav", start_s=1)
    assert not audio.load(tmp_path / "short.wav").any(), "silence is sound"


def test_sound_that_breaks_off_says_where(tmp_path: Path) -> None:
    samples = noise(480000).T
    whole = make_movie(tmp_path / "a.mp4", count=250, sound=samples, container_options={"movflags": "faststart"}).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(MediaError, match=r"cut\.mp4: the sound breaks off at [3-7]\.\d+ s although it should run 10"):
        audio.load(tmp_path / "cut.mp4")


@given(
    st.integers(1, 400),
    st.lists(st.tuples(st.integers(-50, 450), st.integers(0, 120), st.integers(1, 2)), max_size=6),
    st.integers(1, 97),
)
def test_placed_sounds_add_up_where_they_lie(frames: int, pieces: list[tuple[int, int, int]], size: int) -> None:
    placed = [
        (offset, audio.ArraySound(noise(length, channels, seed=number), 48000))
        for number, (offset, length, channels) in enumerate(pieces)
    ]
    expected = np.zeros((frames, 2), np.float32)
    for offset, sound in sorted(placed, key=lambda pair: pair[0]):
        for at in range(sound.frames):
            if 0 <= offset + at < frames:
                expected[offset + at] += sound.samples[at]
    mixed = list(audio.PlacedSounds(48000, 2, frames, placed).blocks(size))
    assert all(len(block) <= size for block in mixed)
    assert np.allclose(np.concatenate(mixed), expected, atol=1e-6)


def test_placing_a_sound_of_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="44100 Hz among sounds at 48000 Hz"):
        audio.PlacedSounds(48000, 1, 10, [(0, audio.ArraySound(noise(5), 44100))])


class SmallBlocks(audio.ArraySound):
    """The same sound in blocks that fit no boundary."""

    def blocks(self, size: int = 777) -> Iterator[np.ndarray]:
        yield from super().blocks(777)


@pytest.mark.parametrize("rate", [11025, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("seconds", [0.4, 0.46, 1.23, 7.77])
def test_loudness_block_by_block_equals_pyloudnorm(rate: int, seconds: float) -> None:
    for channels in (1, 2, 3, 5):
        samples = noise(int(rate * seconds), channels)
        samples[len(samples) // 2 :] *= 0.01  # so that the gates have something to do
        measured = loudness.measure(SmallBlocks(samples, rate))
        assert measured.lufs == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(samples.astype(float)), abs=0.01)
        assert measured.peak == np.abs(samples).max()


def test_a_full_scale_tone_reads_minus_3_lufs() -> None:
    """ITU-R BS.1770-4: 0 dBFS at 997 Hz on one front channel reads -3.01 LKFS."""
    tone = np.sin(2 * np.pi * 997 * np.arange(48000 * 4) / 48000)
    assert loudness.measure(audio.ArraySound(tone, 48000)).lufs == pytest.approx(-3.01, abs=0.05)


def test_too_short_and_silent_sounds_have_no_loudness_but_a_peak() -> None:
    short = loudness.measure(audio.ArraySound(np.full(19199, 0.5, np.float32), 48000))
    assert (short.lufs, short.peak) == (None, 0.5)
    assert short.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    silent = loudness.measure(audio.ArraySound(np.zeros(48000, np.float32), 48000))
    assert (silent.lufs, silent.peak_dbfs) == (None, None)


def test_the_low_frequency_channel_does_not_count_and_surrounds_count_more() -> None:
    tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000).astype(np.float32)

    def heard(channel: int) -> float | None:
        six = np.zeros((48000, 6), np.float32)
        six[:, channel] = tone
        return loudness.measure(audio.ArraySound(six, 48000)).lufs

    front, surround = heard(0), heard(4)
    assert heard(3) is None
    assert front is not None
    assert surround == pytest.approx(front + 10 * np.log10(1.41), abs=0.001)
