"""The regions of a reel, as the daemon tells of it (docs/audition.md, "The reel"), as the values that jobs work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from foley_bridge.conform import DAY_S, Cut, Take
from foley_bridge.engines.candidate import Curve, Detection, Onset
from foley_bridge.errors import JobError
from foley_bridge.jobs.roots import Roots
from foley_bridge.timeline.time import samples_of

HAIR = 1e-9  # what a sensitivity may be off by, told as a float


@dataclass(frozen=True)
class ReelRegion:
    """A region of a reel and what became of it.

    Attributes:
        told: all of it, as the reel has it.
        number: 1-based.
        name, text, id, engine: as in the result.
        start, end: timeline seconds, as marked when the reel was made.
        takes: all there are, best first, those of retakes after those of the reel.
        detection: what was seen; the onsets are the editor's where he put them.
        choice: what the editor said.
        later: seconds by which its marker lies later now than when its takes were made.
    """

    told: Mapping[str, Any]
    number: int
    name: str
    text: str
    id: str | None
    engine: str
    start: Fraction
    end: Fraction
    takes: tuple[Take, ...]
    detection: Detection
    choice: Mapping[str, Any]
    later: Fraction = Fraction(0)

    def in_order(self, undecided: str) -> tuple[Take, ...]:
        """The takes, the one that is to sound first; none where none is to.

        Args:
            undecided: "best" or "none": what a region gets of which nobody said anything.

        Raises:
            JobError: there is none although one is wanted, or the chosen one is not among them.
        """
        state, wanted = self.choice["state"], self.choice["take"]
        if state == "rejected" or (state == "proposed" and undecided == "none"):
            return ()
        if not self.takes:
            error = self.told["error"] or {"message": f"region '{self.name}' has no takes", "hint": "ask for some"}
            raise JobError(error["message"], error["hint"])
        if state == "proposed":
            return self.takes
        chosen = [take for take in self.takes if take.sha256 == wanted]
        if not chosen:
            raise JobError(f"region '{self.name}': the chosen take {wanted} is none of its takes", "choose another take")
        return (chosen[0], *(take for take in self.takes if take is not chosen[0]))

    def edit(self, take: Take) -> Mapping[str, Any] | None:
        """What the editor did to a take."""
        edit: Mapping[str, Any] | None = (self.choice["edits"] or {}).get(take.sha256)
        return edit

    def moved(self, by: Fraction) -> ReelRegion:
        """The same where its marker lies later by so many seconds; its takes stay where they were made for."""
        if not by:
            return self
        later = float(by)
        told = {**self.told, "seen": [{**each, "time_s": each["time_s"] + later} for each in self.told["seen"]]}
        told["motion"] = {**self.told["motion"], "start_s": self.told["motion"]["start_s"] + later}
        onsets = tuple(replace(onset, time_s=onset.time_s + later) for onset in self.detection.onsets)
        curve = Curve(self.detection.motion.time_s + later, self.detection.motion.value)
        return replace(self, told=told, detection=replace(self.detection, onsets=onsets, motion=curve), later=by)

    def laid(self, take: Take) -> Take:
        """A take where it goes now; its file stays as it is."""
        if not self.later:
            return take
        onsets = tuple(float(Fraction(at) + self.later) for at in take.onsets_s)
        return replace(take, start=take.start + self.later, onsets_s=onsets)


def regions_of(reel: Mapping[str, Any], roots: Roots) -> tuple[ReelRegion, ...]:
    """A reel's regions, those that failed among them.

    Args:
        reel: as the daemon tells of it.
        roots: which folders may be read, and how seats name them.

    Raises:
        JobError: a take that may not be read; names it.
    """
    rate = Fraction(reel["timeline"]["rate"])
    record_start = exact_time(reel["timeline"]["global_start_time"])
    return tuple(
        ReelRegion(
            told=said,
            number=said["number"],
            name=said["name"],
            text=said["text"],
            id=said["id"],
            engine=said["engine"],
            start=exact_time(said["start"]),
            end=exact_time(said["end"]),
            takes=tuple(_take(take, rate, record_start, roots) for take in said["takes"]),
            detection=_detection(said),
            choice=said["choice"],
        )
        for said in reel["regions"]
    )


def exact_time(said: Mapping[str, Any]) -> Fraction:
    """A time of an answer (``time.time_json``), exact where it lies on a frame."""
    whole = Fraction(said["value"]) / Fraction(said["rate"])
    return whole if float(whole) == said["seconds"] else Fraction(said["seconds"])


def _take(said: Mapping[str, Any], rate: Fraction, record_start: Fraction, roots: Roots) -> Take:
    start, duration, handle = (exact_time(said[name]) for name in ("start", "duration", "handle"))
    cut = Cut(start, start + duration, handle, rate)
    sample_rate = said["sample_rate"]
    return Take(
        path=roots.media_file(said["path"], "a take"),
        start=start,
        duration=duration,
        handle=handle,
        sample_rate=sample_rate,
        channels=said["channels"],
        frames=cut.file_frames(sample_rate),
        time_reference=samples_of(record_start + cut.file_start, sample_rate) % (DAY_S * sample_rate),
        onsets_s=tuple(said["onsets_s"]),
        score=said["score"],
        seed=said["seed"],
        source=dict(said["source"]),
        peak_dbfs=said["peak_dbfs"],
        lufs=said["lufs"],
        sha256=said["sha256"],
        fade_in_s=said["fade_in_s"],
        fade_out_s=said["fade_out_s"],
    )


def _detection(said: Mapping[str, Any]) -> Detection:
    motion = said["motion"]
    values = np.array(motion["values"], np.float64) / 100
    curve = Curve(motion["start_s"] + motion["step_s"] * (np.arange(len(values)) + 0.5), values)
    placed, sensitivity = said["choice"]["onsets_s"], said["choice"]["sensitivity"]
    if placed is not None:
        return Detection(tuple(Onset(time_s, 1.0) for time_s in placed), True, "", curve, tapped=True)
    moments, tapped = said["onsets"], said["tapped"]
    if sensitivity is not None:
        able = [each for each in said["seen"] if each["sensitivity"] is not None]
        moments, tapped = [each for each in able if each["sensitivity"] <= sensitivity + HAIR], False
    seen = tuple(Onset(each["time_s"], each["confidence"], each["strength"]) for each in moments)
    return Detection(seen, said["reliable"], said["reason"], curve, tapped=tapped)
