"""Griffin-Lim (1984), fast (Perraudin, Balazs & Søndergaard 2013): sound out of magnitudes without a network.

What the vocoder is compared with (section 3.2: it "produced significantly better results"); stands in where there is none.
A long sound is made piece by piece, some frames of the next piece in view, beside samples that stay as they are (as Zhu,
Beauregard & Wyse 2007 do frame by frame): phases go on over the joins.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.clips import ClipSound, bands
from foley_bridge.inference.features import Floats

Spectra = NDArray[np.complex64]

ROUNDS = 32
MOMENTUM = 0.99
PIECE = 160  # frames whose samples become final together
AHEAD = 16  # frames after those, whose phases are sought together with theirs
_SPREADING = 10
_LEAST = 1e-8  # of magnitude: what spreading begins with is above zero
_TINY = np.float32(np.finfo(np.float32).tiny)


def griffin_lim(magnitudes: Floats, settings: ClipSound, *, rounds: int = ROUNDS, seed: int = 0) -> Floats:
    """Sound of log-mel magnitudes, all of it at once.

    Args:
        magnitudes: float32 (mels, frames), log10.
        rounds: of guessing phases.
        seed: of the phases at first.

    Returns:
        float32 (hop * frames,), within full scale.
    """
    made = going_on([magnitudes], settings, rounds=rounds, seed=seed, piece=magnitudes.shape[1])
    return np.concatenate(list(made))


def going_on(
    magnitudes: Iterable[Floats], settings: ClipSound, *, rounds: int = ROUNDS, seed: int = 0, piece: int = PIECE
) -> Iterator[Floats]:
    """Sound of log-mel magnitudes that come and go bit by bit; memory for one piece is all it needs.

    In every round samples that are out already stand where they were. What comes out depends on the frames alone, not on how
    they are handed over. A sound of less than ``piece + AHEAD`` frames is made at once.

    Args:
        magnitudes: float32 (mels, any number of frames), log10, one after another.
        rounds, seed: as for ``griffin_lim``.
        piece: frames.

    Yields:
        float32 (hop * piece,), the last one as long as what is left; within full scale.
    """
    way = _Way(settings, rounds, seed)
    for each in magnitudes:
        way.waiting = np.concatenate([way.waiting, each], axis=1)
        while way.frames >= piece + AHEAD:
            yield way.made(piece)
    if way.frames:
        yield way.rest()


class _Way:
    """Where a sound that goes on has come to.

    Attributes:
        waiting: float32 (mels, frames), log10, that were not looked at yet.
        linear: float32 (frames, bins), wanted; of the frames at hand.
        spectra: complex64, of the first of them, whose phases were guessed already.
        before: so many of them lie before the first one whose samples are not out, and still hear something of these.
        known: float32, what is out, from where the first frame at hand begins; what is before the first sample is silence.
    """

    def __init__(self, settings: ClipSound, rounds: int, seed: int) -> None:
        half = settings.n_fft // 2
        self.settings, self.rounds = settings, rounds
        self.random = np.random.RandomState(seed)
        self.reach = -(-half // settings.hop) - 1
        self.waiting: Floats = np.zeros((settings.mels, 0), np.float32)
        self.linear: Floats = np.zeros((0, half + 1), np.float32)
        self.spectra: Spectra = np.zeros((0, half + 1), np.complex64)
        self.before = 0
        self.known: Floats = np.zeros(half, np.float32)

    @property
    def frames(self) -> int:
        """How many are to become sound."""
        return len(self.linear) - self.before + self.waiting.shape[1]

    def made(self, count: int) -> Floats:
        """The next ``count`` frames' samples; ``AHEAD`` more are there."""
        self._take(count + AHEAD - len(self.linear) + self.before)
        spectra, samples = self._sought(silent_after=False)
        out = len(self.known) + count * self.settings.hop
        passed = self.before + count - self.reach
        self.linear, self.spectra, self.before = self.linear[passed:], spectra[passed:], self.reach
        fresh = samples[len(self.known) : out]
        self.known = samples[passed * self.settings.hop : out]
        return np.clip(fresh, -1, 1)

    def rest(self) -> Floats:
        """The samples of all frames that are there."""
        hops = self.frames * self.settings.hop
        self._take(self.waiting.shape[1])
        self.linear = np.concatenate([self.linear, self.linear[-1:]])  # centred: one more ends with the last frame's hop
        _, samples = self._sought(silent_after=True)
        return np.clip(samples[len(self.known) : len(self.known) + hops], -1, 1)

    def _take(self, count: int) -> None:
        """Have more frames at hand: as many in each piece however they came, since the last bits of sums depend on it."""
        self.linear = np.concatenate([self.linear, spread(self.waiting[:, :count], self.settings).T])
        self.waiting = self.waiting[:, count:]

    def _sought(self, *, silent_after: bool) -> tuple[Spectra, Floats]:
        """Phases of the frames at hand that go together, and with what is known.

        Args:
            silent_after: the last frame's second half is silence; else it is free.

        Returns:
            the spectra, and samples from where the first frame begins to where the last one ends.
        """
        hop, size, linear = self.settings.hop, self.settings.n_fft, self.linear
        window, backwards = _window(size), np.float32(MOMENTUM / (1 + MOMENTUM))
        weight = _added(np.tile(window * window, (len(linear), 1)), hop)
        weight = np.where(weight > _TINY, weight, 1)
        turns = self.random.random_sample((linear.shape[1], len(linear) - len(self.spectra))).T
        begun = np.exp(2j * np.pi * turns).astype(np.complex64) * linear[len(self.spectra) :]
        spectra = np.concatenate([self.spectra, begun])

        def samples() -> Floats:
            made = _added(_frames(spectra) * window, hop) / weight
            made[: len(self.known)] = self.known
            if silent_after:
                made[-(size // 2) :] = 0
            return made

        last: Spectra | None = None
        for _ in range(self.rounds):
            consistent = _spectra(samples(), window, hop)
            towards = consistent if last is None else consistent - backwards * last
            spectra = towards * (linear / (np.abs(towards) + _TINY))
            last = consistent
        return spectra, samples()


def spread(magnitudes: Floats, settings: ClipSound) -> Floats:
    """Magnitudes of mel bands spread over the STFT's bins, none of them negative.

    From the least squares cut off at zero, some updates for the divergence (Lee & Seung 2001, equation 5), each of which brings
    every frame nearer to its bands.

    Args:
        magnitudes: float32 (mels, frames), log10.

    Returns:
        float32 (n_fft / 2 + 1, frames), linear.
    """
    filters, wanted = bands(settings), np.power(10, magnitudes, dtype=np.float32)
    weight = np.maximum(filters.sum(axis=0), _TINY)[:, None]
    made = np.maximum(_inverse(settings) @ wanted, np.float32(_LEAST))
    made[~filters.any(axis=0)] = 0
    for _ in range(_SPREADING):
        made *= (filters.T @ (wanted / (filters @ made))) / weight
    return made


@functools.cache
def _inverse(settings: ClipSound) -> Floats:
    """float32 (n_fft / 2 + 1, mels): of the filters, as near as can be."""
    return np.linalg.pinv(bands(settings).astype(np.float64)).astype(np.float32)


def _added(frames: Floats, hop: int) -> Floats:
    """(n, size), each begun a hop after the last, to their sum, (hop * (n - 1) + size,)."""
    count, size = frames.shape
    steps = -(-size // hop)
    made = np.zeros((count + steps - 1, hop), np.float32)
    for step in range(steps):
        part = frames[:, step * hop : (step + 1) * hop]
        made[step : step + count, : part.shape[1]] += part
    return made.reshape(-1)[: hop * (count - 1) + size]


def _frames(spectra: Spectra) -> Floats:
    import scipy.fft

    made: Floats = scipy.fft.irfft(spectra, axis=1)
    return made


def _spectra(samples: Floats, window: Floats, hop: int) -> Spectra:
    import scipy.fft

    cut = np.lib.stride_tricks.sliding_window_view(samples, len(window))[::hop]
    made: Spectra = scipy.fft.rfft(cut * window, axis=1)
    return made


@functools.cache
def _window(size: int) -> Floats:
    import scipy.signal

    return scipy.signal.get_window("hann", size).astype(np.float32)
