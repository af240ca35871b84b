"""Codes drawn from the decoder, one after another (Eq. 3): which code each draw means, and windows over longer inputs.

What is drawn is given from outside, as numbers in [0, 1): whoever has the same logits and the same numbers gets the same codes,
whatever it runs on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from foley_models.analogy.decoder.gpt import Decoder, Past
from foley_models.analogy.decoder.model import AnalogyModel

MOVES = ("half", "last")
FRAMES_PER_COLUMN = 15 * 4096 / 22050
"""Pictures at 15 a second in one column of 16 x 256 samples."""


@dataclass(frozen=True)
class Windows:
    """How a decoder that knows one clip makes the sound of a longer input: it looks at a window of as many columns as a clip
    has, which moves on with the column that is made; the conditional example stays what it is.

    Attributes:
        moves: "half": the column that is made is in the window's middle; "last": it is its last (both as published).
        frames_per_column: by how many pictures the window over the input moves with each column. 0: it stays at the first
            clip, which is what the published code does where its conditional example stays.
    """

    moves: str = "half"
    frames_per_column: float = FRAMES_PER_COLUMN

    def __post_init__(self) -> None:
        if self.moves not in MOVES:
            raise ValueError(f"moves: {self.moves!r} is none of {', '.join(MOVES)}")

    def start(self, column: int, columns: int, window: int) -> int:
        """The window's first column when ``column`` of ``columns`` is made."""
        back = window // 2 if self.moves == "half" else window - 1
        return max(0, min(column - back, columns - window))

    def frame(self, start: int, frames: int, window: int) -> int:
        """The first picture of a window that starts at column ``start``; all ``window`` of them are among the ``frames``."""
        return max(0, min(round(start * self.frames_per_column), frames - window))


def draws(seed: int, takes: int, count: int) -> Tensor:
    """What is drawn for each take: float64 (takes, count) in [0, 1). A take's do not depend on how many takes or codes there
    are beside or after it."""
    return torch.from_numpy(np.stack([np.random.default_rng([seed, take]).random(count) for take in range(takes)]))


def pick(logits: Tensor, drawn: Tensor, top_k: int, temperature: float) -> Tensor:
    """The codes that draws mean.

    The ``top_k`` likeliest (and what is exactly as likely as the last of them) keep their probability; they follow one another
    by their index from 0 to 1, and the one that a draw falls into is taken. All in float64.

    Args:
        logits: (n, K).
        drawn: float64 (n,) in [0, 1).

    Returns:
        int64 (n,).
    """
    scaled = logits.double() / temperature
    least = scaled.topk(min(top_k, scaled.shape[1])).values[:, -1:]
    weights = torch.where(scaled >= least, (scaled - scaled.amax(dim=1, keepdim=True)).exp(), 0.0)
    sums = weights.cumsum(dim=1)
    taken = torch.searchsorted(sums, drawn[:, None] * sums[:, -1:], right=True)[:, 0]
    last = (weights > 0).long().cumsum(dim=1).argmax(dim=1)  # rounding could lead beyond the last one that is left
    return torch.minimum(taken, last)


@torch.no_grad()
def generate(
    model: AnalogyModel,
    conditional: Tensor | None,
    features: Tensor,
    codes: Tensor | None,
    drawn: Tensor,
    *,
    top_k: int | None = None,
    temperature: float = 1.0,
    windows: Windows | None = None,
    cached: bool = True,
) -> Tensor:
    """The codes of an input's sound, of several takes at once.

    Args:
        conditional: picture features of the conditional example (1, frames, F); what is longer is cut. None where the model
            takes no notice of it.
        features: picture features of the input (1, T, F).
        codes: of the conditional example's sound, int64 (1, 50); what is longer is cut. None likewise.
        drawn: float64 (takes, 5 x columns) in [0, 1); as many columns as are wanted, at least those of a clip.
        top_k: None: half of the codebook, as published.
        windows: for inputs of more than one clip; None: ``Windows()``.
        cached: keep what attention knows of earlier tokens; False: run all of them anew for each code, as the published code
            does (the reference: the same codes, for many times the work).

    Returns:
        int64 (takes, 5 x columns).
    """
    config, windows = model.decoder.config, windows or Windows()
    takes, count = drawn.shape
    if drawn.dtype != torch.float64 or bool(((drawn < 0) | (drawn >= 1)).any()):
        raise ValueError("drawn: float64 in [0, 1) is wanted")
    if count % config.rows or count < config.sound:
        raise ValueError(f"drawn: {count} are not whole columns of at least one clip")
    if features.shape[1] < config.frames:
        raise ValueError(f"features: {features.shape[1]} pictures are less than a clip")
    columns, top_k = count // config.rows, top_k or config.codes // 2
    conditional = None if conditional is None else conditional[:, : config.frames]
    codes = None if codes is None else codes[:, : config.sound]
    drawn = drawn.to(features.device)
    made = torch.zeros(takes, count, dtype=torch.int64, device=features.device)
    began = -1
    past: Past = ()
    for column in range(columns):
        start = windows.start(column, columns, config.columns)
        if start != began:
            frame = windows.frame(start, features.shape[1], config.frames)
            prefix = model.prefix(conditional, features[:, frame : frame + config.frames], codes)
            began, past = start, ()
        for at in range(column * config.rows, (column + 1) * config.rows):
            known = made[:, start * config.rows : at]
            if not cached:
                logits, _ = model.decoder(_sequence(model.decoder, prefix, known), last=1)
            elif past:
                logits, past = model.decoder(model.decoder.sounds(known[:, -1:]), past, last=1)
            else:
                logits, past = _begin(model.decoder, prefix, known)
            made[:, at] = pick(logits[:, -1], drawn[:, at], top_k, temperature)
    return made


def _sequence(decoder: Decoder, prefix: Tensor, known: Tensor) -> Tensor:
    return torch.cat([prefix.expand(len(known), -1, -1), decoder.sounds(known)], dim=1)


def _begin(decoder: Decoder, prefix: Tensor, known: Tensor) -> tuple[Tensor, Past]:
    """The prefix is run once for all takes."""
    logits, past = decoder(prefix, last=1)
    takes = len(known)
    past = [(key.expand(takes, -1, -1, -1), value.expand(takes, -1, -1, -1)) for key, value in past]
    if known.shape[1]:
        return decoder(decoder.sounds(known), past, last=1)
    return logits.expand(takes, -1, -1), past
