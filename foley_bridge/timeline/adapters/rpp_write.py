"""An OTIO timeline as a REAPER project.

A timeline that was read from a project has it in its metadata. It is read again as it was, each clip, track and marker is held
against what it was then, and only what differs is changed in the text: everything else stays byte for byte. Clips, tracks and
markers that did not come from the project are added; of our own takes all become takes of one item. A timeline that never was a
project becomes a small new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from foley_bridge.timeline.adapters.rpp_edit import (
    SAME,
    change_item,
    close_folders,
    name_files_from,
    remove,
    set_name,
    set_word,
)
from foley_bridge.timeline.adapters.rpp_file import Chunk, Project, decimal, is_line, with_word, words
from foley_bridge.timeline.adapters.rpp_foley import foley_item, track_mark
from foley_bridge.timeline.adapters.rpp_items import marks_of
from foley_bridge.timeline.adapters.rpp_new import Guids, NewItem, NewTake, empty_project, item_chunk, marker_lines, track_chunk
from foley_bridge.timeline.adapters.rpp_read import KEY, OURS, color_of, origin, timeline_of, told, unpacked
from foley_bridge.timeline.layout import place_of, timeline_rate
from foley_bridge.timeline.media_paths import local_path
from foley_bridge.timeline.time import seconds_of
from foley_bridge.timeline.unfolded import Shown, by_track


def data_of(timeline: otio.schema.Timeline) -> bytes:
    """The project's bytes.

    In the timeline's metadata ``rpp``, ``from`` is the folder that relative paths start from, and ``to`` the one in which the
    project will lie; both may be left out.

    Raises:
        TimelineError: a timeline without a rate, or with a damaged project in its metadata.
    """
    said = timeline.metadata.get(KEY)
    said = said if hasattr(said, "get") else {}
    project = unpacked(said.get("project"))
    if project is None:
        start = seconds_of(timeline.global_start_time) if timeline.global_start_time is not None else Fraction(0)
        project, before = empty_project(timeline.name, timeline_rate(timeline), start), otio.schema.Timeline()
    else:
        before = timeline_of(project.data())
    folder, base = said.get("to"), said.get("from")
    if folder and base and base != folder:
        name_files_from(project.root, str(base))
    writer = _Writer(project, Path(str(folder)) if folder else None)
    writer.markers(before, timeline)
    writer.tracks(before, timeline)
    return project.data()


class _Writer:
    """Changes a project's text to what a timeline says."""

    def __init__(self, project: Project, folder: Path | None) -> None:
        self.root = project.root
        self.folder = folder
        self.end = project.line_end
        self.guids = Guids(project.root.text())

    # --- tracks and items ---

    def tracks(self, before: otio.schema.Timeline, now: otio.schema.Timeline) -> None:
        """Change, add and remove tracks and items."""
        chunks = list(self.root.chunks("TRACK"))
        items = [list(chunk.chunks("ITEM")) for chunk in chunks]
        was = {key: shown for _, clips in by_track(before) for shown in clips if (key := origin(shown.clip)) is not None}
        left = dict(was)
        added: list[Chunk] = []
        for track, clips in _in_reapers_order(now):
            index = _track_number(track, chunks)
            new: list[NewItem] = []
            for shown in clips:
                key = origin(shown.clip)
                if index is None or key is None or key not in left:
                    new.append(self._item(shown))
                    continue
                chunk = items[key[0]][key[1]]
                change_item(chunk, left.pop(key), shown, self._path(shown.address), self.end)
                if key[0] != index:
                    remove(chunks[key[0]], chunk)
                    chunks[index].inside.append(chunk)
            if index is None:
                mark = track_mark(track)
                added.append(track_chunk(track.name, not track.enabled, new, self.guids, self.end, mark=mark))
            else:
                chunks[index].inside += [item_chunk(each, self.guids, self.end) for each in new]
        for number, which in left:
            remove(chunks[number], items[number][which])
        self._settle_tracks(chunks, before, now)
        if added:
            there = list(self.root.chunks("TRACK"))
            close_folders(there, self.end)
            after = next((index for index, each in enumerate(self.root.inside) if there and each is there[-1]), None)
            at = len(self.root.inside) if after is None else after + 1
            self.root.inside[at:at] = added

    def _settle_tracks(self, chunks: list[Chunk], before: otio.schema.Timeline, now: otio.schema.Timeline) -> None:
        """Names and mutes that changed, and tracks that went."""
        was = {(told(each, "track"), told(each, "lane"), each.kind): each for each in before.tracks}
        there = set()
        for track in now.tracks:
            index = _track_number(track, chunks)
            if index is None:
                continue
            there.add(index)
            old = was.get((index, told(track, "lane"), getattr(track, "kind", None)))
            if old is not None and track.name != old.name and told(track, "lane") == 0:
                set_name(chunks[index], track.name, self.end)
            if old is not None and track.enabled != old.enabled:
                set_word(chunks[index], "MUTESOLO", 1, str(int(not track.enabled)), self.end)
        for index, chunk in enumerate(chunks):
            folder = words(chunk.line("ISBUS") or "ISBUS 0 0")[2:3]
            if index not in there and folder in ([], ["0"]):  # the first and last track of a folder stay, empty
                remove(self.root, chunk)

    def _item(self, shown: Shown) -> NewItem:
        """An item for a clip that did not come from the project."""
        ours = foley_item(shown, self._path)
        if ours is not None:
            return ours
        take = NewTake(shown.clip.name, self._path(shown.address), shown.offset, shown.speed)
        return NewItem(shown.start, shown.length, (take,), muted=not shown.clip.enabled)

    def _path(self, address: str | None) -> str | None:
        """How the project names a file: from its own folder where it lies inside, else as it is."""
        path = None if address is None else local_path(address, Path())
        if path is None:
            return address
        if self.folder is not None and path.is_relative_to(self.folder):
            return path.relative_to(self.folder).as_posix()
        return str(path)

    # --- markers ---

    def markers(self, before: otio.schema.Timeline, now: otio.schema.Timeline) -> None:
        """Change, add and remove markers and regions."""
        marks = {mark.index: mark for mark in marks_of(self.root)}
        was = {told(marker, "line"): marker for marker in before.tracks.markers}
        left = dict(marks)
        added: list[otio.schema.Marker] = []
        root = place_of(now.tracks, Fraction(0))
        for marker in now.tracks.markers:
            mark = left.get(told(marker, "line"))
            if mark is None or (_length(was[mark.index]) > 0) != (_length(marker) > 0):
                added.append(marker)
                continue
            del left[mark.index]
            self._change_marker(mark.index, mark.end_index, was[mark.index], marker, root)
        gone = {index for mark in left.values() for index in (mark.index, mark.end_index) if index is not None}
        numbers = [mark.number for mark in marks.values()]
        lines: list[str] = []
        for number, marker in enumerate(added, start=max(numbers, default=0) + 1):
            lines += self._new_marker(number, marker, root)
        at = 1 + max(
            (i for i, each in enumerate(self.root.inside) if is_line(each, "MARKER")), default=self._before_tracks() - 1
        )
        inside = self.root.inside
        self.root.inside = [
            *(each for index, each in enumerate(inside[:at]) if index not in gone),
            *lines,
            *inside[at:],
        ]

    def _before_tracks(self) -> int:
        chunks = (index for index, each in enumerate(self.root.inside) if isinstance(each, Chunk) and each.name == "TRACK")
        return next(chunks, len(self.root.inside))

    def _change_marker(self, index: int, end_index: int | None, was: Any, now: Any, root: Any) -> None:
        inside = self.root.inside
        if was.name != now.name:
            inside[index] = with_word(str(inside[index]), 3, now.name)
        start, length = root.parent(seconds_of(now.marked_range.start_time)), _length(now)
        if abs(start - seconds_of(was.marked_range.start_time)) > SAME or abs(length - _length(was)) > SAME:
            inside[index] = with_word(str(inside[index]), 2, decimal(start))
            if end_index is not None:
                inside[end_index] = with_word(str(inside[end_index]), 2, decimal(start + length))
        color = color_of(now.color)
        if was.color != now.color and color is not None and len(words(str(inside[index]))) > 7:
            value = 0x1000000 | color[0] << 16 | color[1] << 8 | color[2]
            inside[index] = with_word(with_word(str(inside[index]), 5, str(value)), 7, "B")

    def _new_marker(self, number: int, marker: otio.schema.Marker, root: Any) -> Sequence[str]:
        start, length = root.parent(seconds_of(marker.marked_range.start_time)), _length(marker)
        ours = marker.metadata.get(OURS)
        ours = ours if hasattr(ours, "get") else {}
        stop = start + length if length > 0 and ours.get("kind") != "hit" else None
        wanted = ours.get("id")
        guid = self.guids.own(wanted if isinstance(wanted, str) else None, "marker", marker.name, start, stop)
        return marker_lines(number, marker.name, start, stop, color_of(marker.color), guid, self.end)


def _length(marker: Any) -> Fraction:
    return seconds_of(marker.marked_range.duration)


def _track_number(track: Any, chunks: list[Chunk]) -> int | None:
    """Which track of the project a track came from."""
    index = told(track, "track")
    return index if isinstance(index, int) and 0 <= index < len(chunks) else None


def _in_reapers_order(timeline: otio.schema.Timeline) -> list[tuple[Any, list[Shown]]]:
    """The top video track first, as REAPER has it, then everything else."""
    tracks = by_track(timeline)
    video = [each for each in tracks if getattr(each[0], "kind", None) == otio.schema.TrackKind.Video]
    return [*reversed(video), *(each for each in tracks if getattr(each[0], "kind", None) != otio.schema.TrackKind.Video)]
