"""foley_bridge: sound for marked regions of a timeline, in sync with the picture."""

__version__ = "0.1.0"
