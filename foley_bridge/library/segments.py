"""The sounds' segments as points of one space: a table of their own beside the sounds, one for each space.

    FOLDER/segments-SPACE.lance    a row a segment: the content it is of, where in it, its point
    FOLDER/segments-SPACE.json     contents that cannot be heard, and why; how many segments the index was made for
    FOLDER/embedding.lock          held by who embeds: no other program changes these tables meanwhile

Segments belong to a content, not to a file or an id: a sound that moves or gets other words keeps them, one whose content
changes has none until it is embedded anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from foley_bridge.errors import LibraryError
from foley_bridge.library.table import LanceTable, wait_for
from foley_bridge.media.whole_file import whole_file

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import AsyncTable

INDEX_FROM = 10_000  # segments; fewer are looked through in a moment
RETRAIN = 4  # times as many segments as the index was made for
PARTITION = 1024  # segments in a part of the index
PROBES = 2  # times the root of the number of parts are looked into: 0.99 of the ten nearest are found (benchmarks/nearest.py)
TAKEN_AT_ONCE = 65_536
_DEEPER = 8  # more parts for each full part of segments that is asked for
_TIDY_EVERY = 200  # versions
Floats = NDArray[np.float32]
Places = NDArray[np.int64]


def content_of(fingerprint: str) -> int:
    """A sound's content as the segments name it: 64 bits."""
    digest = hashlib.blake2b(fingerprint.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


class _InMemory(NamedTuple):
    """The points of a version, by row: which row, whose segment, where it starts."""

    row_ids: Places
    content: Places
    start_s: Floats
    points: Floats

    def among(self, row_ids: Places, content: Places, start_s: Floats) -> tuple[Places, NDArray[np.bool_]]:
        """Where rows of another version are in this one, and whether they are: a table that somebody removed and made anew may
        name other segments alike."""
        place = np.minimum(np.searchsorted(self.row_ids, row_ids), len(self.row_ids) - 1)
        same = (self.row_ids[place] == row_ids) & (self.content[place] == content) & (self.start_s[place] == start_s)
        return place, same


class Held:
    """The segments of one version, held still. A segment's place is its index in all arrays.

    Args:
        table: pinned to the version; nobody else uses it.
        before: of an earlier version; of the points that it has in memory only new ones are read.

    Attributes:
        contents: the different contents, ascending. code: whose a segment is, an index in those.
        start_s: where in the sound a segment starts.
    """

    def __init__(self, table: AsyncTable, version: int, before: Held | None = None) -> None:
        self._table = table
        self._before = before._in_memory() if before is not None else None
        self.version = version
        found = wait_for(table.query().select(["content", "start_s"]).with_row_id().to_arrow()).sort_by("_rowid")
        self._row_ids: Places = found["_rowid"].to_numpy().astype(np.int64)
        codes: tuple[Places, Places] = np.unique(found["content"].to_numpy(), return_inverse=True)
        self.contents = codes[0]
        self.code: NDArray[np.int32] = codes[1].astype(np.int32)
        self.start_s: Floats = found["start_s"].to_numpy()

    def __len__(self) -> int:
        return len(self._row_ids)

    def points_at(self, places: Places, *, keep: bool) -> Iterator[Floats]:
        """The points at some places, ascending or not, in pieces of ``TAKEN_AT_ONCE``.

        Args:
            keep: all points in memory from now on; else these alone are read.
        """
        for first in range(0, len(places), TAKEN_AT_ONCE):
            piece = places[first : first + TAKEN_AT_ONCE]
            if not keep:
                yield self._read(piece)
            elif piece[-1] - piece[0] == len(piece) - 1 and (np.diff(piece) == 1).all():
                yield self._points[piece[0] : piece[-1] + 1]  # not copied
            else:
                yield self._points[piece]

    def by_index(self, points: Floats, count: int) -> tuple[Places, Floats]:
        """So many of the nearest segments to each point, as the index finds them: places, squared distances."""
        found = wait_for(self._near(points, count))
        places = np.searchsorted(self._row_ids, found["_rowid"].to_numpy().astype(np.int64))
        return places, found["_distance"].to_numpy()

    def _read(self, places: Places) -> Floats:
        order = np.argsort(places)  # LanceDB answers in the order of its rows, whatever was asked
        points = np.empty_like(found := _matrix(wait_for(self._take(places[order]))))
        points[order] = found
        return points

    @functools.cached_property
    def _points(self) -> Floats:
        before, self._before = self._before, None
        if before is not None:
            place, known = before.among(self._row_ids, self.contents[self.code], self.start_s)
            new = np.flatnonzero(~known)
            if len(new) <= TAKEN_AT_ONCE:
                points = before.points[place]
                if len(new):
                    points[new] = self._read(new)
                return points
        return _matrix(wait_for(self._table.query().select(["vector"]).with_row_id().to_arrow()).sort_by("_rowid"))

    def _in_memory(self) -> _InMemory | None:
        """Its points, or those that it would begin with."""
        if "_points" not in self.__dict__:
            return self._before
        return _InMemory(self._row_ids, self.contents[self.code], self.start_s, self._points)

    async def _take(self, places: Places) -> pa.Table:
        return await self._table.take_row_ids(self._row_ids[places].tolist()).select(["vector"]).to_arrow()

    async def _near(self, points: Floats, count: int) -> pa.Table:
        parts = max(1, len(self) // PARTITION)
        probes = math.ceil(PROBES * math.sqrt(parts) + _DEEPER * count / PARTITION)
        query = self._table.query().nearest_to([*points]).distance_type("l2").limit(count)
        return await query.nprobes(probes).select(["_distance"]).with_row_id().to_arrow()


@dataclass
class Notes:
    """What is known beside the table.

    Attributes:
        unheard: content to why it cannot be heard.
        trained: how many segments there were when the index was made.
    """

    unheard: dict[int, str] = field(default_factory=dict)
    trained: int = 0


class Segments:
    """The table of a space; may be shared by threads, not by a fork.

    Args:
        place: the catalogue's folder, or an object store's address.
        storage: LanceDB's options for an object store.
    """

    def __init__(self, place: Path | str, space: str, storage: Mapping[str, str] | None = None) -> None:
        if not space.isascii() or not space.isalnum() or len(space) > 64:
            raise LibraryError(f"{space[:80]!r}: cannot be the name of a space", "letters and digits")
        self.space = space
        self.table: LanceTable[Held] = LanceTable(place, f"segments-{space}", self._still, storage)
        self._last: Held | None = None

    @contextlib.contextmanager
    def embedding(self) -> Iterator[None]:
        """The turn of who embeds, across programs.

        Raises:
            LibraryError: another program embeds, or the folder cannot be written to.
        """
        lock = FileLock(Path(self.table.place) / "embedding.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise LibraryError(
                f"{self.table.place}: another program is embedding this library's sounds", "wait until it is done"
            ) from error
        except OSError as error:
            raise LibraryError(
                f"{self.table.place}: cannot be written to, {error.strerror or error}", "check the folder's permissions"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _still(self, table: AsyncTable, version: int) -> Held:
        self._last = Held(table, version, self._last)
        return self._last

    def contents(self) -> NDArray[np.int64]:
        """The different contents that have segments."""
        if not self.table.there():
            return np.empty(0, np.int64)
        found = self.table.read(lambda table: table.search().select(["content"]).limit(None).to_arrow())
        return np.unique(found["content"].to_numpy())

    def put(self, contents: NDArray[np.int64], starts_s: Floats, points: Floats) -> None:
        """Write segments in one step; none of their contents is there yet."""
        import pyarrow as pa

        schema = _schema(points.shape[1])
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(points.ravel()), points.shape[1])
        data = pa.Table.from_arrays([pa.array(contents), pa.array(starts_s), vectors], schema=schema)
        with self.table.writing_errors():
            self.table.create(schema).add(data)
        if self.table.table().version % _TIDY_EVERY == 0:
            self.table.optimise()

    def drop(self, contents: Sequence[int]) -> None:
        """Take out all segments of some contents."""
        for first in range(0, len(contents), TAKEN_AT_ONCE):
            listed = ", ".join(str(int(each)) for each in contents[first : first + TAKEN_AT_ONCE])
            with self.table.writing_errors():
                self.table.table().delete(f"content IN ({listed})")

    def index(self, notes: Notes) -> None:
        """Bring the index up to date, and make it anew once it was made for far fewer segments, which the notes then say."""
        from lancedb.index import IvfFlat

        if not self.table.there():
            return
        self.table.optimise()
        table = self.table.table()
        count = table.count_rows()
        if count >= INDEX_FROM and (count > RETRAIN * notes.trained or not table.list_indices()):
            with self.table.writing_errors():
                parts = max(1, count // PARTITION)
                how = IvfFlat(distance_type="l2", num_partitions=parts, max_iterations=15, sample_rate=64)
                table.create_index("vector", config=how, replace=True)
            notes.trained = count

    def notes(self) -> Notes:
        """What was noted last; nothing when there are no notes, or none that can be read: then all is tried again."""
        try:
            said = json.loads(self._notes_path.read_text("utf-8"))
            return Notes({int(content): str(why) for content, why in said["unheard"].items()}, int(said["trained"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Notes()

    def write_notes(self, notes: Notes) -> None:
        """Put down the notes, whole or not at all."""
        said = {"unheard": {str(content): why for content, why in notes.unheard.items()}, "trained": notes.trained}
        with self.table.writing_errors(), whole_file(self._notes_path) as temporary:
            temporary.write_text(json.dumps(said, indent=1), "utf-8")

    @property
    def _notes_path(self) -> Path:
        return Path(self.table.place) / f"{self.table.name}.json"


def _schema(dimension: int) -> pa.Schema:
    import pyarrow as pa

    vector = pa.list_(pa.float32(), dimension)
    return pa.schema([("content", pa.int64()), ("start_s", pa.float32()), ("vector", vector)])


def _matrix(found: pa.Table) -> Floats:
    vectors = found["vector"].combine_chunks()
    points: Floats = vectors.flatten().to_numpy().reshape(len(found), -1)
    return points
