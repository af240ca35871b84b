"""Takes on disk: read back by other programs' readers, they lie where they should, as loud as they should."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyloudnorm
import pytest
import soundfile
import wavinfo
from hypothesis import given
from hypothesis import strategies as st
from test_engines_arrange import even_onsets, few, heard_at

from foley_bridge.conform import CEILING_DBFS, Cut, Label, Take, cut_for, take_bytes, ucs_name, write_take
from foley_bridge.engines.arrange import arrange_hits
from foley_bridge.errors import MediaError
from foley_bridge.media.sound import ArraySound

NTSC = Fraction(24000, 1001)
LABEL = Label("METLImpt", "gate latch", "METAL", "IMPACT")
SECOND = cut_for(Fraction(0), Fraction(1), Fraction(25))


@dataclass(frozen=True)
class Proposed:
    """A candidate of a given sound."""

    sound: ArraySound
    kind: str = "hits"
    seed: int = 3
    score: float = 0.5
    onsets_s: tuple[float, ...] = (0.25,)
    source: dict[str, str] = field(default_factory=lambda: {"file": "latch.wav", "licence": "CC0 1.0"})


def noise(frames: int, channels: int = 1, peak: float = 0.25, rate: int = 48000) -> ArraySound:
    wave = np.random.default_rng(1).standard_normal((frames, channels))
    return ArraySound(peak * wave / np.abs(wave).max(), rate)


def taken(tmp_path: Path, sound: ArraySound, cut: Cut = SECOND, kind: str = "hits", **options) -> tuple[Take, np.ndarray]:  # type: ignore[no-untyped-def]
    take = write_take(Proposed(sound, kind), path=tmp_path / "take.wav", cut=cut, label=LABEL, **options)
    return take, soundfile.read(take.path, dtype="float64", always_2d=True)[0]


# --- where it lies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
@pytest.mark.parametrize("handles", [Fraction(0), Fraction(1, 2)])
def test_hits_in_the_file_lie_within_a_millisecond_of_the_times_asked(tmp_path: Path, rate: int, handles: Fraction) -> None:
    """Measured in the WAV, from its own TimeReference, at 23.976 late in a 24 h day."""
    global_start, first = Fraction(20 * 3600), Fraction(3600) + Fraction(7, 10)
    times = [float(first) + at for at in (0.02, 0.4, 0.777, 1.5)]
    cut = cut_for(first, first + 2, NTSC, handles=handles, tail=Fraction(1, 2))
    candidate = arrange_hits(even_onsets(times), few(rate), seed=1, start=cut.file_start, end=cut.file_end)
    take = write_take(
        candidate, path=tmp_path / "t.wav", cut=cut, label=LABEL, sample_rate=rate, global_start=global_start, level=-20
    )
    samples, rate_read = soundfile.read(take.path, always_2d=True)
    reference = wavinfo.WavInfoReader(str(take.path)).bext.time_reference
    assert rate_read == rate and len(samples) == take.frames == cut.file_frames(rate)
    start = Fraction(reference, rate) - global_start
    assert np.abs(heard_at(samples, rate, times, start) - times).max() <= 0.001
    assert abs(start - (take.start - take.handle)) <= Fraction(1, 2 * rate)


@pytest.mark.parametrize(("made", "asked"), [(44100, 48000), (48000, 44100), (22050, 96000)])
def test_another_rate_moves_no_hit(tmp_path: Path, made: int, asked: int) -> None:
    cut = cut_for(Fraction(10), Fraction(12), NTSC)
    candidate = arrange_hits(even_onsets([10.3, 11.1]), few(made), seed=1, start=cut.file_start, end=cut.file_end)
    take = write_take(candidate, path=tmp_path / "t.wav", cut=cut, label=LABEL, sample_rate=asked)
    samples = soundfile.read(take.path, always_2d=True)[0]
    assert len(samples) == cut.file_frames(asked)
    assert np.abs(heard_at(samples, asked, [10.3, 11.1], cut.file_start) - [10.3, 11.1]).max() <= 0.001


@given(
    frame=st.integers(0, 24 * 3600 * 24),
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    rate=st.sampled_from([NTSC, Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(374, 25)]),
    sample_rate=st.sampled_from([44100, 48000, 96000]),
)
def test_neighbouring_takes_meet_to_the_sample(frame: int, lengths: list[int], rate: Fraction, sample_rate: int) -> None:
    first, total = frame, 0
    for length in lengths:
        total += cut_for(frame / rate, (frame + length) / rate, rate).frames(sample_rate)
        frame += length
    assert total == round(frame / rate * sample_rate) - round(first / rate * sample_rate)


@given(
    start=st.fractions(0, 90000), length=st.fractions(Fraction(1, 100), 10), handles=st.fractions(0, 2), tail=st.fractions(0, 2)
)
def test_a_cut_is_the_region_expanded_to_whole_frames(
    start: Fraction, length: Fraction, handles: Fraction, tail: Fraction
) -> None:
    cut = cut_for(start, start + length, NTSC, handles=handles, tail=tail)
    for time in (cut.start, cut.end, cut.handle):
        assert (time * NTSC).denominator == 1
    assert 0 <= start - cut.start < 1 / NTSC and 0 <= cut.end - (start + length + tail) < 1 / NTSC
    assert 0 <= cut.handle - handles < 1 / NTSC


def test_time_reference_counts_from_midnight_and_wraps_after_a_day(tmp_path: Path) -> None:
    cut = cut_for(Fraction(1), Fraction(2), Fraction(25), handles=Fraction(2))
    for global_start, expected in (
        (Fraction(3600), 3599 * 48000),
        (Fraction(86400), 86399 * 48000),
        (Fraction(0), 86399 * 48000),
    ):
        take, _ = taken(tmp_path, noise(cut.frames(48000)), cut, global_start=global_start)
        info = wavinfo.WavInfoReader(str(take.path))
        assert info.bext.time_reference == take.time_reference == expected
        xml = ElementTree.fromstring(info.ixml.xml_str())
        high, low = (int(xml.findtext(f".//TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{part}") or -1) for part in ("HI", "LO"))
        assert (high << 32) + low == expected


# --- how loud it is ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [-14.0, -23.0, -40.0, -60.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_level_is_met_within_a_tenth_of_a_lu(tmp_path: Path, level: float, channels: int) -> None:
    take, samples = taken(tmp_path, noise(48000, channels, peak=0.05), kind="texture", level=level)
    heard = pyloudnorm.Meter(48000).integrated_loudness(samples)
    assert heard == pytest.approx(level, abs=0.1) and take.lufs == pytest.approx(heard, abs=0.1)
    assert take.peak_dbfs == pytest.approx(20 * np.log10(np.abs(samples).max()), abs=0.01)


def test_level_of_something_very_quiet_is_met_too(tmp_path: Path) -> None:
    _, samples = taken(tmp_path, noise(48000, peak=1e-4), level=-23)
    assert pyloudnorm.Meter(48000).integrated_loudness(samples) == pytest.approx(-23, abs=0.15)


def test_under_four_tenths_of_a_second_level_is_the_peak(tmp_path: Path) -> None:
    cut = cut_for(Fraction(0), Fraction(8, 25), Fraction(25))
    take, samples = taken(tmp_path, noise(cut.frames(48000)), cut, level=-12)
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-12, abs=0.01)
    assert take.lufs is None and any("peak dBFS" in note for note in take.notes)


@pytest.mark.parametrize("options", [{}, {"level": -3.0}, {"level": 0.0}])
@pytest.mark.parametrize("peak", [0.95, 4.0])
def test_no_sample_passes_the_ceiling_and_the_take_says_so(tmp_path: Path, options: dict[str, float], peak: float) -> None:
    take, samples = taken(tmp_path, noise(48000, peak=peak), **options)
    assert np.abs(samples).max() <= 10 ** (CEILING_DBFS / 20)
    assert np.abs(samples).max() > 10 ** ((CEILING_DBFS - 0.01) / 20)  # turned down as a whole, not more than needed
    assert any("turned down" in note for note in take.notes)


def test_without_level_the_example_keeps_its_own(tmp_path: Path) -> None:
    sound = noise(48000)
    take, samples = taken(tmp_path, sound)
    assert np.abs(samples[:-480] - sound.samples[:-480]).max() <= 2.0**-23 and not take.notes


def test_silence_stays_silence(tmp_path: Path) -> None:
    take, samples = taken(tmp_path, ArraySound(np.zeros(48000), 48000), level=-20)
    assert not samples.any() and take.peak_dbfs is None and take.lufs is None and take.notes == ("the take is silent",)


# --- fades and channels ------------------------------------------------------------------------------------------------------


def test_fades_spare_the_first_attack_and_end_every_file_at_nothing(tmp_path: Path) -> None:
    flat = ArraySound(np.full(48000, 0.5), 48000)
    hits = taken(tmp_path, flat)[1][:, 0]
    texture = taken(tmp_path, flat, kind="texture")[1][:, 0]
    chosen = taken(tmp_path, flat, fade=Fraction(1, 5))[1][:, 0]
    assert hits[0] == 0.5 and np.all(hits[:-480] == 0.5) and hits[-1] < 0.01
    for wave, length in ((texture, 1920), (chosen, 9600)):
        assert wave[0] < 0.01 and wave[-1] < 0.01 and np.all(wave[length:-length] == 0.5)
        assert wave[length // 2] == pytest.approx(0.5 * 0.5**0.5, abs=0.01)  # equal power: -3 dB half-way
        assert np.all(np.diff(wave[:length]) >= 0)


@pytest.mark.parametrize(
    ("kind", "fade", "fade_in", "fade_out"),
    [
        ("hits", None, 0, 480),
        ("texture", None, 1920, 1920),
        ("hits", Fraction(1, 5), 9600, 9600),
        ("texture", Fraction(0), 0, 0),
        ("hits", Fraction(30), 24000, 24000),
    ],
)
def test_a_take_says_over_how_much_its_ends_fade(
    tmp_path: Path, kind: str, fade: Fraction | None, fade_in: int, fade_out: int
) -> None:
    take, wave = taken(tmp_path, ArraySound(np.full(48000, 0.5), 48000), kind=kind, fade=fade)
    assert (take.fade_in_s, take.fade_out_s) == (fade_in / 48000, fade_out / 48000)
    full = np.flatnonzero(np.abs(wave[:, 0] - 0.5) < 2e-7)  # the last samples of a long fade round to full level
    assert abs(full[0] - fade_in) <= fade_in // 100 and abs(48000 - 1 - full[-1] - fade_out) <= fade_out // 100


def test_with_handles_the_clips_edges_are_at_full_level(tmp_path: Path) -> None:
    cut = cut_for(Fraction(1), Fraction(2), Fraction(25), handles=Fraction(1, 5))
    flat = ArraySound(np.full(cut.frames(48000), 0.5), 48000)
    wave = taken(tmp_path, flat, cut, kind="texture")[1][:, 0]
    head = round(cut.handle * 48000)
    assert np.all(wave[head - 4800 : -(head - 4800)] == 0.5) and wave[0] < 0.01


def test_a_fade_longer_than_the_take_leaves_something(tmp_path: Path) -> None:
    _, samples = taken(tmp_path, ArraySound(np.full(48000, 0.5), 48000), fade=Fraction(30))
    assert samples.max() > 0.49 and np.isfinite(samples).all()


def test_channels_are_mono_for_hits_and_the_sources_for_textures(tmp_path: Path) -> None:
    sound = noise(48000, 6)
    assert taken(tmp_path, sound)[0].channels == 1
    assert taken(tmp_path, sound, kind="texture")[1].shape[1] == 6
    for asked, count in (("mono", 1), ("stereo", 2), ("source", 6)):
        take, samples = taken(tmp_path, sound, channels=asked)
        assert take.channels == samples.shape[1] == count
    left, right = taken(tmp_path, noise(48000), channels="stereo")[1].T
    assert np.array_equal(left, right)


# --- what it carries ---------------------------------------------------------------------------------------------------------


def test_a_take_carries_its_name_rights_and_origin(tmp_path: Path) -> None:
    take, _ = taken(tmp_path, noise(48000), provenance={"engine": "transfer", "key": "k1"}, level=-20)
    info = wavinfo.WavInfoReader(str(take.path))
    assert info.bext.description == "gate latch" and info.bext.originator.startswith("foley_bridge ")
    assert info.bext.originator_date == info.bext.originator_time == ""  # no wall clock
    assert info.bext.loudness_value == pytest.approx(-20, abs=0.01)
    assert info.fmt.bits_per_sample == 24
    xml = ElementTree.fromstring(info.ixml.xml_str())
    aswg = {element.tag: element.text for element in xml.find("ASWG") or []}
    assert aswg["catId"] == "METLImpt" and aswg["usageRights"] == "CC0 1.0" and aswg["isGenerated"] == "false"
    ours = {element.tag: element.text for element in xml.find("FOLEY_BRIDGE") or []}
    assert (ours["ENGINE"], ours["KEY"], ours["SEED"], ours["SOURCE_FILE"]) == ("transfer", "k1", "3", "latch.wav")


def test_the_same_take_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for _ in range(2):
        take, _ = taken(tmp_path, noise(48000), level=-20, provenance={"key": "k"})
        assert hashlib.sha256(take.path.read_bytes()).hexdigest() == take.sha256
        digests.add(take.sha256)
        take.path.unlink()
    assert len(digests) == 1
    assert take.path.parent.exists() and take_bytes(SECOND, channels=1) >= 48000 * 3


def test_a_sound_of_the_wrong_length_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="47999 samples where 48000"):
        taken(tmp_path, noise(47999))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (("METLImpt", "gate latch", "FB", "Reel 1"), "METLImpt_gate latch_FB_Reel 1.wav"),
        (("DOORWood", "slam_heavy: take/2?", "FB", ""), "DOORWood_slam heavy take 2_FB_NONE.wav"),
        (("FEETMisc", "  Schritte auf Kies – Hänsel  ", "ÄÖ.", "..."), "FEETMisc_Schritte auf Kies – Hänsel_ÄÖ_NONE.wav"),
        (("FOLYProp", "a\x00b\nc", "x\\y", "z|"), "FOLYProp_a b c_x y_z.wav"),
    ],
)
def test_ucs_names_have_four_fields_and_no_forbidden_character(fields: tuple[str, ...], name: str) -> None:
    assert ucs_name(*fields) == name


@given(st.tuples(*[st.text(max_size=200)] * 4))
def test_any_text_makes_a_ucs_name_that_is_a_file_name(fields: tuple[str, str, str, str]) -> None:
    name = ucs_name(*fields)
    assert name.count("_") == 3 and name.endswith(".wav") and all(name[:-4].split("_"))
    assert len(name) < 130 and len(name.encode()) <= 250
    assert not set(name) & set('<>:"/\\|?*') and name.isprintable()


MEMORY = """
import sys, tempfile
from pathlib import Path
from fractions import Fraction
sys.path.insert(0, "tests")
from memory_peak import peak_kb
from test_engines_arrange import few, even_onsets
from test_conform import LABEL
from foley_bridge.conform import cut_for, write_take
from foley_bridge.engines.arrange import arrange_hits
length = 60 * int(sys.argv[1])
cut = cut_for(Fraction(0), Fraction(length), Fraction(25))
onsets = even_onsets([0.5 * i for i in range(2 * length)])
take = arrange_hits(onsets, few(8000), seed=0, start=cut.file_start, end=cut.file_end)
with tempfile.TemporaryDirectory() as folder:
    write_take(take, path=Path(folder) / "t.wav", cut=cut, label=LABEL, sample_rate=11025, level=-20)
print(peak_kb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak of memory")
def test_writing_an_hour_takes_no_more_memory_than_a_minute() -> None:
    peak = [
        int(subprocess.run([sys.executable, "-c", MEMORY, minutes], capture_output=True, text=True, check=True).stdout)
        for minutes in ("1", "60")
    ]
    assert peak[1] <= 1.2 * peak[0], peak
