"""What tells regions, their takes and their inputs apart: hashes of everything that a take's sound depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from foley_bridge import __version__
from foley_bridge.engines.candidate import Detection
from foley_bridge.jobs.cues import Cue
from foley_bridge.jobs.job import Job


def asked(job: Job, cue: Cue) -> str:
    """What a region's takes are made from, without looking at the picture: the same for the same request on the same files."""
    return digest(_facts(job, cue), _files_of(job, cue))


def looked_at(job: Job, cue: Cue) -> str:
    """What a region's pictures are: the same for the same stretch of the same files."""
    return digest(
        str(cue.region.start), str(cue.region.end), _stamps(_pictures_of(job, cue)), [*map(repr, job.picture(cue).spans)]
    )


def region_key(job: Job, cue: Cue, detection: Detection) -> str:
    """The key of a region: the same for the same request on the same picture and example, and only then."""
    motion = detection.motion
    seen = hashlib.sha256(np.concatenate([motion.time_s, motion.value]).tobytes()).hexdigest()
    return digest(_facts(job, cue), seen, [(onset.time_s, onset.confidence, onset.strength) for onset in detection.onsets])


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, which is what a take is called; OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(*facts: Any) -> str:
    """32 hexadecimal digits of SHA-256 over facts as JSON."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _facts(job: Job, cue: Cue) -> list[Any]:
    """What a region was asked: its text, its options, its example, and the timeline around it."""
    exemplar = job.exemplars[cue.example] if cue.example else None
    return [
        __version__,
        cue.engine,
        exemplar.name if exemplar else None,
        str(job.opened.record_start),
        str(job.opened.duration),
        cue.region.text,
        str(cue.region.start),
        str(cue.region.end),
        str(cue.region.rate),
        job.request.sample_rate,
        {f.name: str(getattr(cue.options, f.name)) for f in fields(cue.options) if f.name != "takes"},
        exemplar.digest if exemplar else None,
        cue.by_pack,
        job.seen_by(cue),
    ]


def _files_of(job: Job, cue: Cue) -> list[Any]:
    """What tells that a region's picture and sounds are still the same files, and how many takes are asked."""
    paths = _pictures_of(job, cue) | {path for choice in cue.choices for path in choice.sound.paths}
    if cue.example is not None:  # whose picture may have a say, too
        paths.add(str(cue.example.path))
    return [_stamps(paths), cue.options.takes, [choice.sound.id for choice in cue.choices]]


def _pictures_of(job: Job, cue: Cue) -> set[str]:
    return {span.media.path for span in job.picture(cue).spans if span.media is not None and span.media.path}


def _stamps(paths: set[str]) -> list[tuple[str, tuple[int, int] | None]]:
    return [(path, _stamp(Path(path))) for path in sorted(paths)]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
