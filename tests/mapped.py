"""Libraries for the tests of the map: sounds whose points are said, not heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.library import ucs
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.segments import content_of
from foley_bridge.library.sound import LibrarySound, sound_id

SPACE = "5ace"
CAT_IDS = ("DOORWood", "FEETHmn", "GLASImpt", "RAINGlas")
Floats = NDArray[np.float32]


def clusters(sizes: list[int], spread: float, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Points of length 1 around as many directions as there are sizes, and whose they are."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    made = np.eye(len(sizes), 128)[of] + spread * random.normal(size=(len(of), 128))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32), of


def sound(name: str, cat_id: str = "", *, seconds: float = 1.0, banned: bool = False) -> LibrarySound:
    kind = ucs.category(cat_id) if cat_id else None
    return LibrarySound(
        id=sound_id(name),
        paths=(f"/sounds/{name[:40]}.wav",),
        name=name,
        cat_id=cat_id,
        category=kind.category if kind else "",
        subcategory=kind.subcategory if kind else "",
        cat_from="file",
        fingerprint=sound_id(name),
        duration_s=seconds,
        channels=1,
        banned=banned,
    )


def filled(folder: Path, sounds: list[LibrarySound], points: Floats, space: str = SPACE) -> Catalogue:
    """A library of sounds with one segment each."""
    catalogue = Catalogue.open(folder, create=True)
    catalogue.upsert(sounds)
    contents = np.array([content_of(each.fingerprint) for each in sounds], np.int64)
    catalogue.segments(space).put(contents, np.zeros(len(sounds), np.float32), points)
    return catalogue
