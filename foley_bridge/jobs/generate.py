"""The job: a timeline with marked regions in, a timeline with takes out.

The way of a cue, top to bottom: open the timeline, settle the cues, choose what the library has for them, and for each look at
the picture, let the engine propose, conform the proposals to takes; then place all takes, write the timeline, and publish
everything at once. A region that cannot be done does not keep the others from being done.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from foley_bridge.conform import Cut, Take, take_bytes
from foley_bridge.engines import recommend, transfer
from foley_bridge.engines.candidate import Proposal
from foley_bridge.errors import Cancelled, FoleyError
from foley_bridge.jobs import checkpoint, keys, making
from foley_bridge.jobs.choosing import choose, look_under
from foley_bridge.jobs.cues import Cue, Failed, failure, settle
from foley_bridge.jobs.job import Done, Job, naming
from foley_bridge.jobs.kept import keep_looks, keep_motion, keep_timeline
from foley_bridge.jobs.opening import open_request
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.publishing import Worked, publish
from foley_bridge.jobs.refusals import refuse_impossible, refuse_overwriting_media, rehearse_writing
from foley_bridge.jobs.request import GenerateRequest, Progress, Watcher, unwatched
from foley_bridge.jobs.result import Result
from foley_bridge.jobs.sight import Sight, sight_of
from foley_bridge.jobs.takes import make_take


def generate(request: GenerateRequest, watcher: Watcher = unwatched) -> Result:
    """Run a job here and now.

    Args:
        request: what to do.
        watcher: is told the progress; raise ``errors.Cancelled`` in it to stop.

    Raises:
        FoleyError: what cannot be done, and which file, region or field is the cause. Nothing is left behind.
    """
    with Outputs(request.out.absolute().parent, uuid.uuid4().hex[:12]) as outputs:
        return _run(request, outputs, watcher, lambda step: None, None)


def run_job(
    request: GenerateRequest,
    watcher: Watcher = unwatched,
    *,
    job: str,
    enter: Callable[[str], None] = lambda step: None,
    opened: Path | None = None,
) -> dict[str, Any]:
    """Run a job that may have been interrupted before: what it had done is used again, and the files are the same.

    Args:
        request, watcher: as in ``generate``.
        job: its id, by which what it staged is found again. ``outputs.sweep`` removes that once the answer is safe.
        enter: told the name of each step as it begins (docs/protocol.md).
        opened: where to keep the timeline as it was opened (``kept.py``).

    Returns:
        The result as JSON (docs/json.md), paths as the seat names them.

    Raises:
        FoleyError: as ``generate``.
    """
    with Outputs(request.out.absolute().parent, job, keep=True) as outputs:
        answer = outputs.published(request.folders)
        if answer is None:
            answer = _run(request, outputs, watcher, enter, opened).to_json(request.roots.to_remote)
        return answer


def _run(
    request: GenerateRequest, outputs: Outputs, watcher: Watcher, enter: Callable[[str], None], kept_at: Path | None
) -> Result:
    enter("opening")
    job, failed = _open(request, outputs, watcher, kept_at)
    if kept_at is not None:
        _keep(job, lambda: keep_timeline(kept_at, job.opened.timeline))
    worked: list[Worked] = []
    for cue in job.cues:
        enter(f"region {cue.number}")
        try:
            worked.append(Worked(cue, _work(job, cue)))
        except _RegionFault as fault:
            failed.append(failure(cue.number, cue.region, fault.error))
    if not worked:
        raise min(failed, key=lambda each: each.number).error
    if kept_at is not None:
        motion = {each.cue.number: each.done.detection.motion for each in worked if len(each.done.detection.motion.time_s)}
        _keep(job, lambda: keep_motion(kept_at, motion))
    return publish(job, worked, failed, enter)


def _keep(job: Job, keep: Callable[[], None]) -> None:
    """Keep something for those who go on with the reel. The job itself does not need it."""
    try:
        keep()
    except (OSError, FoleyError) as error:
        note = f"nobody can go on with this reel on its page: {error}"
        job.opened = replace(job.opened, notes=tuple(dict.fromkeys([*job.opened.notes, note])))


class _RegionFault(Exception):
    """A fault that belongs to one region; the others can be done."""

    def __init__(self, error: FoleyError) -> None:
        super().__init__(str(error))
        self.error = error


# --- everything that can be wrong is looked at before the first long step ---


def _open(request: GenerateRequest, outputs: Outputs, watcher: Watcher, kept_at: Path | None) -> tuple[Job, list[Failed]]:
    refuse_impossible(request)
    watcher(Progress("reading the timeline"))
    opened = open_request(request.timeline, request.regions, base=request.base, roots=request.roots)
    sight = sight_of(request.catalogue)
    cues, failed = settle(opened, request, sight)
    job = Job(request, opened, (), {}, outputs, watcher)
    for cue in _chosen(job, cues, sight, failed, kept_at):
        if cue.example is not None and cue.example not in job.exemplars:
            watcher(Progress(f"listening to {cue.example.path.name}", cue.number, opened.count))
        try:
            with naming(cue):
                cue = _looked_over(job, cue)
        except Cancelled:
            raise
        except FoleyError as error:
            failed.append(failure(cue.number, cue.region, error))
        else:
            job.cues = (*job.cues, cue)
    if not job.cues:
        raise min(failed, key=lambda each: each.number).error
    refuse_overwriting_media(job)
    rehearse_writing(job)
    outputs.folder(request.media_dir.resolve(), "takes")
    for path in (request.out, request.preview, request.report):
        if path is not None:
            outputs.folder(path.resolve().parent, path.name)
    outputs.room(request.media_dir, sum(_bytes_of(job, cue) for cue in job.cues))
    return job, failed


def _chosen(job: Job, cues: list[Cue], sight: Sight, failed: list[Failed], kept_at: Path | None) -> list[Cue]:
    """The cues with what the library has for them."""
    if not any(cue.engine == "recommend" for cue in cues):
        return cues
    job.opened = replace(job.opened, notes=(*job.opened.notes, *sight.notes))
    looks = look_under(job, cues, sight, kept_at)
    if kept_at is not None and looks.seen and sight.encoders is not None:
        pack = sight.encoders.pack.hash
        _keep(job, lambda: keep_looks(kept_at, looks.seen, pack))
    return choose(job, cues, sight, looks, failed)


def _looked_over(job: Job, cue: Cue) -> Cue:
    """Listen to a cue's example, see that its picture is there, and that what it needs fits."""
    example = cue.example
    if example is not None and example not in job.exemplars:
        heard = transfer.listen(
            example.path, sample_rate=job.request.sample_rate, start=example.start, duration=example.duration
        )
        job.exemplars = {**job.exemplars, example: heard}
    transfer.check_picture(job.picture(cue), cue.region)
    job.network(cue)
    return making.with_pack(job, cue, cue.options.takes or 1) if cue.engine == "analogy" else cue


def _bytes_of(job: Job, cue: Cue) -> int:
    channels = max(2, job.exemplars[cue.example].samples.shape[1] if cue.example else 2)
    return (cue.options.takes or 1) * take_bytes(job.cut(cue), sample_rate=job.request.sample_rate, channels=channels)


# --- one cue: picture, engine, conform ---


def _work(job: Job, cue: Cue) -> Done:
    """Raises _RegionFault for what is the region's own fault; a disk that is full is the whole job's."""
    note = job.outputs.note(f"region_{cue.number}.json")
    asked = keys.asked(job, cue)
    if (before := checkpoint.load(note, asked, job.request.media_dir, job.outputs)) is not None:
        return before
    cut = job.cut(cue)
    try:
        with naming(cue):
            proposal = _propose(job, cue, cut)
    except Cancelled:
        raise
    except FoleyError as error:
        raise _RegionFault(error) from error
    key = keys.region_key(job, cue, proposal.detection)
    takes = list[Take]()
    waiting = [*proposal.candidates]
    count, proposal = len(waiting), replace(proposal, candidates=())
    with naming(cue):
        while waiting:  # what was made sound goes before the next is
            job.writing_takes(cue, len(takes) / count)
            takes.append(make_take(job, cue, cut, waiting.pop(0), len(takes) + 1, key))
    done = Done(key, proposal.detection, tuple(takes), (*cue.notes, *proposal.notes))
    checkpoint.save(note, done, asked)
    return done


def _propose(job: Job, cue: Cue, cut: Cut) -> Proposal:
    if cue.engine == "recommend":
        assert cue.options.takes is not None  # it has a default
        length_s = float(cue.region.end - cue.region.start)
        heard, notes = recommend.listen_to(
            cue.choices, takes=cue.options.takes, length_s=length_s, sample_rate=job.request.sample_rate
        )
        proposal = recommend.propose(cue.region, cue.options, job.look(cue), heard, cut=cut, looked_with=dict(cue.by_pack))
        return replace(proposal, notes=(*notes, *proposal.notes))
    assert cue.example is not None  # `settle` saw to it
    if cue.engine == "analogy":
        return making.make(job, cue, job.look(cue), job.exemplars[cue.example])
    return transfer.propose(cue.region, cue.options, job.look(cue), job.exemplars[cue.example], cut=cut)
