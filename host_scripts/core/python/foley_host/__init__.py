"""The host-independent part of the host scripts (docs/host_scripts.md). Python 3.8 and newer, standard library only."""

from .fault import HostError

__all__ = ["HostError"]
