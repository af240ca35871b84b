"""Onset Transfer (section 4.1, and the released code): pieces of the conditional example's sound, each with one of its onsets,
are pasted where the onset network sees one in the input.

Each onset of the input gets a random one of the example. Its piece begins a third of the way back to the onset before and ends
half of the way on to the next, in the example or in the input, whichever is less; what lies there is overwritten, without any
fade. Three things are pinned that the released code leaves to chance: an example without an onset is taken to begin where it is
loudest (there it fails), a picture without an onset gets its likeliest one (as there), and draws are the caller's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
THRESHOLD = 0.5
BEFORE, AFTER = 4, 3  # pictures around one that is seen in which no other is: the released slice leaves its end out


def seen(chances: NDArray[np.floating], threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """Pictures in which there is an onset: the likeliest first, each taking those around it away, until none is likely.

    Args:
        chances: float (t,), 0-1, of each picture.

    Returns:
        int64 (n,), in order; n is at least 1.
    """
    left = np.array(chances, np.float64)
    found: list[int] = []
    while not found or (left > threshold).any():
        best = int(left.argmax())
        found.append(best)
        left[max(0, best - BEFORE) : best + AFTER + 1] = 0
    return np.array(sorted(found), np.int64)


def reach(onsets: NDArray[np.int64], number: int, length: int) -> tuple[int, int]:
    """How many samples before and after one of a sound's onsets are its own.

    Args:
        onsets: int64 (n,), sample numbers, in order.
        length: samples of the sound.
    """
    onset = int(onsets[number])
    since = onset - (int(onsets[number - 1]) if number else 0)
    until = (int(onsets[number + 1]) if number + 1 < len(onsets) else length) - onset
    return since // 3, until // 4 * 2


def pasted(
    inputs: NDArray[np.int64], examples: NDArray[np.int64], sound: Floats, length: int, rng: np.random.Generator
) -> Floats:
    """The sound of an input.

    Args:
        inputs: int64 (n,), where in the input there are onsets: sample numbers, in order.
        examples: int64 (m,), the onsets of the conditional example's sound.
        sound: float32 (samples,), of the conditional example.
        length: samples of the input.
        rng: of which onset goes where.

    Returns:
        float32 (length,).
    """
    if not len(examples):
        examples = np.array([int(np.abs(sound).argmax())], np.int64)
    made = np.zeros(length, np.float32)
    for number, onset in enumerate(inputs.tolist()):
        chosen = int(rng.integers(len(examples)))
        reaches = zip(reach(inputs, number, length), reach(examples, chosen, len(sound)), strict=True)
        before, after = (min(pair) for pair in reaches)
        begin = int(examples[chosen])
        made[onset - before : onset + after] = sound[begin - before : begin + after]
    return made
