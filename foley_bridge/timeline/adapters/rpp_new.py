"""New chunks for a REAPER project: items, tracks, markers, and an empty project to put them into.

Everything is made from what it says alone, identifiers too, so the same timeline gives the same bytes.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote

from foley_bridge.timeline.adapters.rpp_file import Chunk, Project, decimal, name_entries, quoted
from foley_bridge.timeline.adapters.rpp_items import OUR_KEY
from foley_bridge.timeline.time import nominal_rate

_SPACE = uuid.UUID("7c8e6a52-2f5d-5c1e-9d0b-3f0a5b1b7e11")
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_KINDS = {
    "WAVE": (".wav", ".bwf", ".wave", ".aif", ".aiff", ".w64", ".rf64", ".caf"),
    "MP3": (".mp3",),
    "FLAC": (".flac",),
    "VORBIS": (".ogg",),
    "OPUS": (".opus",),
    "WAVPACK": (".wv",),
    "MIDI": (".mid", ".midi"),
    "RPP_PROJECT": (".rpp",),
}


class Guids:
    """Identifiers that a project does not have yet."""

    def __init__(self, text: str = "") -> None:
        self._taken = {each.upper() for each in _GUID.findall(text)}

    def new(self, *facts: object) -> str:
        """One made from facts; another one for the same facts said again."""
        salt = 0
        while True:
            made = "{" + str(uuid.uuid5(_SPACE, json.dumps([salt, *map(str, facts)]))).upper() + "}"
            if made not in self._taken:
                self._taken.add(made)
                return made
            salt += 1

    def own(self, wanted: str | None, *facts: object) -> str:
        """``wanted``, where it is an identifier and free."""
        if wanted and _GUID.fullmatch(wanted) and wanted.upper() not in self._taken:
            self._taken.add(wanted.upper())
            return wanted
        return self.new(*facts)


@dataclass(frozen=True)
class NewTake:
    """A take to write.

    Attributes:
        name: what REAPER shows.
        path: of its file, as the project should name it; None for none.
        offset: seconds of the source before the item's start.
        speed: source seconds per timeline second; below 0 it is played backwards.
        mark: of our own, values by name.
    """

    name: str
    path: str | None
    offset: Fraction
    speed: Fraction = Fraction(1)
    mark: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class NewItem:
    """An item to write.

    Attributes:
        start, length: seconds.
        takes: at least one.
        active: which of them is heard.
        muted: none is.
        snap: seconds after the start that snap to the grid.
        fade_in, fade_out: seconds.
        mark: of our own, values by name; its GUID and its range are added.
    """

    start: Fraction
    length: Fraction
    takes: tuple[NewTake, ...]
    active: int = 0
    muted: bool = False
    snap: Fraction = Fraction(0)
    fade_in: Fraction = Fraction(0)
    fade_out: Fraction = Fraction(0)
    mark: Mapping[str, object] = field(default_factory=dict)


def item_chunk(item: NewItem, guids: Guids, end: str) -> Chunk:
    """An ITEM; ``end`` is how lines end."""
    facts = (item.start, item.length, [take.path for take in item.takes])
    guid = guids.new("item", *facts)
    lines = [
        f"POSITION {decimal(item.start)}",
        f"SNAPOFFS {decimal(item.snap)}",
        f"LENGTH {decimal(item.length)}",
        "LOOP 0",
        "ALLTAKES 0",
        f"FADEIN 1 {decimal(item.fade_in)} 0 1 0 0 0",
        f"FADEOUT 1 {decimal(item.fade_out)} 0 1 0 0 0",
        f"MUTE {int(item.muted)} 0",
        "SEL 0",
        f"IGUID {guid}",
    ]
    inside: list[str | Chunk] = [f"      {line}{end}" for line in lines]
    if item.mark:
        own = {"item": guid, "start": float(item.start), "stop": float(item.start + item.length)}
        inside.append(_mark_chunk("EXTI", _mark_text({**item.mark, **own}), "      ", end))
    for number, take in enumerate(item.takes):
        if number:
            inside.append(f"      TAKE{' SEL' if number == item.active else ''}{end}")
        inside += name_entries(take.name, "      ", end)
        inside += [f"      {line}{end}" for line in _take_lines(take, number == 0)]
        inside.append(f"      GUID {guids.new('take', number, *facts)}{end}")
        inside += source_chunks(take, item.length, end)
        if take.mark:
            inside.append(_mark_chunk("EXT", _mark_text(take.mark), "      ", end))
    return Chunk(f"    <ITEM{end}", inside, f"    >{end}")


def _mark_chunk(name: str, text: str, blanks: str, end: str) -> Chunk:
    """What ``P_EXT:foley_bridge`` is in a file."""
    return Chunk(f"{blanks}<{name}{end}", [f"{blanks}  {OUR_KEY} {quoted(text)}{end}"], f"{blanks}>{end}")


def _mark_text(values: Mapping[str, object]) -> str:
    """Values by name as ``rpp_items.marks_in`` and the script inside REAPER read them."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in sorted(values.items()) if value is not None)


def _take_lines(take: NewTake, first: bool) -> Iterator[str]:
    yield "VOLPAN 1 0 1 -1" if first else "TAKEVOLPAN 0 1 -1"
    yield f"SOFFS {decimal(Fraction(0) if take.speed < 0 else take.offset)}"
    yield f"PLAYRATE {decimal(abs(take.speed) or Fraction(1, 100))} 1 0 -1 0 0.0025"
    yield "CHANMODE 0"


def source_chunks(take: NewTake, length: Fraction, end: str) -> list[str | Chunk]:
    """The SOURCE of a take of an item of ``length``, none when it has no file. Backwards, a section of what is played."""
    if take.path is None:
        return []
    plain = Chunk(f"      <SOURCE {kind_of(take.path)}{end}", [f"        FILE {quoted(take.path)}{end}"], f"      >{end}")
    if take.speed >= 0:
        return [plain]
    reach = -take.speed * length
    lines = [f"LENGTH {decimal(reach)}", "MODE 2", f"STARTPOS {decimal(take.offset)}", "OVERLAP 0.01"]
    plain = Chunk("  " + plain.head, [f"  {plain.inside[0]}"], "  " + plain.tail)
    return [Chunk(f"      <SOURCE SECTION{end}", [*(f"        {line}{end}" for line in lines), plain], f"      >{end}")]


def kind_of(path: str) -> str:
    """REAPER's word for what a file is, by its name."""
    suffix = PurePosixPath(PureWindowsPath(path).name).suffix.lower()
    return next((kind for kind, suffixes in _KINDS.items() if suffix in suffixes), "VIDEO")


def track_chunk(name: str, muted: bool, items: Sequence[NewItem], guids: Guids, end: str, *, mark: str = "") -> Chunk:
    """A TRACK with items; ``mark`` is what the script inside REAPER knows a track of ours by."""
    guid = guids.new("track", name, len(items))
    lines = [f"MUTESOLO {int(muted)} 0 0", "ISBUS 0 0", "NCHAN 2", f"TRACKID {guid}", "MAINSEND 1 0"]
    inside: list[str | Chunk] = [*name_entries(name, "    ", end), *(f"    {line}{end}" for line in lines)]
    if mark:
        inside.append(_mark_chunk("EXT", mark, "    ", end))
    return Chunk(f"  <TRACK {guid}{end}", inside + [item_chunk(item, guids, end) for item in items], f"  >{end}")


def marker_lines(
    number: int, name: str, start: Fraction, stop: Fraction | None, color: tuple[int, int, int] | None, guid: str, end: str
) -> list[str]:
    """A MARKER line; two of them make a region, which ``stop`` asks for."""
    value = 0 if color is None else 0x1000000 | color[0] << 16 | color[1] << 8 | color[2]
    flag = int(stop is not None)
    lines = [f"  MARKER {number} {decimal(start)} {quoted(name)} {flag} {value} 1 B {guid} 0{end}"]
    return lines if stop is None else [*lines, f'  MARKER {number} {decimal(stop)} "" 1{end}']


def empty_project(title: str, rate: Fraction, start: Fraction) -> Project:
    """A project without tracks, at a rate and with a start time (seconds)."""
    nominal = nominal_rate(rate)
    pulled = int(rate.denominator == 1001) * 2
    lines = [
        f"PROJOFFS {decimal(start)} 0 0",
        f"TIMEMODE 1 5 -1 {nominal} {pulled} 0 -1",
        "SAMPLERATE 48000 0 0",
        f"TITLE {quoted(title)}",
        "TEMPO 120 4 4",
    ]
    return Project(Chunk('<REAPER_PROJECT 0.1 "7.0" 0\n', [f"  {line}\n" for line in lines], ">\n"))
