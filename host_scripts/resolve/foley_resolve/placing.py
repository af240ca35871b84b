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
            session.go_to(receipt["timeline"])
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
    session.go_to(receipt["timeline"])
    timeline = session.timeline
    _take_away(session, laid(session, receipt))
    faults = []
    for former in missing(session, receipt):
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


def missing(session: Session, receipt: Json) -> list[Json]:
    """What a placement took away and is not there again."""
    ours = _ours(session)
    there = [(track, whole(item.GetStart()) - session.start, label.read(item)) for item, track in ours.values()]
    back = [(each["track"], each["start"], label.told(each["markers"])) for each in receipt["removed"]]
    return [each for each, clip in zip(receipt["removed"], back) if each["id"] not in ours and clip not in there]


def choose(session: Session, clip: Json, number: int) -> Json:
    """Make another take sound: the clip goes and the other take comes in its place, with its marker. Gives a receipt."""
    item, track = _ours(session).get(clip["id"], (None, ""))
    told = label.read(item) if item is not None else None
    if told is None or not 1 <= number <= len(told["takes"]):
        raise HostError(f"The clip {clip['name']} is not what it was", "Try again.")
    former = _picture(session, item, track)
    takes = [
        {"path": path, "offset": offset, "label": f"take {index}"}
        for index, (path, offset) in enumerate(zip(told["takes"], told["offsets"]), 1)
    ]
    kept = {key: former[key] for key in ("track", "start", "duration")}
    text = told["note"].rsplit(":", 1)[0]
    add = {**kept, "region": told["region"], "text": text, "key": told["key"], "chosen": number, "takes": takes}
    add["placed"] = told["placed"]  # so that the undo of the placement finds it, too
    add["like"] = former
    add["trimmed"] = former["offset"] - told["offsets"][clip["chosen"] - 1] if clip["chosen"] else 0  # by the user, at its head
    return place(session, {"label": f"Foley: take {number}", "remove": [clip], "add": [add]})


def _place(session: Session, plan: Json, receipt: Json) -> None:
    wanted = list(dict.fromkeys(take["path"] for add in plan["add"] for take in add["takes"]))
    media = _imported(session, wanted, receipt) if wanted else {}
    ours = _ours(session) if plan["remove"] else {}
    gone = [clip for clip in plan["remove"] if clip["id"] not in ours]
    if gone:
        raise HostError(f"The clip {gone[0]['name']} is not there any more", "Try again.")
    former = [ours[clip["id"]] for clip in plan["remove"]]
    receipt["removed"] = [_picture(session, item, track) for item, track in former]
    _take_away(session, [item for item, _ in former])
    for add in plan["add"]:
        session.go_to(receipt["timeline"])
        take = add["takes"][add["chosen"] - 1]
        track = _track(session, add["track"], take.get("channels"), receipt)
        offset = take["offset"] + add.get("trimmed", 0)
        item = lay(session, media[take["path"]], track, add["start"], add["duration"], offset)
        receipt["added"].append(str(item.GetUniqueId()))
        placed = [*add.get("placed", ())[-UNDO_STEPS:], receipt["id"]]
        custom = label.data(add["region"], add["key"], add["takes"], placed, add["start"] - offset)
        if not label.write(item, "Foley", f"{add['text']}: {take['label']}", custom):
            said = f"Resolve did not let the clip {item.GetName()} have a marker, by which it is known again"
            raise HostError(said, ADVICE)
        _dress(item, add.get("like") or {"markers": [], "color": label.CLIP_COLOR, "enabled": True})


def laid(session: Session, receipt: Json) -> list[Any]:
    """The clips of a placement, wherever they were moved; what stands for them now, too, but no copies that the user made."""
    ours = label.owned([item for item, _ in _ours(session).values()], session.start)
    now = {name for name, told in ours.items() if receipt["id"] in told["placed"]}
    return [item for item in everywhere(session) if str(item.GetUniqueId()) in {*now, *receipt["added"]}]


def _take_away(session: Session, items: list[Any]) -> None:
    """Delete clips of ours. The user's copies of them stay his: left alone, one would look like ours, moved."""
    if not items:
        return
    gone = {str(item.GetUniqueId()): label.read(item) for item in items}
    kin = {(told["region"], told["key"]) for told in gone.values() if told}
    here = {name: item for name, (item, _) in _ours(session).items()}
    ours = label.owned(list(here.values()), session.start)
    for name, item in here.items():
        told = None if name in gone or name in ours else label.read(item)
        if told and (told["region"], told["key"]) in kin and not label.disown(item):
            raise HostError(f"Resolve did not let the marker of the copy {item.GetName()} be changed", ADVICE)
    delete(session, items)


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
    made, named = whole(timeline.GetTrackCount("audio")) == count + 1, False
    try:
        if made:
            timeline.SetTrackName("audio", count + 1, name)
            named = timeline.GetTrackName("audio", count + 1) == name
    finally:
        if made and not named:
            timeline.DeleteTrack("audio", count + 1)
    if not named:
        raise HostError(f"Resolve did not make the track {name}", ADVICE)
    receipt["tracks"].append(name)
    return count + 1


def _picture(session: Session, item: Any, track: str) -> Json:
    """Everything that is needed to lay a clip of ours again."""
    media = item.GetMediaPoolItem()
    return {
        "id": str(item.GetUniqueId()),
        "track": track,
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
    if not label.put(item, [marker for marker in former["markers"] if label.is_ours(marker)]):
        raise HostError(f"Resolve did not give the clip {item.GetName()} its marker back", "Use Edit > Undo.")
    _dress(item, former)


def _dress(item: Any, former: Json) -> None:
    """Give a clip what the user gave the one that it stands for: markers, colour, whether it sounds."""
    label.put(item, [marker for marker in former["markers"] if not label.is_ours(marker)])
    if former["color"]:
        item.SetClipColor(former["color"])
    if not former["enabled"]:
        item.SetClipEnabled(False)


def _ours(session: Session) -> dict[str, tuple[Any, str]]:
    """Everything on our tracks, by id, with the track's name."""
    timeline = session.timeline
    return {
        str(item.GetUniqueId()): (item, name)
        for index, name in own(timeline)
        for item in listed(timeline.GetItemListInTrack("audio", index))
    }
