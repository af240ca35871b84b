"""What a job refuses before its first long step: outputs that would overwrite inputs, formats that cannot hold the result."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import opentimelineio as otio

from foley_bridge.errors import JobError, TimelineError
from foley_bridge.jobs.job import Job
from foley_bridge.jobs.request import GenerateRequest
from foley_bridge.timeline import files
from foley_bridge.timeline.media_paths import local_path
from foley_bridge.timeline.place import PlacedTake, Placement, place_takes

PREVIEWS, REPORTS = (".mp4",), (".html", ".htm")


def refuse_impossible(request: GenerateRequest) -> None:
    """Raises JobError for a request that cannot end well whatever its timeline holds."""
    _refuse_clashes(request)
    if request.out.suffix.lower() not in files.WRITTEN:
        raise JobError(f"{request.out}: cannot write timelines of this kind", f"end the name in {', '.join(files.WRITTEN)}")
    if request.shape is not None and request.out.suffix.lower() != ".otio":
        raise JobError(f"{request.out}: a timeline for {request.shape.title()} is an .otio file", "end the name in .otio")
    for option, path, suffixes in (("--preview", request.preview, PREVIEWS), ("--report", request.report, REPORTS)):
        if path is not None and path.suffix.lower() not in suffixes:
            raise JobError(f"{option} {path}: that is not its kind of file", f"end the name in {' or '.join(suffixes)}")
    if not 8000 <= request.sample_rate <= 384000:
        raise JobError(
            f"a sample rate of {request.sample_rate} Hz is not for takes", "48000 is usual; 44100 and 96000 are common"
        )


def _refuse_clashes(request: GenerateRequest) -> None:
    """No output may be an input, or another output."""
    taken = {request.timeline.resolve(): "the request itself"}
    if request.exemplar is not None:
        taken[request.exemplar.resolve()] = "the example sound"
    for option, path in (("--out", request.out), ("--preview", request.preview), ("--report", request.report)):
        if path is None:
            continue
        what = taken.setdefault(path.resolve(), f"what {option} writes")
        if what != f"what {option} writes":
            raise JobError(f"{option} would overwrite {what}, {path}", "give it another name")


def refuse_overwriting_media(job: Job) -> None:
    """A preview on top of the picture that it shows, or of a sound beside it, would destroy an editor's material."""
    used = {example.path.resolve() for example in job.exemplars}
    for clip in job.opened.timeline.find_clips():
        for reference in clip.media_references().values():
            if isinstance(reference, otio.schema.ExternalReference):
                path = local_path(reference.target_url or "", job.opened.base)
                with contextlib.suppress(OSError, ValueError, RuntimeError):  # a name that no file can have
                    used |= {path.resolve()} if path is not None else set()
    for option, path in (("--out", job.request.out), ("--preview", job.request.preview), ("--report", job.request.report)):
        if path is not None and path.resolve() in used:
            raise JobError(f"{option} would overwrite {path}, which the timeline uses", "give it another name")


def rehearse_writing(job: Job) -> None:
    """Write the timeline once with empty takes into a temporary folder: a format that cannot hold it is refused now, not after
    an hour of work."""
    request, opened = job.request, job.opened
    if request.out.suffix.lower() == ".otio":
        return
    sample_rate = request.sample_rate
    timeline = opened.timeline.clone()
    placements = []
    for cue in job.cues:
        cut = job.cut(cue)
        path = request.media_dir / f"rehearsal {cue.number}.wav"
        frames = cut.frames(sample_rate)
        take = PlacedTake(path, cut.start, cut.end - cut.start, cut.handle, sample_rate, frames, 1, (), 0.0, 0)
        placements.append(Placement(cue.region, (take,), cue.engine))
    place_takes(timeline, placements)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / request.out.name
        try:
            files.write(timeline, trial, base=opened.base)
        except TimelineError as error:
            raise TimelineError(error.message.replace(str(trial), str(request.out)), error.hint) from error
