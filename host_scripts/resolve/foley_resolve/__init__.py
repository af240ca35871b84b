"""Foley for DaVinci Resolve: the adapter (docs/host_scripts.md) on its scripting API. Python 3.8, standard library only."""
