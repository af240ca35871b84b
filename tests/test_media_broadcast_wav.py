"""Broadcast WAV out: exact samples, exact metadata in two independent readers, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import wavinfo
from hypothesis import given
from hypothesis import strategies as st

from foley_bridge.errors import MediaError
from foley_bridge.media.audio import ArraySound
from foley_bridge.media.broadcast_wav import Bext, _header, read_bext, read_ixml, write
from foley_bridge.media.ixml import Aswg, IxmlFields, build_ixml

BEXT = Bext(
    description="Schritte über Kies, Szene 4",
    originator="foley_bridge",
    originator_reference="take-0001",
    origination_date="2026-03-14",
    origination_time="15:09:26",
    time_reference=48000 * 86399 + 47999,
    loudness_lufs=-23.04,
    true_peak_dbtp=-1.5,
)


def sound(frames: int = 4801, channels: int = 1, rate: int = 48000) -> ArraySound:
    return ArraySound(np.random.default_rng(frames).uniform(-1, 1, (frames, channels)), rate)


def walk(path: Path) -> dict[bytes, bytes]:
    """A second reader of the container: chunk name -> body; every chunk at an even place, lengths adding up to the file's."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    chunks, at = {}, 12
    while at < len(data):
        assert at % 2 == 0
        name, size = struct.unpack("<4sI", data[at : at + 8])
        chunks[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data)
    return chunks


@pytest.mark.parametrize("bit_depth,step", [(16, 2.0**-15), (24, 2.0**-23), (32, 0)])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_sample_comes_back_rounded_to_the_nearest_step(
    tmp_path: Path, bit_depth: int, step: float, channels: int
) -> None:
    made = sound(4801, channels)
    written = write(tmp_path / "a.wav", made, bit_depth=bit_depth, bext=BEXT)
    read, rate = soundfile.read(tmp_path / "a.wav", always_2d=True)
    assert (rate, read.shape) == (48000, (4801, channels))
    assert np.abs(read - made.samples).max() <= step / 2
    assert (written.frames, written.clipped) == (4801, 0)
    assert written.sha256 == hashlib.sha256((tmp_path / "a.wav").read_bytes()).hexdigest()
    assert walk(tmp_path / "a.wav")[b"data"][:2] != b""


def test_what_24_bits_hold_survives_exactly(tmp_path: Path) -> None:
    exact = np.array([-(2**23), -1, 0, 1, 2**23 - 1, 12345, -54321]) / 2**23
    write(tmp_path / "a.wav", ArraySound(exact, 48000), bext=BEXT)
    assert np.array_equal(soundfile.read(tmp_path / "a.wav")[0], exact)


def test_samples_beyond_full_scale_are_clamped_and_counted(tmp_path: Path) -> None:
    loud = np.array([0.5, 1.0, -1.0, 1.5, -2.0, 0.0])
    written = write(tmp_path / "a.wav", ArraySound(loud, 48000), bext=BEXT)
    assert written.clipped == 2
    assert np.abs(soundfile.read(tmp_path / "a.wav")[0] - loud.clip(-1, 1)).max() <= 2.0**-23
    assert write(tmp_path / "b.wav", ArraySound(loud, 48000), bit_depth=32, bext=BEXT).clipped == 0
    assert np.array_equal(soundfile.read(tmp_path / "b.wav")[0], loud)


def test_wavinfo_reads_every_field(tmp_path: Path) -> None:
    text = build_ixml(
        IxmlFields(bext=BEXT, sample_rate=48000, bit_depth=24, rate=Fraction(25), project="Kies", take="2", tracks=("Foley",))
    )
    write(tmp_path / "a.wav", sound(), bext=BEXT, ixml=text)
    info = wavinfo.WavInfoReader(str(tmp_path / "a.wav"))
    assert info.fmt.bits_per_sample == 24
    assert info.data.frame_count == 4801
    bext = info.bext
    assert bext.description == "Schritte uber Kies, Szene 4"
    assert (bext.originator, bext.originator_ref) == ("foley_bridge", "take-0001")
    assert (bext.originator_date, bext.originator_time) == ("2026-03-14", "15:09:26")
    assert (bext.version, bext.time_reference) == (2, 48000 * 86399 + 47999)
    assert (bext.loudness_value, bext.max_true_peak, bext.loudness_range) == (-23.04, -1.5, 327.67)
    assert bext.coding_history == "A=PCM,F=48000,W=24,M=mono,T=foley_bridge\r\n"
    assert (info.ixml.project, info.ixml.take) == ("Kies", "2")
    assert [track.name for track in info.ixml.track_list] == ["Foley"]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed: the third reader did not look")
def test_ffprobe_reads_the_same_time_reference_and_length(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", sound(), bext=BEXT, ixml="<BWFXML/>")
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(tmp_path / "a.wav")]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert found["format"]["tags"]["time_reference"] == str(48000 * 86399 + 47999)
    assert found["streams"][0]["codec_name"] == "pcm_s24le"
    assert found["streams"][0]["duration_ts"] == 4801


@given(
    st.integers(0, 24 * 3600 * 192000 - 1),
    st.text(max_size=300),
    st.one_of(st.none(), st.floats(-99, 0)),
    st.integers(0, 33),
    st.sampled_from([16, 24, 32]),
)
def test_metadata_round_trip_over_a_24_hour_day(
    tmp_path_factory: pytest.TempPathFactory, reference: int, description: str, lufs: float | None, frames: int, bit_depth: int
) -> None:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    bext = replace(BEXT, time_reference=reference, description=description, loudness_lufs=lufs)
    text = build_ixml(
        IxmlFields(bext=bext, sample_rate=48000, bit_depth=bit_depth, rate=Fraction(24000, 1001), note=description)
    )
    write(path, sound(frames) if frames else ArraySound(np.zeros((0, 1)), 48000), bit_depth=bit_depth, bext=bext, ixml=text)
    assert len(walk(path)[b"data"]) == frames * bit_depth // 8
    back = read_bext(path)
    assert back is not None
    assert back.time_reference == reference
    assert back.loudness_lufs == (None if lufs is None else pytest.approx(lufs, abs=0.005 + 1e-9))
    if description.isascii() and "\0" not in description:
        assert back.description == description[:256]
    assert read_ixml(path) == text.strip()
    root = ElementTree.fromstring(text)
    low, high = (int(root.findtext(f"BEXT/BWF_TIME_REFERENCE_{half}") or "") for half in ("LOW", "HIGH"))
    assert (high << 32) + low == reference, "iXML and bext agree"
    since = [int(root.findtext(f"SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{half}") or "") for half in ("HI", "LO")]
    assert (since[0] << 32) + since[1] == reference


def test_ixml_says_rate_ucs_and_origin_in_the_standards_words() -> None:
    text = build_ixml(
        IxmlFields(
            bext=BEXT,
            sample_rate=48000,
            bit_depth=24,
            rate=Fraction(30000, 1001),
            drop=True,
            scene="4",
            circled=True,
            uid="0123",
            aswg=Aswg(
                cat_id="FEETHmn",
                sub_category="HUMAN",
                fx_name="Kies & <Sand>",
                is_generated=True,
                usage_rights="CC0",
                loudness=-23.0,
            ),
            provenance={"engine": "transfer", "idempotency key": "k\x001", "source": 'a "b" & c'},
        )
    )
    root = ElementTree.fromstring(text)
    assert root.findtext("SPEED/TIMECODE_RATE") == "30000/1001"
    assert root.findtext("SPEED/TIMECODE_FLAG") == "DF"
    assert root.findtext("CIRCLED") == "TRUE"
    assert {item.tag: item.text for item in root.find("ASWG") or []} == {
        "contentType": "sfx",
        "isGenerated": "true",
        "subCategory": "HUMAN",
        "catId": "FEETHmn",
        "fxName": "Kies & <Sand>",
        "loudness": "-23.00",
        "usageRights": "CC0",
    }
    assert {item.tag: item.text for item in root.find("FOLEY_BRIDGE") or []} == {
        "ENGINE": "transfer",
        "IDEMPOTENCY_KEY": "k1",
        "SOURCE": 'a "b" & c',
    }


class Endless:
    """A sound of any length that costs nothing to describe."""

    sample_rate, channels = 48000, 2

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def blocks(self, size: int = 65536) -> Iterator[np.ndarray]:
        for start in range(0, self.frames, size):
            yield np.full((min(size, self.frames - start), 2), 0.25, np.float32)


def test_beyond_4_gb_the_header_is_rf64_and_its_sizes_are_64_bit() -> None:
    small = _header(Endless((2**32 - 5000) // 6), 24, BEXT, None)
    assert small[:4] == b"RIFF"
    frames = 48000 * 3600 * 5
    header = _header(Endless(frames), 24, BEXT, "<BWFXML/>")
    assert header[:4] == b"RF64" and header[12:16] == b"ds64" and header[-8:] == b"data" + b"\xff" * 4
    riff, data, samples, tables = struct.unpack("<QQQI", header[20:48])
    assert (data, samples, tables) == (frames * 6, frames, 0)
    assert riff == len(header) + frames * 6 - 8


@pytest.mark.nightly
def test_a_file_beyond_4_gb_is_read_to_its_last_sample_by_libsndfile(tmp_path: Path) -> None:
    frames = 2**32 // 6 + 12345
    write(tmp_path / "big.wav", Endless(frames), bext=BEXT, ixml="<BWFXML/>")
    with soundfile.SoundFile(tmp_path / "big.wav") as file:
        assert file.frames == frames
        file.seek(frames - 10)
        assert np.array_equal(file.read(), np.full((10, 2), 0.25))
    assert read_ixml(tmp_path / "big.wav") == "<BWFXML/>"


def test_the_same_sound_makes_the_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "a.wav", sound(), bext=BEXT, ixml="<BWFXML/>")
    assert write(tmp_path / "b.wav", sound(), bext=BEXT, ixml="<BWFXML/>").sha256 == first.sha256


class Breaks(Endless):
    """Fails in the middle."""

    def blocks(self, size: int = 65536) -> Iterator[np.ndarray]:
        yield np.zeros((10, 2), np.float32)
        raise MediaError("the source broke off")


def test_a_write_that_fails_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, sound(), bext=BEXT)
    before = path.read_bytes()
    with pytest.raises(MediaError, match="broke off"):
        write(path, Breaks(1000), bext=BEXT)
    with pytest.raises(MediaError, match="not numbers"):
        write(path, ArraySound(np.array([0, np.nan]), 48000), bext=BEXT)
    assert [item.name for item in tmp_path.iterdir()] == ["a.wav"]
    assert path.read_bytes() == before


def test_a_full_disk_is_one_error_with_the_path_and_leaves_nothing(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("file size limits are a POSIX thing: the full disk was not tried")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # Python ignores SIGXFSZ: writing fails as on a full disk
    try:
        with pytest.raises(MediaError, match=r"a\.wav: cannot be written"):
            write(tmp_path / "a.wav", sound(48000), bext=BEXT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_or_locked_folder_is_one_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere/a\.wav: cannot be written"):
        write(tmp_path / "nowhere" / "a.wav", sound(), bext=BEXT)
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match=r"file/a\.wav: cannot be written"):
        write(tmp_path / "file" / "a.wav", sound(), bext=BEXT)
    if hasattr(os, "geteuid") and os.geteuid() != 0:  # root may write everywhere
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        with pytest.raises(MediaError, match=r"a\.wav: cannot be written"):
            write(locked / "a.wav", sound(), bext=BEXT)


def test_wrong_metadata_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for wrong in (
        {"time_reference": -1},
        {"time_reference": 1 << 64},
        {"origination_date": "14.3.2026"},
        {"origination_time": "noon"},
    ):
        with pytest.raises(MediaError):
            replace(BEXT, **wrong)  # type: ignore[arg-type]
    with pytest.raises(MediaError, match="20 bits"):
        write(tmp_path / "a.wav", sound(), bit_depth=20, bext=BEXT)
    assert list(tmp_path.iterdir()) == []


def test_reading_metadata_of_other_files(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "plain.wav", np.zeros(100), 48000)
    assert read_bext(tmp_path / "plain.wav") is None
    assert read_ixml(tmp_path / "plain.wav") is None
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(MediaError, match=r"text\.wav: is not a WAV"):
        read_bext(tmp_path / "text.wav")
    with pytest.raises(MediaError, match=r"gone\.wav: cannot be read"):
        read_ixml(tmp_path / "gone.wav")
