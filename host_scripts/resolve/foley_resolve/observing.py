"""What this Resolve does where its documentation is silent, written down for the makers of the scripts: part of the self-test.

Everything it makes it takes away again.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from foley_host import wav
from foley_host.fault import readable

from .bin import Bin
from .clips import length
from .label import COLOR
from .laying import delete, everywhere
from .session import Session, has, listed, whole

FRAMES = (97, 98, 99)  # at 29.97 their ends lie at different fractions of a sample
LONG = "x" * 4000  # customData as long as that of a clip with many takes
PROPERTIES = ("FPS", "Frames", "Duration", "Start TC", "Type", "Audio Ch")


def write_down(session: Session, work: str) -> str:
    """Look, and write what was seen into a file; gives its path."""
    lines = [session.named, *_told(session)]
    sounds = Bin(session)
    before = {str(item.GetUniqueId()) for item in everywhere(session)}
    timeline = session.timeline
    tracks = whole(timeline.GetTrackCount("audio"))
    files: list[Path] = []
    try:
        session.edit_page()
        timeline.AddTrack("audio", "mono")
        lines.append(f"track {tracks + 1}: {timeline.GetTrackName('audio', tracks + 1)!r}")
        _lay_and_look(session, sounds, tracks + 1, files, work, lines)
    except Exception as error:
        lines.append(f"stopped: {readable(error)}")
    finally:
        delete(session, [item for item in everywhere(session) if str(item.GetUniqueId()) not in before])
        if whole(timeline.GetTrackCount("audio")) > tracks:
            timeline.DeleteTrack("audio", tracks + 1)
        sounds.forget(sounds.imported, sounds.made)
        session.manager.SaveProject()
        for file in files:
            file.unlink()
    path = Path(work, "selftest-resolve-facts.txt")
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return str(path)


def _told(session: Session) -> list[str]:
    timeline, project = session.timeline, session.project
    asked = {
        "project rate": project.GetSetting("timelineFrameRate"),
        "timeline rate": timeline.GetSetting("timelineFrameRate"),
        "drop frame": timeline.GetSetting("timelineDropFrameTimecode"),
        "start": (timeline.GetStartFrame(), timeline.GetStartTimecode()),
        "playhead": timeline.GetCurrentTimecode(),
        "end": (timeline.GetEndFrame(), "last clip ends at", session.start + length(session)),
        "marks": timeline.GetMarkInOut() if has(timeline, "GetMarkInOut") else "not in this version",
        "page": session.resolve.GetCurrentPage(),
        "frames that markers lie on": list(dict(timeline.GetMarkers() or {})),
    }
    return [f"{name}: {value!r}" for name, value in asked.items()]


def _lay_and_look(session: Session, sounds: Bin, track: int, files: list[Path], work: str, lines: list[str]) -> None:
    """Sounds of whole frames, rounded down and up to samples: how long Resolve thinks they are, and how long they lie."""
    at = length(session) + 100
    for frames in FRAMES:
        exact = frames * 48000 / session.rate
        for count in dict.fromkeys((math.floor(exact), math.ceil(exact))):
            files.append(Path(work, f"selftest-{frames}-{count}.wav"))
            wav.write(str(files[-1]), [0.0] * count, 48000)
            media = sounds.take_in([str(files[-1])])[str(files[-1])]
            lines.append(f"{frames} frames, {count} samples: { ({name: media.GetClipProperty(name) for name in PROPERTIES}) }")
            info = {"mediaPoolItem": media, "startFrame": 0, "endFrame": frames, "mediaType": 2}
            given = session.pool.AppendToTimeline([{**info, "trackIndex": track, "recordFrame": session.start + at}])
            there = listed(session.timeline.GetItemListInTrack("audio", track))
            lines.append(f"  given back {len(listed(given))}, there {[_seen(session, item) for item in there]}")
            if there and len(files) == 1:
                _mark(session, there[0], lines)
            delete(session, there)


def _mark(session: Session, item: Any, lines: list[str]) -> None:
    made = item.AddMarker(0, COLOR, "Foley", "", 1, LONG)
    again = item.AddMarker(0, COLOR, "Foley", "", 1, "")
    lines.append(f"  clip marker: {made!r}, a second one there: {again!r}, read {_kept(item)} of {len(LONG)} letters")
    lines.append(f"  saved: {session.manager.SaveProject()!r}, then {_kept(item)} letters")


def _kept(item: Any) -> list[int]:
    return [len(str(marker.get("customData") or "")) for marker in dict(item.GetMarkers() or {}).values()]


def _seen(session: Session, item: Any) -> dict[str, Any]:
    seen = {"start": whole(item.GetStart()) - session.start, "duration": item.GetDuration(), "left": item.GetLeftOffset()}
    for name in ("GetSourceStartFrame", "GetSourceEndFrame", "GetSourceStartTime", "GetSourceEndTime"):
        if has(item, name):
            seen[name[9:]] = getattr(item, name)()
    return {**seen, "end": whole(item.GetEnd()) - session.start, "id": bool(item.GetUniqueId())}
