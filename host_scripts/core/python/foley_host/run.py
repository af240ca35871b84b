"""One generate from start to report."""

from __future__ import annotations

from .place import place_result

__all__ = ["place_result"]
