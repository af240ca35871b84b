"""``python -m foley_bridge`` is ``foley-bridge``."""

import sys

from foley_bridge.cli import main

sys.exit(main())
