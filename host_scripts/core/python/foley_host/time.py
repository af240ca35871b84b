"""Exact time: frames, samples, seconds, timecode. A rate is text, an exact fraction; frames may have fractions."""

from __future__ import annotations

import math
import re

from .fault import HostError

DUST = 1e-6  # of a frame: what arithmetic with floats leaves beside a whole number


def exact(rate: str) -> tuple[int, int]:
    """A rate's numerator and denominator: ``"24000/1001"``, ``"25/1"`` or ``"25"``."""
    match = re.match(r"(\d+)(?:/(\d+))?\Z", rate, re.ASCII)
    num, den = (int(match[1]), int(match[2] or 1)) if match else (0, 0)
    if not num or not den:
        raise HostError(f"'{rate}' is not a frame rate", "It should be a fraction such as 24000/1001.")
    return num, den


def whole(frames: float) -> float:
    """The whole number, as an int, that ``frames`` is but for dust; else ``frames`` itself."""
    nearest = math.floor(frames + 0.5)
    return nearest if abs(frames - nearest) < DUST else frames


def floor(frames: float) -> int:
    """The frame that holds this moment."""
    return math.floor(whole(frames))


def ceil(frames: float) -> int:
    """The first frame that starts at or after this moment."""
    return math.ceil(whole(frames))


def samples(frames: float, rate: str, sample_rate: int) -> int:
    """The sample at which a time falls: floor(frames * den * sample_rate / num + 1/2), in whole numbers for whole frames."""
    num, den = exact(rate)
    frames = whole(frames)
    first = math.floor(frames)
    full, rest = divmod(first * den * sample_rate, num)
    if first == frames:
        return full + (2 * rest + num) // (2 * num)
    return full + math.floor((rest + (frames - first) * (den * sample_rate)) / num + 0.5)


def frames_at_sample(sample: int, rate: str, sample_rate: int) -> float:
    """The time of a sample in frames: a whole number where ``samples`` puts a whole frame there."""
    num, den = exact(rate)
    nearest = (2 * sample * num + den * sample_rate) // (2 * den * sample_rate)
    if samples(nearest, rate, sample_rate) == sample:
        return nearest
    return (sample * num) / (den * sample_rate)


def seconds(frames: float, rate: str) -> float:
    """A time in seconds."""
    num, den = exact(rate)
    return (frames * den) / num


def frames_at(seconds: float, rate: str) -> float:
    """A time of so many seconds in frames; whole where it is so but for dust."""
    num, den = exact(rate)
    return whole((seconds * num) / den)


def timecode(frames: float, rate: str, start: int = 0) -> str:
    """The label of the frame that holds this moment; ``start`` is the label of frame 0, in frames. Hours count on past 23."""
    num, den = exact(rate)
    base = -(-num // den)
    frame = floor(frames) + start
    sign, frame = ("-", -frame) if frame < 0 else ("", frame)
    total, rest = divmod(frame, base)
    width = max(2, len(str(base - 1)))
    return f"{sign}{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}:{rest:0{width}d}"
