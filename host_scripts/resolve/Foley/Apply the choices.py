"""Workspace > Scripts > Foley > Apply the choices: lays in what was sent back last from the page."""

import importlib
import sys

FOLEY_BRIDGE = None  # install-host writes where it is

if FOLEY_BRIDGE is None:
    print("Foley is not installed here. Run: foley-bridge install-host resolve")
else:
    sys.path.insert(0, FOLEY_BRIDGE)
    importlib.import_module("foley_resolve.menu").run("apply_choices", FOLEY_BRIDGE, globals())
