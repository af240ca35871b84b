"""The codebook itself: K entries, and each place of a mel's embedding becomes the nearest of them (section 3.2, equation 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Quantised:
    """What became of embeddings.

    Attributes:
        entries: the nearest entries instead of the embeddings, with the gradients of these; (n, dimension, rows, columns).
        codes: their numbers, int64 (n, rows * columns), column by column, in each from row 0 (the lowest bands) on.
        drawn: the mean squared distance of entries to embeddings, whose gradients draw the entries there.
        committed: the same, but it draws the embeddings to the entries.
    """

    entries: Tensor
    codes: Tensor
    drawn: Tensor
    committed: Tensor


class Quantiser(nn.Module):
    """K entries of ``dimension`` numbers."""

    def __init__(self, codes: int, dimension: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, dimension)
        nn.init.uniform_(self.embedding.weight, -1 / codes, 1 / codes)

    def codes(self, embeddings: Tensor) -> Tensor:
        """The numbers of the nearest entries: (n, dimension, rows, columns) to int64 (n, rows * columns)."""
        places = rows_of(embeddings)  # (n, rows * columns, dimension)
        entries = self.embedding.weight
        # the squared distance without the embedding's own square, which is the same for all entries
        return (entries.square().sum(dim=1) - 2 * places @ entries.T).argmin(dim=2)

    def entries(self, codes: Tensor, rows: int) -> Tensor:
        """The entries of codes: int64 (n, rows * columns) to (n, dimension, rows, columns)."""
        found = self.embedding(codes)  # (n, rows * columns, dimension)
        return found.unflatten(1, (-1, rows)).permute(0, 3, 2, 1)

    def forward(self, embeddings: Tensor) -> Quantised:
        codes = self.codes(embeddings)
        entries = self.entries(codes, embeddings.shape[2])
        return Quantised(
            entries=embeddings + (entries - embeddings).detach(),
            codes=codes,
            drawn=functional.mse_loss(entries, embeddings.detach()),
            committed=functional.mse_loss(embeddings, entries.detach()),
        )


def rows_of(embeddings: Tensor) -> Tensor:
    """The places in the order of codes: (n, dimension, rows, columns) to (n, columns * rows, dimension)."""
    return embeddings.permute(0, 3, 2, 1).flatten(1, 2)


def usage(codes: Tensor, count: int) -> Tensor:
    """The perplexity of codes as a share of the codebook: 1 where all entries are used as often, near 0 where few are."""
    share = torch.bincount(codes.flatten(), minlength=count).float() / codes.numel()
    return torch.exp(-(share * share.clamp(min=1e-10).log()).sum()) / count
