"""Griffin-Lim (1984), fast (Perraudin, Balazs & Søndergaard 2013): sound out of magnitudes without a network.

What the vocoder is compared with (section 3.2: it "produced significantly better results"); stands in where there is none.
"""

from __future__ import annotations

import numpy as np

from foley_bridge.inference.clips import ClipSound
from foley_bridge.inference.features import Floats

ROUNDS = 32


def griffin_lim(magnitudes: Floats, settings: ClipSound, *, rounds: int = ROUNDS, seed: int = 0) -> Floats:
    """Sound of log-mel magnitudes.

    Bands are spread over bins with the least squares that are not negative; phases begin at random.

    Args:
        magnitudes: float32 (mels, frames), log10.
        rounds: of guessing phases.
        seed: of the phases at first.

    Returns:
        float32 (hop * frames,), within full scale.
    """
    import librosa

    linear = librosa.feature.inverse.mel_to_stft(
        np.power(10, magnitudes, dtype=np.float32),
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        power=1.0,
        fmin=settings.low_hz,
        fmax=settings.high_hz,
        htk=settings.scale == "htk",
        norm="slaney",
    )
    padded = np.concatenate([linear, linear[:, -1:]], axis=1)  # frames are centred: one more ends with the last frame's hop
    sound = librosa.griffinlim(
        padded, n_iter=rounds, hop_length=settings.hop, n_fft=settings.n_fft, window="hann", random_state=seed
    )
    wanted = magnitudes.shape[1] * settings.hop
    return np.clip(sound[:wanted], -1, 1).astype(np.float32)
