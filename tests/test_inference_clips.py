"""What the networks of Foley by analogy are shown: numbers against librosa and against arithmetic written out."""

from __future__ import annotations

from dataclasses import replace

import cv2
import librosa
import numpy as np
import pytest
import scipy.signal

from foley_bridge.inference import clips
from foley_bridge.inference.clips import ClipPicture, ClipSound, levelled, magnitudes, mel, pictures, settings_from_json
from foley_bridge.inference.clips import settings_to_json as to_json


def noise(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loud = np.exp(rng.normal(-3, 2, 44100 // 441)).repeat(441)
    return (rng.normal(0, 1, 44100) * loud).clip(-1, 1).astype(np.float32)


@pytest.mark.parametrize("scale", clips.SCALES)
def test_a_mel_is_the_first_160_frames_of_librosas_on_either_scale(scale: str) -> None:
    samples = np.stack([noise(1), 0.01 * noise(2)])
    there = librosa.feature.melspectrogram(
        y=samples, sr=22050, n_fft=1024, hop_length=256, power=1.0, n_mels=80, fmin=125, fmax=7600, pad_mode="reflect",
        htk=scale == "htk", norm="slaney",
    )  # fmt: skip
    assert there.shape == (2, 80, 173)
    decibels = 20 * np.log10(np.maximum(there, 1e-5))
    wanted = 2 * ((decibels - 20 + 100) / 100).clip(0, 1) - 1
    made = mel(samples, ClipSound(scale=scale))
    assert made.shape == (2, 1, 80, 160) and made.dtype == np.float32
    np.testing.assert_allclose(made[:, 0], wanted[..., :160], atol=1e-4)


def test_the_htk_scale_is_the_one_that_pytorch_has_by_default() -> None:
    """Triangles on 2595 log10(1 + f / 700), each of area 1 / Hz, over magnitudes of a centred, mirrored STFT."""
    samples = noise(3)
    _, _, spectrum = scipy.signal.stft(
        np.pad(samples, 512, mode="reflect"), window="hann", nperseg=1024, noverlap=768, boundary=None, padded=False
    )
    magnitude = np.abs(spectrum) * 512  # scipy divides by the window's sum
    edges = 700 * (10 ** (np.linspace(2595 * np.log10(1 + 125 / 700), 2595 * np.log10(1 + 7600 / 700), 82) / 2595) - 1)
    hz = np.linspace(0, 11025, 513)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bands = np.maximum(0, np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle))) * 2 / (high - low)
    wanted = (np.log10(np.maximum(bands @ magnitude, 1e-5)) + 4) / 5
    np.testing.assert_allclose(mel(samples, ClipSound(scale="htk"))[0, 0], 2 * wanted.clip(0, 1)[:, :160] - 1, atol=2e-4)


def test_a_click_is_loudest_in_the_frame_that_is_centred_on_it() -> None:
    click = np.zeros(44100, np.float32)
    click[100 * 256] = 0.5
    assert mel(click)[0, 0].sum(axis=0).argmax() == 100


def test_vocoders_take_the_logarithm_of_the_magnitudes_that_a_mel_was_made_of() -> None:
    np.testing.assert_allclose(magnitudes(np.array([-1, 0, 1], np.float32)), [-4, -1.5, 1])
    settings = ClipSound()
    there = librosa.feature.melspectrogram(
        y=noise(4), sr=22050, n_fft=1024, hop_length=256, power=1.0, n_mels=80, fmin=125, fmax=7600, pad_mode="reflect"
    )[:, :160]
    np.testing.assert_allclose(magnitudes(mel(noise(4), settings))[0, 0], np.log10(there.clip(1e-4, 10)), atol=2e-4)


def test_clips_are_brought_to_a_level_one_by_one_and_silence_stays_silence() -> None:
    sounds = np.stack([noise(5), 0.2 * noise(5), np.zeros(44100, np.float32)])
    made = levelled(sounds)
    np.testing.assert_allclose(made[0], made[1], atol=1e-6)
    assert made.dtype == np.float32 and not made[2].any()
    even = np.full(44100, 0.003, np.float32)
    np.testing.assert_allclose(levelled(even), 0.1, rtol=1e-5)
    blow = np.zeros(44100, np.float32)
    blow[7] = 0.5
    assert levelled(blow)[7] == 1  # 0.1 of root mean square would be 21
    assert levelled(even, ClipSound(rms=0)) is even


def test_a_clip_of_another_length_is_none() -> None:
    with pytest.raises(ValueError, match="44100 samples"):
        mel(np.zeros((1, 44099), np.float32))


def test_a_picture_is_kept_with_its_short_side_as_the_settings_say() -> None:
    wide = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)
    assert clips.kept(wide).shape == (128, 227, 3)
    assert clips.kept(wide.transpose(1, 0, 2)).shape == (227, 128, 3)
    assert clips.kept(wide[:100, :50]).shape == (256, 128, 3)
    np.testing.assert_array_equal(clips.kept(wide), cv2.resize(wide, (227, 128), interpolation=cv2.INTER_AREA))
    small = wide[:128, :200]
    assert clips.kept(small) is small
    with pytest.raises(ValueError, match="uint8"):
        clips.kept(wide[..., 0])


def test_pictures_are_the_middle_of_what_is_kept_normalised() -> None:
    settings = ClipPicture(short_side=6, size=4)
    images = np.arange(2 * 6 * 9 * 3, dtype=np.uint8).reshape(2, 6, 9, 3)
    made = pictures(images, settings)
    assert made.shape == (3, 2, 4, 4) and made.dtype == np.float32
    for colour in range(3):
        middle = images[:, 1:5, 2:6, colour] / 255
        np.testing.assert_allclose(made[colour], (middle - settings.mean[colour]) / settings.std[colour], atol=1e-6)


@pytest.mark.parametrize(
    "settings", [ClipPicture(), ClipPicture(fps=10, short_side=64, size=56), ClipSound(scale="htk", rms=0.0)]
)
def test_settings_go_to_json_and_back(settings: ClipPicture | ClipSound) -> None:
    kind: type = type(settings)
    assert settings_from_json(kind, to_json(settings)) == settings


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (ClipPicture, "fps", 0), (ClipPicture, "fps", 15.5), (ClipPicture, "fps", True), (ClipPicture, "size", 129),
        (ClipPicture, "mean", [0.5, 0.5]), (ClipPicture, "mean", "grey"), (ClipPicture, "depth", 3),
        (ClipSound, "scale", "bark"), (ClipSound, "scale", 1), (ClipSound, "high_hz", 12000), (ClipSound, "high_hz", 100),
        (ClipSound, "frames", 174),
        (ClipSound, "n_fft", 1023), (ClipSound, "low_hz", -1), (ClipSound, "rms", float("nan")), (ClipSound, "rms", -0.1),
        (ClipSound, "hop", None),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_their_name(kind: type, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        settings_from_json(kind, {**to_json(kind()), name: value})


def test_a_setting_that_is_missing_is_named() -> None:
    said = to_json(replace(ClipSound(), mels=40))
    del said["hop"]
    with pytest.raises(ValueError, match="hop: is missing"):
        settings_from_json(ClipSound, said)
