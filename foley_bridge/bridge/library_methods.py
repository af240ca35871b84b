"""What docs/protocol.md says of the sound library: how large it is, and what a search finds in it."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from foley_bridge.bridge.search_params import LibrarySearch, Shown
from foley_bridge.bridge.senses import Senses
from foley_bridge.errors import LibraryError
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.reel import find_reel, region_of, request_of
from foley_bridge.jobs.roots import Roots

if TYPE_CHECKING:
    from foley_bridge.library.catalogue import Catalogue


class LibraryMethods:
    """Each may be called from any thread, and may take its time.

    Args:
        processor: of the jobs.
        roots: which folders may be read.
        folder: the library's, which need not be there; None is none.
        senses: what looks and listens.
    """

    def __init__(self, processor: Processor, roots: Roots, folder: Path | None, senses: Senses) -> None:
        self._processor, self._roots, self._folder, self._senses = processor, roots, folder, senses
        self._lock = threading.Lock()
        self._catalogue: Catalogue | None = None

    def summary(self, space: str | None) -> dict[str, Any] | None:
        """As ``capabilities`` says it; None when there is no library. space: of the pack in use."""
        with contextlib.suppress(LibraryError):
            catalogue = self._opened()
            embedded = None if space is None else catalogue.embedded(space)[0]
            return {"path": str(self._folder), "sounds": catalogue.count(), "embedded": embedded}
        return None

    def search(self, params: LibrarySearch) -> dict[str, Any]:
        """Raises what is wrong with the library, the reel, the file, or the pack."""
        from foley_bridge.jobs import searching

        conditions = {
            "ucs": None if params.ucs is UNSET else params.ucs,
            "length_s": (None, None) if params.length_s is UNSET else params.length_s,
            "channels": None if params.channels is UNSET else params.channels,
            "limit": params.limit,
        }
        catalogue = self._opened()
        if not params.looks:
            return searching.search(catalogue, params.words, None, lambda: None, conditions).to_json()
        shown = params.picture if isinstance(params.picture, Shown) else Shown()
        of_file = {"start_s": 0.0, "duration_s": None, **msgspec.to_builtins(shown)}
        return self._senses.search(
            {
                "words": params.words,
                "conditions": conditions,
                "library": str(catalogue.folder),
                "roots": self._roots.to_json(),
                "like": None if params.like is UNSET else params.like,
                "picture": of_file if shown.path is not UNSET else None,
                "region": self._region(shown),
            }
        )

    def _region(self, shown: Shown) -> dict[str, Any] | None:
        if not isinstance(shown.job, str) or not isinstance(shown.region, int):
            return None
        journal = self._processor.journal
        reel = find_reel(journal, shown.job).id
        region_of(journal, reel, shown.region)  # which raises where there is none
        asked, opened = request_of(journal, reel), self._processor.opened(reel)
        return {"number": shown.region, "asked": asked, "opened": str(opened)}

    def _opened(self) -> Catalogue:
        """LanceDB takes more than a second to load: it is, when it is first needed."""
        if self._folder is None:
            raise LibraryError("this daemon has no sound library", "start it with --library DIR")
        with self._lock:
            if self._catalogue is None:
                from foley_bridge.library.catalogue import Catalogue

                self._catalogue = Catalogue.open(self._folder)
            return self._catalogue
