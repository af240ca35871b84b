"""What is wrong on the training side, in the one shape that errors have."""

from __future__ import annotations

from foley_bridge.errors import FoleyError


class ModelError(FoleyError):
    """A data set, run or checkpoint that cannot be trained with, evaluated or exported as asked."""
