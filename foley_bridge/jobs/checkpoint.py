"""A region done, as a note on disk: what a job that was interrupted need not do again.

Floats and fractions come back exactly, and the takes' files are held against their hashes, so a job taken up again ends in the
same bytes as one that was never interrupted.
"""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from foley_bridge.conform import Take
from foley_bridge.engines.candidate import Curve, Detection, Moment, Onset
from foley_bridge.jobs.job import Done
from foley_bridge.jobs.keys import sha256_of
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.media.whole_file import whole_file

_FRACTIONS = {"start", "duration", "handle"}
_TUPLES = {"onsets_s", "notes"}


def save(path: Path, done: Done, asked: str) -> None:
    """Write a region down.

    Args:
        path: of the note, written whole.
        done: the region; its takes are on disk.
        asked: what it was made from, as a hash: ``load`` gives it back only for the same.
    """
    detection = done.detection
    content = {
        "asked": asked,
        "key": done.key,
        "notes": done.notes,
        "onsets": [[onset.time_s, onset.confidence, onset.strength] for onset in detection.onsets],
        "reliable": detection.reliable,
        "reason": detection.reason,
        "tapped": detection.tapped,
        "seen": [[each.time_s, each.confidence, each.strength, each.sensitivity] for each in detection.seen],
        "motion": [detection.motion.time_s.tolist(), detection.motion.value.tolist()],
        "takes": [_take_json(take) for take in done.takes],
    }
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content), "utf-8")


def load(path: Path, asked: str, media_dir: Path, outputs: Outputs) -> Done | None:
    """A region written down before; its takes are among the outputs again.

    Args:
        path: of the note, which lies where others may write too: nothing in it is believed that cannot be seen.
        asked: as in ``save``.
        media_dir: where takes go.
        outputs: of the job.

    Returns:
        None when there is no note, it was made from something else, or a take is not what it was.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
        if said["asked"] != asked:
            return None
        takes = tuple(_take(take) for take in said["takes"])
        for take in takes:
            if take.path.parent != media_dir:
                return None
            if sha256_of(outputs.before(take.path)) != take.sha256:
                return None
        time_s, value = (np.array(each, np.float64) for each in said["motion"])
        onsets = tuple(Onset(*onset) for onset in said["onsets"])
        seen = tuple(Moment(*moment) for moment in said["seen"])
        detection = Detection(onsets, said["reliable"], said["reason"], Curve(time_s, value), said["tapped"], seen)
        done = Done(said["key"], detection, takes, tuple(said["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for take in takes:
        outputs.add(take.path)
    return done


def _take_json(take: Take) -> dict[str, Any]:
    said = {field.name: getattr(take, field.name) for field in fields(take)}
    return {name: str(value) if isinstance(value, Fraction | Path) else value for name, value in said.items()}


def _take(said: dict[str, Any]) -> Take:
    read: dict[str, Any] = {name: Fraction(value) if name in _FRACTIONS else value for name, value in said.items()}
    read |= {name: tuple(read[name]) for name in _TUPLES}
    return Take(**{**read, "path": Path(said["path"])})
