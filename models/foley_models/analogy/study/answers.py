"""What participants said: CSV files of the page, held against the study's key."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foley_models.analogy.study.key import Key, KeyPair
from foley_models.analogy.study.page import COLUMNS, QUESTIONS
from foley_models.errors import ModelError

SIDES = ("left", "right")
HINT = "give the files that participants saved in this study's page"


@dataclass(frozen=True)
class Answer:
    """A set that a participant has judged.

    Attributes:
        participant: who. number: of the set, from 1. practice: is it not counted?
        pair: of the list. alternative: the system beside the base.
        chosen: of each question, was the alternative chosen?
    """

    participant: str
    number: int
    practice: bool
    pair: int
    alternative: str
    chosen: Mapping[str, bool]


def read(key: Key, paths: Sequence[Path]) -> list[Answer]:
    """All answers in files, or in folders of them. A file that was saved twice counts once.

    Raises:
        ModelError: a file is none of the study's page, or two of them contradict each other.
    """
    clips = {clip: (pair, system) for pair in key.pairs for system, clip in pair.clips.items()}
    found: dict[tuple[str, int], Answer] = {}
    for path in _files(paths):
        for line, row in _rows(path):
            answer = _answer(key, clips, row, f"{path}, line {line}")
            before = found.setdefault((answer.participant, answer.number), answer)
            if before != answer:
                raise ModelError(
                    f"{path}, line {line}: {answer.participant} said something else of set {answer.number} in another file",
                    "give one file of each participant",
                )
    if not found:
        raise ModelError("there are no answers", HINT)
    return list(found.values())


def _files(paths: Sequence[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix.lower() == ".csv")
            if not inside:
                raise ModelError(f"{path}: there is no CSV in it", HINT)
            yield from inside
        else:
            yield path


def _rows(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ModelError(f"{path}: its columns are not {', '.join(COLUMNS)}", HINT)
            for row in reader:
                yield reader.line_num, row
    except OSError as error:
        raise ModelError(f"{path}: cannot be read, {error.strerror}", HINT) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ModelError(f"{path}: is no CSV, {error}", HINT) from error


def _answer(key: Key, clips: Mapping[str, tuple[KeyPair, str]], row: dict[str, str], where: str) -> Answer:
    if row["study"] != key.id:
        raise ModelError(f"{where}: it answers another study", HINT)
    number = int(row["set"]) if (row["set"] or "").isdecimal() else 0
    shown = [clips.get(row[side]) for side in SIDES]
    if None in shown or not 1 <= number <= key.sets or not row["participant"]:
        raise ModelError(f"{where}: there is no such set in the study", HINT)
    (pair, left), (other, right) = (each for each in shown if each is not None)
    if pair is not other or pair.example != row["example"] or (left == key.base) == (right == key.base):
        raise ModelError(f"{where}: the study has no set of these clips", HINT)
    if any(row[question] not in SIDES for question in QUESTIONS):
        raise ModelError(f"{where}: an answer is neither left nor right", HINT)
    alternative = right if left == key.base else left
    side = "right" if left == key.base else "left"
    chosen = {question: row[question] == side for question in QUESTIONS}
    return Answer(row["participant"], number, number <= key.practice, pair.number, alternative, chosen)
