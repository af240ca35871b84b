"""Exact time: rates as fractions, seconds as fractions, sample positions and timecode without drift.

A rate written as a decimal (23.976) is short for N * 1000/1001; calculating with the decimal drifts 173 samples an hour at
48 kHz. So every rate that comes in becomes an exact ``Fraction`` here, and everything else follows from it.
Timecode labels, drop-frame included, follow SMPTE ST 12-1.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache

from opentimelineio.opentime import RationalTime

from foley_bridge.errors import TimelineError

_NTSC = Fraction(1000, 1001)
_FASTEST_PICTURE = 1000  # above this a rate counts samples or ticks, not pictures, and no decimal stands for N * 1000/1001
_FARTHEST_S = 10**12  # beyond it a time is an accident, and sums of such times would leave the range of floats
_CLOSE_TO_WHOLE = 1e-6  # of a frame or tick: what float arithmetic leaves behind when a program rescales times

_DECIMAL = re.compile(r"\d{1,9}(\.\d{1,18})?")
_RATIO = re.compile(r"(\d{1,12})\s*/\s*(\d{1,12})")
_TIMECODE = re.compile(r"(\d{1,2})([:;])(\d{1,2})([:;])(\d{1,2})([:;])(\d{1,3})")
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,12})?)")
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{0,20})?|\.\d{1,20})\s*(ms|s|sec|seconds?|f|fr|frames?)?", re.IGNORECASE)


# --- rates ---


def exact_rate(rate: int | float | str | Fraction) -> Fraction:
    """The exact rate that a number or text stands for.

    Decimals with two or more places that are N * 1000/1001 rounded or cut off (23.976, 23.98, 29.97, 59.94, 23.976023976)
    become that fraction; other decimals become themselves (14.96 -> 374/25). Fractions and "24000/1001" pass unchanged.

    Raises:
        TimelineError: not a number, not finite, or not above zero.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float | str | Fraction):
        raise _bad_rate(rate)
    if isinstance(rate, int | Fraction):
        exact = Fraction(rate)
    elif isinstance(rate, float):
        if not math.isfinite(rate) or rate <= 0:
            raise _bad_rate(rate)
        exact = _rate_of_written_float(rate)
    else:
        text = rate.strip()
        ratio = _RATIO.fullmatch(text)
        if ratio and int(ratio[2]):
            exact = Fraction(int(ratio[1]), int(ratio[2]))
        elif _DECIMAL.fullmatch(text):
            exact = _rate_of_decimal(text)
        else:
            raise _bad_rate(rate)
    if exact <= 0:
        raise _bad_rate(rate)
    return exact


@lru_cache(maxsize=256)
def _rate_of_written_float(rate: float) -> Fraction:
    return _rate_of_decimal(repr(rate)) if "e" not in repr(rate) else _rate_of_float(rate)


def _rate_of_decimal(text: str) -> Fraction:
    value = Fraction(text)
    _, _, decimals = text.partition(".")
    places = min(len(decimals), 12)  # beyond that a float's own rounding shows
    if places >= 2 and value < _FASTEST_PICTURE:
        ntsc = round(value / _NTSC) * _NTSC
        scaled, unit = ntsc * 10**places, value * 10**places
        if round(unit) in (round(scaled), math.floor(scaled)):
            return ntsc
    return _rate_of_float(float(value)) if places == 12 else value


def _rate_of_float(value: float) -> Fraction:
    """The simplest fraction that is this very float (359/24 for 14.958333333333334), else the float's own value."""
    simple = Fraction(value).limit_denominator(100_100)
    return simple if float(simple) == value else Fraction(value)


def _bad_rate(rate: object) -> TimelineError:
    return TimelineError(f"{rate!r} is not a rate", "give frames per second above zero, such as 25, 23.976 or 24000/1001")


def snapped(rate: int | float | str | Fraction) -> str | None:
    """A note for the user when ``exact_rate`` read a short decimal as a fraction ("23.976 read as 24000/1001"), else None."""
    if isinstance(rate, int | Fraction):
        return None
    exact = exact_rate(rate)
    text = rate.strip() if isinstance(rate, str) else repr(rate)
    if "/" in text or float(text) == float(exact):
        return None
    return f"{text} read as {exact.numerator}/{exact.denominator}"


def rate_text(rate: Fraction) -> str:
    """The rate as JSON and messages carry it: always a fraction, "24000/1001" or "25/1"."""
    return f"{rate.numerator}/{rate.denominator}"


# --- times ---


def seconds_of(time: RationalTime) -> Fraction:
    """A RationalTime as exact seconds; its rate is read by ``exact_rate``. Float dust beside a whole value is wiped off.

    Raises:
        TimelineError: not a number, no rate, or so far from zero that no program can have meant it.
    """
    value = float(time.value)
    if not math.isfinite(value):
        raise TimelineError(f"a time in the timeline is not a number ({value} at rate {time.rate})")
    whole = round(value)
    seconds = Fraction(whole if abs(value - whole) < _CLOSE_TO_WHOLE else value) / exact_rate(float(time.rate))
    if abs(seconds) > _FARTHEST_S:
        raise TimelineError(f"a time in the timeline is thousands of years long ({value:g} at rate {time.rate:g})")
    return seconds


def samples_of(time: RationalTime | Fraction, sample_rate: int) -> int:
    """The sample at which a time falls: ``round(seconds * sample_rate)``, calculated exactly."""
    seconds = time if isinstance(time, Fraction) else seconds_of(time)
    return round(seconds * sample_rate)


def rational(seconds: Fraction, rate: Fraction) -> RationalTime:
    """Seconds as a RationalTime at the nearest whole frame of ``rate``."""
    return RationalTime(round(seconds * rate), float(rate))


def floor_frame(seconds: Fraction, rate: Fraction) -> int:
    """The frame on screen at ``seconds``."""
    return math.floor(seconds * rate)


def ceil_frame(seconds: Fraction, rate: Fraction) -> int:
    """The first frame that starts at or after ``seconds``."""
    return math.ceil(seconds * rate)


def time_json(seconds: Fraction, rate: Fraction) -> dict[str, int | str | float]:
    """A time as every JSON answer of this program gives it: nearest whole frame, exact rate, and the seconds as a float."""
    return {"value": round(seconds * rate), "rate": rate_text(rate), "seconds": float(seconds)}


# --- timecode ---


def nominal_rate(rate: Fraction) -> int:
    """How many frame labels a second of timecode has: the rate rounded up (24 for 23.976, 15 for 14.96, 22 for 21.5)."""
    return math.ceil(rate)


def drop_allowed(rate: Fraction) -> bool:
    """True for the rates that have drop-frame timecode: 29.97, 59.94 and their multiples."""
    return rate == nominal_rate(rate) * _NTSC and nominal_rate(rate) % 30 == 0


def _dropped_per_minute(rate: Fraction, drop: bool) -> int:
    if not drop:
        return 0
    if not drop_allowed(rate):
        raise TimelineError(
            f"there is no drop-frame timecode at {rate_text(rate)} frames per second",
            "only 29.97 and 59.94 have it; write the label with ':' before the frames",
        )
    return nominal_rate(rate) // 15


def timecode(seconds: Fraction, rate: Fraction, drop: bool = False) -> str:
    """The label of the frame on screen at ``seconds``: "01:00:00:00", with ";" before the frames when ``drop``.

    Hours count on past 23 rather than wrap, and a time before zero has a leading "-", so that every label means one time.

    Raises:
        TimelineError: ``drop`` at a rate that has no drop-frame timecode.
    """
    frame = floor_frame(seconds, rate)
    sign, frame = ("-", -frame) if frame < 0 else ("", frame)
    base, dropped = nominal_rate(rate), _dropped_per_minute(rate, drop)
    if dropped:
        minute = 60 * base - dropped
        tens, rest = divmod(frame, 10 * minute + dropped)
        minutes = max(0, rest - dropped) // minute  # the first of ten minutes keeps all its labels
        frame += dropped * (9 * tens + minutes)
    total, frames = divmod(frame, base)
    digits = len(str(base - 1))
    separator = ";" if drop else ":"
    return f"{sign}{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}{separator}{frames:0{max(2, digits)}d}"


def parse_timecode(text: str, rate: Fraction) -> int:
    """The frame that a label means; ";" before the frames means drop-frame.

    Raises:
        TimelineError: not a label, a field out of range, a drop-frame label at a rate without it, or a label that
            drop-frame counting leaves out (00:01:00;00).
    """
    label = text.strip().replace("\N{MINUS SIGN}", "-")
    negative = label.startswith("-")
    match = _TIMECODE.fullmatch(label[1:] if negative else label)
    if not match:
        raise TimelineError(f"{text!r} is not timecode", "write HH:MM:SS:FF, with ';' before FF for drop-frame")
    hours, minutes, seconds, frames = (int(match[group]) for group in (1, 3, 5, 7))
    base = nominal_rate(rate)
    if minutes > 59 or seconds > 59:
        raise TimelineError(f"timecode {text!r} has more than 59 minutes or seconds")
    if frames >= base:
        raise TimelineError(f"timecode {text!r} has frame {frames}, but at {rate_text(rate)} frames go from 0 to {base - 1}")
    drop = match[6] == ";"
    dropped = _dropped_per_minute(rate, drop)
    minute = 60 * hours + minutes
    if drop and seconds == 0 and frames < dropped and minute % 10:
        at = f"{hours:02d}:{minutes:02d}"
        raise TimelineError(
            f"timecode {text!r} does not exist: drop-frame counting leaves it out",
            f"the first frame of {at} is {at}:00;{dropped:02d}",
        )
    frame = (60 * minute + seconds) * base + frames - dropped * (minute - minute // 10)
    return -frame if negative else frame


def parse_time(text: str, rate: Fraction, *, unit: str = "s") -> Fraction:
    """A time as a person writes it, in exact seconds; negative allowed.

    "1.5" (in ``unit``: "s" or "ms"), "1.5s", "40ms", "12f" (frames of ``rate``), "1:30" and "0:01:30.5" (clock),
    "00:00:01:12" and "00:00:01;12" (timecode).

    Raises:
        TimelineError: none of these, or a timecode that does not exist.
    """
    trimmed = text.strip().replace("\N{MINUS SIGN}", "-")
    sign, body = (-1, trimmed[1:]) if trimmed.startswith("-") else (1, trimmed.removeprefix("+"))
    if _TIMECODE.fullmatch(body):
        return sign * Fraction(parse_timecode(body, rate)) / rate
    if clock := _CLOCK.fullmatch(body):
        minutes, seconds = int(clock[2]), Fraction(clock[3])
        if seconds >= 60 or (clock[1] and minutes > 59):
            raise TimelineError(f"{text!r} has more than 59 minutes or seconds")
        return sign * (3600 * int(clock[1] or 0) + 60 * minutes + seconds)
    amount = _AMOUNT.fullmatch(body)
    if not amount:
        hint = "write seconds (1.5), milliseconds (40ms), frames (12f) or timecode (00:00:01:12)"
        raise TimelineError(f"{text!r} is not a time", hint)
    number = Fraction(amount[1] + "0" if amount[1].endswith(".") else amount[1])
    suffix = (amount[2] or unit).lower()
    if suffix.startswith("f"):
        return sign * number / rate
    return sign * (number / 1000 if suffix == "ms" else number)
