"""A library as a map: what lies where, and how far its categories lie together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.mapping import layout
from foley_bridge.library.mapping.clustering import Clustering, Name, clustering, names
from foley_bridge.library.mapping.points import Told, read

_GRID = 65_535  # a place is told in steps of this part of the map


@dataclass(frozen=True)
class SoundMap:
    """A map.

    Attributes:
        pack: whose points these are, NAME@VERSION.
        seed: of the layout and of all lots.
        total: sounds in the library that are not banned.
        laid_out: of how many sounds t-SNE laid out; the others were put among them.
        sounds: those that are embedded, by id.
        placed: uint16 (n, 2), x right and y down, the map's side being 65 535.
    """

    pack: str
    seed: int
    total: int
    laid_out: int
    sounds: list[Told]
    placed: NDArray[np.uint16]
    clustering: Clustering
    names: list[Name]

    def to_json(self) -> dict[str, Any]:
        """What ``library map --json`` prints; places 0-1."""
        places = np.round(self.placed / _GRID, 5).tolist()
        return {
            "pack": self.pack,
            "seed": self.seed,
            "total": self.total,
            "embedded": len(self.sounds),
            "laid_out": self.laid_out,
            "clustering": asdict(self.clustering),
            "sounds": [{**asdict(told), "x": x, "y": y} for told, (x, y) in zip(self.sounds, places, strict=True)],
        }


def make(
    catalogue: Catalogue,
    space: str,
    pack: str,
    *,
    seed: int = 0,
    most: int = layout.LAID_OUT,
    on_progress: Callable[[str, float], None] = lambda *_: None,
) -> SoundMap:
    """The map of a library.

    Args:
        space, pack: of the pack in use.
        seed: another one, another picture of the same.
        most: sounds laid out by t-SNE.
        on_progress: told the step and how far all is, 0-1; may raise ``Cancelled``.

    Raises:
        LibraryError: no sound is embedded in this space.
    """

    def telling(step: str, first: float, last: float) -> Callable[[float], None]:
        on_progress(step, first)
        return lambda done: on_progress(step, first + (last - first) * done)

    points = read(catalogue, space, telling("reading", 0.0, 0.1))
    categories = [told.category for told in points.sounds]
    found = clustering(points.vectors, categories, seed, telling("looking at neighbours", 0.1, 0.2))
    placed = layout.lay_out(points.vectors, seed, telling("laying out", 0.2, 0.95), most=most)
    on_progress("writing", 0.95)
    return SoundMap(
        pack=pack,
        seed=seed,
        total=points.total,
        laid_out=min(len(points.sounds), most),
        sounds=points.sounds,
        placed=np.round(placed * _GRID).astype(np.uint16),
        clustering=found,
        names=names(placed, categories),
    )
