"""Onset Transfer (section 4.1, and the released code): pieces of the conditional example's sound, each with one of its onsets,
are pasted where the onset network sees one in the input (``onset.peaks``, as published: there is always one).

Each onset of the input gets a random one of the example. Its piece begins a third of the way back to the onset before and ends
half of the way on to the next, in the example or in the input, whichever is less; what lies there is overwritten, without any
fade. Where the example has no onset, which the released code cannot handle, its loudest sample is taken for one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


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
