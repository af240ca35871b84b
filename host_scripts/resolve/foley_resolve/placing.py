"""A plan into the timeline, whole or not at all, and back out again.

Resolve has no undo blocks for scripts: what a placement did is written down (a receipt), every clip of it carries its id, and
taking it back deletes just those and lays the former ones again. Clips cannot be changed either: another take is another clip.
"""

from __future__ import annotations

import uuid
from typing import Any, Dict

from foley_host import HostError

from . import label
from .bin import Bin
from .clips import file_of, own
from .laying import delete, everywhere, lay, track_index
from .memory import UNDO_STEPS
from .session import Session, listed, whole

Json = Dict[str, Any]
ADVICE = "Close any dialog in Resolve and try again."


def place(session: Session, plan: Json) -> Json:
    """Do a plan. Whatever goes wrong, what was done is taken back before this raises.

    Returns:
        The receipt: JSON, with everything that ``take_back`` needs.
    """
    session.edit_page()
    receipt: Json = {
        "id": uuid.uuid4().hex[:12],
        "label": plan["label"],
        "timeline": str(session.timeline.GetUniqueId()),
        "removed": [],
        "added": [],
        "tracks": [],
        "imported": [],
        "bin": False,
    }
    before = {str(item.GetUniqueId()) for item in everywhere(session)}
    try:
        _place(session, plan, receipt)
    except Exception as error:
        said = error if isinstance(error, HostError) else HostError(f"Resolve failed at it: {error}", ADVICE)
        try:
            media = {take["path"] for add in plan["add"] for take in add["takes"]}
            new = [item for item in everywhere(session) if str(item.GetUniqueId()) not in before]
            delete(session, [item for item in new if file_of(item.GetMediaPoolItem()) in media])
            take_back(session, receipt)
        except Exception as further:
            raise HostError(f"{said.message}. Taking back what was done failed, too: {further}", said.hint) from error
        raise said from error
    return receipt


def take_back(session: Session, receipt: Json, forget: bool = True) -> None:
    """Undo just one placement: its clips go, the former ones come back, empty tracks that it made go.

    Args:
        forget: take its files out of the media pool, too.

    Raises:
        HostError: that could not be done.
    """
    timeline = session.timeline
    if str(timeline.GetUniqueId()) != receipt["timeline"]:
        raise HostError("Another timeline is open now than that with the clips", "Open that timeline and try again.")
    delete(session, laid(session, receipt))
    faults = []
    for former in receipt["removed"]:
        try:
            _lay_again(session, former)
        except HostError as error:  # the others may come back
            faults.append(error)
    for name in reversed(receipt["tracks"]):
        index = track_index(timeline, name)
        if index is not None and not listed(timeline.GetItemListInTrack("audio", index)):
            timeline.DeleteTrack("audio", index)
    if forget and (receipt["imported"] or receipt["bin"]):
        Bin(session).forget(receipt["imported"], receipt["bin"])
    if faults:
        raise faults[0]


def choose(session: Session, clip: Json, number: int) -> Json:
    """Make another take sound: the clip goes and the other take comes in its place, with its marker. Gives a receipt."""
    item = _find(session, clip["id"])
    told = label.read(item) if item is not None else None
    if item is None or told is None or not 1 <= number <= len(told["takes"]):
        raise HostError(f"The clip {clip['name']} is not what it was", "Try again.")
    former = _picture(session, item)
    takes = [
        {"path": path, "offset": offset, "label": f"take {index}"}
        for index, (path, offset) in enumerate(zip(told["takes"], told["offsets"]), 1)
    ]
    kept = {key: former[key] for key in ("track", "start", "duration")}
    text = str(former["markers"][0][1]["note"]).split(":")[0] if former["markers"] else ""
    add = {**kept, "region": told["region"], "text": text, "key": told["key"], "chosen": number, "takes": takes}
    add["placed"] = told["placed"]  # so that the undo of the placement finds it, too
    return place(session, {"label": f"Foley: take {number}", "remove": [clip], "add": [add]})


def _place(session: Session, plan: Json, receipt: Json) -> None:
    wanted = list(dict.fromkeys(take["path"] for add in plan["add"] for take in add["takes"]))
    media = _imported(session, wanted, receipt) if wanted else {}
    for clip in plan["remove"]:
        item = _find(session, clip["id"])
        if item is None:
            raise HostError(f"The clip {clip['name']} is not there any more", "Try again.")
        former = _picture(session, item)
        delete(session, [item])
        receipt["removed"].append(former)
    for add in plan["add"]:
        take = add["takes"][add["chosen"] - 1]
        track = _track(session, add["track"], take.get("channels"), receipt)
        item = lay(session, media[take["path"]], track, add["start"], add["duration"], take["offset"])
        receipt["added"].append(str(item.GetUniqueId()))
        custom = label.data(add["region"], add["key"], add["takes"], [*add.get("placed", ())[-UNDO_STEPS:], receipt["id"]])
        if not label.write(item, "Foley", f"{add['text']}: {take['label']}", custom):
            said = f"Resolve did not let the clip {item.GetName()} have a marker, by which it is known again"
            raise HostError(said, ADVICE)
        item.SetClipColor(label.CLIP_COLOR)


def laid(session: Session, receipt: Json) -> list[Any]:
    """The clips of a placement, wherever they were moved; copies of them, too, where they lie on our own tracks."""
    timeline = session.timeline
    here = [item for index, _ in own(timeline) for item in listed(timeline.GetItemListInTrack("audio", index))]
    copies = {str(item.GetUniqueId()) for item in here if receipt["id"] in (label.read(item) or {}).get("placed", ())}
    return [item for item in everywhere(session) if str(item.GetUniqueId()) in {*copies, *receipt["added"]}]


def _imported(session: Session, wanted: list[str], receipt: Json) -> dict[str, Any]:
    bin_ = Bin(session)
    try:
        return bin_.take_in(wanted)
    finally:
        receipt["imported"], receipt["bin"] = bin_.imported, bin_.made


def _track(session: Session, name: str, channels: int | None, receipt: Json) -> int:
    """Resolve's number of one of our tracks, made below what is there when there is none."""
    timeline = session.timeline
    index = track_index(timeline, name)
    if index is not None:
        return index
    count = whole(timeline.GetTrackCount("audio"))
    timeline.AddTrack("audio", "stereo" if channels == 2 else "mono")
    if whole(timeline.GetTrackCount("audio")) == count + 1:
        timeline.SetTrackName("audio", count + 1, name)
        if timeline.GetTrackName("audio", count + 1) == name:
            receipt["tracks"].append(name)
            return count + 1
        timeline.DeleteTrack("audio", count + 1)
    raise HostError(f"Resolve did not make the track {name}", ADVICE)


def _picture(session: Session, item: Any) -> Json:
    """Everything that is needed to lay a clip of ours again."""
    media = item.GetMediaPoolItem()
    return {
        "track": _track_of(session, item),
        "start": whole(item.GetStart()) - session.start,
        "duration": whole(item.GetDuration()),
        "offset": whole(item.GetLeftOffset()),
        "media": str(media.GetUniqueId()),
        "path": str(media.GetClipProperty("File Path")),
        "markers": label.copied(item),
        "color": str(item.GetClipColor() or ""),
        "enabled": item.GetClipEnabled() is not False,
    }


def _lay_again(session: Session, former: Json) -> None:
    bin_ = Bin(session)
    media = bin_.by_id(former["media"], former["path"]) or bin_.take_in([former["path"]])[former["path"]]
    index = track_index(session.timeline, former["track"])
    if index is None:
        index = _track(session, former["track"], None, {"tracks": []})
    item = lay(session, media, index, former["start"], former["duration"], former["offset"])
    if not label.put(item, former["markers"]):
        raise HostError(f"Resolve did not give the clip {item.GetName()} its markers back", "Use Edit > Undo.")
    if former["color"]:
        item.SetClipColor(former["color"])
    if not former["enabled"]:
        item.SetClipEnabled(False)


def _find(session: Session, name: str) -> Any | None:
    timeline = session.timeline
    for index, _ in own(timeline):
        for item in listed(timeline.GetItemListInTrack("audio", index)):
            if str(item.GetUniqueId()) == name:
                return item
    return None


def _track_of(session: Session, item: Any) -> str:
    name, timeline = str(item.GetUniqueId()), session.timeline
    for index, track in own(timeline):
        if any(str(each.GetUniqueId()) == name for each in listed(timeline.GetItemListInTrack("audio", index))):
            return track
    raise HostError(f"The clip {item.GetName()} is not on a track of ours any more", "Try again.")
