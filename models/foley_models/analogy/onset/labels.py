"""What the onset network is to say: in which pictures of a clip a sound begins, and how loud a clip is where.

Where they come from is the training's: heard in the clip's sound, as in the authors' code, or known of the film.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.clips import ClipPicture, ClipSound

Floats = NDArray[np.float32]


def at(times_s: Sequence[float] | NDArray[np.floating], picture: ClipPicture) -> Floats:
    """Moments as labels: each counts for the nearest picture, and for the last if it comes later.

    Args:
        times_s: seconds from the clip's beginning.

    Returns:
        float32 (frames,), 1 at onsets.
    """
    labels = np.zeros(picture.frames, np.float32)
    labels[np.clip(np.rint(np.asarray(times_s, float) * picture.fps).astype(int), 0, picture.frames - 1)] = 1
    return labels


def energies(mel: Floats, bands: int, sound: ClipSound, picture: ClipPicture) -> Floats:
    """A spectrogram as coarse as the pictures are: the mean over each picture's time, in fewer bands.

    Args:
        mel: float32 (n, 1, mels, frames of sound), -1 to 1.
        bands: a divisor of its mels.

    Returns:
        float32 (n, pictures that the spectrogram covers wholly, bands).
    """
    each = sound.sample_rate / (sound.hop * picture.fps)  # frames of sound to a picture
    count = min(picture.frames, int(mel.shape[3] / each))
    ends = np.rint(np.arange(count + 1) * each).astype(int)
    sums = np.add.reduceat(mel[:, 0, :, : ends[-1]], ends[:-1], axis=2) / np.diff(ends)  # (n, mels, count)
    coarse = sums.reshape(len(mel), bands, -1, count).mean(axis=2)  # (n, bands, count)
    return np.ascontiguousarray(coarse.transpose(0, 2, 1), np.float32)
