"""Which videos are kept back for validation and test, where nobody has said so: always the same, in any order of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar

from foley_bridge.errors import FoleyError
from foley_models.data.clips import Skipped
from foley_models.data.pairs import SPLITS
from foley_models.errors import ModelError

Looked = TypeVar("Looked")

SHARE = 10  # one in so many is kept back for each


def held_out(names: Iterable[str], before: int = 0) -> set[str]:
    """One in ``SHARE`` of the names, at least one, in the order of their hashes; ``before`` as many shares of others."""
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
    each = max(1, round(len(ranked) / SHARE))
    return set(ranked[before * each : (before + 1) * each])


def shared_out(
    names: Iterable[str], split: str, what: str, look: Callable[[str], Looked]
) -> tuple[dict[str, Looked], list[Skipped]]:
    """Those of a folder's videos (or reels) that belong to a split, in order, and what is of no use.

    Where the folder has folders ``train``, ``validation`` and ``test``, what lies in them is theirs. Else all that are of use
    are shared out, and what is not is told of the training set.

    Args:
        names: relative to the folder, "/" between their parts.
        what: they are, for messages.
        look: what is wanted of each; raises FoleyError where it is of no use.

    Raises:
        ModelError: too few to share out.
    """
    names = sorted(names)
    by_folder = all(any(name.startswith(f"{each}/") for name in names) for each in SPLITS)
    found: dict[str, Looked] = {}
    skipped = []
    for name in names:
        if not by_folder or name.startswith(f"{split}/"):
            try:
                found[name] = look(name)
            except FoleyError as error:
                skipped.append(Skipped(name, str(error)))
    if by_folder:
        return found, skipped
    if len(found) < len(SPLITS):
        raise ModelError(
            f"{what}: {len(found)} of {len(names)} can be used, too few to train, validate and test with",
            skipped[0].why if skipped else "put three there, or more",
        )
    test, validation = held_out(found), held_out(found, before=1)
    own = {"test": test, "validation": validation, "train": found.keys() - test - validation}[split]
    return {name: each for name, each in found.items() if name in own}, skipped if split == "train" else []
