"""``python -m foley_export``."""

import sys

from foley_export.cli import main

sys.exit(main())
