"""Which videos are kept back for validation and test, where nobody has said so: always the same, in any order of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from foley_models.data.pairs import SPLITS
from foley_models.errors import ModelError

SHARE = 10  # one in so many is kept back for each


def held_out(names: Iterable[str], before: int = 0) -> set[str]:
    """One in ``SHARE`` of the names, at least one, in the order of their hashes; ``before`` as many shares of others."""
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
    each = max(1, round(len(ranked) / SHARE))
    return set(ranked[before * each : (before + 1) * each])


def of_split(names: list[str], split: str, what: str) -> list[str]:
    """Those of a folder's videos (or reels) that belong to a split, in order.

    Where the folder has folders ``train``, ``validation`` and ``test``, what lies in them is theirs.

    Args:
        names: relative to the folder, "/" between their parts.
        what: they are, for messages.

    Raises:
        ModelError: too few to share out.
    """
    if all(any(name.startswith(f"{each}/") for name in names) for each in SPLITS):
        return sorted(name for name in names if name.startswith(f"{split}/"))
    if len(names) < len(SPLITS):
        raise ModelError(
            f"{len(names)} {what}: too few to train, validate and test with",
            "put more there, at least three, or two for training",
        )
    test, validation = held_out(names), held_out(names, before=1)
    own = {"test": test, "validation": validation, "train": set(names) - test - validation}[split]
    return sorted(own)
