"""Codes to mels to samples, of any length, piece by piece and without seams (Du et al., section 3.2, says it of one clip).

Memory for one piece is all it needs; the same codes give the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from foley_bridge.engines.analogy.clip_mels import magnitudes_of
from foley_bridge.inference import clips
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import Floats
from foley_bridge.inference.decode import Codes
from foley_bridge.inference.griffin_lim import going_on

PIECE = 160  # frames that the vocoder makes sound of at once
CONTEXT = 8  # frames that it is shown before and after them: a sample hears 6 on each side (Kumar et al. 2019, section 2.2)


Windows = Iterable[tuple[int, Codes]]
"""Codes of a clip, int64 (columns, rows), and the column at which they begin; in order, the last one ends the sound."""


def windows_of(analogy: Analogy, codes: Codes) -> list[tuple[int, Codes]]:
    """All codes of a sound as windows, each begun half a clip after the one before it, as they do when codes are drawn.

    Args:
        codes: int64 (columns, rows).
    """
    columns = analogy.task.columns
    width, step = min(columns, len(codes)), max(1, columns // 2)
    starts = [*range(0, len(codes) - width, step), len(codes) - width]
    return [(start, codes[start : start + width]) for start in starts]


def waves(analogy: Analogy, windows: Windows) -> Iterator[Floats]:
    """The sound of codes, from its first sample to its last.

    Args:
        windows: asked for one by one, as they are needed.

    Yields:
        float32 (n,), full scale 1.
    """
    magnitudes = decoded(analogy, windows)
    if analogy.has("vocoder"):
        return spoken(magnitudes, lambda shown: analogy.wave(shown[None])[0], analogy.task.sound.hop)
    return going_on(magnitudes, analogy.task.sound)


def decoded(analogy: Analogy, windows: Windows) -> Iterator[Floats]:
    """The magnitudes of codes.

    All of a window has a say in each of its frames (its normalisations and its attention see all of it), so windows are as long
    as a clip, which is what the codebook knows. One gives way to the next over all that both have.

    Yields:
        float32 (mels, frames), log10.
    """
    task = analogy.task
    frames = task.sound.frames // task.columns  # of a column
    before, begun = np.zeros((task.sound.mels, 0), np.float32), 0
    for start, codes in windows:
        settled = (start - begun) * frames
        if settled:
            yield before[:, :settled]
        before, begun = before[:, settled:], start
        window = magnitudes_of(analogy, codes[None])[0]
        if task.origin == "runs":  # whose sounds were judged so; published ones were not
            window = window.clip(*clips.magnitudes(np.array([-1, 1], np.float32)))
        both = before.shape[1]
        share = (np.arange(both, dtype=np.float32) + np.float32(0.5)) / max(1, both)
        blended = before * (1 - share) + window[:, :both] * share
        before = np.concatenate([blended, window[:, both:]], axis=1)
    yield before


def spoken(magnitudes: Iterable[Floats], voice: Callable[[Floats], Floats], hop: int) -> Iterator[Floats]:
    """A vocoder's sound of magnitudes that come bit by bit, the same as of all of them at once.

    Args:
        magnitudes: float32 (mels, any number of frames), log10, one after another.
        voice: float32 (mels, frames) to (hop * frames,).
        hop: samples of a frame.

    Yields:
        float32 (hop * PIECE,), the last one as long as what is left.
    """
    shown: Floats | None = None
    before = 0  # of the frames shown, so many are sound already
    for each in magnitudes:
        shown = each if shown is None else np.concatenate([shown, each], axis=1)
        while shown.shape[1] >= before + PIECE + CONTEXT:
            made = voice(np.ascontiguousarray(shown[:, : before + PIECE + CONTEXT]))
            yield made[before * hop : (before + PIECE) * hop]
            shown, before = shown[:, before + PIECE - CONTEXT :], CONTEXT
    if shown is not None and shown.shape[1] > before:
        yield voice(np.ascontiguousarray(shown))[before * hop :]
