"""What an encoder is given of a library's file: its seconds, of a very long one some of them, evenly spread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import Cancelled, MediaError
from foley_bridge.media.audio import FileSound, resampled

MOST_SEGMENTS = 600  # of one recording
Floats = NDArray[np.float32]


class Encoders(Protocol):
    """What embeds, as the library sees it: ``inference.encoders.Encoders``.

    Attributes:
        space: what points can be compared with each other; letters and digits.
        sample_rate, segment: Hz, and samples of a segment.
    """

    space: str

    @property
    def sample_rate(self) -> int: ...

    @property
    def segment(self) -> int: ...

    def heard(self, samples: Floats, sample_rate: int) -> tuple[Floats, Floats]:
        """The starts of a recording's segments, seconds, and what ``embed_heard`` wants of them."""

    def embed_heard(self, heard: Floats) -> Floats:
        """A point for each segment."""


@dataclass(frozen=True)
class Heard:
    """A content's segments as an encoder wants them, or why there are none.

    Attributes:
        content: whose. path: the file that was read.
        lasting: the reason will hold until the file changes.
    """

    content: int
    path: str
    starts_s: Floats
    features: Floats
    reason: str = ""
    lasting: bool = False


def hear(content: int, paths: Sequence[str], encoders: Encoders) -> Heard:
    """Read the first of a content's files that is there."""
    path = next((each for each in paths if os.path.exists(each)), "")  # noqa: PTH110

    def unheard(reason: str, *, lasting: bool) -> Heard:
        nothing = np.empty(0, np.float32)
        return Heard(content, path or paths[0], nothing, nothing, reason, lasting)

    if not path:
        return unheard("is not there", lasting=False)
    try:
        starts, features = _listened(Path(path), encoders)
    except Cancelled:
        raise
    except MediaError as error:
        return unheard(error.message.removeprefix(f"{path}: "), lasting=os.path.exists(path))  # noqa: PTH110
    except (OSError, MemoryError) as error:
        return unheard(f"cannot be read, {error}", lasting=False)
    except Exception as error:  # a decoder's own fault in one file must not stop the others
        return unheard(f"cannot be read, {type(error).__name__}: {str(error)[:200]}", lasting=True)
    if not np.isfinite(features).all():
        return unheard("has samples that are far too large", lasting=True)
    return Heard(content, path, starts, features)


def _numbers(path: Path, samples: Floats) -> Floats:
    if not np.isfinite(samples).all():
        raise MediaError(f"{path}: has samples that are no numbers", "export the file again")
    return samples


def _listened(path: Path, encoders: Encoders) -> tuple[Floats, Floats]:
    sound = FileSound(path)
    rate, size = encoders.sample_rate, encoders.segment
    mono = (block.mean(axis=1, keepdims=True, dtype=np.float32) for block in sound.blocks())
    blocks = resampled(mono, sound.sample_rate, rate, 1)
    length = round(sound.frames * rate / sound.sample_rate)
    if length <= MOST_SEGMENTS * size:
        return encoders.heard(_numbers(path, np.concatenate([block[:, 0] for block in blocks])), rate)
    starts = np.linspace(0, length - size, MOST_SEGMENTS).astype(np.int64)
    chosen = np.zeros((MOST_SEGMENTS, size), np.float32)
    at = first = 0  # the sample a block starts with; the first segment that has not ended before it
    for block in blocks:
        end = at + len(block)
        while first < MOST_SEGMENTS and starts[first] + size <= at:
            first += 1
        for segment in range(first, MOST_SEGMENTS):
            begin, stop = max(at, int(starts[segment])), min(end, int(starts[segment]) + size)
            if begin >= end:
                break
            offset = begin - int(starts[segment])
            chosen[segment, offset : offset + stop - begin] = block[begin - at : stop - at, 0]
        at = end
    seconds, features = encoders.heard(_numbers(path, chosen.reshape(-1)), rate)
    which = np.round(seconds * (rate / size)).astype(np.int64)
    return (starts[which] / rate).astype(np.float32), features
