"""Edited takes: every sample against the arithmetic of docs/audition.md done over in whole numbers, and what the files say."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import wavinfo
from test_conform import LABEL, Proposed, noise

from foley_bridge.conform import Take, cut_for, write_take
from foley_bridge.errors import JobError
from foley_bridge.jobs.retouch import nudge_samples, place_of, retouch
from foley_bridge.media.loudness import measure
from foley_bridge.media.sound import ArraySound

NONE = {"level_db": 0.0, "nudge_frames": 0, "nudge_ms": 0.0, "fade_in_s": 0.0, "fade_out_s": 0.0}
RATES = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "25": Fraction(25)}
STEPS = 1 << 23


def edit(**said: float) -> dict[str, Any]:
    return {**NONE, **said}


def take_of(
    folder: Path, rate: Fraction = RATES["25"], *, channels: int = 1, handles: Fraction = Fraction(0), sample_rate: int = 48000
) -> Take:
    """A take of a texture, 50 frames long, some time into a timeline that starts at 01:00:00:00."""
    cut = cut_for(Fraction(1007) / rate, Fraction(1057) / rate, rate, handles=handles)
    sound = noise(cut.frames(sample_rate), channels, rate=sample_rate)
    return write_take(
        Proposed(sound, "texture", onsets_s=(float(cut.start) + 0.3, float(cut.start) + 1.1)),
        path=folder / "AMBIence_wind R01 T1_FOLEYBRIDGE_cut 0123abcd.wav",
        cut=cut,
        label=LABEL,
        sample_rate=sample_rate,
        channels="source",
        global_start=Fraction(3600),
        provenance={"engine": "transfer"},
    )


def steps_in(path: Path) -> np.ndarray:
    """The file's 24-bit numbers, (n, channels)."""
    samples, _ = soundfile.read(path, dtype="int32", always_2d=True)
    return samples.astype(np.int64) >> 8


def over(before: np.ndarray, take: Take, rate: Fraction, said: dict[str, Any]) -> np.ndarray:
    """What the contract asks for, a sample at a time where it is fading, nothing of the program's used."""
    frames, sample_rate = len(before), take.sample_rate
    by = (Fraction(said["nudge_frames"]) / rate + Fraction(str(said["nudge_ms"])) / 1000) * sample_rate
    moved = np.zeros_like(before)
    if (shift := round(by)) >= 0:
        moved[shift:] = before[: frames - shift]
    else:
        moved[:shift] = before[-shift:]
    sound = moved.astype(np.float64) * 10 ** (said["level_db"] / 20)
    begins = round(take.start * sample_rate) - round((take.start - take.handle) * sample_rate)
    ends = round((take.start + take.duration) * sample_rate) - round((take.start - take.handle) * sample_rate)
    if count := round(Fraction(str(said["fade_in_s"])) * sample_rate):
        sound[:begins] = 0
        for k in range(count):
            sound[begins + k] *= k / count
    if count := round(Fraction(str(said["fade_out_s"])) * sample_rate):
        sound[ends:] = 0
        for k in range(1, count + 1):
            sound[ends - k] *= k / count
    return np.rint(sound).astype(np.int64)


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES.keys())
@pytest.mark.parametrize(
    ("channels", "handles", "sample_rate"), [(1, Fraction(0), 48000), (2, Fraction(1, 2), 48000), (1, Fraction(1, 4), 44100)]
)
@pytest.mark.parametrize(
    "said",
    [
        edit(nudge_frames=3),
        edit(nudge_frames=-2, nudge_ms=0.1),
        edit(nudge_ms=5),
        edit(level_db=6.5),
        edit(level_db=-17.3, nudge_ms=-33.4, fade_in_s=0.25, fade_out_s=0.7),
        edit(nudge_frames=1, fade_in_s=0.00013),
    ],
    ids=["later", "earlier", "half a sample at 44.1 kHz", "louder", "everything", "a fade of six samples"],
)
def test_every_sample_is_what_the_contract_says(
    tmp_path: Path, rate: Fraction, channels: int, handles: Fraction, sample_rate: int, said: dict[str, Any]
) -> None:
    take = take_of(tmp_path, rate, channels=channels, handles=handles, sample_rate=sample_rate)
    before = steps_in(take.path)
    made = retouch(take, said, tmp_path / "made.wav", rate=rate)
    after = steps_in(tmp_path / "made.wav")
    assert after.shape == before.shape == (take.frames, channels)
    np.testing.assert_array_equal(after, over(before, take, rate, said))
    assert soundfile.info(tmp_path / "made.wav").subtype == "PCM_24"
    peak_dbfs = 20 * np.log10(np.abs(after).max() / STEPS)
    assert made.peak_dbfs == pytest.approx(peak_dbfs, abs=1e-4)
    assert made.lufs == pytest.approx(measure(ArraySound(after / STEPS, sample_rate)).lufs, abs=1e-3)
    assert made.sha256 == hashlib.sha256((tmp_path / "made.wav").read_bytes()).hexdigest()


def test_a_nudge_is_exact_over_a_thousand_frames() -> None:
    """173 samples an hour is what counting in 23.976 costs."""
    assert nudge_samples(edit(nudge_frames=1), RATES["23.976"], 48000) == 2002
    assert nudge_samples(edit(nudge_frames=-5), RATES["29.97"], 48000) == -8008
    assert nudge_samples(edit(nudge_frames=1), RATES["29.97"], 48000) == 1602  # 1601.6
    assert nudge_samples(edit(nudge_frames=1, nudge_ms=0.3), RATES["29.97"], 48000) == 1616
    assert [nudge_samples(edit(nudge_ms=ms), RATES["25"], 44100) for ms in (5, 15, -5)] == [220, 662, -220]  # halves to even


def test_hits_move_with_the_sound_by_whole_samples(tmp_path: Path) -> None:
    take = take_of(tmp_path, RATES["29.97"])
    made = retouch(take, edit(nudge_frames=1), tmp_path / "made.wav", rate=RATES["29.97"])
    assert made.onsets_s == pytest.approx([at + 1602 / 48000 for at in take.onsets_s], abs=1e-12)
    gone = retouch(take, edit(nudge_ms=-500), tmp_path / "gone.wav", rate=RATES["29.97"])
    assert gone.onsets_s == pytest.approx([take.onsets_s[1] - 0.5], abs=1e-12)
    assert (made.start, made.duration, made.handle, made.frames) == (take.start, take.duration, take.handle, take.frames)


def test_a_nudge_past_the_end_leaves_silence_and_says_so(tmp_path: Path) -> None:
    take = take_of(tmp_path)
    made = retouch(take, edit(nudge_ms=9999), tmp_path / "made.wav", rate=RATES["25"])
    assert not steps_in(tmp_path / "made.wav").any()
    assert (made.onsets_s, made.lufs, made.peak_dbfs) == ((), None, None)
    assert "leaves nothing" in made.notes[0]


@pytest.mark.parametrize(
    ("handles", "said", "fades"),
    [
        (Fraction(0), edit(level_db=-1), (0.04, 0.04)),
        (Fraction(0), edit(fade_in_s=0.5), (0.5, 0.04)),
        (Fraction(0), edit(nudge_ms=50), (0.04, 0.0)),
        (Fraction(0), edit(nudge_ms=-50), (0.0, 0.04)),
        (Fraction(1, 2), edit(fade_in_s=0.5), (0.0, 0.04)),
        (Fraction(1, 2), edit(nudge_ms=50), (0.04, 0.04)),
    ],
)
def test_the_fades_told_are_those_of_the_files_ends(
    tmp_path: Path, handles: Fraction, said: dict[str, Any], fades: tuple[float, float]
) -> None:
    made = retouch(take_of(tmp_path, handles=handles), said, tmp_path / "made.wav", rate=RATES["25"])
    assert (made.fade_in_s, made.fade_out_s) == fades


def test_the_file_says_what_was_done_and_stays_where_it_was(tmp_path: Path) -> None:
    take = take_of(tmp_path, RATES["23.976"], channels=2, handles=Fraction(1, 2))
    said = edit(level_db=-3.5, nudge_frames=1, nudge_ms=2.5, fade_in_s=0.1)
    made = retouch(take, said, tmp_path / "made.wav", rate=RATES["23.976"])
    old, new = (wavinfo.WavInfoReader(str(path)) for path in (take.path, tmp_path / "made.wav"))
    assert new.bext.time_reference == old.bext.time_reference == take.time_reference
    assert (new.fmt.channel_count, new.fmt.bits_per_sample) == (2, 24)
    assert new.bext.description == old.bext.description and new.bext.originator == old.bext.originator
    assert new.bext.originator_ref != old.bext.originator_ref
    assert new.bext.loudness_value == pytest.approx(made.lufs, abs=0.006)
    assert old.bext.coding_history in new.bext.coding_history and new.bext.coding_history.count("A=PCM") == 2
    before, after = (ElementTree.fromstring(each.ixml.source) for each in (old, new))
    note = after.findtext("NOTE") or ""
    for part in ("level -3.5 dB", "nudge +1 frames +2.5 ms", "fade in 0.1 s", take.sha256):
        assert part in note
    assert after.findtext("FOLEY_BRIDGE/EDITED_FROM") == take.sha256
    assert after.findtext("FOLEY_BRIDGE/NUDGE_SAMPLES") == "2122"
    assert after.findtext("FOLEY_BRIDGE/ENGINE") == "transfer"
    assert float(after.findtext("ASWG/loudness") or "nan") == pytest.approx(made.lufs, abs=0.006)
    assert after.findtext("BEXT/BWF_ORIGINATOR_REFERENCE") == new.bext.originator_ref == after.findtext("FILE_UID")
    assert after.findtext("BEXT/BWF_TIME_REFERENCE_LOW") == str(take.time_reference)
    changed = {"NOTE", "FILE_UID", "BEXT", "ASWG", "FOLEY_BRIDGE"}
    kept = [[ElementTree.tostring(each) for each in root if each.tag not in changed] for root in (before, after)]
    assert [ElementTree.canonicalize(each, strip_text=True) for each in kept[0]] == [
        ElementTree.canonicalize(each, strip_text=True) for each in kept[1]
    ]
    assert {each.tag: each.text for each in after.find("ASWG") or () if each.tag not in ("loudness", "maxPeak")} == {
        each.tag: each.text for each in before.find("ASWG") or () if each.tag not in ("loudness", "maxPeak")
    }


def test_the_same_edit_is_the_same_file_and_another_is_another(tmp_path: Path) -> None:
    take = take_of(tmp_path)
    before = take.path.read_bytes()
    first = retouch(take, edit(level_db=1), tmp_path / "a.wav", rate=RATES["25"])
    again = retouch(take, edit(level_db=1), tmp_path / "b.wav", rate=RATES["25"])
    other = retouch(take, edit(level_db=1.5), tmp_path / "c.wav", rate=RATES["25"])
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes() and first == again
    assert first.path == place_of(take, edit(level_db=1)) and first.path.parent == take.path.parent
    assert first.path.name.startswith(take.path.stem) and len({take.path, first.path, other.path}) == 3
    assert take.path.read_bytes() == before


def test_an_original_that_is_gone_or_was_changed_is_refused_by_name(tmp_path: Path) -> None:
    take = take_of(tmp_path)
    data = take.path.read_bytes()
    take.path.write_bytes(data[:-3] + b"\1\2\3")
    with pytest.raises(JobError, match=r"T1_FOLEYBRIDGE_cut 0123abcd\.wav was changed"):
        retouch(take, edit(level_db=-1), tmp_path / "made.wav", rate=RATES["25"])
    take.path.unlink()
    with pytest.raises(JobError, match=r"0123abcd\.wav is not there"):
        retouch(take, edit(level_db=-1), tmp_path / "made.wav", rate=RATES["25"])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_raised_beyond_a_tenth_of_a_decibel_under_full_scale(tmp_path: Path) -> None:
    take = take_of(tmp_path)
    assert take.peak_dbfs is not None
    most = -0.1 - take.peak_dbfs
    made = retouch(take, edit(level_db=most), tmp_path / "made.wav", rate=RATES["25"])
    assert made.peak_dbfs == pytest.approx(-0.1, abs=1e-4)
    assert np.abs(steps_in(tmp_path / "made.wav")).max() < STEPS
    with pytest.raises(JobError, match=r"would clip"):
        retouch(take, edit(level_db=most + 0.01), tmp_path / "more.wav", rate=RATES["25"])
    assert not (tmp_path / "more.wav").exists()
    quiet = replace(take, peak_dbfs=-0.05)  # louder than we write, but turning it down is always right
    assert retouch(quiet, edit(level_db=-0.5), tmp_path / "less.wav", rate=RATES["25"]).peak_dbfs is not None


MEMORY = """
import sys
from fractions import Fraction
from pathlib import Path
import numpy as np
sys.path.insert(0, "tests")
from memory_peak import peak_kb
from foley_bridge.conform import Label, cut_for, write_take
from foley_bridge.jobs.retouch import retouch

class Hum:
    sample_rate, channels = 48000, 1
    def __init__(self, frames): self.frames = frames
    def blocks(self, size=65536):
        for at in range(0, self.frames, size):
            count = min(size, self.frames - at)
            yield (0.1 * np.sin(np.arange(at, at + count) / 9)[:, None]).astype(np.float32)

class Candidate:
    seed, score, onsets_s, kind, source = 1, 0.5, (), "texture", {}

folder, minutes = Path(sys.argv[1]), int(sys.argv[2])
cut = cut_for(Fraction(0), Fraction(60 * minutes), Fraction(25), handles=Fraction(1))
Candidate.sound = Hum(cut.frames(48000))
take = write_take(Candidate(), path=folder / "take.wav", cut=cut, label=Label("AMBIence", "hum"))
before = peak_kb()
said = {"level_db": 2.0, "nudge_frames": -3, "nudge_ms": 1.5, "fade_in_s": 20.0, "fade_out_s": 30.0}
retouch(take, said, folder / "made.wav", rate=Fraction(25))
print(peak_kb() - before)
"""


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak of memory")
def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    grown = {}
    for minutes in (1, 60):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(tmp_path), str(minutes)], capture_output=True, text=True, check=True
        )
        grown[minutes] = json.loads(done.stdout)
    assert grown[60] < grown[1] + 4096, grown  # KiB
