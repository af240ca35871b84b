"""A choice for a region: what an editor says, read strictly (docs/audition.md, "A choice").

It comes from a page that cannot be known, and what it says is written into samples and timelines; so every field is looked at,
and what passes is *settled*: nothing left out, every edit with all its numbers, so that the same wish is the same row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from foley_bridge.errors import RequestError
from foley_bridge.jobs.choice_rows import SETTLED_AT_FIRST

STATES = ("proposed", "chosen", "rejected")
NEUTRAL: Mapping[str, float] = {
    "level_db": 0.0,
    "nudge_frames": 0,
    "nudge_ms": 0.0,
    "fade_in_s": 0.0,
    "fade_out_s": 0.0,
}
"""An edit that changes nothing."""
LOWEST_DB, HIGHEST_DB = -60.0, 24.0
HIGHEST_PEAK_DBFS = -0.1
LONGEST_NUDGE_S = 10
MOST_ONSETS = 10_000
LONGEST_REASON = 500
LONGEST_NOTE = 4096

_SEE = "see docs/audition.md, A choice"
HAIR_S, _HAIR_DB = 1e-6, 1e-9  # sums of floats may be off by less
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # no XML can hold these


def check(choice: Mapping[str, Any], region: Mapping[str, Any], rate: Fraction) -> dict[str, Any]:
    """A choice, settled.

    Args:
        choice: what an editor says; ``state`` is needed. ``revision``, ``at_s`` and ``by``, which a choice has as it is told,
            are left aside.
        region: as ``reel`` has it.
        rate: of the timeline, frames a second.

    Returns:
        ``state``, ``take``, ``edits``, ``onsets_s``, ``sensitivity``, ``reason``, ``note``. Edits that change nothing are
        left out.

    Raises:
        RequestError: names the field.
    """
    for name in choice:
        if name not in (*SETTLED_AT_FIRST, "revision", "at_s", "by"):
            raise _wrong(f"choice.{name[:40]!a}", "there is no such field")
    state = choice.get("state")
    if state not in STATES:
        raise _wrong("choice.state", f"must be one of {', '.join(STATES)}")
    takes = {take["id"]: take for take in region["takes"]}
    take = choice.get("take")
    if take is None and state == "chosen":
        raise _wrong("choice.take", "is needed to choose one")
    if take is not None:
        _known(take, takes, "choice.take")
    return {
        "state": state,
        "take": take,
        "edits": _edits(choice.get("edits"), takes, rate),
        "onsets_s": _onsets(choice.get("onsets_s"), region),
        "sensitivity": _share(choice.get("sensitivity")),
        "reason": _text(choice.get("reason"), LONGEST_REASON, "choice.reason"),
        "note": _text(choice.get("note"), LONGEST_NOTE, "choice.note"),
    }


def _edits(edits: Any, takes: Mapping[str, Mapping[str, Any]], rate: Fraction) -> dict[str, dict[str, float]]:
    if edits is None:
        return {}
    if not isinstance(edits, Mapping):
        raise _wrong("choice.edits", "must be an object, by take")
    settled = {}
    for take, edit in edits.items():
        field = f"choice.edits.{take[:12]!a}".replace("'", "")
        _known(take, takes, field)
        whole = _edit(edit, takes[take], rate, field)
        if whole != NEUTRAL:
            settled[take] = whole
    return settled


def _edit(edit: Any, take: Mapping[str, Any], rate: Fraction, field: str) -> dict[str, float]:
    if not isinstance(edit, Mapping):
        raise _wrong(field, "must be an object")
    for name in edit:
        if name not in NEUTRAL:
            raise _wrong(f"{field}.{name[:40]!a}", "there is no such field")
    frames = edit.get("nudge_frames", 0)
    if type(frames) is not int:
        raise _wrong(f"{field}.nudge_frames", "must be a whole number")
    level_db, nudge_ms, fade_in_s, fade_out_s = (
        _number(edit.get(name, 0), f"{field}.{name}") for name in ("level_db", "nudge_ms", "fade_in_s", "fade_out_s")
    )
    if not LOWEST_DB <= level_db <= HIGHEST_DB:
        raise _wrong(f"{field}.level_db", f"must lie between {LOWEST_DB:g} and {HIGHEST_DB:g} dB")
    peak_dbfs = take["peak_dbfs"]
    if level_db > 0 and peak_dbfs is not None and peak_dbfs + level_db > HIGHEST_PEAK_DBFS + _HAIR_DB:
        most = max(0.0, HIGHEST_PEAK_DBFS - peak_dbfs)
        raise _wrong(
            f"{field}.level_db", f"{level_db:g} dB would take the peak above {HIGHEST_PEAK_DBFS:g} dBFS; {most:.2f} at most"
        )
    if abs(frames / rate + Fraction(str(nudge_ms)) / 1000) > LONGEST_NUDGE_S:
        name = "nudge_ms" if nudge_ms else "nudge_frames"
        raise _wrong(f"{field}.{name}", f"the whole nudge is more than {LONGEST_NUDGE_S} s")
    for name, fade_s in (("fade_in_s", fade_in_s), ("fade_out_s", fade_out_s)):
        if fade_s < 0:
            raise _wrong(f"{field}.{name}", "must not be less than 0")
    length_s = take["duration"]["value"] / Fraction(take["duration"]["rate"])
    if fade_in_s + fade_out_s > length_s + HAIR_S:
        raise _wrong(f"{field}.fade_out_s", f"both fades together are longer than the clip, {float(length_s):.3f} s")
    return {
        "level_db": level_db,
        "nudge_frames": frames,
        "nudge_ms": nudge_ms,
        "fade_in_s": fade_in_s,
        "fade_out_s": fade_out_s,
    }


def _onsets(onsets_s: Any, region: Mapping[str, Any]) -> list[float] | None:
    if onsets_s is None:
        return None
    if not isinstance(onsets_s, list) or len(onsets_s) > MOST_ONSETS:
        raise _wrong("choice.onsets_s", f"must be a list of up to {MOST_ONSETS} times, or null")
    start_s, end_s = region["start"]["seconds"], region["end"]["seconds"]
    settled: list[float] = []
    for place, said in enumerate(onsets_s):
        field = f"choice.onsets_s[{place}]"
        onset_s = _number(said, field)
        if not start_s - HAIR_S <= onset_s <= end_s + HAIR_S:
            raise _wrong(field, f"{onset_s:.3f} s lies outside the region, {start_s:.3f} to {end_s:.3f} s")
        if settled and onset_s <= settled[-1]:
            raise _wrong(field, "does not come after the one before it")
        settled.append(onset_s)
    return settled


def _share(sensitivity: Any) -> float | None:
    if sensitivity is None:
        return None
    share = _number(sensitivity, "choice.sensitivity")
    if not 0 <= share <= 1:
        raise _wrong("choice.sensitivity", "must lie between 0 and 1")
    return share


def _text(text: Any, longest: int, field: str) -> str:
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > longest:
        raise _wrong(field, f"must be text of up to {longest} characters")
    if found := _UNWRITABLE.search(text):
        raise _wrong(field, f"has a character in it that cannot be written, {found[0]!a}")
    return text


def _number(said: Any, field: str) -> float:
    try:
        if type(said) in (int, float) and math.isfinite(number := float(said)):
            return number + 0.0  # -0.0 is 0.0
    except OverflowError:
        pass
    raise _wrong(field, "must be a number")


def _known(take: Any, takes: Mapping[str, Any], field: str) -> None:
    if not isinstance(take, str) or take not in takes:
        raise _wrong(field, "the region has no such take")


def _wrong(field: str, what: str) -> RequestError:
    return RequestError(f"{field}: {what}", _SEE)
