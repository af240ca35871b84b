"""A candidate as a take: what it is filed under, what its file is called, the file."""

from __future__ import annotations

from dataclasses import replace

from foley_bridge.conform import Cut, Label, Take, ucs_name, write_take
from foley_bridge.engines.candidate import Candidate
from foley_bridge.jobs.cues import Cue
from foley_bridge.jobs.job import Job
from foley_bridge.jobs.keys import digest
from foley_bridge.library import ucs

FX_NAME_LENGTH = 60  # what `ucs_name` keeps of it; in bytes, twice that


def make_take(job: Job, cue: Cue, cut: Cut, candidate: Candidate, number: int, key: str) -> Take:
    """Write a cue's take.

    Args:
        cut: the stretch it covers.
        candidate: its sound.
        number: 1 for the best.
        key: of the region.

    Raises:
        JobError, MediaError: it cannot be written.
    """
    category = ucs.category(_cat_id(cue, candidate))
    words = cue.region.words or (cue.example.path.stem if cue.example else "")
    if cue.example is None:  # another sound of the library makes another file
        key = digest(key, candidate.source)
    candidate = replace(candidate, source={**candidate.source, **job.seen_by(cue)})
    label = Label(
        cat_id=category.cat_id,
        category=category.category,
        sub_category=category.subcategory,
        fx_name=_fx_name(words, f" R{cue.number:02d} T{number}"),
        source_id=f"{title(job)[:15]} {key[:8]}",
    )
    place = job.request.media_dir / ucs_name(label.cat_id, label.fx_name, label.creator_id, label.source_id)
    take = write_take(
        candidate,
        path=job.outputs.add(place),
        cut=cut,
        label=label,
        sample_rate=job.request.sample_rate,
        level=cue.options.level,
        fade=cue.options.fade,
        channels=cue.options.channels,
        global_start=job.opened.record_start,
        generated=cue.engine == "analogy",
        provenance={"engine": cue.engine, "key": key, "region": cue.region.text},
    )
    return replace(take, path=place)


def _cat_id(cue: Cue, candidate: Candidate) -> str:
    return cue.options.ucs or candidate.source.get("cat_id") or ucs.guess(cue.region.words)


def title(job: Job) -> str:
    """What the job's timeline is called."""
    return job.opened.timeline.name or "timeline" if job.request.inline else job.request.timeline.stem


def _fx_name(words: str, ending: str) -> str:
    """Words and ending, the words shortened so that a file name has room for both: the ending tells takes apart."""
    words = words[: FX_NAME_LENGTH - len(ending)]
    while len(words.encode("utf-8", "ignore")) > 2 * FX_NAME_LENGTH - len(ending):
        words = words[:-1]
    return words.rstrip() + ending
