"""One version of the catalogue's table, held still for a search: what every sound is ranked and filtered by, as arrays.

The full-text index says which rows have a word; the arrays say the rest. They are about 30 bytes a sound and are read again
only when the table has a new version. A row's place is its index in all arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.library import ucs
from foley_bridge.library.rows import Row

if TYPE_CHECKING:
    from lancedb.query import FullTextQuery
    from lancedb.table import Table

Places = NDArray[np.int64]
_COLUMNS = ["id", "name", "cat_id", "duration_s", "channels", "favourite", "banned", "name_length"]


class Snapshot:
    """The arrays of one version, all of one length.

    Attributes:
        table: pinned to the version; nobody else uses it.
        kind: place of the sound's category in ``ucs.all_categories()``; one past the last for none.
        duration_s, channels, favourite, banned: as in ``LibrarySound``.
        name_length: how many words its name has.
        order: its rank by name, then id.
    """

    def __init__(self, table: Table) -> None:
        import pyarrow.compute as pc

        self.table = table
        self.version: int = table.version
        found = table.search().select(_COLUMNS).with_row_id(True).limit(None).to_arrow().sort_by("_rowid").combine_chunks()
        self._row_ids: NDArray[np.uint64] = found["_rowid"].to_numpy()
        kinds = found["cat_id"].combine_chunks().dictionary_encode()
        codes = np.array([_kind_of(each) for each in kinds.dictionary.to_pylist()] or [0], dtype=np.int16)
        self.kind: NDArray[np.int16] = codes[kinds.indices.to_numpy()]
        self.duration_s: NDArray[np.float64] = found["duration_s"].to_numpy()
        self.channels: NDArray[np.int32] = found["channels"].to_numpy()
        self.favourite: NDArray[np.bool_] = found["favourite"].to_numpy()
        self.banned: NDArray[np.bool_] = found["banned"].to_numpy()
        self.name_length: NDArray[np.int16] = found["name_length"].to_numpy()
        found = found.append_column("lower", pc.utf8_lower(found["name"]))
        self.order: NDArray[np.int32] = np.empty(len(self), dtype=np.int32)
        sorted_places = pc.sort_indices(found, [("lower", "ascending"), ("name", "ascending"), ("id", "ascending")])
        self.order[sorted_places.to_numpy()] = np.arange(len(self), dtype=np.int32)

    def __len__(self) -> int:
        return len(self._row_ids)

    def with_any(self, column: str, words: Sequence[str]) -> Places:
        """Places of the sounds that have one of the words in a column."""
        from lancedb import query

        return self._places(query.MatchQuery(" ".join(words), column))  # type: ignore[call-arg]

    def with_phrase(self, column: str, words: Sequence[str]) -> Places:
        """Places of the sounds that have the words in a column one after the other."""
        from lancedb import query

        return self._places(query.PhraseQuery(" ".join(words), column))  # type: ignore[call-arg]

    def with_near(self, column: str, word: str, edits: int) -> Places:
        """Places of the sounds that have a word like this one: the same first letter, and so many edits away at most."""
        from lancedb import query

        return self._places(query.MatchQuery(word, column, fuzziness=edits, prefix_length=1))  # type: ignore[call-arg]

    def rows(self, places: Sequence[int]) -> list[Row]:
        """The rows at these places, in their order."""
        if not places:
            return []
        wanted = [int(self._row_ids[place]) for place in places]
        found = {row["_rowid"]: row for row in self.table.take_row_ids(wanted).with_row_id().to_arrow().to_pylist()}
        return [found[each] for each in wanted]

    def _places(self, query: FullTextQuery) -> Places:
        if not len(self):
            return np.empty(0, dtype=np.int64)
        asked: Any = self.table.search(query, query_type="fts").select(["_score"]).with_row_id(True)
        return np.searchsorted(self._row_ids, asked.limit(len(self)).to_arrow()["_rowid"].to_numpy())


@functools.cache
def _kinds() -> dict[str, int]:
    return {each.cat_id: place for place, each in enumerate(ucs.all_categories())}


def _kind_of(cat_id: str) -> int:
    return _kinds().get(cat_id, len(_kinds()))
