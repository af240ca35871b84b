"""The job: a timeline with marked regions in, a timeline with takes out.

The way of a cue, top to bottom: open the timeline, settle the cues, and for each look at the picture, let the engine propose,
conform the proposals to takes; then place all takes, and write the timeline last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import partial

import numpy as np

from foley_bridge import __version__
from foley_bridge.conform import Cut, Label, Take, take_bytes, ucs_name, write_take
from foley_bridge.engines import transfer
from foley_bridge.engines.candidate import Candidate, Proposal
from foley_bridge.jobs.cues import Cue, settle
from foley_bridge.jobs.job import Job, naming, start_timecode
from foley_bridge.jobs.opening import open_request
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.preview import write_preview
from foley_bridge.jobs.refusals import refuse_impossible, refuse_overwriting_media, rehearse_writing
from foley_bridge.jobs.reporting import write_job_report
from foley_bridge.jobs.request import GenerateRequest, Progress, Watcher, unwatched
from foley_bridge.jobs.result import RegionResult, Result
from foley_bridge.library import ucs
from foley_bridge.timeline import files
from foley_bridge.timeline.picture import picture_under
from foley_bridge.timeline.place import PlacedTake, Placement, mark_hits, place_takes
from foley_bridge.timeline.time import timecode

FX_NAME_LENGTH = 60  # what `ucs_name` keeps of it; in bytes, twice that


def generate(
    request: GenerateRequest, watcher: Watcher = unwatched, *, truth: Mapping[int, Sequence[float]] | None = None
) -> Result:
    """Run a job.

    Args:
        request: what to do.
        watcher: is told the progress; raise ``errors.Cancelled`` in it to stop.
        truth: true onsets by region number (from 1), timeline seconds, for the report (the demo knows them).

    Raises:
        FoleyError: what cannot be done, and which file, region or field is the cause. Nothing is left behind.
    """
    with Outputs() as outputs:
        job = _open(request, outputs, watcher)
        done = [_work(job, cue) for cue in job.cues]
        return _publish(job, done, truth or {})


@dataclass(frozen=True)
class _Done:
    """A cue, done."""

    cue: Cue
    key: str
    proposal: Proposal
    takes: tuple[Take, ...]


# --- everything that can be wrong is looked at before the first long step ---


def _open(request: GenerateRequest, outputs: Outputs, watcher: Watcher) -> Job:
    refuse_impossible(request)
    watcher(Progress("reading the timeline"))
    opened = open_request(request.timeline, request.regions)
    cues = settle(
        opened.timeline,
        opened.regions,
        base=opened.base,
        named=request.options,
        exemplar=request.exemplar,
        record_start=opened.record_start,
    )
    exemplars = {}
    for cue in cues:
        if cue.example not in exemplars:
            watcher(Progress(f"listening to {cue.example.path.name}", cue.number, len(cues)))
            with naming(cue):
                exemplars[cue.example] = transfer.listen(
                    cue.example.path, sample_rate=request.sample_rate, start=cue.example.start, duration=cue.example.duration
                )
    job = Job(request, opened, tuple(cues), exemplars, outputs, watcher)
    for cue in cues:
        with naming(cue):
            transfer.check_picture(job.picture(cue), cue.region)
    refuse_overwriting_media(job)
    rehearse_writing(job)
    outputs.folder(request.media_dir.resolve(), "takes")
    for path in (request.out, request.preview, request.report):
        if path is not None:
            outputs.folder(path.resolve().parent, path.name)
    outputs.room(request.media_dir, sum(_bytes_of(job, cue) for cue in cues))
    return job


def _bytes_of(job: Job, cue: Cue) -> int:
    channels = max(2, job.exemplars[cue.example].samples.shape[1])
    return (cue.options.takes or 1) * take_bytes(job.cut(cue), sample_rate=job.request.sample_rate, channels=channels)


# --- one cue: picture, engine, conform ---


def _work(job: Job, cue: Cue) -> _Done:
    picture, cut = job.picture(cue), job.cut(cue)
    first, length = picture.spans[0].start, picture.spans[-1].end - picture.spans[0].start

    def seen(time_s: float) -> None:
        job.progress("looking at the picture", cue, min(1.0, max(0.0, (time_s - float(first)) / float(length))))

    with naming(cue):
        proposal = transfer.propose(cue.region, cue.options, picture, job.exemplars[cue.example], cut=cut, seen=seen)
        key = _key(job, cue, proposal)
        takes = []
        for number, candidate in enumerate(proposal.candidates, start=1):
            job.progress("writing takes", cue, (number - 1) / len(proposal.candidates))
            takes.append(_take(job, cue, cut, candidate, number, key))
    return _Done(cue, key, proposal, tuple(takes))


def _take(job: Job, cue: Cue, cut: Cut, candidate: Candidate, number: int, key: str) -> Take:
    category = ucs.category(cue.cat_id)
    label = Label(
        cat_id=category.cat_id,
        category=category.category,
        sub_category=category.subcategory,
        fx_name=_fx_name(cue.region.words or cue.example.path.stem, f" R{cue.number:02d} T{number}"),
        source_id=f"{job.request.timeline.stem[:15]} {key[:8]}",
    )
    path = job.request.media_dir / ucs_name(label.cat_id, label.fx_name, label.creator_id, label.source_id)
    return write_take(
        candidate,
        path=job.outputs.add(path),
        cut=cut,
        label=label,
        sample_rate=job.request.sample_rate,
        level=cue.options.level,
        fade=cue.options.fade,
        channels=cue.options.channels,
        global_start=job.opened.record_start,
        provenance={"engine": cue.engine, "key": key, "region": cue.region.text},
    )


def _fx_name(words: str, ending: str) -> str:
    """Words and ending, the words shortened so that a file name has room for both: the ending tells takes apart."""
    words = words[: FX_NAME_LENGTH - len(ending)]
    while len(words.encode("utf-8", "ignore")) > 2 * FX_NAME_LENGTH - len(ending):
        words = words[:-1]
    return words.rstrip() + ending


def _key(job: Job, cue: Cue, proposal: Proposal) -> str:
    """The idempotency key: the same for the same request on the same picture and example, and only then."""
    exemplar = job.exemplars[cue.example]
    motion = proposal.detection.motion
    facts = [
        __version__,
        cue.engine,
        exemplar.name,
        str(job.opened.record_start),
        str(job.opened.duration),
        cue.region.text,
        str(cue.region.start),
        str(cue.region.end),
        str(cue.region.rate),
        job.request.sample_rate,
        {f.name: str(getattr(cue.options, f.name)) for f in fields(cue.options) if f.name != "takes"},
        hashlib.sha256(np.ascontiguousarray(exemplar.samples).data).hexdigest(),
        hashlib.sha256(np.concatenate([motion.time_s, motion.value]).tobytes()).hexdigest(),
        [(onset.time_s, onset.confidence, onset.strength) for onset in proposal.detection.onsets],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


# --- all cues done: place, write, the timeline last ---


def _publish(job: Job, done: Sequence[_Done], truth: Mapping[int, Sequence[float]]) -> Result:
    request, opened = job.request, job.opened
    placements = [Placement(d.cue.region, tuple(_placed(take) for take in d.takes), d.cue.engine, d.key) for d in done]
    place_takes(opened.timeline, placements, takes_as_tracks=request.takes_as_tracks)
    if request.hits_as_markers:
        for d in done:
            mark_hits(opened.timeline, d.cue.region, [(Fraction(o.time_s), o.confidence) for o in d.proposal.detection.onsets])
    notes = list(opened.notes)
    if request.preview is not None:
        whole = picture_under(opened.timeline, Fraction(0), opened.duration, start_timecode, base=opened.base)
        advance = partial(job.progress, "rendering the preview", None)
        chosen = [d.takes[0] for d in done]
        notes += write_preview(job.outputs.add(request.preview), whole, chosen, rate=opened.rate, advance=advance)
    regions = tuple(_region_result(job, d) for d in done)
    result = Result(
        request.timeline,
        request.out,
        opened.rate,
        opened.duration,
        opened.record_start,
        regions,
        tuple(notes),
        request.preview,
        request.report,
    )
    if request.report is not None:
        job.progress("writing the report")
        pictures = [job.picture(d.cue) for d in done]
        motion = [d.proposal.detection.motion for d in done]
        write_job_report(job.outputs.add(request.report), result, pictures, motion, truth)
    job.progress("writing the timeline")
    said = files.write(opened.timeline, job.outputs.add(request.out), base=opened.base)
    return replace(result, notes=(*result.notes, *said))


def _placed(take: Take) -> PlacedTake:
    return PlacedTake(
        path=take.path,
        start=take.start,
        duration=take.duration,
        handle=take.handle,
        sample_rate=take.sample_rate,
        frames=take.frames,
        channels=take.channels,
        onsets_s=take.onsets_s,
        score=take.score,
        seed=take.seed,
        source=take.source,
    )


def _region_result(job: Job, done: _Done) -> RegionResult:
    region, detection = done.cue.region, done.proposal.detection
    notes = (*region.notes, *done.proposal.notes, *dict.fromkeys(note for take in done.takes for note in take.notes))
    return RegionResult(
        name=region.name,
        text=region.text,
        start=region.start,
        end=region.end,
        timecode=timecode(job.opened.record_start + region.start, region.rate),
        engine=done.cue.engine,
        onsets=detection.onsets,
        tapped=detection.tapped,
        reliable=detection.reliable,
        reason=detection.reason,
        takes=done.takes,
        notes=notes,
    )
