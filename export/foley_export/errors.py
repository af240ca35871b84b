"""What is wrong on the way from checkpoint to pack, in the one shape that errors have."""

from __future__ import annotations

from foley_bridge.errors import FoleyError


class ExportError(FoleyError):
    """A checkpoint that cannot become a pack, a pack that is not what it says, or reels that cannot be compared."""
