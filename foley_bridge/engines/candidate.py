"""What engines are told and what they answer: onsets seen in the picture, and candidates for a cue."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from foley_bridge.media.audio import Sound


@dataclass(frozen=True)
class MotionFrame:
    """One picture on its way into onset detection.

    Attributes:
        time_s: timeline time in seconds at which this picture appears on screen. Increasing, not necessarily even.
        gray: uint8 (h, w), the upright luma picture, small (see ``onsets.ANALYSIS_WIDTH``).
        cut: True when an edit lies between the previous picture and this one (known from the timeline).
    """

    time_s: float
    gray: np.ndarray
    cut: bool = False


@dataclass(frozen=True)
class Onset:
    """A moment at which an action starts to sound.

    Attributes:
        time_s: timeline time in seconds.
        confidence: calibrated probability, 0-1, that an action really sounds within 0.1 s of here. 1.0 for tapped hits.
        strength: 0-1, how strong the motion is beside the strongest of the region. 1.0 for tapped hits.
    """

    time_s: float
    confidence: float
    strength: float = 1.0


@dataclass(frozen=True)
class Moment:
    """A moment that could be an onset, whether it counts as one or not.

    Attributes:
        time_s, confidence, strength: as an onset's.
        sensitivity: 0-1, the least at which it counts as one (where the region shows reliable onsets at all).
    """

    time_s: float
    confidence: float
    strength: float
    sensitivity: float


@dataclass(frozen=True)
class Curve:
    """A sampled curve over timeline time. time_s, value: float64 (n,), both the same length; value is 0-1."""

    time_s: np.ndarray
    value: np.ndarray

    def at(self, time_s: np.ndarray) -> np.ndarray:
        """Linear interpolation, the end values held outside. time_s: float (m,) seconds -> float64 (m,)."""
        if not len(self.time_s):
            return np.zeros(len(time_s))
        return np.interp(time_s, self.time_s, self.value)


@dataclass(frozen=True)
class Detection:
    """What was seen in a region's picture.

    Attributes:
        onsets: in time order, inside the region. Empty when none is reliable.
        reliable: False means "no reliable onsets here"; then ``reason`` says why and a texture is fitted instead of hits.
        reason: one short sentence for a person; empty when reliable.
        motion: how much moves on screen over the region, 0-1, camera motion taken out.
        tapped: the onsets are HIT markers, not seen in the picture.
        seen: every moment looked at, in time order, also those that are no onsets; empty when nobody looked.
    """

    onsets: tuple[Onset, ...]
    reliable: bool
    reason: str
    motion: Curve
    tapped: bool = False
    seen: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A proposed sound for a cue, before it is cut to the cue.

    Attributes:
        seed: the seed this take was made from.
        score: 0-1, higher is better.
        onsets_s: where hits were placed, timeline seconds, inside the region.
        sound: covers exactly ``[region first frame - handles, region last frame + tail + handles]`` of timeline time.
        kind: "hits" or "texture".
        source: what it was made from (path, licence if known, anything a librarian would ask).
    """

    seed: int
    score: float
    onsets_s: tuple[float, ...]
    sound: Sound
    kind: str
    source: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """An engine's answer for one cue: what was seen, and the candidates, best first."""

    detection: Detection
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()
