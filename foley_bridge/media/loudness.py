"""Integrated loudness (ITU-R BS.1770-4) and sample peak of a sound, block by block.

The K-weighting filters are pyloudnorm's; their state is carried from block to block. Of the weighted sound only the energy of
each tenth of a second is kept: a gating block of 0.4 s, overlapping by three quarters, is four of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyloudnorm
from scipy.signal import lfilter

from foley_bridge.media.sound import Sound

GATE_S = 0.4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
_OFFSET_LUFS = -0.691
_SURROUND, _LFE = 1.41, 0.0
_WEIGHTS: dict[int, tuple[float, ...]] = {  # BS.1770-4 table 3, channels in WAVE_FORMAT_EXTENSIBLE order
    4: (1, 1, _SURROUND, _SURROUND),
    5: (1, 1, 1, _SURROUND, _SURROUND),
    6: (1, 1, 1, _LFE, _SURROUND, _SURROUND),
    7: (1, 1, 1, _LFE, 1, _SURROUND, _SURROUND),
    8: (1, 1, 1, _LFE, 1, 1, _SURROUND, _SURROUND),
}


@dataclass(frozen=True)
class Loudness:
    """How loud a sound is.

    Attributes:
        lufs: integrated loudness; None under 0.4 s, where it is not defined (use the peak), and when nothing passes the gates.
        peak: largest absolute sample, linear, full scale 1.0.
    """

    lufs: float | None
    peak: float

    @property
    def peak_dbfs(self) -> float | None:
        """Sample peak in dBFS; None for silence."""
        return 20 * float(np.log10(self.peak)) if self.peak else None


def measure(sound: Sound) -> Loudness:
    """Loudness and peak of the whole sound in one pass."""
    filters = [(stage.passband_gain * stage.b, stage.a) for stage in pyloudnorm.Meter(sound.sample_rate)._filters.values()]
    states = [np.zeros((2, sound.channels)) for _ in filters]
    tenths = _Tenths(sound.sample_rate, sound.channels)
    peak = 0.0
    for block in sound.blocks():
        peak = max(peak, float(np.abs(block).max(initial=0)))
        weighted = block.astype(np.float64)
        for number, (b, a) in enumerate(filters):
            weighted, states[number] = lfilter(b, a, weighted, axis=0, zi=states[number])
        tenths.add(np.square(weighted))
    return Loudness(_gated(tenths.energies(), sound), peak)


class _Tenths:
    """Sums of squares per tenth of a second; the last one may be cut short."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self._position = 0
        self._sums: list[np.ndarray] = []
        self._open = np.zeros(channels)

    def add(self, squares: np.ndarray) -> None:
        """squares: float64 (n, channels), following on."""
        while len(squares):
            end = (len(self._sums) + 1) * self._rate // 10
            part, squares = squares[: end - self._position], squares[end - self._position :]
            self._open = self._open + part.sum(axis=0)
            self._position += len(part)
            if self._position == end:
                self._sums.append(self._open)
                self._open = np.zeros_like(self._open)

    def energies(self) -> np.ndarray:
        """float64 (tenths, channels)."""
        return np.stack([*self._sums, self._open])


def _gated(tenths: np.ndarray, sound: Sound) -> float | None:
    """BS.1770-4 equations 1-7 over the energies of tenths of a second. The number of gating blocks is pyloudnorm's."""
    length_s = sound.frames / sound.sample_rate
    if length_s < GATE_S:
        return None
    count = round((length_s - GATE_S) / (GATE_S / 4)) + 1
    padded = np.vstack([tenths, np.zeros((4, tenths.shape[1]))])
    weights = np.array(_WEIGHTS.get(sound.channels, (1.0,) * sound.channels))
    quarters = padded @ weights / (GATE_S * sound.sample_rate)
    blocks = np.convolve(quarters, np.ones(4), "valid")[:count]
    with np.errstate(divide="ignore"):
        loud = _OFFSET_LUFS + 10 * np.log10(blocks)
    heard = loud >= ABSOLUTE_GATE_LUFS
    if not heard.any():
        return None
    relative = _OFFSET_LUFS + 10 * np.log10(blocks[heard].mean()) + RELATIVE_GATE_LU
    heard &= loud > relative
    return float(_OFFSET_LUFS + 10 * np.log10(blocks[heard].mean()))
