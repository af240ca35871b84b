"""Workspace > Scripts > Foley > Undo last Foley placement: what was laid last goes, what lay there comes back."""

import importlib
import sys

FOLEY_BRIDGE = None  # install-host writes where it is

if FOLEY_BRIDGE is None:
    print("Foley is not installed here. Run: foley-bridge install-host resolve")
else:
    sys.path.insert(0, FOLEY_BRIDGE)
    importlib.import_module("foley_resolve.menu").run("undo_last", FOLEY_BRIDGE, globals())
