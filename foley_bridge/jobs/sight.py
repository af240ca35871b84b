"""By what a job looks at pictures to find sounds for them: the encoders of the pack in use, where the library is embedded
with that pack. Asked anew for each job; a process keeps the encoders as long as the pack is the same.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foley_bridge.errors import FoleyError, LibraryError, PackError
from foley_bridge.jobs.in_use import encoders_in_use
from foley_bridge.library.catalogue import Catalogue

if TYPE_CHECKING:
    from foley_bridge.inference.encoders import Encoders


@dataclass(frozen=True)
class Sight:
    """What a job sees by.

    Attributes:
        encoders: None where pictures have no say.
        fault: why not, where a library was embedded for it.
        notes: what a person should know.
    """

    encoders: Encoders | None = None
    fault: FoleyError | None = None
    notes: tuple[str, ...] = ()

    @property
    def pack(self) -> tuple[tuple[str, str], ...]:
        """The pack, as a take's source names it."""
        pack = self.encoders.pack if self.encoders else None
        return (("pack", pack.id), ("pack_sha256", pack.hash)) if pack else ()


BLIND = Sight()


@functools.lru_cache(maxsize=1)
def open_library(folder: Path) -> Catalogue:
    """The sound library in a folder, kept open; raises LibraryError as ``Catalogue.open``."""
    return Catalogue.open(folder)


def sight_of(library: Path | None) -> Sight:
    """What can be seen by, for the sounds of a library. A library that nobody has embedded is asked by words, and no more said.

    Args:
        library: its folder; None when there is none.
    """
    if library is None or not library.is_dir():
        return BLIND
    try:
        catalogue = open_library(library)
        if not (spaces := catalogue.spaces()):
            return BLIND
        encoders = encoders_in_use()
        if encoders is None:
            return BLIND
        if encoders.space not in spaces:
            fault = LibraryError(
                f"the sound library is not embedded for {encoders.pack.id}, the pack in use",
                "embed it with foley-bridge library embed",
            )
            return _blind(fault)
        there, count = catalogue.embedded(encoders.space)
        notes = (
            () if there == count else (f"pictures know {there} of the library's {count} sounds: foley-bridge library embed",)
        )
        return Sight(encoders, None, notes)
    except PackError as error:
        return _blind(error)
    except LibraryError:  # told by whoever searches it
        return BLIND


def _blind(fault: FoleyError) -> Sight:
    return Sight(None, fault, (f"sounds were chosen by words alone: {fault.message}",))
