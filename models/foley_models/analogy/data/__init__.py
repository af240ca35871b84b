"""The data sets of docs/analogy.md as films, and clips and pairs of clips out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foley_models.analogy.data.films import Film, FilmEvent, Films
from foley_models.analogy.data.opening import open_films

if TYPE_CHECKING:
    from foley_models.analogy.data.batching import ClipBatch, PairBatch, clips, mels, pairs

__all__ = ["ClipBatch", "Film", "FilmEvent", "Films", "PairBatch", "clips", "mels", "open_films", "pairs"]


def __getattr__(name: str) -> Any:
    """Batches are PyTorch's: processes that only draw films do without it."""
    if name in __all__:
        from foley_models.analogy.data import batching

        return getattr(batching, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
