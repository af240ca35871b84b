"""Workspace > Scripts > Foley > Use selected clip as example for region: so should it sound."""

import importlib
import sys

FOLEY_BRIDGE = None  # install-host writes where it is

if FOLEY_BRIDGE is None:
    print("Foley is not installed here. Run: foley-bridge install-host resolve")
else:
    sys.path.insert(0, FOLEY_BRIDGE)
    importlib.import_module("foley_resolve.menu").run("use_as_example", FOLEY_BRIDGE, globals())
