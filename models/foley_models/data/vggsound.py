"""VGG-Sound as it is published: a list of clips, and a folder of those of them that could be had.

The list has no header: YouTube id, start in seconds, label, split (``---g-f_I2yQ,1,people marching,test``); clips are called
``ID_START.mp4``, START with six digits. What is kept back of "train" is the validation set.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foley_models.data.clips import Clip, Moments, Skipped
from foley_models.data.film import FileState, Stretch
from foley_models.data.splitting import held_out
from foley_models.errors import ModelError

COLUMNS = 4


@dataclass(frozen=True)
class Row:
    """A line of the list. name: of the clip's file, without its suffix."""

    video: str
    name: str
    label: str
    split: str


class VggSound:
    """The clips of one split that are there.

    Args:
        listed: the CSV.
        folder: of the clips.
        split: "train", "validation" or "test".

    Raises:
        ModelError: list or folder cannot be read; names the file and the line.
    """

    another = "label"
    ready = False

    def __init__(self, listed: Path, folder: Path, split: str) -> None:
        self._folder = folder
        there = _files(folder)
        rows = [row for row in _rows(listed) if row.split == ("test" if split == "test" else "train")]
        found = sorted((row for row in rows if f"{row.name}.mp4" in there), key=lambda row: row.name)
        if split != "test" and found:
            validation = held_out(row.video for row in found)
            mine = [row for row in found if (row.video in validation) == (split == "validation")]
        else:
            mine = found
        self.missing = len(rows) - len(found)  # of what is listed as train, for training and validation alike
        self.skipped: list[Skipped] = []
        self.clips = [Clip(row.name, row.label, row.video) for row in mine]
        self.files = [FileState.of(f"{row.name}.mp4", there[f"{row.name}.mp4"]) for row in mine]

    def what(self, index: int) -> Mapping[str, Any]:
        """Which file."""
        return self._stretch(index).what()

    def make(self, index: int) -> Moments:
        """All of the clip."""
        return self._stretch(index).make()

    def _stretch(self, index: int) -> Stretch:
        state = self.files[index]
        return Stretch(self._folder / state.name, state)


def _files(folder: Path) -> dict[str, os.stat_result]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat() for entry in entries if entry.name.endswith(".mp4") and entry.is_file()}
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read, {error.strerror}", "give vggsound:CSV:FOLDER") from error


def _rows(listed: Path) -> list[Row]:
    """The list, each clip once."""
    rows: dict[str, Row] = {}
    try:
        with listed.open(newline="", encoding="utf-8-sig") as file:
            for number, cells in enumerate(csv.reader(file, skipinitialspace=True), 1):
                if cells:
                    row = _row(f"{listed}, line {number}", cells)
                    rows.setdefault(row.name, row)
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"{listed}: cannot be read, {reason}", "give the list as VGG-Sound publishes it") from error
    return list(rows.values())


def _row(where: str, cells: list[str]) -> Row:
    hint = "a line is: YouTube id, start in seconds, label, train or test"
    if len(cells) != COLUMNS:
        raise ModelError(f"{where}: has {len(cells)} columns, not {COLUMNS}", hint)
    video, start, label, split = (cell.strip() for cell in cells)
    if split not in ("train", "test"):
        raise ModelError(f"{where}: {split!r} is neither train nor test", hint)
    if not video or not label or not start.isdecimal():
        raise ModelError(f"{where}: {start!r} is no whole second" if not start.isdecimal() else f"{where}: is not whole", hint)
    return Row(video, f"{video}_{int(start):06d}", label, split)
