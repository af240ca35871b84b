"""Which of several sounds made for one picture goes on (Du et al., section 3.3, re-ranking).

By the synchronisation network, as in the paper: its rule is ``inference.offsets``. Or by how well the onsets of a sound agree
with those that are seen, which needs none; docs/benchmarks.md, "Re-ranking", has what each is worth. Onsets are told from the
log-mel that a sound was decoded as; nothing need be rendered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.features import Floats
from foley_bridge.inference.offsets import Scores

Doubles = NDArray[np.float64]
RANGE = 3.5  # decades of magnitude below a sound's loudest: what is lower is silence
BACK = 2  # frames that a rise is measured over: an STFT's window hears a sound up to two hops before it begins
SUREST = 0.4  # of the strongest rise: a peak stands out from its surroundings by so much
LEAST = 0.2  # decades in the mean of all bands: a smaller rise is no onset
BESIDE_S, AROUND_S = 0.03, 0.1  # a peak is the strongest within the one, and stands out from the mean of the other
SPREAD_S = 0.05  # standard deviation of what an onset is spread by before it is compared
FURTHEST_S = 0.5  # a sound so far away from its picture is worth nothing


def rises(magnitudes: Floats) -> Doubles:
    """How much sound sets in at each frame (onset strength): the mean over the bands of what they grow by.

    Args:
        magnitudes: (k, mels, frames), log10.

    Returns:
        float64 (k, frames), decades; 0 where nothing grows.
    """
    levels = magnitudes.astype(np.float64)
    levels = np.maximum(levels, levels.max(axis=(1, 2), keepdims=True) - RANGE)
    before = np.concatenate([np.repeat(levels[:, :, :1], BACK, axis=2), levels[:, :, :-BACK]], axis=2)
    return np.maximum(levels - before, 0).mean(axis=1)


def sounding_at(strength: Doubles, frame_s: float) -> tuple[float, ...]:
    """When sounds begin, in order.

    Args:
        strength: (frames,), of one sound, as ``rises`` has it.
        frame_s: seconds from one frame to the next.

    Returns:
        seconds from the first frame on.
    """
    if not len(strength) or strength.max() < LEAST:
        return ()
    beside, around = max(1, round(BESIDE_S / frame_s)), max(1, round(AROUND_S / frame_s))
    least, found, frame = max(LEAST, SUREST * float(strength.max())), [], 0
    while frame < len(strength):
        highest = strength[max(0, frame - beside) : frame + beside + 1].max()
        mean = strength[max(0, frame - around) : frame + around + 1].mean()
        if strength[frame] == highest and strength[frame] - mean >= least:
            found.append(frame * frame_s)
            frame += beside
        frame += 1
    return tuple(found)


def agreement(strength: Doubles, frame_s: float, onsets_s: Doubles, weights: Doubles) -> Doubles:
    """How well sounds set in when something is seen to happen.

    Both, the onset strength and the weights of what is seen at its times, are spread by ``SPREAD_S`` (a Gaussian) and compared
    as vectors: the cosine of the angle between them. Neither how loud a sound is nor how sure all onsets are counts in it.

    Args:
        strength: (k, frames), of k sounds, as ``rises`` has it.
        frame_s: seconds from one frame to the next.
        onsets_s: (n,), seconds from the first frame on; any order, also outside.
        weights: (n,), 0 and more: how sure each is.

    Returns:
        float64 (k,), 0 to 1; 0 for a sound that never sets in, and for all where nothing is seen.
    """
    times = np.arange(strength.shape[1]) * frame_s
    seen = _spread(times[:, None] - np.asarray(onsets_s, np.float64)[None]) @ np.asarray(weights, np.float64)
    heard = strength @ _spread(times[:, None] - times[None])
    lengths = np.sqrt((heard**2).sum(axis=1) * (seen**2).sum())
    return np.clip(np.divide(heard @ seen, lengths, out=np.zeros(len(heard)), where=lengths > 0), 0, 1)


def value(scores: Scores | None, agreed: Doubles | None) -> float:
    """A take's score, 0 to 1: the mean of what each of the two says of its windows; 0 where neither says anything.

    Args:
        scores: of the sound that went on in each window; each counts as its confidence, less the further it is away, and
            nothing from ``FURTHEST_S`` on. None: there is no synchronisation network.
        agreed: of windows in which something is seen, how well its onsets agree; None: nobody looked.
    """
    in_time = None if scores is None else scores.confidences * np.clip(1 - np.abs(scores.offsets_s) / FURTHEST_S, 0, 1)
    said = [float(each.mean()) for each in (in_time, agreed) if each is not None and len(each)]
    return sum(said) / len(said) if said else 0.0


def _spread(away_s: Doubles) -> Doubles:
    return np.exp(-0.5 * (away_s / SPREAD_S) ** 2)
