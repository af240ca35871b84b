"""What the networks are shown: numbers against librosa's own mel spectrogram and against arithmetic written out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import librosa
import numpy as np
import pytest

from foley_bridge.inference import features
from foley_bridge.inference.features import PictureFeatures, SoundFeatures, log_mel, moments, picture, segments


def test_a_segment_is_librosas_mel_spectrogram_between_half_overlaps_of_silence() -> None:
    settings = SoundFeatures()
    rng = np.random.default_rng(0)
    cut = rng.normal(0, [[0.3], [0.01]], (2, 48000)).astype(np.float32)
    padded = np.pad(cut, ((0, 0), (272, 272)))
    power = librosa.feature.melspectrogram(
        y=padded, sr=48000, n_fft=1024, hop_length=480, center=False, power=2.0, n_mels=64, fmin=40, fmax=20000
    )
    made = log_mel(cut)
    assert made.shape == (2, 1, 64, 100) and made.dtype == np.float32
    np.testing.assert_allclose(made[:, 0], (np.log(power + settings.floor) - settings.mean) / settings.std, atol=2e-5)


def test_a_tone_is_in_its_band_and_a_click_in_its_frame() -> None:
    t = np.arange(48000) / 48000
    bands = librosa.mel_frequencies(66, fmin=40, fmax=20000)[1:-1]
    tone = log_mel(np.sin(2 * np.pi * 1000 * t).astype(np.float32))[0, 0]
    assert abs(bands[tone[:, 50].argmax()] - 1000) < 60
    click = np.zeros(48000, np.float32)
    click[24000] = 0.5
    # Frame k is centred on k * 480 + 240: sample 24000 lies between the centres of frames 49 and 50.
    assert set(np.argsort(log_mel(click)[0, 0].sum(axis=0))[-2:]) == {49, 50}


def test_many_segments_are_as_each_by_itself() -> None:
    cut = np.random.default_rng(1).normal(0, 0.1, (70, 48000)).astype(np.float32)
    together = log_mel(cut)
    np.testing.assert_allclose(together[69:], log_mel(cut[69]), atol=1e-5)
    assert log_mel(np.empty((0, 48000), np.float32)).shape == (0, 1, 64, 100)
    with pytest.raises(ValueError, match="48000 samples, not 100"):
        log_mel(np.zeros((1, 100), np.float32))


@pytest.mark.parametrize(
    ("length_s", "starts"),
    [(0.2, [0]), (1, [0]), (1.2, [0]), (1.25, [0, 0.25]), (3, [0, 1, 2]), (3.75, [0, 1, 2, 2.75])],
)
def test_segments_lie_one_after_another_and_the_last_ends_with_the_recording(length_s: float, starts: list[float]) -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, round(length_s * 48000)).astype(np.float32)
    at, cut = segments(sound)
    assert at.tolist() == starts
    for start, each in zip(at, cut, strict=True):
        there = sound[round(float(start) * 48000) :][:48000]
        np.testing.assert_array_equal(each[: len(there)], there)
        assert not each[len(there) :].any()


def test_silent_segments_are_left_out_unless_all_are() -> None:
    sound = np.zeros((5 * 48000, 2), np.float32)
    sound[100_000, 0] = 0.5  # in the third second; the mean of both channels is heard
    at, cut = segments(sound)
    assert at.tolist() == [2] and cut[0, 4000] == 0.25
    assert segments(sound[:96000])[0].tolist() == [0, 1]


def test_a_picture_is_squeezed_whole_and_normalised_by_channel() -> None:
    settings = PictureFeatures()
    image = np.zeros((400, 800, 3), np.uint8)
    image[:, 400:] = (255, 128, 0)
    made = picture(image)
    assert made.shape == (3, 224, 224) and made.dtype == np.float32
    right = [(v / 255 - m) / s for v, m, s in zip((255, 128, 0), settings.mean, settings.std, strict=True)]
    np.testing.assert_allclose(made[:, 10, 112:], np.repeat(np.array(right)[:, None], 112, axis=1), atol=1e-5)
    np.testing.assert_allclose(
        made[:, 10, :112], np.repeat(-(np.array(settings.mean) / settings.std)[:, None], 112, axis=1), atol=1e-5
    )


def test_a_picture_of_the_right_size_keeps_every_pixel_and_others_are_averaged() -> None:
    rng = np.random.default_rng(4)
    small = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    doubled = cv2.resize(small, (448, 448), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(picture(small), picture(doubled))
    with pytest.raises(ValueError, match="uint8"):
        picture(small.astype(np.float32))


def test_a_stretch_is_looked_at_in_the_middles_of_its_seconds() -> None:
    assert moments(Fraction(10), Fraction(13)) == [Fraction(21, 2), Fraction(23, 2), Fraction(25, 2)]
    assert moments(Fraction(0), Fraction(1, 5)) == [Fraction(1, 10)]
    many = moments(Fraction(0), Fraction(120))
    assert len(many) == 30 and many[0] == 2 and many[-1] == 118


@pytest.mark.parametrize("kind", [PictureFeatures, SoundFeatures])
def test_settings_survive_json(kind: type) -> None:
    assert features.settings_from_json(kind, features.settings_to_json(kind())) == kind()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"hop": 0}, "hop"),
        ({"hop": 481}, "hop"),
        ({"mels": True}, "mels"),
        ({"mels": 64.0}, "mels"),
        ({"std": float("nan")}, "std"),
        ({"mean": "0"}, "mean"),
        ({"speed": 3}, "speed"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(change: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        features.settings_from_json(SoundFeatures, {**features.settings_to_json(SoundFeatures()), **change})


def test_other_settings_give_other_shapes() -> None:
    settings = replace(SoundFeatures(), sample_rate=22050, hop=441, mels=40, high_hz=10000.0)
    assert log_mel(np.zeros((1, 22050), np.float32), settings).shape == (1, 1, 40, 50)
