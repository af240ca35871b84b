"""A take with an edit: level, nudge and fades in the samples of a file of its own beside the original.

The arithmetic stands in docs/audition.md ("A choice") to the last sample; the page does the same before anything is written.
The original stays as it is. The new file's name holds a key of the original's bytes and the edit, so the same edit of the same
take is the same file, and another edit never writes over it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from foley_bridge import __version__
from foley_bridge.conform import BIT_DEPTH, Take
from foley_bridge.errors import JobError
from foley_bridge.jobs.keys import sha256_of
from foley_bridge.media import broadcast_wav, ixml, loudness
from foley_bridge.media.audio import FileSound
from foley_bridge.media.sound import BLOCK
from foley_bridge.timeline.time import samples_of

LOUDEST_DBFS = -0.1
NUMBERS = ("level_db", "nudge_frames", "nudge_ms", "fade_in_s", "fade_out_s")
_CHOOSE_AGAIN = "choose another take, or ask for more"


def changes(edit: Mapping[str, Any] | None) -> bool:
    """Whether an edit asks for anything at all."""
    return edit is not None and any(edit[name] for name in NUMBERS)


def nudge_samples(edit: Mapping[str, Any], rate: Fraction, sample_rate: int) -> int:
    """By how many samples an edit moves the sound; later is positive.

    Args:
        edit: settled, so that all its numbers are there.
        rate: the timeline's frames per second.
        sample_rate: of the take, Hz.
    """
    return round((exact(edit["nudge_frames"]) / rate + exact(edit["nudge_ms"]) / 1000) * sample_rate)


def exact(number: float) -> Fraction:
    """The decimal number that somebody wrote: 0.1 is a tenth."""
    return Fraction(str(number))


def place_of(take: Take, edit: Mapping[str, Any]) -> Path:
    """Where the file of an edited take goes: beside the original."""
    return take.path.with_name(f"{take.path.stem} edit {_key(take, edit)[:8]}.wav")


def look_at(take: Take) -> None:
    """Raises JobError when a take's file is not there, or holds other bytes than its job wrote; names it."""
    try:
        found = sha256_of(take.path)
    except OSError as error:
        why = "is not there any more" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror or error}"
        raise JobError(f"take {take.path} {why}", _CHOOSE_AGAIN) from error
    if found != take.sha256:
        raise JobError(f"take {take.path} was changed since it was made", _CHOOSE_AGAIN)


def retouch(take: Take, edit: Mapping[str, Any], path: Path, *, rate: Fraction) -> Take:
    """Write a take with an edit.

    Args:
        take: the original.
        edit: settled (docs/audition.md, "A choice").
        path: where to write, whole or not at all.
        rate: the frames per second of the timeline that the take was made for.

    Returns:
        The edited take, its path ``place_of``.

    Raises:
        JobError: the original is missing or changed; it would be louder than ``LOUDEST_DBFS``. Names it.
        MediaError: the file cannot be written.
    """
    look_at(take)
    if edit["level_db"] > 0 and take.peak_dbfs is not None and take.peak_dbfs + edit["level_db"] > LOUDEST_DBFS + 1e-9:
        raise JobError(
            f"take {take.path.name} peaks at {take.peak_dbfs:.1f} dBFS: {edit['level_db']:g} dB more would clip",
            f"raise it by {max(0.0, LOUDEST_DBFS - take.peak_dbfs):.1f} dB at most",
        )
    moved = nudge_samples(edit, rate, take.sample_rate)
    sound = _Retouched(take, edit, moved)
    heard = loudness.measure(sound)
    bext, told = _chunks(take)
    key = _key(take, edit)
    bext = replace(bext, originator_reference=key, loudness_lufs=heard.lufs, coding_history=_history(bext.coding_history, take))
    facts = {"edited_from": take.sha256, **{name: f"{edit[name]:g}" for name in NUMBERS}, "nudge_samples": str(moved)}
    text = ixml.amend_ixml(
        told,
        bext=bext,
        uid=key,
        note=f"edited: {in_words(edit)}; from SHA-256 {take.sha256}",
        loudness=heard.lufs,
        max_peak=heard.peak_dbfs,
        facts=facts,
    )
    written = broadcast_wav.write(path, sound, bit_depth=BIT_DEPTH, bext=bext, ixml=text)
    first = take.start - take.handle
    shift = Fraction(moved, take.sample_rate)
    onsets = (Fraction(onset) + shift for onset in take.onsets_s) if moved else take.onsets_s
    fade_in, fade_out = _fades(take, edit, moved)
    return replace(
        take,
        path=place_of(take, edit),
        onsets_s=tuple(float(at) for at in onsets if first <= at < first + Fraction(take.frames, take.sample_rate)),
        peak_dbfs=heard.peak_dbfs,
        lufs=heard.lufs,
        sha256=written.sha256,
        fade_in_s=fade_in,
        fade_out_s=fade_out,
        notes=() if heard.peak else (f"the edit leaves nothing of take {take.path.name}",),
        edit={"of": take.sha256, **{name: edit[name] for name in NUMBERS}},
    )


def in_words(edit: Mapping[str, Any]) -> str:
    """What an edit does, for a person: ``level -3 dB, nudge +1 frames +2.5 ms``."""
    said = []
    if edit["level_db"]:
        said.append(f"level {edit['level_db']:+g} dB")
    nudge = [f"{edit[name]:+g} {unit}" for name, unit in (("nudge_frames", "frames"), ("nudge_ms", "ms")) if edit[name]]
    if nudge:
        said.append(f"nudge {' '.join(nudge)}")
    said += [f"{word} {edit[name]:g} s" for name, word in (("fade_in_s", "fade in"), ("fade_out_s", "fade out")) if edit[name]]
    return ", ".join(said)


def _key(take: Take, edit: Mapping[str, Any]) -> str:
    """32 hexadecimal digits that stand for everything the file depends on."""
    facts = [__version__, take.sha256, *_clip(take), *(float(edit[name]) for name in NUMBERS)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _clip(take: Take) -> tuple[int, int]:
    """The first sample of the file that its clip shows, and the one after the last."""
    begins = samples_of(take.start - take.handle, take.sample_rate)
    return tuple(samples_of(time, take.sample_rate) - begins for time in (take.start, take.start + take.duration))  # type: ignore[return-value]


def _chunks(take: Take) -> tuple[broadcast_wav.Bext, str]:
    bext, told = broadcast_wav.read_bext(take.path), broadcast_wav.read_ixml(take.path)
    if bext is None or told is None:
        raise JobError(f"take {take.path} has no bext or iXML, as every take has", _CHOOSE_AGAIN)
    return bext, told


def _history(before: str | None, take: Take) -> str:
    """One line more, as EBU R98 asks of each that processes a file."""
    mode = {1: ",M=mono", 2: ",M=stereo"}.get(take.channels, "")
    return f"{before or ''}A=PCM,F={take.sample_rate},W={BIT_DEPTH}{mode},T=foley_bridge {__version__} edit\r\n"


def _fades(take: Take, edit: Mapping[str, Any], moved: int) -> tuple[float, float]:
    """Seconds over which the ends of the new file fade. In a handle beyond a faded edge there is silence, which needs no fade;
    without handles the edges are the file's ends, and what was pushed out there took its fade with it."""
    if take.handle:
        return 0.0 if edit["fade_in_s"] else take.fade_in_s, 0.0 if edit["fade_out_s"] else take.fade_out_s
    kept_in, kept_out = take.fade_in_s if moved >= 0 else 0.0, take.fade_out_s if moved <= 0 else 0.0
    return max(kept_in, float(edit["fade_in_s"])), max(kept_out, float(edit["fade_out_s"]))


class _Retouched:
    """A take's sound with an edit. Its blocks are float64: in float32 the last of 24 bits would be rounded twice."""

    def __init__(self, take: Take, edit: Mapping[str, Any], moved: int) -> None:
        self.sample_rate, self.channels, self.frames = take.sample_rate, take.channels, take.frames
        self._path, self._moved = take.path, moved
        self._gain = 10 ** (edit["level_db"] / 20)
        self._first, self._end = _clip(take)
        self._fade_in, self._fade_out = (round(exact(edit[name]) * take.sample_rate) for name in ("fade_in_s", "fade_out_s"))

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        at = 0
        for block in self._shifted(size):
            yield block * self._gain * self._envelope(at, at + len(block))[:, None]
            at += len(block)

    def _shifted(self, size: int) -> Iterator[np.ndarray]:
        """float64 (n, channels): the file's content where the nudge puts it."""
        before = min(max(self._moved, 0), self.frames)
        kept = self.frames - min(abs(self._moved), self.frames)
        yield from self._silence(before, size)
        if kept:
            start, length = (Fraction(count, self.sample_rate) for count in (max(-self._moved, 0), kept))
            for block in FileSound(self._path, start_s=start, duration_s=length).blocks(size):
                yield block.astype(np.float64)
        yield from self._silence(self.frames - before - kept, size)

    def _silence(self, count: int, size: int) -> Iterator[np.ndarray]:
        for at in range(0, count, size):
            yield np.zeros((min(size, count - at), self.channels))

    def _envelope(self, at: int, end: int) -> np.ndarray:
        curve = np.ones(end - at)
        position = np.arange(at, end)
        if self._fade_in:
            curve *= np.clip((position - self._first) / self._fade_in, 0, 1)
        if self._fade_out:
            curve *= np.clip((self._end - position) / self._fade_out, 0, 1)
        return curve
