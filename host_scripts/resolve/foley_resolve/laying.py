"""One clip, laid exactly or not at all.

AppendToTimeline takes source frames of the media's own rate, with an exclusive end (before 19 an inclusive one), and cuts the
length down to whole timeline frames; it drops a clip silently when something is in its way, and what it gives back is no proof.
So the track is read again, and where the length is not the one wanted, the clip is taken away and laid with another end.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from foley_host import HostError

from .clips import named
from .session import Session, listed, rate_of, whole

ATTEMPTS = 3


def lay(session: Session, media: Any, track: int, start: int, duration: int, offset: int) -> Any:
    """Lay a clip on an audio track.

    Args:
        start: frames from the timeline's start.
        offset: timeline frames of the file before the clip's start.

    Returns:
        The clip on the timeline, found by reading the track.

    Raises:
        HostError: Resolve did not do it; nothing of it is left.
    """
    timeline, rate = session.timeline, session.rate
    media_rate = rate_of(media.GetClipProperty("FPS"))
    first = math.floor(offset * media_rate / rate + Fraction(1, 2))
    last = math.ceil((offset + duration) * media_rate / rate) - (1 if session.version < (19,) else 0)
    record = session.start + start
    fault = "it put nothing there"
    for _ in range(ATTEMPTS):
        before = _ids(timeline, track)
        info = {"mediaPoolItem": media, "startFrame": first, "endFrame": last, "mediaType": 2}
        session.pool.AppendToTimeline([{**info, "trackIndex": track, "recordFrame": record}])
        item = next((each for each in _items(timeline, track) if str(each.GetUniqueId()) not in before), None)
        if item is None:
            take_strays(session, media, record)
            fault = _in_the_way(timeline, track, record, duration) or fault
            break
        there, long, left = whole(item.GetStart()), whole(item.GetDuration()), whole(item.GetLeftOffset())
        if (there, long, left) == (record, duration, offset):
            return item
        fault = f"it put {long} frames of it at frame {there - session.start}, from frame {left} of the file on"
        delete(session, [item])
        if there != record or left != offset or long == duration:
            break
        last += math.ceil((duration - long) * media_rate / rate) if long < duration else -1
    where = f"{duration} frames of {media.GetName()} at frame {start} of track {timeline.GetTrackName('audio', track)}"
    advice = "Close any dialog in Resolve and try again."
    if item is not None and long < duration:
        counted = media.GetClipProperty("Frames")
        advice = f"Resolve counts {counted} frames in the file. Please run the self-test and send us its files."
    if media_rate != rate:
        advice = f"The file counts at {float(media_rate):g} frames per second in this project, the timeline at {float(rate):g}."
    raise HostError(f"Resolve was asked for {where}, and {fault}", advice)


def _in_the_way(timeline: Any, track: int, record: int, duration: int) -> str:
    for item in _items(timeline, track):
        start = whole(item.GetStart())
        if start < record + duration and record < start + whole(item.GetDuration()):
            return f"the clip {item.GetName()} is in its way"
    return ""


def delete(session: Session, items: list[Any]) -> None:
    """Take clips off the timeline, and see that they are gone.

    Raises:
        HostError: they are not.
    """
    if not items:
        return
    session.edit_page()
    names = {str(item.GetUniqueId()) for item in items}
    for _ in range(2):  # the first attempt has been seen to fail for no reason
        session.timeline.DeleteClips(items, False)
        left = [item for item in everywhere(session) if str(item.GetUniqueId()) in names]
        if not left:
            return
        items = left
    said = f"Resolve did not take the clip {items[0].GetName()} away"
    raise HostError(said, "Unlock its track, close any dialog in Resolve and try again.")


def take_strays(session: Session, media: Any, record: int) -> None:
    """Take away what came to lie on another track than it should: the same media at the same place, with nobody's marker."""
    name = str(media.GetUniqueId())
    strays = []
    for item in everywhere(session):
        source = item.GetMediaPoolItem()
        same = source is not None and str(source.GetUniqueId()) == name and abs(whole(item.GetStart()) - record) <= 1
        if same and not dict(item.GetMarkers() or {}):
            strays.append(item)
    delete(session, strays)


def track_index(timeline: Any, name: str) -> int | None:
    """Resolve's number of the first audio track of a name."""
    return next((index for index, there in named(timeline, "audio") if there == name), None)


def everywhere(session: Session) -> list[Any]:
    """All sound on the timeline."""
    timeline = session.timeline
    count = whole(timeline.GetTrackCount("audio"))
    return [item for index in range(1, count + 1) for item in _items(timeline, index)]


def _items(timeline: Any, track: int) -> list[Any]:
    return listed(timeline.GetItemListInTrack("audio", track))


def _ids(timeline: Any, track: int) -> set[str]:
    return {str(item.GetUniqueId()) for item in _items(timeline, track)}
