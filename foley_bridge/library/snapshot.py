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
from foley_bridge.library.search import Ask, Places
from foley_bridge.library.segments import content_of
from foley_bridge.library.table import all_of, wait_for

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import AsyncTable

_COLUMNS = ["id", "name", "cat_id", "duration_s", "channels", "favourite", "banned", "name_length"]
_FRAGMENT_BITS, _IN_FRAGMENT = 32, (1 << 32) - 1


class Snapshot:
    """The arrays of one version, all of one length.

    Args:
        table: pinned to the version; nobody else uses it.

    Attributes:
        kind: place of the sound's category in ``ucs.all_categories()``; one past the last for none.
        duration_s, channels, favourite, banned: as in ``LibrarySound``.
        name_length: how many words its name has.
        order: its rank by name, then id.
    """

    def __init__(self, table: AsyncTable, version: int) -> None:
        import pyarrow.compute as pc

        self._table = table
        self.version = version
        found = wait_for(table.query().select(_COLUMNS).with_row_id().to_arrow()).sort_by("_rowid").combine_chunks()
        self._row_ids: NDArray[np.int64] = found["_rowid"].to_numpy().astype(np.int64)
        self._starts, self._place_at = _lookup(self._row_ids)
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

    def look_up(self, asks: Sequence[Ask]) -> list[Places]:
        """For each question the places of the sounds that answer it, asked of the index all at once."""
        if not len(self):
            return [np.empty(0, dtype=np.int64) for _ in asks]
        return wait_for(all_of([self._look_up(ask) for ask in asks]))

    def places_of(self, contents: Places) -> Places:
        """Where the sounds with these contents are (``segments.content_of``); -1 for those that are not there."""
        known, places = self._by_content
        if not len(known):
            return np.full(len(contents), -1)
        found = np.minimum(np.searchsorted(known, contents), len(known) - 1)
        return np.where(known[found] == contents, places[found], -1)

    @functools.cached_property
    def _by_content(self) -> tuple[Places, Places]:
        """Contents, ascending, and whose place each is."""
        found = wait_for(self._table.query().select(["fingerprint"]).with_row_id().to_arrow()).sort_by("_rowid")
        contents = np.array([content_of(each) for each in found["fingerprint"].to_pylist()], dtype=np.int64)
        order = np.argsort(contents)
        return contents[order], order

    def rows(self, places: Sequence[int]) -> list[Row]:
        """The rows at these places, in their order."""
        if not places:
            return []
        wanted = [int(self._row_ids[place]) for place in places]
        found = {row["_rowid"]: row for row in wait_for(self._take(wanted)).to_pylist()}
        return [found[each] for each in wanted]

    async def _take(self, row_ids: list[int]) -> pa.Table:
        return await self._table.take_row_ids(row_ids).with_row_id().to_arrow()

    async def _look_up(self, ask: Ask) -> Places:
        query = self._table.query().nearest_to_text(_query(ask)).select(["_score"]).with_row_id().limit(len(self))
        ids = (await query.to_arrow())["_rowid"].to_numpy().astype(np.int64)
        return self._place_at[self._starts[ids >> _FRAGMENT_BITS] + (ids & _IN_FRAGMENT)]


def _query(ask: Ask) -> Any:
    from lancedb import query

    text = " ".join(ask.words)
    if ask.how == "phrase":
        return query.PhraseQuery(text, ask.column)  # type: ignore[call-arg]
    if ask.how == "near":
        return query.MatchQuery(text, ask.column, fuzziness=ask.edits, prefix_length=1)  # type: ignore[call-arg]
    return query.MatchQuery(text, ask.column)  # type: ignore[call-arg]


def _lookup(row_ids: NDArray[np.int64]) -> tuple[Places, Places]:
    """For row ids (fragment << 32 | row in it): where each fragment starts in a flat array, and that array, of places."""
    if not len(row_ids):
        return np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    fragments = row_ids >> _FRAGMENT_BITS
    sizes = np.zeros(int(fragments.max()) + 1, dtype=np.int64)
    np.maximum.at(sizes, fragments, (row_ids & _IN_FRAGMENT) + 1)
    starts = np.cumsum(sizes) - sizes
    flat = np.zeros(int(sizes.sum()), dtype=np.int64)
    flat[starts[fragments] + (row_ids & _IN_FRAGMENT)] = np.arange(len(row_ids))
    return starts, flat


@functools.cache
def _kinds() -> dict[str, int]:
    return {each.cat_id: place for place, each in enumerate(ucs.all_categories())}


def _kind_of(cat_id: str) -> int:
    return _kinds().get(cat_id, len(_kinds()))
