"""Fewer or more channels: ITU-R BS.775-3, Annex 4, without its overall attenuation (floats do not clip).

Left takes centre and its surrounds at -3 dB (0.7071), and so does right; the low-frequency channel is left out, as the
recommendation has it. Mono is the mean of the two, so that one microphone recorded on both channels keeps its level.
Channels are taken to come in the order of WAVE_FORMAT_EXTENSIBLE, which FFmpeg and libsndfile also hand out.
"""

from __future__ import annotations

import functools

import numpy as np

_C = 0.5**0.5
_L, _R, _CENTRE, _LFE = (1.0, 0.0), (0.0, 1.0), (_C, _C), (0.0, 0.0)
_LS, _RS, _BACK = (_C, 0.0), (0.0, _C), (0.5, 0.5)
_TO_STEREO: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((1.0, 1.0),),
    2: (_L, _R),
    3: (_L, _R, _CENTRE),
    4: (_L, _R, _LS, _RS),
    5: (_L, _R, _CENTRE, _LS, _RS),
    6: (_L, _R, _CENTRE, _LFE, _LS, _RS),
    7: (_L, _R, _CENTRE, _LFE, _BACK, _LS, _RS),
    8: (_L, _R, _CENTRE, _LFE, _LS, _RS, _LS, _RS),
}


@functools.cache
def _matrix(channels: int, to: int) -> np.ndarray:
    """float32 (channels, to)."""
    if to > 2:
        if channels == 1:  # mono goes to left and right, not to every loudspeaker
            return np.eye(1, to, dtype=np.float32) + np.eye(1, to, 1, dtype=np.float32)
        return np.eye(channels, to, dtype=np.float32)
    if channels in _TO_STEREO:
        stereo = np.array(_TO_STEREO[channels])
    else:  # beyond 7.1 there is no agreed order: odd channels left, even right, at equal power
        stereo = np.tile(np.eye(2), (channels // 2 + 1, 1))[:channels] / np.sqrt(channels / 2)
    return (stereo if to == 2 else stereo.mean(axis=1, keepdims=True)).astype(np.float32)


def remix(samples: np.ndarray, channels: int) -> np.ndarray:
    """float32 (n, any) -> (n, channels). Mono to stereo repeats it; more to fewer folds; the same passes untouched."""
    if samples.shape[1] == channels:
        return samples
    return samples @ _matrix(samples.shape[1], channels)
