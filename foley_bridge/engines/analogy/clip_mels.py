"""The mels of single clips, as they are judged and as they sound: decoded once."""

from __future__ import annotations

from functools import partial

import numpy as np

from foley_bridge.engines.analogy.remembered import Remembered
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import Floats
from foley_bridge.inference.decode import Codes

_kept = Remembered(16 << 20)  # of some 300 clips: what was judged of a few seconds is not decoded again when it is made sound


def magnitudes_of(analogy: Analogy, clips: Codes, role: str = "mel") -> Floats:
    """What ``analogy.magnitudes`` gives for clips: int64 (n, columns, rows) to float32 (n, mels, frames), log10.

    Where a batch is no faster they are decoded one by one, and the same clip has the same bits whatever is asked beside it.
    """
    at_once = analogy.session(role).at_once
    if at_once > 1:
        parts = [analogy.magnitudes(clips[first : first + at_once], role) for first in range(0, len(clips), at_once)]
        return np.concatenate(parts)
    graph = analogy.graph(role).sha256
    return np.concatenate([_kept.get(graph, clip[None], partial(analogy.magnitudes, clip[None], role)) for clip in clips])
