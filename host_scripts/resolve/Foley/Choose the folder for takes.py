"""Workspace > Scripts > Foley > Choose the folder for takes: where the takes of this project go."""

import importlib
import sys

FOLEY_BRIDGE = None  # install-host writes where it is

if FOLEY_BRIDGE is None:
    print("Foley is not installed here. Run: foley-bridge install-host resolve")
else:
    sys.path.insert(0, FOLEY_BRIDGE)
    importlib.import_module("foley_resolve.menu").run("choose_folder", FOLEY_BRIDGE, globals())
