"""Pictures and sounds become points: the same each time, alone or among others, and only where the pack's own proof holds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr
from packs import make_pack, read_manifest, write_manifest

from foley_bridge.errors import MediaError, PackError
from foley_bridge.inference import features
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.golden import golden_bytes, read_golden
from foley_bridge.inference.pack import Pack

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture(scope="module")
def encoders(folder: Path) -> Encoders:
    return Encoders(Pack.open(folder))


def pictures(count: int) -> list[np.ndarray]:
    """Of many sizes."""
    source = np.random.default_rng(4)
    sizes = source.integers(20, 400, (count, 2))
    return [source.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def sounds(count: int) -> np.ndarray:
    return np.random.default_rng(5).normal(0, 0.1, (count, 48_000)).astype(np.float32)


def test_pictures_and_sounds_are_points_on_one_sphere(encoders: Encoders) -> None:
    for made in (encoders.embed_pictures(pictures(3)), encoders.embed_segments(sounds(3))):
        assert made.dtype == np.float32 and made.shape == (3, encoders.dimension)
        np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-6)
    assert encoders.embed_pictures([]).shape == (0, encoders.dimension)
    assert encoders.embed_segments(sounds(0)).shape == (0, encoders.dimension)


def test_a_picture_is_made_by_the_settings_of_the_pack(encoders: Encoders) -> None:
    image = pictures(1)[0]
    given = features.picture(image)[None]
    np.testing.assert_array_equal(encoders.embed_pictures([image]), encoders.picture.run({"picture": given})["embedding"])


def test_the_same_is_the_same_to_the_bit(encoders: Encoders, folder: Path) -> None:
    again = Encoders(Pack.open(folder))
    for one in (encoders, again):
        assert one.embed_pictures(pictures(21)).tobytes() == encoders.embed_pictures(pictures(21)).tobytes()
        assert one.embed_segments(sounds(5)).tobytes() == encoders.embed_segments(sounds(5)).tobytes()


def test_many_at_once_are_what_each_is_alone(folder: Path) -> None:
    encoders = Encoders(Pack.open(folder), providers="cpu")
    images, cut = pictures(37), sounds(37)
    alone = np.concatenate([encoders.embed_pictures([image]) for image in images])
    assert encoders.embed_pictures(images).tobytes() == alone.tobytes()
    alone = np.concatenate([encoders.embed_segments(each[None]) for each in cut])
    np.testing.assert_allclose(encoders.embed_segments(cut), alone, atol=1e-6, rtol=0)  # their spectra may be rounded


def test_the_threads_do_not_matter(folder: Path, encoders: Encoders) -> None:
    many = Encoders(Pack.open(folder), threads=3)
    np.testing.assert_allclose(many.embed_pictures(pictures(9)), encoders.embed_pictures(pictures(9)), atol=1e-6, rtol=0)


def test_a_recording_is_cut_into_seconds_and_silence_left_out(encoders: Encoders) -> None:
    recording = np.concatenate([sounds(1)[0], np.zeros(48_000, np.float32), sounds(2)[1], sounds(1)[0, :24_000]])
    starts, made = encoders.embed_sounds(recording, 48_000)
    assert starts.tolist() == [0.0, 2.0, 2.5]
    cut = np.stack([recording[first : first + 48_000] for first in (0, 96_000, 120_000)])
    np.testing.assert_array_equal(made, encoders.embed_segments(cut))
    stereo = np.stack([recording, recording], axis=1)
    np.testing.assert_allclose(encoders.embed_sounds(stereo, 48_000)[1], made, atol=1e-6)


def test_a_recording_of_another_rate_is_heard_as_at_the_packs(encoders: Encoders) -> None:
    low = soxr.resample(soxr.resample(sounds(1)[0], 48_000, 16_000), 16_000, 48_000)  # nothing of it over 8 kHz
    starts, made = encoders.embed_sounds(soxr.resample(low, 48_000, 44_100), 44_100)
    assert starts.tolist() == [0.0]
    assert np.linalg.norm(made[0] - encoders.embed_segments(low[None])[0]) < 0.1


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf, 1e30])
def test_a_recording_of_what_is_no_sound_is_refused(encoders: Encoders, sample: float) -> None:
    recording = sounds(1)[0]
    recording[7] = sample
    for rate in (48_000, 44_100):
        with pytest.raises(MediaError, match="no numbers, or far too large"):
            encoders.embed_sounds(recording, rate)


def test_silence_is_a_point_too(encoders: Encoders) -> None:
    for length in (0, 1, 48_000):
        assert encoders.embed_sounds(np.zeros(length, np.float32), 48_000)[1].shape == (1, encoders.dimension)


def test_what_is_alike_lies_near(encoders: Encoders) -> None:
    colours = np.zeros((3, 100, 150, 3), np.uint8)
    for channel in range(3):
        colours[channel, :, :, channel] = 200
    time = np.arange(48_000) / 48_000
    tones = np.stack([0.2 * np.sin(2 * np.pi * hertz * time) for hertz in (200, 2_500, 12_000)]).astype(np.float32)
    apart = np.linalg.norm(encoders.embed_pictures(list(colours))[:, None] - encoders.embed_segments(tones), axis=2)
    assert apart.argmin(axis=1).tolist() == [0, 1, 2]


def test_a_distance_is_a_score_from_one_to_nothing(encoders: Encoders) -> None:
    assert [encoders.score(distance) for distance in (0.0, 0.4, 0.9, 1.4, 2.0)] == pytest.approx([1, 1, 0.5, 0, 0])


def test_a_pack_without_the_golden_numbers_is_refused_by_file(folder: Path, tmp_path: Path) -> None:
    with np.load(folder / "golden.npz") as file:
        arrays = dict(file)
    for name, how in (("near", 5e-4), ("far", 2e-3)):
        other = make_pack(tmp_path / name)
        moved = {**arrays, "picture_out": arrays["picture_out"] + np.float32(how)}
        (other / "golden.npz").write_bytes(golden_bytes(moved))
        write_manifest(other, read_manifest(other))
        if name == "near":
            assert Encoders(Pack.open(other)).space == Encoders(Pack.open(folder)).space
            continue
        with pytest.raises(PackError, match=r"picture\.onnx: it does not run on cpu: .*at most 0\.001 is right"):
            Encoders(Pack.open(other))


def test_settings_of_sound_that_leave_bands_empty_are_refused(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack")
    told = read_manifest(folder)
    told["tasks"]["recommendation"]["sound"]["high_hz"] = 400.0
    write_manifest(folder, told)
    with pytest.raises(PackError, match=r"settings of sound cannot be"):
        Encoders(Pack.open(folder)).embed_segments(sounds(1))


# --- the file of golden numbers ---

SHAPES = {"picture_in": (3, 2, 2), "picture_out": (4,)}


def arrays() -> Arrays:
    return {"picture_in": np.ones((2, 3, 2, 2), np.float32), "picture_out": np.zeros((2, 4), np.float32)}


def saved(made: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **made)  # type: ignore[arg-type]
    return file.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in SHAPES:
            archive.writestr(f"{name}.npy", bytes(130 << 20))
    return file.getvalue()


def boast() -> bytes:
    """A header that says far more than there is."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, shape in (("picture_in", (64, 3, 2, 2)), ("picture_out", (64, 4))):
            inner = io.BytesIO()
            np.lib.format.write_array_header_1_0(inner, {"descr": "<f4", "fortran_order": False, "shape": shape})
            archive.writestr(f"{name}.npy", inner.getvalue())
    return file.getvalue()


GOLDEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"PK\x03\x04 and no more", "no .npz"),
    "nothing": (lambda: b"", "no .npz"),
    "cut off": (lambda: saved(arrays())[:-40], "no .npz"),
    "an array too many": (lambda: saved({**arrays(), "more": np.zeros(1)}), "other arrays"),
    "an array too few": (lambda: saved({"picture_in": arrays()["picture_in"]}), "other arrays"),
    "pickled": (lambda: saved({**arrays(), "picture_out": np.array([{}, {}], object)}), "picture_out.npy is object"),
    "doubles": (lambda: saved({**arrays(), "picture_out": np.zeros((2, 4))}), "picture_out.npy is float64"),
    "of Fortran's order": (lambda: saved({**arrays(), "picture_out": np.zeros((4, 2), np.float32).T}), "picture_out.npy is"),
    "of another shape": (lambda: saved({**arrays(), "picture_out": np.zeros((2, 5), np.float32)}), "picture_out.npy is"),
    "of no shape": (lambda: saved({**arrays(), "picture_out": np.float32(1)}), "picture_out.npy is"),
    "without rows": (lambda: saved({name: each[:0] for name, each in arrays().items()}), "picture_in.npy is"),
    "of unequal rows": (lambda: saved({**arrays(), "picture_out": np.zeros((3, 4), np.float32)}), "as many rows"),
    "not a number": (lambda: saved({**arrays(), "picture_in": arrays()["picture_in"] * np.nan}), "numbers that are none"),
    "a bomb": (bomb, "unpacks to over 256 MB"),
    "a boast": (boast, "cut off"),
}


@pytest.mark.parametrize("data, why", GOLDEN.values(), ids=GOLDEN)
def test_golden_numbers_are_four_plain_arrays_or_refused(data: Callable[[], bytes], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_golden(data(), SHAPES)


def test_golden_numbers_are_written_as_they_are_read() -> None:
    data = golden_bytes(arrays())
    assert data == golden_bytes(arrays())
    for name, array in read_golden(data, SHAPES).items():
        np.testing.assert_array_equal(array, arrays()[name])


def test_thousands_of_broken_golden_files_are_read_or_refused() -> None:
    source = np.random.default_rng(0)
    seed = saved(arrays())
    for _ in range(5_000):
        data = bytearray(seed)
        for _ in range(source.integers(1, 4)):
            data[source.integers(len(data))] = source.integers(256)
        try:
            read_golden(bytes(data), SHAPES)
        except ValueError:
            continue
