"""Workspace > Scripts > Foley > Open the audition page: hear the takes against the picture, and choose."""

import importlib
import sys

FOLEY_BRIDGE = None  # install-host writes where it is

if FOLEY_BRIDGE is None:
    print("Foley is not installed here. Run: foley-bridge install-host resolve")
else:
    sys.path.insert(0, FOLEY_BRIDGE)
    importlib.import_module("foley_resolve.menu").run("audition", FOLEY_BRIDGE, globals())
