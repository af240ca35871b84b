"""One file's facts and words: every format, every kind of tag, every encoding, and broken ones of all."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from library_files import RATE, bext, chunk, id3, info, ixml, noise, sound, wav

from foley_bridge.errors import MediaError
from foley_bridge.library import metadata, text, ucs_filename
from foley_bridge.library.describe import describe, settled
from foley_bridge.library.sound import LibrarySound
from foley_bridge.library.tags import Words, fields_from
from foley_bridge.media import audio

USER = "<USER><CATID>DOORWood</CATID><DESCRIPTION>Heavy oak door</DESCRIPTION><LIBRARY>Oak</LIBRARY></USER>"


def words_of(path: Path) -> Words:
    """What all tags of a file say, the most trusted first."""
    merged: Words = {}
    for words in reversed(metadata.read(str(path)).words):
        merged |= words
    return merged


def described(path: Path, *folders: str, row: Words | None = None, licence: str = "", source: str = "") -> LibrarySound:
    return describe(str(path), folders, metadata.read(str(path)), row=row or {}, licence=licence, source=source)


def with_pyav(path: Path, codec: str, tags: dict[str, str] | None = None, frames: int = 48_000, **options: object) -> Path:
    """A coded file written by FFmpeg; ``options`` go to the container."""
    with av.open(str(path), "w", **options) as container:
        container.metadata.update(tags or {})
        stream = container.add_stream(codec, rate=RATE, layout="mono", bit_rate=128_000)
        size = stream.codec_context.frame_size or 1024
        samples = (noise(3, frames)[:, 0] * 20_000).astype(np.int16)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=RATE, frame_size=size)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return path


# --- what it is


@pytest.mark.parametrize(
    ("name", "how", "depth", "form"),
    [
        ("a.wav", {"subtype": "PCM_16"}, 16, "WAV"),
        ("a.wav", {"subtype": "PCM_24"}, 24, "WAV"),
        ("a.wav", {"subtype": "FLOAT"}, 32, "WAV"),
        ("a.wav", {"subtype": "DOUBLE"}, 64, "WAV"),
        ("a.wav", {"subtype": "PCM_U8"}, 8, "WAV"),
        ("a.wav", {"subtype": "ULAW"}, 0, "WAV"),
        ("a.wav", {"format": "WAVEX", "subtype": "PCM_24"}, 24, "WAV"),
        ("a.rf64", {"format": "RF64"}, 16, "RF64"),
        ("a.w64", {}, 16, "W64"),
        ("a.aiff", {"subtype": "PCM_24"}, 24, "AIFF"),
        ("a.aifc", {"format": "AIFF", "subtype": "FLOAT"}, 32, "AIFF"),
        ("a.flac", {"subtype": "PCM_24"}, 24, "FLAC"),
        ("a.caf", {"subtype": "PCM_16"}, 16, "CAF"),
        ("a.au", {}, 16, "AU"),
        ("a.ogg", {}, 0, "OGG"),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, 0, "OPUS"),
        ("a.mp3", {}, 0, "MP3"),
    ],
)
def test_what_libsndfile_reads_is_measured_to_the_sample(tmp_path: Path, name: str, how: dict, depth: int, form: str) -> None:
    path = sound(tmp_path / name, 1, frames=12_345, channels=2, **how)
    found = metadata.read(str(path))
    assert found.duration_s == 12_345 / RATE
    assert (found.sample_rate, found.channels, found.bit_depth, found.format) == (RATE, 2, depth, form)


@pytest.mark.parametrize(
    ("name", "codec", "depth", "form", "tolerance"),
    [
        ("a.m4a", "aac", 0, "AAC", 0),
        ("a.m4a", "alac", 24, "ALAC", 0),
        ("a.mov", "pcm_s24le", 24, "MOV", 0),
        ("a.mka", "pcm_s16le", 16, "MKA", 48),  # Matroska rounds to milliseconds
        ("a.mka", "flac", 16, "FLAC", 48),
        ("a.wma", "wmav2", 0, "WMA", 2 * 2048),
        ("a.ac3", "ac3", 0, "AC3", 2 * 1536),
        ("a.aac", "aac", 0, "AAC", 3 * 1024),
        ("a.avi", "mp2", 0, "MP2", 2 * 1152),
        ("a.webm", "opus", 0, "OPUS", 2 * 960),
        ("a.wv", "wavpack", 16, "WAVPACK", 0),
    ],
)
def test_what_only_ffmpeg_reads_is_measured_to_the_packet(
    tmp_path: Path, name: str, codec: str, depth: int, form: str, tolerance: int
) -> None:
    path = with_pyav(tmp_path / name, codec)
    found = metadata.read(str(path))
    assert abs(found.duration_s * RATE - 48_000) <= tolerance
    assert (found.sample_rate, found.channels, found.bit_depth, found.format) == (RATE, 1, depth, form)


def test_the_length_of_mp3_without_a_xing_header_is_counted_and_all_of_it_can_be_played(tmp_path: Path) -> None:
    quiet_then_loud = np.concatenate([np.zeros((RATE * 4, 1), np.float32), noise(1, RATE * 2)])
    soundfile.write(tmp_path / "full.mp3", quiet_then_loud, RATE, bitrate_mode="VARIABLE")
    raw = (tmp_path / "full.mp3").read_bytes()
    second_frame = raw.index(raw[:2], 4)
    assert b"Xing" in raw[:second_frame] or b"Info" in raw[:second_frame]
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(raw[second_frame:])
    assert metadata.read(str(bare)).duration_s == pytest.approx(6, abs=0.08)
    assert len(audio.load(bare)) / RATE == pytest.approx(6, abs=0.08)


def test_the_length_of_flac_from_a_pipe_is_counted_and_all_of_it_can_be_played(tmp_path: Path) -> None:
    raw = bytearray(sound(tmp_path / "full.flac", 1, frames=50_000).read_bytes())
    raw[21] &= 0xF0  # STREAMINFO's count of samples: 36 bits from here, 0 for unknown
    raw[22:26] = bytes(4)
    (tmp_path / "piped.flac").write_bytes(raw)
    assert metadata.read(str(tmp_path / "piped.flac")).duration_s == 50_000 / RATE
    assert np.allclose(audio.load(tmp_path / "piped.flac"), noise(1, 50_000), atol=1e-4)


def test_a_wav_from_a_pipe_and_a_cut_off_one_are_as_long_as_what_is_there(tmp_path: Path) -> None:
    raw = bytearray(wav(tmp_path / "full.wav").read_bytes())
    raw[4:8] = raw[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "piped.wav").write_bytes(raw)
    assert metadata.read(str(tmp_path / "piped.wav")).duration_s == 4_800 / RATE
    (tmp_path / "cut.wav").write_bytes((tmp_path / "full.wav").read_bytes()[: 44 + 2_000])
    assert metadata.read(str(tmp_path / "cut.wav")).duration_s == 1_000 / RATE


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound at all" * 99, b"ID3\x04\0\0\0\0\0\0", b"fLaC\0", b"OggS\0"])
def test_a_file_that_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(MediaError, match=r"a\.wav"):
        metadata.read(str(tmp_path / "a.wav"))


def test_a_sound_of_no_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="zero length"):
        metadata.read(str(sound(tmp_path / "a.wav", 1, frames=0)))


def test_every_real_sound_is_read(real_media: Path) -> None:
    import csv

    with (real_media / "audio_manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found = metadata.read(str(real_media / "audio" / row["file"]))
            assert found.duration_s == pytest.approx(float(row["duration_s"]), abs=0.001)
            assert (found.sample_rate, found.channels) == (int(row["sample_rate"]), int(row["channels"]))


# --- what it says


@pytest.mark.parametrize("before", [False, True])
def test_soundminers_ixml_is_read_wherever_it_stands(tmp_path: Path, before: bool) -> None:
    found = described(wav(tmp_path / "x.wav", ixml(USER), before=before))
    assert (found.cat_id, found.category, found.subcategory, found.cat_from) == ("DOORWood", "DOORS", "WOOD", "metadata")
    assert (found.description, found.library) == ("Heavy oak door", "Oak")


def test_aswg_and_steinberg_fields_are_read(tmp_path: Path) -> None:
    aswg = "<ASWG><catId>GLASBrk</catId><fxName>Bottle</fxName><creatorId>ME</creatorId><usageRights>CC0</usageRights></ASWG>"
    steinberg = "<STEINBERG><ATTR_LIST><ATTR><NAME>MediaComment</NAME><VALUE>thrown</VALUE></ATTR></ATTR_LIST></STEINBERG>"
    found = described(wav(tmp_path / "x.wav", ixml(aswg + steinberg)))
    assert (found.cat_id, found.fx_name, found.creator, found.licence) == ("GLASBrk", "Bottle", "ME", "CC0")
    assert found.description == "thrown"


def test_what_foley_bridge_writes_itself_is_read_back(tmp_path: Path) -> None:
    from foley_bridge.media.broadcast_wav import Bext, write
    from foley_bridge.media.ixml import Aswg, IxmlFields, build_ixml
    from foley_bridge.media.sound import ArraySound

    tag = Bext(description="steps", originator="foley_bridge")
    aswg = Aswg(cat_id="FEETHmn", fx_name="Gravel", library="Reel 1", usage_rights="CC BY 4.0")
    fields = IxmlFields(bext=tag, sample_rate=RATE, bit_depth=24, rate=Fraction(24), aswg=aswg)
    write(tmp_path / "x.wav", ArraySound(noise(1), RATE), bext=tag, ixml=build_ixml(fields))
    found = described(tmp_path / "x.wav")
    assert (found.cat_id, found.fx_name, found.library, found.licence) == ("FEETHmn", "Gravel", "Reel 1", "CC BY 4.0")
    assert (found.description, found.creator) == ("steps", "")


def test_aiffs_own_texts_and_its_id3_are_read(tmp_path: Path) -> None:
    raw = sound(tmp_path / "a.aiff", 1).read_bytes()
    more = chunk(b"NAME", b"Old gate", ">") + chunk(b"ID3 ", id3(("TCOP", b"\0CC0")), ">")
    (tmp_path / "a.aiff").write_bytes(raw[:4] + struct.pack(">I", len(raw) - 8 + len(more)) + raw[8:] + more)
    found = described(tmp_path / "a.aiff")
    assert (found.fx_name, found.licence) == ("Old gate", "CC0")


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus"])
def test_vorbis_comments_are_read(tmp_path: Path, suffix: str) -> None:
    codec = {"flac": "flac", "ogg": "flac", "opus": "libopus"}[suffix]
    tags = {"title": "Öffnen", "artist": "Jo", "license": "CC BY 4.0", "CatID": "DOORWood", "keywords": "oak, squeak"}
    found = described(with_pyav(tmp_path / f"a.{suffix}", codec, tags))
    assert (found.fx_name, found.creator, found.licence, found.cat_id) == ("Öffnen", "Jo", "CC BY 4.0", "DOORWood")
    assert found.keywords == ("oak", "squeak")


@pytest.mark.parametrize(("name", "how"), [("a.ogg", {}), ("a.flac", {}), ("a.caf", {}), ("a.wav", {}), ("a.aiff", {})])
def test_the_texts_that_libsndfile_writes_are_read(tmp_path: Path, name: str, how: dict) -> None:
    with soundfile.SoundFile(tmp_path / name, "w", RATE, 1, **how) as file:
        file.title, file.artist, file.comment, file.copyright = "Gate", "Jo", "rusty iron", "CC0 1.0"
        file.write(noise(1))
    found = described(tmp_path / name)
    assert (found.fx_name, found.creator, found.description, found.licence) == ("Gate", "Jo", "rusty iron", "CC0 1.0")


@pytest.mark.parametrize("suffix", ["m4a", "mka", "wma", "mp3"])
def test_the_tags_of_other_containers_are_read(tmp_path: Path, suffix: str) -> None:
    codec = {"m4a": "aac", "mka": "flac", "wma": "wmav2", "mp3": "libmp3lame"}[suffix]
    tags = {"title": "Gate", "artist": "Jo", "comment": "rusty iron gate", "copyright": "CC0 1.0"}
    found = described(with_pyav(tmp_path / f"a.{suffix}", codec, tags))
    assert (found.fx_name, found.creator, found.description, found.licence) == ("Gate", "Jo", "rusty iron gate", "CC0 1.0")


@pytest.mark.parametrize("version", [3, 4])
def test_id3_in_a_wav_is_read_in_all_its_encodings(tmp_path: Path, version: int) -> None:
    tag = id3(
        ("TIT2", b"\1" + "Tür".encode("utf-16")),
        ("TPE1", b"\3" + "Zoë".encode() if version == 4 else b"\0Zo\xeb"),
        ("COMM", b"\0eng\0wooden door"),
        ("COMM", b"\0engiTunNORM\0 000007"),
        ("TXXX", b"\0CatID\0DOORWood"),
        ("WOAS", b"https://example.org/1"),
        ("TCON", b"\0(17)Foley"),
        version=version,
    )
    found = described(wav(tmp_path / "x.wav", chunk(b"id3 ", tag)))
    assert (found.fx_name, found.creator, found.description) == ("Tür", "Zoë", "wooden door")
    assert (found.cat_id, found.url, found.keywords) == ("DOORWood", "https://example.org/1", ("Foley",))


def test_id3_version_1_is_read_where_there_is_no_other(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.mp3", 1, frames=9_600)
    path.write_bytes(path.read_bytes() + b"TAG" + b"Creak".ljust(30, b"\0") + b"Ann".ljust(30, b" ") + bytes(65))
    assert (described(path).fx_name, described(path).creator) == ("Creak", "Ann")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "mac_roman"])
@pytest.mark.parametrize("words", ["schöne Grüße", "café – garçon", "Ångström niño", "plain", "“Tür” zu"])
def test_text_of_any_usual_encoding_is_told_apart(tmp_path: Path, encoding: str, words: str) -> None:
    raw = words.encode(encoding)
    path = wav(tmp_path / "x.wav", bext(raw), info(ICOP=raw))
    assert (described(path).description, described(path).licence) == (words, words)


def test_ixml_that_lies_about_its_encoding_or_is_sloppy_is_read_all_the_same(tmp_path: Path) -> None:
    sloppy = "<USER><DESCRIPTION>Tür & Tor \x02</DESCRIPTION></USER>"
    assert words_of(wav(tmp_path / "1.wav", ixml(sloppy, "latin-1")))["description"] == "Tür & Tor"
    assert words_of(wav(tmp_path / "2.wav", ixml(sloppy, "utf-8")[:-1] + b"\0\0 junk"))["description"] == "Tür & Tor"
    assert words_of(wav(tmp_path / "3.wav", chunk(b"iXML", f"<BWFXML>{USER}</BWFXML>".encode("utf-16"))))["library"] == "Oak"


def test_ixml_with_entities_of_its_own_is_not_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE b [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><BWFXML><USER><NOTES>&b;</NOTES></USER></BWFXML>'
    assert words_of(wav(tmp_path / "x.wav", chunk(b"iXML", bomb.encode()))) == {}


def test_tags_are_cleaned(tmp_path: Path) -> None:
    path = wav(tmp_path / "x.wav", bext(b"one\r\n two\t\x07three\0 rest"), info(IKEY=b"a;b, A,,c" + b"x" * 300))
    assert described(path).description == "one two three"
    assert described(path).keywords[:2] == ("a", "b")
    assert all(len(word) <= 100 for word in described(path).keywords)
    long = wav(tmp_path / "y.wav", info(ICMT=b"word " * 5_000))
    assert 3_900 < len(described(long).description) <= text.LONGEST


def test_what_machines_leave_in_tags_is_no_description(tmp_path: Path) -> None:
    recorder = b"sSPEED=025.000-ND\r\nsTAKE=04\r\nsNOTE=gate\r\nOld gate"
    found = described(wav(tmp_path / "x.wav", bext(recorder, b"Sound Devices")))
    assert (found.description, found.creator) == ("sNOTE=gate Old gate", "")
    assert described(wav(tmp_path / "y.wav", info(ICMT=b"Processed by SoX", INAM=b"19.4.16"))).description == ""
    assert described(wav(tmp_path / "z.wav", bext(b"", b"Ann Field"))).creator == "Ann Field"


@given(junk=st.binary(max_size=400), name=st.sampled_from([b"bext", b"iXML", b"LIST", b"id3 ", b"ds64", b"zzzz"]))
def test_broken_tags_never_cost_the_file(tmp_path_factory: pytest.TempPathFactory, junk: bytes, name: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    prefix = {b"LIST": b"INFO", b"id3 ": b"ID3\x03\0\0\0\0\x02\x20", b"iXML": b"<BWFXML>"}.get(name, b"")
    path = wav(folder / "broken.wav", chunk(name, prefix + junk))
    assert metadata.read(str(path)).duration_s == 4_800 / RATE
    described(path)


@given(at=st.integers(0, 3_000), byte=st.integers(0, 255), suffix=st.sampled_from(["wav", "flac", "ogg", "mp3", "aiff"]))
def test_a_changed_byte_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, suffix: str
) -> None:
    whole = tmp_path_factory.getbasetemp() / f"whole.{suffix}"
    if not whole.exists():
        sound(whole, 1)
    raw = bytearray(whole.read_bytes())
    raw[at % len(raw)] = byte
    path = whole.with_name(f"changed.{suffix}")
    path.write_bytes(raw)
    try:
        assert metadata.read(str(path)).sample_rate > 0
    except MediaError as error:
        assert "changed" in error.message


def test_a_chunk_without_its_padding_byte_does_not_hide_the_next(tmp_path: Path) -> None:
    odd = struct.pack("<4sI", b"note", 3) + b"odd"
    assert words_of(wav(tmp_path / "x.wav", odd, bext(b"found")))["description"] == "found"


# --- names


@pytest.mark.parametrize(
    ("stem", "cat_id", "fx_name", "creator", "source", "keywords"),
    [
        ("DOORWood_Slam Hard_BOOM_OAK", "DOORWood", "Slam Hard", "BOOM", "OAK", ()),
        ("DOORWood_SlamHard_BOOM_OAK_MKH416_01", "DOORWood", "Slam Hard", "BOOM", "OAK", ("MKH416",)),
        ("DOORWood-KITCHEN_CREAK-Old Door_ME_X", "DOORWood", "Old Door", "ME", "X", ("CREAK", "KITCHEN")),
        ("GUNAuto_AK-47 Burst_A_B", "GUNAuto", "AK-47 Burst", "A", "B", ()),
        ("RAIN_Heavy_ME_X", "RAIN", "Heavy", "ME", "X", ()),
        ("METLImpt_Hit", "METLImpt", "Hit", "", "", ()),
    ],
)
def test_ucs_names_are_taken_apart(
    stem: str, cat_id: str, fx_name: str, creator: str, source: str, keywords: tuple[str, ...]
) -> None:
    name = ucs_filename.parse(stem)
    assert name is not None
    assert (name.category.cat_id, name.fx_name, name.creator, name.source) == (cat_id, fx_name, creator, source)
    assert name.keywords == keywords


@pytest.mark.parametrize(
    "stem",
    ["DOORWod_Slam_A_B", "doorwood_slam_a_b", "DOORWood", "rain_on_roof", "RAIN_on_roof", "door slam", "_", "", "_A_B_C_D"],
)
def test_a_name_without_a_known_catid_is_no_ucs_name(stem: str) -> None:
    assert ucs_filename.parse(stem) is None


def test_the_file_name_says_the_category_and_tags_the_rest(tmp_path: Path) -> None:
    tags = "<USER><CATID>GLASBrk</CATID><FXNAME>Pane</FXNAME><DESIGNER>Ann Field</DESIGNER></USER>"
    found = described(wav(tmp_path / "DOORWood_Slam_AF_OAK.wav", ixml(tags)))
    assert (found.cat_id, found.cat_from, found.fx_name) == ("DOORWood", "file", "Slam")
    assert (found.creator, found.source) == ("Ann Field", "OAK")


def test_a_librarians_list_wins_over_options_and_they_over_tags(tmp_path: Path) -> None:
    path = wav(tmp_path / "DOORWood_Slam_AF_OAK.wav", info(ICOP=b"all rights reserved", ICMT=b"a door"))
    row = {"cat_id": "GLASBrk", "licence": "CC0", "keywords": "pane", "description": "a window"}
    assert described(path, licence="CC BY 4.0", source="shop").licence == "CC BY 4.0"
    assert described(path, licence="CC BY 4.0", source="shop").source == "shop"
    found = described(path, row=row, licence="CC BY 4.0")
    assert (found.cat_id, found.cat_from, found.licence) == ("GLASBrk", "metadata", "CC0")
    assert (found.description, found.keywords) == ("a window", ("pane",))


def test_a_sound_without_a_category_gets_one_from_its_words_or_none(tmp_path: Path) -> None:
    assert described(wav(tmp_path / "metal_hit_3.wav")).cat_id == "METLImpt"
    assert described(wav(tmp_path / "MetalHit3.wav")).cat_id == "METLImpt"
    assert described(wav(tmp_path / "take_07.wav"), "wood doors", "stuff").category == "DOORS"
    nothing = described(wav(tmp_path / "xq_07.wav"), "zzyzx")
    assert (nothing.cat_id, nothing.category, nothing.cat_from) == ("", "", "guess")


def test_a_category_that_ucs_does_not_know_stays_as_words(tmp_path: Path) -> None:
    found = described(wav(tmp_path / "xq.wav", ixml("<USER><CATEGORY>Doors</CATEGORY><SUBCATEGORY>Barn</SUBCATEGORY></USER>")))
    assert set(found.keywords) == {"Doors", "Barn"}
    assert (found.category, found.cat_from) == ("DOORS", "guess")


def test_what_a_file_no_longer_says_stays_as_it_was_known(tmp_path: Path) -> None:
    old = described(wav(tmp_path / "take.wav"), row={"cat_id": "DOORWood", "licence": "CC0", "description": "oak"})
    again = settled(described(tmp_path / "take.wav"), old)
    assert (again.cat_id, again.cat_from, again.licence, again.description) == ("DOORWood", "metadata", "CC0", "oak")
    said = settled(described(wav(tmp_path / "take.wav", info(ICMT=b"pine"))), old)
    assert said.description == "pine"


def test_a_web_address_is_found_where_it_stands() -> None:
    assert fields_from([("comment", "see https://example.org/s/1.")]) == {
        "description": "see https://example.org/s/1.",
        "url": "https://example.org/s/1",
    }
    assert fields_from([("COMMENT", "https://example.org/s/1")]) == {"url": "https://example.org/s/1"}


@pytest.mark.skipif(os.name != "posix", reason="such names exist only where names are bytes")
def test_a_name_that_is_not_unicode_can_be_played(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    wav(tmp_path / "x.wav").rename(path)
    assert audio.probe(path).frames == 4_800
    assert len(audio.load(path)) == 4_800
