"""What the options in a region's text mean (docs/timeline.md), each value checked; ``region_text.py`` takes the text apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from fractions import Fraction

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.region_text import split_region_text
from foley_bridge.timeline.time import parse_time

ENGINES = ("recommend", "transfer", "analogy", "classes")
CHANNELS = ("mono", "stereo", "source")
HITS = ("auto", "markers")
DETECTORS = ("motion", "network")
CHOICES = ("sync", "onsets")
MOST_TAKES = 64
MOST_CANDIDATES = 256
LONGEST_S = 600  # of handles, fade and tail
FARTHEST_OFFSET_S = 60
LIBRARY = "lib:"
"""What stands before a library id where a file or a clip's name may stand, too: ``like=lib:k3v7q2mdx5ab``."""
MOST_SOUNDS = 64  # that pin= or ban= name


@dataclass(frozen=True)
class Options:
    """The options a region names; None where it names none.

    Attributes:
        engine: one of ``ENGINES``.
        like: the exemplar: a clip's name in the timeline, ``lib:`` and a library id (or its beginning), or a path.
        takes: how many, 1-64.
        seed: 0 or above; take k of a seed is the same for any number of takes.
        level: LUFS integrated (peak dBFS under 0.4 s), -70 to 0.
        handles, fade, tail: seconds, 0 to 600.
        channels: one of ``CHANNELS``.
        retime: re-time a found sound to the action.
        ucs: a UCS CatID, as written.
        pin, ban: library ids, or beginnings of them, in small letters: sounds to propose first, and never.
        hits: one of ``HITS``.
        detector: one of ``DETECTORS``: what looks for onsets in the picture.
        sensitivity: 0-1, how readily motion counts as an action.
        offset: seconds by which all hits are shifted, -60 to 60.
        candidates: 1-256, of how many newly made sounds the best become takes.
        choose: one of ``CHOICES``: by what the best are told.
    """

    engine: str | None = None
    like: str | None = None
    takes: int | None = None
    seed: int | None = None
    level: float | None = None
    handles: Fraction | None = None
    fade: Fraction | None = None
    tail: Fraction | None = None
    channels: str | None = None
    retime: bool | None = None
    ucs: str | None = None
    pin: tuple[str, ...] | None = None
    ban: tuple[str, ...] | None = None
    hits: str | None = None
    detector: str | None = None
    sensitivity: float | None = None
    offset: Fraction | None = None
    candidates: int | None = None
    choose: str | None = None

    def over(self, defaults: Options) -> Options:
        """These options, with ``defaults`` wherever nothing is named."""
        unnamed = {f.name: getattr(defaults, f.name) for f in fields(self) if getattr(self, f.name) is None}
        return replace(self, **unnamed)


# --- values: each parser returns the value, or raises ValueError, which reads as "allowed is ..." ---


def _one_of(*names: str) -> Callable[[str, Fraction], str]:
    def parse(value: str, rate: Fraction) -> str:
        if value.lower() in names:
            return value.lower()
        close = get_close_matches(value.lower(), names, n=1)
        raise ValueError(f"one of {', '.join(names)}" + (f"; did you mean {close[0]}?" if close else ""))

    return parse


def _whole(lowest: int, highest: int, allowed: str) -> Callable[[str, Fraction], int]:
    def parse(value: str, rate: Fraction) -> int:
        if re.fullmatch(r"\d{1,19}", value) and lowest <= int(value) <= highest:
            return int(value)
        raise ValueError(allowed)

    return parse


def _number(lowest: float, highest: float, units: str, allowed: str) -> Callable[[str, Fraction], float]:
    pattern = re.compile(rf"([+-]?(?:\d{{1,6}}(?:\.\d{{0,9}})?|\.\d{{1,9}}))\s*(?:{units})?", re.IGNORECASE)

    def parse(value: str, rate: Fraction) -> float:
        match = pattern.fullmatch(value.replace("\N{MINUS SIGN}", "-"))
        if match and lowest <= float(match[1]) <= highest:
            return float(match[1])
        raise ValueError(allowed)

    return parse


def _span(lowest: int, highest: int, unit: str, allowed: str) -> Callable[[str, Fraction], Fraction]:
    def parse(value: str, rate: Fraction) -> Fraction:
        try:
            seconds = parse_time(value, rate, unit=unit)
        except TimelineError as error:
            raise ValueError(allowed) from error
        if lowest <= seconds <= highest:
            return seconds
        raise ValueError(allowed)

    return parse


def _yes_no(value: str, rate: Fraction) -> bool:
    if value.lower() in ("yes", "true", "on", "1"):
        return True
    if value.lower() in ("no", "false", "off", "0"):
        return False
    raise ValueError("yes or no")


def _like(value: str, rate: Fraction) -> str:
    return value


def _cat_id(value: str, rate: Fraction) -> str:
    if re.fullmatch(r"[A-Za-z]{2,5}[A-Za-z0-9]{0,15}", value):
        return value
    raise ValueError("a UCS CatID such as FOLYFeet or DOORWood")


def _library_ids(value: str, rate: Fraction) -> tuple[str, ...]:
    names = [each.strip().lower().removeprefix(LIBRARY) for each in value.split(",")]
    if len(names) <= MOST_SOUNDS and all(re.fullmatch(r"[a-z0-9]{4,64}", name) for name in names):
        return tuple(dict.fromkeys(names))
    raise ValueError(f"up to {MOST_SOUNDS} library ids, or four letters or more of each, such as k3v7q2mdx5ab,h2zt")


_LENGTH = "seconds or frames from 0 to 600 s, such as 0.5 or 12f"

PARSERS: dict[str, Callable[[str, Fraction], object]] = {
    "engine": _one_of(*ENGINES),
    "like": _like,
    "takes": _whole(1, MOST_TAKES, f"a whole number from 1 to {MOST_TAKES}"),
    "seed": _whole(0, 2**63 - 1, "a whole number, 0 or above"),
    "level": _number(-70, 0, "LUFS|LKFS|dBFS|dB", "a loudness from -70 to 0 LUFS, such as -23"),
    "handles": _span(0, LONGEST_S, "s", _LENGTH),
    "fade": _span(0, LONGEST_S, "s", _LENGTH),
    "tail": _span(0, LONGEST_S, "s", _LENGTH),
    "channels": _one_of(*CHANNELS),
    "retime": _yes_no,
    "ucs": _cat_id,
    "pin": _library_ids,
    "ban": _library_ids,
    "hits": _one_of(*HITS),
    "detector": _one_of(*DETECTORS),
    "sensitivity": _number(0, 1, "(?!)", "a number from 0 to 1"),
    "offset": _span(
        -FARTHEST_OFFSET_S,
        FARTHEST_OFFSET_S,
        "ms",
        "milliseconds or frames up to a minute either way, such as 20, -40ms or -1f",
    ),
    "candidates": _whole(1, MOST_CANDIDATES, f"a whole number from 1 to {MOST_CANDIDATES}"),
    "choose": _one_of(*CHOICES),
}


def parse_option(name: str, value: str, rate: Fraction) -> object:
    """One option's value, checked. rate: the timeline's, for values in frames.

    Raises:
        TimelineError: no such option (the nearest one is suggested), no value, or a value that is not allowed.
    """
    key = name.lower()
    if key not in PARSERS:
        close = get_close_matches(key, PARSERS, n=1)
        hint = f"did you mean {close[0]}=? " if close else ""
        raise TimelineError(f"unknown option {name!r}", f"{hint}options are {', '.join(PARSERS)}")
    if not value.strip():
        raise TimelineError(f"option {key}= has no value")
    try:
        return PARSERS[key](value.strip(), rate)
    except ValueError as error:
        raise TimelineError(f"option {key}= cannot be {value!r}", f"allowed is {error}") from None


# --- the text ---

_FOLEY = re.compile(r"\s*FOLEY(?=[\s:]|$):?", re.IGNORECASE)


def is_region_text(text: str) -> bool:
    """True when the first word is FOLEY, in any case, with or without a colon after it."""
    return bool(_FOLEY.match(text))


def parse_region_text(text: str, rate: Fraction) -> tuple[str, Options]:
    """The free words and the options of a region's text, with or without its leading FOLEY.

    rate: the timeline's, for values in frames. Option names and listed values may be in any case, because some exchange
    formats write markers in capitals.

    Raises:
        TimelineError: an open quote, an unknown or repeated option, or a bad value; names the option.
    """
    if foley := _FOLEY.match(text):
        text = text[foley.end() :]
    words, named = split_region_text(text)
    values = {name: parse_option(name, value, rate) for name, value in named.items()}
    return " ".join(words), Options(**values)  # type: ignore[arg-type]  # each parser returns its field's type
