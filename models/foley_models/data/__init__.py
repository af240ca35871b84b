"""The data sets of docs/encoders.md as pairs of a picture and a second of sound, correlated and not, and batches of them."""

from foley_models.data.batching import Batch, batches, batches_in_epoch
from foley_models.data.clips import Clip, Moments, Skipped
from foley_models.data.opening import open_data
from foley_models.data.pairs import PairData

__all__ = ["Batch", "Clip", "Moments", "PairData", "Skipped", "batches", "batches_in_epoch", "open_data"]
