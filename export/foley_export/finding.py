"""What is found when a pack is proved again: its claims, one after another, and whether they hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.pack import Graph

BATCHES = (1, 2, 7)


@dataclass(frozen=True)
class Finding:
    """Something a pack claims.

    Attributes:
        claim: in words.
        holds: whether it does.
        seen: what was measured or found.
    """

    claim: str
    holds: bool
    seen: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def proved(graph: Graph) -> Finding:
    """What its manifest says of a graph's proof."""
    parity = graph.parity
    return Finding(
        f"{graph.name}: was proved against {parity.against}",
        True,
        f"{graph.precision}, {parity.worst:.1e} at worst, {parity.typical:.1e} typically, over {parity.inputs} inputs",
    )


def apart_from(made: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The largest difference; infinite when the shapes differ or a number is none."""
    if made.shape != wanted.shape or not np.isfinite(made).all():
        return float("inf")
    return float(np.abs(made - wanted).max())
