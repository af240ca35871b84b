"""A candidate cut to its cue: rate, channels, fades and level settled, written as a broadcast WAV.

The sound is streamed twice, once to be measured and once to be written, so an hour takes no more memory than a minute. All
lengths come from exact fractions: a sound starts and ends on the samples nearest to its frames, so takes that follow one
another at 24000/1001 neither overlap nor drift. The file's own timecode is bext's TimeReference (EBU Tech 3285).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foley_bridge import __version__
from foley_bridge.errors import MediaError
from foley_bridge.media import broadcast_wav, ixml, loudness
from foley_bridge.media.audio import resampled
from foley_bridge.media.channels import remix
from foley_bridge.media.sound import BLOCK, Sound
from foley_bridge.timeline.time import ceil_frame, floor_frame, samples_of

CEILING_DBFS = -1.0
BIT_DEPTH = 24
FADE_OUT_MS = {"hits": 10, "texture": 40}
FADE_IN_MS = {"hits": 0, "texture": 40}
DAY_S = 86400

_CEILING = 10 ** (CEILING_DBFS / 20) * (1 - 2.0**-22)  # rounding to 24 bits must not reach over
_NOT_IN_A_FILE_NAME = re.compile(r'[<>:"/\\|?*_\x00-\x1f\x7f]+')
_FIELD_LENGTHS = (12, 60, 24, 24)
_HEADER_BYTES = 16384


class CandidateLike(Protocol):
    """What conforming needs to know of an engine's candidate (``engines.candidate.Candidate``)."""

    @property
    def seed(self) -> int: ...
    @property
    def score(self) -> float: ...
    @property
    def onsets_s(self) -> tuple[float, ...]: ...
    @property
    def sound(self) -> Sound: ...
    @property
    def kind(self) -> str: ...
    @property
    def source(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class Cut:
    """The stretch of the timeline that a take covers: every time in exact timeline seconds, on the frame grid.

    Attributes:
        start, end: of the clip; a tail is part of it.
        handle: whole frames of extra material in the file before the clip, and as much again after it.
        rate: frames per second.
    """

    start: Fraction
    end: Fraction
    handle: Fraction
    rate: Fraction

    @property
    def file_start(self) -> Fraction:
        """Of the file's first sample."""
        return self.start - self.handle

    @property
    def file_end(self) -> Fraction:
        """Of the file's end."""
        return self.end + self.handle

    def frames(self, sample_rate: int) -> int:
        """The sound's length at ``sample_rate`` Hz, from the sample nearest to its start to the one nearest to its end."""
        return samples_of(self.file_end, sample_rate) - samples_of(self.file_start, sample_rate)

    def file_frames(self, sample_rate: int) -> int:
        """The file's length in samples: one more, a silent one, where ``frames`` falls short of whole video frames by a part of
        a sample, as it may at 30000/1001. An editor that counts the whole video frames in a file would miss one."""
        return max(self.frames(sample_rate), math.ceil((self.file_end - self.file_start) * sample_rate))


def cut_for(
    start: Fraction, end: Fraction, rate: Fraction, *, handles: Fraction = Fraction(0), tail: Fraction = Fraction(0)
) -> Cut:
    """The cut of a region, expanded outward to whole frames.

    Args:
        start, end: the region, timeline seconds.
        rate: frames per second.
        handles: seconds of extra material at either end; rounded up to whole frames.
        tail: seconds by which a ring-out may outlast the region.
    """
    return Cut(
        floor_frame(start, rate) / rate,
        ceil_frame(end + tail, rate) / rate,
        ceil_frame(handles, rate) / rate,
        rate,
    )


@dataclass(frozen=True)
class Label:
    """What a take is filed under (Universal Category System), for its name and its iXML.

    Attributes:
        cat_id, category, sub_category: such as "METLImpt", "METAL", "IMPACT".
        fx_name: what it is, in words.
        creator_id, source_id: who made it, and for what project.
    """

    cat_id: str
    fx_name: str
    category: str = ""
    sub_category: str = ""
    creator_id: str = "FOLEYBRIDGE"
    source_id: str = "NONE"


@dataclass(frozen=True)
class Take:
    """A file on disk and where it goes.

    Attributes:
        path: the broadcast WAV.
        start, duration: of the clip, timeline seconds, whole frames.
        handle: seconds of the file before the clip starts, whole frames.
        sample_rate, channels, frames: of the file; ``frames`` counts samples per channel.
        time_reference: samples since midnight of the file's first sample, as bext says.
        onsets_s: where its hits are, timeline seconds.
        score, seed, source: as the candidate's.
        peak_dbfs: sample peak; None when silent.
        lufs: integrated loudness; None under 0.4 s or when silent.
        sha256: of the file.
        fade_in_s, fade_out_s: seconds over which the file's own ends fade; 0 where they do not.
        notes: what a person should know, one sentence each.
        edit: what was done to it afterwards (``jobs.retouch``), and ``of``, the SHA-256 of the take that it was done to.
    """

    path: Path
    start: Fraction
    duration: Fraction
    handle: Fraction
    sample_rate: int
    channels: int
    frames: int
    time_reference: int
    onsets_s: tuple[float, ...]
    score: float
    seed: int
    source: dict[str, str]
    peak_dbfs: float | None
    lufs: float | None
    sha256: str
    fade_in_s: float
    fade_out_s: float
    notes: tuple[str, ...] = field(default=())
    edit: Mapping[str, Any] | None = None


def write_take(
    candidate: CandidateLike,
    *,
    path: Path,
    cut: Cut,
    label: Label,
    sample_rate: int = 48000,
    level: float | None = None,
    fade: Fraction | None = None,
    channels: str | None = None,
    global_start: Fraction = Fraction(0),
    drop: bool = False,
    generated: bool = False,
    provenance: Mapping[str, str] | None = None,
) -> Take:
    """Write one take.

    Args:
        candidate: its sound covers exactly ``cut.file_start`` to ``cut.file_end`` at its own rate.
        path: the WAV to write, atomically.
        cut: where it goes.
        label: what it is filed under.
        sample_rate: of the file, Hz.
        level: LUFS integrated (peak dBFS under 0.4 s). None keeps the example's own level. Either way the whole take is turned
            down, never limited, where its highest sample would pass -1 dBFS.
        fade: seconds of fade at the file's two ends. None: hits start at once and fade out over 10 ms; textures fade 40 ms.
            With handles the fades lie at the ends of the handles: what surrounds the clip's edges is at full level.
        channels: "mono", "stereo" or "source"; None: mono for hits, source for textures.
        global_start: record timecode of the timeline's first frame, seconds.
        drop: the timeline counts in drop-frame timecode.
        generated: the sound was made by a model rather than cut from a recording.
        provenance: engine, pack, idempotency key, ...; written into iXML beside seed, score and source.

    Raises:
        MediaError: nothing to write, the sound has another length than the cut, or the file cannot be written.
    """
    sound = candidate.sound
    if cut.frames(sample_rate) <= 0:
        raise MediaError(f"{path}: the take would be empty", "make the region at least one frame long")
    if sound.frames != cut.frames(sound.sample_rate):
        raise MediaError(f"{path}: the engine gave {sound.frames} samples where {cut.frames(sound.sample_rate)} are asked")
    count = {"mono": 1, "stereo": 2, "source": sound.channels}[channels or ("mono" if candidate.kind == "hits" else "source")]
    frames = cut.file_frames(sample_rate)
    fade_in, fade_out = _fades(candidate.kind, fade, sample_rate, frames)
    plain = _Conformed(sound, sample_rate, count, frames, fade_in, fade_out)
    settled = _settle_level(plain, level)
    written = _Conformed(sound, sample_rate, count, frames, fade_in, fade_out, gain=settled.gain)

    reference = samples_of(global_start + cut.file_start, sample_rate) % (DAY_S * sample_rate)
    facts = {
        "engine_version": __version__,
        "seed": str(candidate.seed),
        "score": f"{candidate.score:.3f}",
        **{f"source_{name}": text for name, text in candidate.source.items()},
        **(provenance or {}),
    }
    identity = hashlib.sha256(
        json.dumps([path.name, reference, frames, sample_rate, facts], sort_keys=True).encode()
    ).hexdigest()
    bext = broadcast_wav.Bext(
        description=label.fx_name,
        originator=f"foley_bridge {__version__}",
        originator_reference=identity[:32],
        time_reference=reference,
        loudness_lufs=settled.lufs,
    )
    fields = ixml.IxmlFields(
        bext=bext,
        sample_rate=sample_rate,
        bit_depth=BIT_DEPTH,
        rate=cut.rate,
        drop=drop,
        tracks=_TRACK_NAMES.get(count, tuple(str(number) for number in range(1, count + 1))),
        project=label.source_id,
        uid=identity[:32],
        aswg=ixml.Aswg(
            is_generated=generated,
            is_designed=True,
            channel_config={1: "mono", 2: "stereo", 6: "5.1"}.get(count),
            category=label.category or None,
            sub_category=label.sub_category or None,
            cat_id=label.cat_id,
            fx_name=label.fx_name,
            creator_id=label.creator_id,
            source_id=label.source_id,
            loudness=settled.lufs,
            max_peak=settled.peak_dbfs,
            usage_rights=candidate.source.get("licence"),
        ),
        provenance=facts,
    )
    file = broadcast_wav.write(path, written, bit_depth=BIT_DEPTH, bext=bext, ixml=ixml.build_ixml(fields))
    return Take(
        path=path,
        start=cut.start,
        duration=cut.end - cut.start,
        handle=cut.handle,
        sample_rate=sample_rate,
        channels=count,
        frames=frames,
        time_reference=reference,
        onsets_s=candidate.onsets_s,
        score=candidate.score,
        seed=candidate.seed,
        source=dict(candidate.source),
        peak_dbfs=settled.peak_dbfs,
        lufs=settled.lufs,
        sha256=file.sha256,
        fade_in_s=fade_in / sample_rate,
        fade_out_s=fade_out / sample_rate,
        notes=settled.notes,
    )


_TRACK_NAMES = {1: ("M",), 2: ("L", "R"), 6: ("L", "R", "C", "LFE", "Ls", "Rs")}


def take_bytes(cut: Cut, *, sample_rate: int = 48000, channels: int = 2) -> int:
    """How large a take's file may get, for a look at the free space before any work."""
    return cut.file_frames(sample_rate) * channels * BIT_DEPTH // 8 + _HEADER_BYTES


def ucs_name(cat_id: str, fx_name: str, creator_id: str = "FOLEYBRIDGE", source_id: str = "NONE") -> str:
    """A UCS file name, ``CatID_FXName_CreatorID_SourceID.wav``, that every file system takes.

    Underscores part the fields, so none stays inside one; characters that Windows forbids become spaces; each field is bounded
    (the whole stays under 130 characters, at most 240 bytes). Letters beyond ASCII are kept, composed (NFC): file systems and
    iXML hold them, and a sound librarian searches by them. An empty field reads NONE.
    """
    fields = zip((cat_id, fx_name, creator_id, source_id), _FIELD_LENGTHS, strict=True)
    return "_".join(_field(text, length) for text, length in fields) + ".wav"


def _field(text: str, length: int) -> str:
    clean = " ".join(_NOT_IN_A_FILE_NAME.sub(" ", unicodedata.normalize("NFC", text)).split())
    clean = "".join(letter for letter in clean if unicodedata.category(letter)[0] != "C")[:length]
    while len(clean.encode("utf-8", "ignore")) > 2 * length:
        clean = clean[:-1]
    return clean.encode("utf-8", "ignore").decode().strip(" .") or "NONE"


# --- level -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Settled:
    """The gain (linear) that a take gets, and what comes out."""

    gain: float
    peak_dbfs: float | None
    lufs: float | None
    notes: tuple[str, ...]


def _settle_level(sound: _Conformed, level: float | None) -> _Settled:
    measured = loudness.measure(sound)
    if not measured.peak:
        return _Settled(1.0, None, None, ("the take is silent",))
    assert measured.peak_dbfs is not None
    lufs, notes, gain = measured.lufs, [], 1.0
    highest = _CEILING / measured.peak
    if level is not None:
        if (
            lufs is None and sound.frames >= loudness.GATE_S * sound.sample_rate
        ):  # all of it under the absolute gate: lift it first
            lifted = loudness.measure(sound.louder(highest)).lufs
            lufs = None if lifted is None else lifted - 20 * float(np.log10(highest))
        if lufs is None:
            gain = 10 ** ((level - measured.peak_dbfs) / 20)
            notes.append(f"too short for loudness: level={level:g} was taken as peak dBFS")
        else:
            gain = 10 ** ((level - lufs) / 20)
    if gain > highest:
        down = 20 * float(np.log10(gain / highest))
        if down > 0.05:
            notes.append(f"turned down by {down:.1f} dB so that no sample passes {CEILING_DBFS:g} dBFS")
        gain = highest
    gain_db = 20 * float(np.log10(gain))
    heard = None if lufs is None or (measured.lufs is None and level is None) else lufs + gain_db
    return _Settled(gain, measured.peak_dbfs + gain_db, heard, tuple(notes))


# --- the sound, conformed ----------------------------------------------------------------------------------------------------


def _fades(kind: str, fade: Fraction | None, sample_rate: int, frames: int) -> tuple[int, int]:
    """Samples of fade-in and fade-out; together they leave something of the sound."""
    if fade is not None:
        fade_in = fade_out = samples_of(fade, sample_rate)
    else:
        fade_in, fade_out = FADE_IN_MS[kind] * sample_rate // 1000, FADE_OUT_MS[kind] * sample_rate // 1000
    return min(fade_in, frames // 2), min(fade_out, frames // 2)


class _Conformed:
    """A Sound at the file's rate, channels and length, with its fades and gain: equal-power fades (a quarter of a sine)."""

    def __init__(
        self, sound: Sound, sample_rate: int, channels: int, frames: int, fade_in: int, fade_out: int, *, gain: float = 1.0
    ) -> None:
        self._sound, self._fade_in, self._fade_out, self._gain = sound, fade_in, fade_out, np.float32(gain)
        self.sample_rate, self.channels, self.frames = sample_rate, channels, frames

    def louder(self, gain: float) -> _Conformed:
        """The same at another gain (linear)."""
        return _Conformed(
            self._sound,
            self.sample_rate,
            self.channels,
            self.frames,
            self._fade_in,
            self._fade_out,
            gain=float(self._gain) * gain,
        )

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        at = 0
        own = (remix(block, self.channels) for block in self._sound.blocks(size))
        for block in resampled(own, self._sound.sample_rate, self.sample_rate, self.channels):
            for first in range(0, len(block), size):
                part = block[first : first + size][: self.frames - at]
                if len(part):
                    yield self._faded(part, at) * self._gain
                    at += len(part)
        while at < self.frames:  # a resampler may round its length down by a sample
            part = np.zeros((min(size, self.frames - at), self.channels), np.float32)
            yield part
            at += len(part)

    def _faded(self, part: np.ndarray, at: int) -> np.ndarray:
        end = at + len(part)
        if at >= self._fade_in and end <= self.frames - self._fade_out:
            return part
        position = np.arange(at, end)
        curve = np.ones(len(part))
        if self._fade_in:
            curve *= np.sin(np.pi / 2 * np.minimum((position + 0.5) / self._fade_in, 1))
        if self._fade_out:
            curve *= np.sin(np.pi / 2 * np.minimum((self.frames - position - 0.5) / self._fade_out, 1))
        return part * curve.astype(np.float32)[:, None]
