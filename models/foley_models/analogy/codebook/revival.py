"""Keeps a small codebook in use: entries that no mel comes near are put where mels are.

An entry that is never the nearest never moves, and so a codebook that is trained briefly falls into a few entries that stand
for everything. The authors' long training does without this (``Learning.revive_after`` is 0 at their size).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Revival(nn.Module):
    """How long each entry has been out of use, and what is done about it; at first all are.

    Args:
        codes: K.
        after: steps without use after which an entry is put elsewhere.
    """

    idle: Tensor

    def __init__(self, codes: int, after: int) -> None:
        super().__init__()
        self._after = after
        self.register_buffer("idle", torch.full((codes,), after))

    @torch.no_grad()
    def revive(self, entries: Tensor, places: Tensor, step: int, gather: Callable[[Tensor], Tensor]) -> None:
        """Put the entries that were out of use for long at embeddings drawn from a batch; before these are quantised.

        Args:
            entries: the codebook, float32 (K, dimension), which is changed.
            places: the batch's embeddings, float32 (m, dimension).
            step: decides which are drawn, the same on every process.
            gather: all processes' rows.
        """
        dead = (self.idle >= self._after).nonzero().flatten()
        if not len(dead):
            return
        everyones = gather(places.float().contiguous())
        drawn = torch.randperm(len(everyones), generator=torch.Generator().manual_seed(step))
        drawn = drawn.repeat(-(-len(dead) // len(drawn)))[: len(dead)].to(places.device)
        entries[dead] = everyones[drawn].to(entries)
        self.idle[dead] = 0

    @torch.no_grad()
    def note(self, codes: Tensor, gather: Callable[[Tensor], Tensor]) -> None:
        """Note which entries a batch used.

        Args:
            codes: of the batch, int64.
        """
        self.idle += 1
        self.idle[gather(codes.flatten())] = 0
