"""Our own takes in a REAPER project: all takes of a region in one item, marked as the script inside REAPER marks its own."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from foley_bridge.timeline.adapters.rpp_new import NewItem, NewTake
from foley_bridge.timeline.adapters.rpp_read import OURS
from foley_bridge.timeline.unfolded import Shown

_TRACK = "FOLEY"
_LONGEST_NOTE = 500


def foley_item(shown: Shown, path_of: Callable[[str | None], str | None]) -> NewItem | None:
    """The item of a clip that ``timeline.place`` put there; None for any other.

    path_of: how the project names a file.
    """
    ours = shown.clip.metadata.get(OURS)
    if not hasattr(ours, "get") or ours.get("kind") != "take":
        return None
    try:
        return _item(shown, ours, path_of)
    except (KeyError, TypeError, ValueError, ArithmeticError):  # metadata that somebody else wrote
        return None


def _item(shown: Shown, ours: Any, path_of: Callable[[str | None], str | None]) -> NewItem:
    own = [ours, *(ours["alternatives"] if ours["chosen"] else ())]  # a take on a track of its own stands alone
    own.sort(key=lambda told: int(told["take"]))
    active = next(index for index, told in enumerate(own) if told is ours)
    hits = [Fraction(at) - shown.start for at in ours["onsets_s"]]
    fades = _fades(ours)
    return NewItem(
        shown.start,
        shown.length,
        tuple(_take(told, str(ours["region"]), shown.start, path_of) for told in own),
        active=active,
        muted=not shown.clip.enabled,
        snap=next((hit for hit in hits if 0 <= hit < shown.length), Fraction(0)),
        fade_in=Fraction(fades["fade_in_s"]),
        fade_out=Fraction(fades["fade_out_s"]),
        mark={
            "region": ours.get("region_id") or ours["region"],
            "text": ours["text"],
            "key": ours["key"],
            **_choice(ours.get("choice")),
        },
    )


def _choice(told: Any) -> dict[str, str]:
    """What an editor said, as much as a line of a project should hold."""
    if not hasattr(told, "get"):
        return {}
    note = str(told.get("note") or "")[:_LONGEST_NOTE]
    return {"state": str(told["state"]), **({"note": note} if note else {})}


def _take(told: Any, region: str, start: Fraction, path_of: Callable[[str | None], str | None]) -> NewTake:
    offset = Fraction(int(told["handle_samples"]), int(told["sample_rate"]))
    mark = {"score": float(told["score"]), "seed": int(told["seed"]), **_fades(told)}
    if len(told["onsets_s"]):
        mark["onset_s"] = float(Fraction(told["onsets_s"][0]) - start + offset)  # in the file
    name = f"{region}, take {int(told['take'])}, score {float(told['score']):.2f}"
    return NewTake(name, path_of(str(told["path"])), offset, mark=mark)


def _fades(told: Any) -> dict[str, float]:
    """What the item fades: with a handle the file's own fades lie outside the clip, without one it has them itself."""
    handle = int(told["handle_samples"]) > 0
    return {name: float(told.get(name, 0.0)) if handle else 0.0 for name in ("fade_in_s", "fade_out_s")}


def track_mark(track: Any) -> str:
    """What the script inside REAPER knows a track of ours by (Foley, Foley 2, …); "" for any other track."""
    ours = track.metadata.get(OURS)
    is_ours = hasattr(ours, "get") and ours.get("kind") == "track" and track.name.startswith(_TRACK)
    return _TRACK.title() + track.name[len(_TRACK) :] if is_ours else ""
