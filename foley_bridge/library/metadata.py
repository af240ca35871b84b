"""One sound file: what it is and what it says of itself, from its headers.

libsndfile opens what it can (30 µs for a WAV), PyAV the rest (milliseconds). Nothing is decoded. The length is in the header,
or the last packet, of everything but raw streams (ADTS AAC, AC-3, DTS, MP3 without a Xing header, FLAC from a pipe), whose
packets are counted through the whole file.

Words come from a file's own tags, the most trusted first; which tag means which field is in `tags.NAMES`:

    iXML USER (Soundminer and others), ASWG, Steinberg, iXML's notes · ID3 · INFO, AIFF texts · bext
    Vorbis comments, or what FFmpeg finds in MP4, Matroska, ASF and the others
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from foley_bridge.errors import MediaError
from foley_bridge.library.id3 import read_id3
from foley_bridge.library.ixml import read_words
from foley_bridge.library.riff import read_chunks
from foley_bridge.library.tags import Words, fields_from
from foley_bridge.library.text import decode
from foley_bridge.library.vorbis import read_comments
from foley_bridge.media import audio, movie_file

_BY_LIBSNDFILE = (
    ".wav .wave .bwf .rf64 .bw64 .w64 .aif .aiff .aifc .afc .flac .ogg .oga .opus .mp3 .mp2 .mp1 .caf .au .snd .voc .avr .8svx"
    " .svx .paf .pvf .nist .sph .ircam .sf .xi .wve"
)
_BY_PYAV = (
    ".m4a .m4b .m4r .aac .ac3 .eac3 .ec3 .dts .wma .asf .wv .ape .tta .tak .shn .mka .spx .amr .3ga .mpc .dsf .dff .oma .ra"
    " .mlp .mov .mp4 .m4v .mkv .webm .avi .mxf .mpg .mpeg .3gp .wmv .flv .ogv"
)
SUFFIXES = frozenset(f"{_BY_LIBSNDFILE} {_BY_PYAV}".split())  # other files are no sounds
_DEPTH = re.compile(r"(?:pcm|alac)_[suf]?(\d+)", re.IGNORECASE)
_DEPTHS = {"FLOAT": 32, "DOUBLE": 64}
_LOSSLESS = {"alac", "flac", "tta", "wavpack", "ape", "shorten", "tak", "truehd", "mlp", "wmalossless"}
_MACHINES = re.compile(  # bext's originator is as often the program or the recorder as a person
    r"(adobe|audacity|audition|cubase|ffmpeg|foley_bridge|izotope|lavf|logic|nuendo|pro ?tools|reaper|sequoia|soundminer"
    r"|sound ?dev|sound ?forge|twisted|wavelab|zaxcom|zoom)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Metadata:
    """A file's sound and words.

    Attributes:
        duration_s: seconds, exactly frames / sample_rate.
        sample_rate: Hz. channels: how many. bit_depth: of a sample; 0 when the coding has none.
        format: of the container for plain samples ("WAV", "AIFF"), else of the coding ("FLAC", "OGG", "MP3", "AAC").
        words: by field, of each kind of tag that says anything; the most trusted first.
        originator: bext's, when it may be a person.
    """

    duration_s: float
    sample_rate: int
    channels: int
    bit_depth: int
    format: str
    words: tuple[Words, ...] = ()
    originator: str = ""


def read(path: str) -> Metadata:
    """Read one file's headers and tags. Broken tags cost their words, never the file.

    Raises:
        MediaError: it cannot be read, or holds no sound.
        OSError: it is gone, or may not be read.
    """
    with open(path, "rb") as raw:  # noqa: PTH123 (opened for every file of a library)
        start = raw.read(12)
        raw.seek(0)
        file = audio.open_with_libsndfile(path)
        if file is None:
            return _by_pyav(path, _words_at(start, raw))
        with file:
            if not file.frames:
                raise MediaError(f"{path}: its sound has zero length", "export the file again")
            words, originator = _words_at(start, raw)
            if not words and start[:4] not in (b"RIFF", b"fLaC", b"OggS", b"FORM"):
                words = _kept([fields_from(file.copy_metadata().items())])
            depth = _DEPTH.match(file.subtype)
            return Metadata(
                duration_s=file.frames / file.samplerate,
                sample_rate=file.samplerate,
                channels=file.channels,
                bit_depth=int(depth.group(1)) if depth else _DEPTHS.get(file.subtype, 0),
                format="OPUS" if file.subtype == "OPUS" else file.format.replace("WAVEX", "WAV"),
                words=words,
                originator=originator,
            )


def _by_pyav(path: str, found: tuple[tuple[Words, ...], str]) -> Metadata:
    info = audio.probe(path)
    with movie_file.open_media(path) as container:
        stream = next(each for each in container.streams.audio if each.codec_context is not None and each.rate)
        codec = stream.codec_context.name
        plain = codec.startswith("pcm_")
        named = [*stream.metadata.items(), *container.metadata.items()]
        words, originator = found
        return Metadata(
            duration_s=info.frames / info.sample_rate,
            sample_rate=info.sample_rate,
            channels=info.channels,
            bit_depth=_depth(codec, stream.codec_context.format),
            format=os.path.splitext(path)[1][1:].upper() if plain else _coding(codec),  # noqa: PTH122
            words=words or _kept([fields_from(named)]),
            originator=originator,
        )


def _words_at(start: bytes, raw: Any) -> tuple[tuple[Words, ...], str]:
    """(words, originator) of the tags read here: RIFF's and AIFF's chunks, Vorbis comments, ID3."""
    if start[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX", b"FORM"):
        chunks = read_chunks(raw)
        info = fields_from((name, decode(text)) for name, text in chunks.info)
        bext = fields_from([("description", decode(chunks.bext[:256]))])
        originator = decode(chunks.bext[256:288]).strip()
        words = _kept([*read_words(chunks.ixml), fields_from(chunks.id3), info, bext])
        return words, "" if _MACHINES.match(originator) else originator
    if start[:4] in (b"fLaC", b"OggS"):
        return _kept([fields_from((name, decode(text)) for name, text in read_comments(raw))]), ""
    if start[:3] == b"ID3" or start[:1] == b"\xff":
        return _kept([fields_from(read_id3(raw))]), ""
    return (), ""


def _kept(sources: Iterable[Words]) -> tuple[Words, ...]:
    return tuple(words for words in sources if words)


def _depth(codec: str, sample_format: Any) -> int:
    if written := _DEPTH.match(codec):
        return int(written.group(1))
    if codec not in _LOSSLESS or sample_format is None:
        return 0
    return 24 if sample_format.name.startswith("s32") else int(sample_format.bits)  # FFmpeg keeps 24 bits in 32


def _coding(codec: str) -> str:
    """A coding's common name: "AAC", "AC3", "WMA", "OGG"."""
    name = codec.removesuffix("float").upper()
    return {"VORBIS": "OGG", "DCA": "DTS", "WMAV1": "WMA", "WMAV2": "WMA", "WMAPRO": "WMA"}.get(name, name)
