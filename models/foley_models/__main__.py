"""``python -m foley_models``, which ``torchrun`` starts, too."""

import sys

from foley_models.cli import main

if __name__ == "__main__":
    sys.exit(main())
