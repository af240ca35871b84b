"""What the chunks of a REAPER project say, as values: items, their takes and sources, tracks, markers, rate and start.

Times are exact fractions of seconds from the project's beginning, as REAPER counts them. The meaning of the fields follows the
"State Chunk Definitions" that REAPER's users keep, and saved projects.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from urllib.parse import unquote

from foley_bridge.timeline.adapters.rpp_file import Chunk, is_line, name_in, number, readable, whole, word, words

DEFAULT_RATE = Fraction(30)
OUR_KEY = "foley_bridge"
_NTSC = Fraction(1000, 1001)
_SOUND_ALONE = (".m4a", ".aac", ".mp2", ".mka", ".ac3", ".wma", ".opus", ".amr")  # REAPER may read these as it reads movies
_LANE_WORD = 32  # lanes per word of LANESOLO


# --- the project ---


def rate_of(root: Chunk) -> Fraction:
    """Frames per second: TIMEMODE's fourth number; where its fifth is 1 (29.97 drop-frame) or 2 (23.976, …) times 1000/1001."""
    line = root.line("TIMEMODE")
    rate = number(word(line, 4), DEFAULT_RATE)
    if not 1 <= rate < 1000:
        return DEFAULT_RATE
    return rate * _NTSC if whole(word(line, 5)) in (1, 2) else rate


def start_of(root: Chunk) -> Fraction:
    """The time that the project shows at its beginning."""
    return number(word(root.line("PROJOFFS"), 1))


# --- markers and regions ---


@dataclass(frozen=True)
class Mark:
    """A marker, or a region when it has an end.

    Attributes:
        index: where its line stands in the project chunk.
        end_index: where a region's second line stands.
        number: as REAPER shows it.
        name, start, end: seconds; ``end`` is None for a marker.
        color: red, green, blue; None for the default.
        guid: None in old projects.
    """

    index: int
    number: int
    name: str
    start: Fraction
    color: tuple[int, int, int] | None
    guid: str | None
    end: Fraction | None = None
    end_index: int | None = None


def marks_of(root: Chunk) -> list[Mark]:
    """All markers and regions, as they stand. A region is two lines of the same number with the region flag."""
    marks: list[Mark] = []
    open_regions: dict[int, int] = {}
    for index, entry in enumerate(root.inside):
        if not is_line(entry, "MARKER"):
            continue
        said = words(str(entry))
        said += [""] * (8 - len(said))
        which, at, is_region = whole(said[1]), number(said[2]), whole(said[4]) & 1
        if is_region and which in open_regions:
            place = open_regions.pop(which)
            marks[place] = replace(marks[place], end=max(at, marks[place].start), end_index=index)
            continue
        if is_region:
            open_regions[which] = len(marks)
        guid = next((each for each in said[5:] if each.startswith("{")), None)
        marks.append(Mark(index, which, readable(said[3]), at, _color(said[5], said[7]), guid and readable(guid)))
    return marks


def _color(text: str, order: str) -> tuple[int, int, int] | None:
    """REAPER writes the system's own colour; the letter after it says which of red and blue is the lowest byte."""
    if text.startswith("{"):
        return None
    value = whole(text)
    if not value & 0x1000000:
        return None
    low, middle, high = value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF
    return (high, middle, low) if order == "B" else (low, middle, high)


# --- items ---


@dataclass(frozen=True)
class Source:
    """What a take plays.

    Attributes:
        kind: REAPER's word for it (WAVE, MP3, VIDEO, MIDI, …); "" when there is none.
        path: the file as written; None when it plays none.
        start, length: the section of it that is used, seconds; a length of None is all of it.
        backwards: it is played from its end.
        shown: it has a picture, and that is not switched off.
    """

    kind: str
    path: str | None
    start: Fraction = Fraction(0)
    length: Fraction | None = None
    backwards: bool = False
    shown: bool = False


@dataclass(frozen=True)
class RppTake:
    """A take of an item.

    Attributes:
        first, last: where it stands in the item's ``inside``: from ``first``, before ``last``.
        name, guid: as written.
        offset: seconds of its source before the item's start, at the source's own speed.
        speed: seconds of source per second of timeline.
    """

    first: int
    last: int
    name: str
    guid: str | None
    offset: Fraction
    speed: Fraction
    source: Source


@dataclass(frozen=True)
class Item:
    """An item: when, and what it plays.

    Attributes:
        chunk: it.
        start, length: seconds.
        muted: it does not sound.
        lane: of a track with fixed lanes, from 0.
        takes: at least one; an empty item has one without a source.
        active: which of them is heard.
        ours: our mark on it (``marks_in``); empty when it is not ours.
    """

    chunk: Chunk
    start: Fraction
    length: Fraction
    muted: bool
    lane: int
    takes: tuple[RppTake, ...]
    active: int
    ours: dict[str, str] = field(default_factory=dict)

    @property
    def take(self) -> RppTake:
        """The one that is heard."""
        return self.takes[self.active]

    @property
    def is_video(self) -> bool:
        """Whether it has a picture."""
        return self.take.source.shown


def item_of(chunk: Chunk) -> Item:
    """What an ITEM chunk says."""
    breaks = [0] + [index for index, entry in enumerate(chunk.inside) if is_line(entry, "TAKE")] + [len(chunk.inside)]
    takes = tuple(_take(chunk, first, last) for first, last in pairwise(breaks))
    chosen = (number for number, take in enumerate(takes) if number and "SEL" in words(str(chunk.inside[take.first]))[1:])
    head, height = number(word(chunk.line("YPOS"), 1)), number(word(chunk.line("YPOS"), 2))
    return Item(
        chunk=chunk,
        start=number(word(chunk.line("POSITION"), 1)),
        length=max(Fraction(0), number(word(chunk.line("LENGTH"), 1))),
        muted=bool(whole(word(chunk.line("MUTE"), 1))),
        lane=max(0, round(head / height)) if height > 0 else 0,
        takes=takes,
        active=next(chosen, 0),
        ours=marks_in(chunk, "EXTI"),
    )


def our_mark(chunk: Chunk, name: str) -> str:
    """What stands in ``P_EXT:foley_bridge`` of a track (its chunk ``EXT``) or an item (``EXTI``); "" when nothing does."""
    lines = (ext.line(OUR_KEY) for ext in chunk.chunks(name))
    return next((word(line, 1) for line in lines if line is not None), "")


def marks_in(chunk: Chunk, name: str) -> dict[str, str]:
    """Our mark as values by name, as the script inside REAPER writes them: ``name=value&…``, percent-encoded."""
    pairs = (pair.partition("=") for pair in our_mark(chunk, name).split("&"))
    return {key: readable(unquote(value)) for key, equals, value in pairs if key and equals}


def _take(chunk: Chunk, first: int, last: int) -> RppTake:
    def said(name: str, index: int = 1) -> str:
        found = chunk.index(name, first, last)
        return "" if found is None else word(str(chunk.inside[found]), index)

    source = next((each for each in chunk.inside[first:last] if isinstance(each, Chunk) and each.name == "SOURCE"), None)
    speed = number(said("PLAYRATE"), Fraction(1))
    return RppTake(
        first=first,
        last=last,
        name=readable(name_in(chunk, first, last)),
        guid=readable(said("GUID")) or None,
        offset=number(said("SOFFS")),
        speed=speed if speed > 0 else Fraction(1),
        source=Source("", None) if source is None else source_of(source),
    )


def source_of(chunk: Chunk) -> Source:
    """What a SOURCE chunk plays, sections of sections resolved."""
    start, length, backwards = Fraction(0), None, False
    while word(chunk.head, 1) == "SECTION":
        inner = next(chunk.chunks("SOURCE"), None)
        if inner is None:
            return Source("", None)
        mode, own_start = whole(word(chunk.line("MODE"), 1)), number(word(chunk.line("STARTPOS"), 1))
        own_length = number(word(chunk.line("LENGTH"), 1))
        part = own_length if own_length > 0 else None
        if mode & 2 and length is not None and part is not None:
            start = part - start - length  # played backwards, what is around it counts from its end
        start, length, backwards = own_start + start, length if length is not None else part, backwards != bool(mode & 2)
        chunk = inner
    kind = word(chunk.head, 1).removeprefix("_OFFLINE_")
    file = word(chunk.line("FILE"), 1)
    shown = kind == "VIDEO" and chunk.line("VIDEO_DISABLED") is None and not file.lower().endswith(_SOUND_ALONE)
    return Source(kind, file or None, start, length, backwards, shown)


# --- tracks ---


@dataclass(frozen=True)
class RppTrack:
    """A track.

    Attributes:
        chunk: it.
        name: as written.
        muted: it is not heard.
        items: in the order of the file.
        silent_lanes: with fixed lanes, those that do not play; an item there is not heard.
        ours: we made it.
    """

    chunk: Chunk
    name: str
    muted: bool
    items: tuple[Item, ...]
    silent_lanes: frozenset[int]
    ours: bool

    def heard(self, item: Item) -> bool:
        """Whether an item sounds when its track does."""
        return not item.muted and item.lane not in self.silent_lanes


def track_of(chunk: Chunk) -> RppTrack:
    """What a TRACK chunk says."""
    items = tuple(item_of(each) for each in chunk.chunks("ITEM"))
    return RppTrack(
        chunk=chunk,
        name=readable(name_in(chunk)),
        muted=bool(whole(word(chunk.line("MUTESOLO"), 1))),
        items=items,
        silent_lanes=_silent_lanes(chunk, items),
        ours=bool(our_mark(chunk, "EXT")),
    )


def _silent_lanes(chunk: Chunk, items: tuple[Item, ...]) -> frozenset[int]:
    playing = chunk.line("LANESOLO")
    if whole(word(chunk.line("FREEMODE"), 1)) != 2 or playing is None:
        return frozenset()
    bits = [whole(each) for each in words(playing)[1:]]

    def plays(lane: int) -> bool:
        where = lane // _LANE_WORD
        return where < len(bits) and bool(bits[where] >> lane % _LANE_WORD & 1)

    return frozenset(lane for lane in {item.lane for item in items} if not plays(lane))
