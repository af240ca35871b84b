"""What commands about sounds share: which library, which of its sounds, and how they are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foley_bridge.cli import show

if TYPE_CHECKING:
    from foley_bridge.library.catalogue import Catalogue
    from foley_bridge.library.sound import LibrarySound

Folder = Annotated[
    Path | None,
    typer.Option("--library", metavar="DIR", help="The library's own folder [default: the user's, or FOLEY_BRIDGE_LIBRARY]."),
]
Ucs = Annotated[
    str | None, typer.Option(metavar="CATID", help="Only this UCS category: a CatID, or a category's name for all in it.")
]


def opened(folder: Path | None, *, create: bool = False) -> Catalogue:
    """The library in a folder, the user's when None; LibraryError when there is none, unless it is made."""
    from foley_bridge.home import library_folder
    from foley_bridge.library.catalogue import Catalogue

    return Catalogue.open(folder or library_folder(), create=create)


def print_sounds(sounds: Sequence[LibrarySound], found: Mapping[str, Sequence[str]] = {}) -> None:
    """Print a table. found: further columns of numbers, by heading, a cell for each sound; they stand behind the ids."""
    rows = []
    for sound, *numbers in zip(sounds, *found.values(), strict=True):
        marks = ("★" if sound.favourite else "") + ("banned" if sound.banned else "")
        folder = Path(sound.paths[0]).parent.name if sound.paths else ""
        about = [sound.name, sound.cat_id, f"{sound.duration_s:.1f} s", str(sound.channels), marks, folder]
        rows.append([sound.id, *numbers, *about])
    show.table(["id", *found, "name", "UCS", "length", "ch", "", "in"], rows, right=(*found, "length", "ch"))
