"""The catalogue: every sound of the library, in a folder of its own, with search by words.

    FOLDER/catalogue.json    that this is a catalogue, and the version of its form; written last when it is made
    FOLDER/sounds.lance      the table
    FOLDER/write.lock        held by who is writing
    FOLDER/segments-*        the sounds' segments as an encoder's points (``segments``)

Writers take turns by the lock; readers never wait, and see the last state that was written whole.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from foley_bridge.errors import LibraryError
from foley_bridge.library import rows
from foley_bridge.library.conditions import category, conditions, kinds, within
from foley_bridge.library.rows import Row
from foley_bridge.library.sound import CORRECTABLE, LibrarySound
from foley_bridge.media.whole_file import whole_file

if TYPE_CHECKING:
    from foley_bridge.library.embedding import Embedded, EmbedProgress
    from foley_bridge.library.hearing import Encoders
    from foley_bridge.library.search import Found
    from foley_bridge.library.segments import Held, Segments
    from foley_bridge.library.snapshot import Snapshot

FORM = 1  # of the table and of the words in it; a catalogue of a newer form is refused
_MARKS = ("favourite", "banned")
_LONGEST = 4000  # characters of a corrected field
_ID = re.compile(r"[a-z0-9]{1,64}")
Sounds = list[LibrarySound]  # inside the class, list is a method
Names = list[str]
_Value = TypeVar("_Value")


class Catalogue:
    """The sounds in a catalogue's folder. Open it with ``Catalogue.open``; it may be shared by threads, not by a fork."""

    def __init__(self, folder: Path) -> None:
        from foley_bridge.library.store import Store

        self.folder = folder
        self._store = Store(folder)
        self._segments: dict[str, Segments] = {}

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Catalogue:
        """The catalogue in a folder; LanceDB itself is loaded when it is first used.

        Args:
            create: make an empty one if there is none.

        Raises:
            LibraryError: there is none, the folder cannot be written to, or a newer foley_bridge made it.
        """
        folder = Path(folder).absolute()
        catalogue = cls(folder)
        mark = folder / "catalogue.json"
        if not mark.is_file():
            if not create:
                raise LibraryError(f"{folder}: there is no sound library", "make one with foley-bridge library add DIR")
            catalogue._create(mark)
        try:
            form = json.loads(mark.read_text("utf-8"))["foley_bridge_catalogue"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LibraryError(f"{mark}: is no library's mark", "remove the folder and add your sounds again") from error
        if form != FORM:
            raise LibraryError(
                f"{folder}: this library has form {form}, this foley_bridge knows form {FORM}",
                "update foley_bridge, or use another folder with --library",
            )
        return catalogue

    def _create(self, mark: Path) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"{self.folder}: cannot be made, {error.strerror or error}", "choose another folder") from error
        with self._store.writing():
            if not mark.exists():
                self._store.create()
                with whole_file(mark) as temporary:
                    temporary.write_text(json.dumps({"foley_bridge_catalogue": FORM}), "utf-8")

    # Reading

    def count(self) -> int:
        """How many sounds there are."""
        return self._store.read(lambda table: table.count_rows())

    def get(self, sound: str) -> LibrarySound:
        """The sound of an id, or of a beginning of one that no other has.

        Raises:
            LibraryError: no sound has it, or several have.
        """
        return rows.sound_of(self._row(sound))

    def known(self, ids: Iterable[str]) -> dict[str, LibrarySound]:
        """The sounds of whole ids; those that are not there are left out."""
        return {row["id"]: rows.sound_of(row) for row in self._store.rows([*map(_known_id, ids)])}

    def search(
        self,
        words: str,
        *,
        ucs: str | None = None,
        length_s: tuple[float | None, float | None] = (None, None),
        channels: int | None = None,
        limit: int = 20,
    ) -> list[Found]:
        """The sounds that words name, best first (see ``search``); banned ones are left out.

        Args:
            words: as a person types them; empty lists what the other conditions leave, by name.
            ucs: a CatID, or the name or short form of a category for all in it.
            length_s: shortest and longest, seconds; None for no bound.
            channels: exactly as many.
            limit: at most as many sounds, 1-10 000.

        Raises:
            LibraryError: there is no such category, or a number that cannot be.
        """
        from foley_bridge.library import search

        query = search.parse(words)
        allowed = conditions(ucs, length_s, channels)
        wanted = within(limit)

        def ask(library: Snapshot) -> list[Found]:
            best = search.rank(query, library, allowed(library), wanted)
            found = library.rows([place for place, _ in best])
            return [search.Found(rows.sound_of(row), score) for row, (_, score) in zip(found, best, strict=True)]

        return self._store.on_snapshot(ask)

    def on_segments(self, space: str, ask: Callable[[Snapshot, Held], _Value]) -> _Value:
        """Ask the newest version of the sounds and of their segments in a space, held still.

        Raises:
            LibraryError: no sound has segments in this space.
        """
        segments = self.segments(space)
        if not segments.table.there():
            raise LibraryError(
                f"{self.folder}: its sounds are not embedded for the pack in use", "embed them with foley-bridge library embed"
            )
        return self._store.on_snapshot(lambda library: segments.table.on_newest(lambda held: ask(library, held)))

    def embedded(self, space: str) -> tuple[int, int]:
        """How many sounds have segments in a space, and how many sounds there are."""
        if not self.segments(space).table.there():
            return 0, self.count()
        # What a search holds of them, too, and keeps: to read all their contents each time takes a second where they are many.
        return self.on_segments(space, lambda library, held: (int((library.places_of(held.contents) >= 0).sum()), len(library)))

    def spaces(self) -> frozenset[str]:
        """The spaces that sounds are, or were, embedded in."""
        return frozenset(path.stem.removeprefix("segments-") for path in self.folder.glob("segments-*.lance"))

    def segments(self, space: str) -> Segments:
        """The sounds' segments in a space; there need not be any."""
        from foley_bridge.library.segments import Segments

        return self._segments.setdefault(space, Segments(self.folder, space))

    def list(
        self,
        *,
        ucs: str | None = None,
        favourite: bool | None = None,
        banned: bool | None = None,
        limit: int | None = None,
    ) -> Sounds:
        """Sounds by name, then id; a category or a mark narrows it.

        Raises:
            LibraryError: there is no such category.
        """
        import numpy as np

        among = None if ucs is None else np.array(kinds(ucs))

        def ask(library: Snapshot) -> Sounds:
            wanted = np.ones(len(library), dtype=bool) if among is None else np.isin(library.kind, among)
            for marked, asked in ((library.favourite, favourite), (library.banned, banned)):
                if asked is not None:
                    wanted &= marked == asked
            places = np.flatnonzero(wanted)
            first = places[np.argsort(library.order[places])][:limit]
            return [rows.sound_of(row) for row in library.rows(first.tolist())]

        return self._store.on_snapshot(ask)

    def all_files(self) -> dict[str, tuple[str, int, int, str]]:
        """What every file was when it was scanned: path to (id, size in bytes, mtime_ns, fingerprint)."""
        ids, paths, sizes, times, fingerprints = rows.flat_files(self._store.columns(["id", "files", "fingerprint"]))
        return dict(zip(paths, zip(ids, sizes, times, fingerprints, strict=True), strict=True))

    # Writing

    def upsert(self, sounds: Iterable[LibrarySound], *, leaving: Iterable[tuple[str, str]] = ()) -> None:
        """Put in what a scan found, in batches that each appear whole.

        A sound that is there already gets the new values, but keeps its other files, the fields that the user corrected and
        the user's marks.

        Args:
            leaving: (id, path) of files that no longer hold what the sound is; they leave with the first batch. A sound
                that no file holds any more goes.

        Raises:
            LibraryError: another program keeps writing to the library, an id cannot be one, or the disk is full.
        """
        from foley_bridge.library.store import BATCH

        every = iter(sounds)
        left: dict[str, set[str]] = {}
        for sound_id, path in leaving:
            left.setdefault(sound_id, set()).add(path)
        while (batch := [*itertools.islice(every, BATCH)]) or left:
            fresh: dict[str, Row] = {}
            for sound in batch:
                row = rows.row_of(sound)
                fresh[_known_id(sound.id)] = rows.joined(row, fresh[sound.id]) if sound.id in fresh else row
            with self._store.writing():
                held = self._store.rows([*{**fresh, **left}])
                old = {row["id"]: rows.without(row, left.get(row["id"], set())) for row in held}
                gone = [key for key, row in old.items() if key not in fresh and not row["files"]]
                new = [rows.joined(row, old[key]) if key in old else row for key, row in fresh.items()]
                new += [row for key, row in old.items() if key not in fresh and row["files"]]
                self._store.put(new, replace=bool(old), gone=gone)
            left = {}

    def forget(self, paths: Iterable[str]) -> Names:
        """Files that are gone; a sound that no file holds any more goes too. Returns the ids of those.

        Raises:
            LibraryError: another program keeps writing to the library.
        """
        gone = set(paths)
        if not gone:
            return []
        with self._store.writing():
            ids, held, *_ = rows.flat_files(self._store.columns(["id", "files", "fingerprint"]))
            touched = sorted({sound for sound, path in zip(ids, held, strict=True) if path in gone})
            left = [rows.without(row, gone) for row in self._store.rows(touched)]
            lost = [row["id"] for row in left if not row["files"]]
            self._store.put([row for row in left if row["files"]], replace=True, gone=lost)
        return lost

    def remove(self, sounds: Iterable[str]) -> int:
        """Take sounds out; their files stay on disk, and a later scan of them puts them in again. Returns how many.

        Raises:
            LibraryError: no sound has such an id, or several have; nothing is removed then.
        """
        with self._store.writing():
            ids = sorted({self._full_id(each) for each in sounds})
            self._store.delete(ids)
        return len(ids)

    def edit(self, sound: str, *, reset: Sequence[str] = (), **changes: Any) -> LibrarySound:
        """Correct what is known of a sound; a rescan keeps it.

        Args:
            sound: its id or a beginning of it.
            reset: names of corrected fields to be again what the scan found.
            changes: new values of ``CORRECTABLE`` fields, or of ``favourite`` and ``banned``.

        Raises:
            LibraryError: no such sound, no such field, no such CatID, or a value that the field cannot have.
        """
        new = {name: _checked(name, value) for name, value in changes.items()}
        if "cat_id" in new:
            named = category(new["cat_id"])
            new |= {"cat_id": named.cat_id, "category": named.category, "subcategory": named.subcategory, "cat_from": "user"}
        for name in reset:
            if name not in CORRECTABLE:
                raise LibraryError(f"{name}: is no field that can be reset", f"one of {', '.join(CORRECTABLE)}")
        with self._store.writing():
            row = rows.edited(self._row(sound), new, tuple(reset))
            self._store.put([row], replace=True)
        return rows.sound_of(row)

    def embed(
        self,
        encoders: Encoders,
        *,
        on_progress: Callable[[EmbedProgress], None] = lambda _: None,
        threads: int | None = None,
    ) -> Embedded:
        """Embed the sounds that have no segments in the encoders' space yet, and clear away those of sounds that are gone.

        Args:
            on_progress: called about ten times a second; may raise (`Cancelled`) to stop, and what is in stays in.
            threads: that read files; as many as pay off when None.

        Raises:
            LibraryError: another program embeds, or the disk is full. PackError: the pack's graphs fail.
        """
        from foley_bridge.library.embedding import embed

        return embed(self, encoders, on_progress=on_progress, threads=threads)

    def optimise(self) -> None:
        """Bring the index up to date, put small pieces together and clear away old versions. Do it after every scan.

        Raises:
            LibraryError: another program keeps writing to the library, or the disk is full.
        """
        with self._store.writing():
            self._store.optimise()

    # Inside

    def _full_id(self, beginning: str) -> str:
        wanted = beginning.strip().lower()
        if _ID.fullmatch(wanted):
            ids = sorted(self._store.columns(["id"], f"starts_with(id, '{wanted}')")["id"].to_pylist())
            if wanted in ids or len(ids) == 1:
                return wanted if wanted in ids else ids[0]
            if ids:
                raise LibraryError(f"{beginning}: {len(ids)} sounds' ids begin so", f"type more of it, such as {ids[0]}")
        raise LibraryError(f"{beginning[:80]!r}: no sound in the library has this id", "foley-bridge library search shows ids")

    def _row(self, sound: str) -> Row:
        return self._store.rows([self._full_id(sound)])[0]


def _known_id(sound: str) -> str:
    if not _ID.fullmatch(sound):
        raise LibraryError(f"{sound[:80]!r}: cannot be a sound's id", "an id has only letters a-z and digits")
    return sound


def _checked(name: str, value: Any) -> Any:
    """A correction that the field can hold."""
    if name in _MARKS:
        if not isinstance(value, bool):
            raise LibraryError(f"{name}: must be true or false")
        return value
    if name not in CORRECTABLE:
        raise LibraryError(f"{name}: is no field that can be corrected", f"one of {', '.join(CORRECTABLE + _MARKS)}")
    texts = [*value] if name == "keywords" and not isinstance(value, str) else [value]
    if not all(isinstance(each, str) for each in texts):
        raise LibraryError(f"{name}: must be text")
    if sum(map(len, texts)) > _LONGEST:
        raise LibraryError(f"{name}: is longer than {_LONGEST} characters", "shorten it")
    if name != "keywords":
        return value.strip()
    return [word.strip() for each in texts for word in each.split(",") if word.strip()]
