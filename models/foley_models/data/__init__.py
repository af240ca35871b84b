"""The data sets of docs/encoders.md as pairs of a picture and a second of sound, correlated and not, and batches of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foley_models.data.clips import Clip, Moments, Skipped
from foley_models.data.opening import open_data
from foley_models.data.pairs import PairData

if TYPE_CHECKING:
    from foley_models.data.batching import Batch, batches, batches_in_epoch

__all__ = ["Batch", "Clip", "Moments", "PairData", "Skipped", "batches", "batches_in_epoch", "open_data"]


def __getattr__(name: str) -> Any:
    """Batches are PyTorch's: processes that only read films do without it."""
    if name in __all__:
        from foley_models.data import batching

        return getattr(batching, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
