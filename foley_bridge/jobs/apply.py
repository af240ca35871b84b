"""The job: what editors chose of a reel, into its timeline.

The way of a choice, top to bottom: open the timeline that the reel was made from (or a newer version of it), find the reel's
regions in it, settle which takes each of them gets and write those that have an edit, then place, write and publish as
``generate`` does. The takes themselves are there already. The same choices make the same bytes, however often they are applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.conform import Take
from foley_bridge.errors import ConflictError, JobError
from foley_bridge.jobs.cues import Cue, Failed, failure
from foley_bridge.jobs.found_again import Finder, moved_frames, open_kept, open_newer
from foley_bridge.jobs.job import Done, Job, naming
from foley_bridge.jobs.keys import digest, sha256_of
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.publishing import Worked, publish
from foley_bridge.jobs.reel_regions import ReelRegion, regions_of
from foley_bridge.jobs.refusals import refuse_impossible, refuse_overwriting_media, rehearse_writing
from foley_bridge.jobs.request import DEFAULTS, GenerateRequest, Progress, Watcher, unwatched
from foley_bridge.jobs.retouch import changes, look_at, place_of, retouch
from foley_bridge.jobs.roots import Roots


@dataclass(frozen=True)
class ApplyRequest:
    """Choices in, a timeline out.

    Attributes:
        reel: as it was when the request was accepted (docs/audition.md, "The reel").
        opened: where the timeline that it was made from is kept.
        newer: whether the takes go into another timeline instead.
        undecided: "best" or "none": what a region gets of which nobody said anything.
        force: overwrite an ``out`` that somebody changed.
        written: SHA-256 of the timelines that the reel and applies of it wrote, until the job began.
        plain: where everything goes, as of a ``generate``; its ``timeline`` is the newer one, or what ``opened`` was read from.
    """

    reel: Mapping[str, Any]
    opened: Path
    newer: bool
    undecided: str
    force: bool
    written: frozenset[str]
    plain: GenerateRequest


def apply_request_from_json(
    params: Mapping[str, Any],
    *,
    roots: Roots,
    reel: Mapping[str, Any],
    opened: Path,
    base: Path | None,
    written: Iterable[str],
) -> ApplyRequest:
    """The request that ``submit`` of kind ``apply`` describes.

    Args:
        params: as the journal has them: what the client sent, and ``of``, the reel's own request.
        roots: which folders it may touch.
        reel: frozen.
        opened: where the reel's timeline is kept.
        base: the folder that relative paths in it start from; None: the one it lies in.
        written: SHA-256 of the timelines that the reel and applies of it have written.

    Raises:
        JobError: a path that may not be touched; names the field.
    """
    of = params["of"]
    named = params.get("out") or of["out"]
    roots = roots.for_seat(named)

    def writes(field: str) -> Path | None:
        return roots.output_path(params[field], field) if params.get(field) else None

    newer, kept = params.get("timeline"), reel["timeline"]["path"]
    out = roots.output_path(named, "out")
    takes_as_tracks = params.get("takes_as_tracks")
    timeline = Path(roots.to_local(kept)) if kept else opened
    if newer:
        timeline = roots.media_file(newer["path"], "timeline.path")
    plain = GenerateRequest(
        timeline=timeline,
        out=out,
        media_dir=roots.output_path(of["media_dir"], "media_dir"),
        regions=tuple(of.get("regions") or ()),
        sample_rate=of.get("sample_rate") or 48000,
        takes_as_tracks=bool(of.get("takes_as_tracks") if takes_as_tracks is None else takes_as_tracks),
        hits_as_markers=bool(of.get("hits_as_markers")),
        preview=writes("preview"),
        report=writes("report"),
        shape=of.get("shape") if out.suffix.lower() == ".otio" else None,
        inline=not newer and not kept,
        base=base or opened.parent,
        roots=roots,
    )
    return ApplyRequest(
        reel=reel,
        opened=opened,
        newer=bool(newer),
        undecided=params.get("undecided") or "best",
        force=bool(params.get("force")),
        written=frozenset(written),
        plain=plain,
    )


def run_apply(
    request: ApplyRequest, watcher: Watcher = unwatched, *, job: str, enter: Callable[[str], None] = lambda step: None
) -> dict[str, Any]:
    """Apply choices; a job that may have been interrupted before, as ``generate.run_job``.

    Args:
        request: what to do.
        watcher: is told the progress; raise ``errors.Cancelled`` in it to stop.
        job: its id, by which what it staged is found again. ``outputs.sweep`` removes that once the answer is safe.
        enter: told the name of each step as it begins.

    Returns:
        The result as JSON (docs/audition.md, "submit, kind apply"), paths as the seat names them.

    Raises:
        FoleyError: what cannot be done, and which file, region or field is the cause. Nothing is left behind.
    """
    with Outputs(request.plain.out.absolute().parent, job, keep=True) as outputs:
        answer = outputs.published(request.plain.folders)
        return _run(request, outputs, watcher, enter) if answer is None else answer


def _run(request: ApplyRequest, outputs: Outputs, watcher: Watcher, enter: Callable[[str], None]) -> dict[str, Any]:
    enter("opening")
    regions, job, notes = _open(request, outputs, watcher)
    worked: list[Worked] = []
    failed: list[Failed] = []
    for region, cue in zip(regions, job.cues, strict=True):
        try:
            worked.append(_work(request, job, region, cue, notes[cue.number], enter))
        except JobError as error:  # any other, such as a disk that is full, is the whole job's
            failed.append(failure(cue.number, cue.region, error))
    if not worked:
        raise min(failed, key=lambda each: each.number).error
    told = {region.number: region for region in regions}
    edits = {take.sha256: take.edit for each in worked for take in each.done.takes if take.edit is not None}

    def answer(plain: dict[str, Any]) -> dict[str, Any]:
        answered = [_answered(said, told[said["number"]], edits) for said in plain["regions"]]
        return {**plain, "regions": answered, "revision": request.reel["revision"]}

    def entered(step: str) -> None:
        if step == "publishing":  # a preview takes its time
            _refuse_changed(request)
        enter(step)

    result = publish(job, worked, failed, entered, told=answer)
    return answer(result.to_json(request.plain.roots.to_remote))


def _answered(said: dict[str, Any], region: ReelRegion, edits: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A region of the result, with what only the reel knows of it."""
    error = said["error"] and (region.told["error"] or said["error"])
    takes = [{**take, "edit": edits[take["sha256"]]} if take["sha256"] in edits else take for take in said["takes"]]
    return {**said, "takes": takes, "error": error, **{name: region.told[name] for name in ("seen", "motion", "choice")}}


# --- everything that can be wrong is looked at before the first file is written ---


def _open(
    request: ApplyRequest, outputs: Outputs, watcher: Watcher
) -> tuple[list[ReelRegion], Job, dict[int, tuple[str, ...]]]:
    """The reel's regions where they are now, the job with a cue for each, and by number what a person should know of them."""
    plain = request.plain
    refuse_impossible(plain)
    watcher(Progress("reading the timeline"))
    if request.newer:
        opened = open_newer(plain.timeline, rate=Fraction(request.reel["timeline"]["rate"]), roots=plain.roots)
    else:
        assert plain.base is not None  # `apply_request_from_json` saw to it
        opened = open_kept(request.opened, plain.timeline, plain.regions, base=plain.base, roots=plain.roots)
    _refuse_changed(request)  # of a reel whose timeline was not kept nobody knows what it wrote
    all_wanted = regions_of(request.reel, plain.roots)
    finder = Finder(opened, all_wanted, plain.regions, newer=request.newer)
    regions, cues, notes = [], [], {}
    for wanted in all_wanted:
        found, said = finder.find(wanted)
        regions.append(wanted.moved(moved_frames(wanted, found) / found.rate))
        cues.append(Cue(wanted.number, found, found.options.over(DEFAULTS), wanted.engine, None))
        notes[wanted.number] = (*wanted.told["notes"], *said)
    job = Job(plain, opened, tuple(cues), {}, outputs, watcher)
    refuse_overwriting_media(job)
    rehearse_writing(job)
    for path in (plain.out, plain.preview, plain.report):
        if path is not None:
            outputs.folder(path.resolve().parent, path.name)
    edited = [take for region in regions for take in region.takes if changes(region.edit(take))]
    if edited:
        outputs.folder(plain.media_dir.resolve(), "takes")
        outputs.room(plain.media_dir, sum(take.path.stat().st_size for take in edited if take.path.is_file()))
    return regions, job, notes


def _refuse_changed(request: ApplyRequest) -> None:
    """Raises ConflictError when ``out`` is there and neither the reel nor an apply of it wrote what is in it."""
    out = request.plain.out
    if request.force or not out.exists():
        return
    if sha256_of(out) not in request.written:
        raise ConflictError(
            f"{out} was changed since it was written: it would be lost",
            f"give the changed timeline itself, to be written into another file (--timeline {out} --out FILE), or overwrite it "
            "(--force)",
        )


# --- one region: which takes, in which order, with which edits ---


def _work(
    request: ApplyRequest, job: Job, region: ReelRegion, cue: Cue, notes: tuple[str, ...], enter: Callable[[str], None]
) -> Worked:
    """Raises JobError where the region gets no take although it should: the one that is to sound is missing or changed."""
    order = region.in_order(request.undecided)
    if any(changes(region.edit(take)) for take in order):
        enter(f"region {cue.number}")
    takes, said = [], list(notes)
    for number, take in enumerate(order):
        job.writing_takes(cue, number / len(order))
        try:
            with naming(cue):
                takes.append(_taken(job, region, take, sounds=number == 0))
        except JobError as error:
            if number == 0:
                raise
            said.append(f"left out of its other takes: {error.message}")
    key = digest(request.reel["job"], region.number, [take.sha256 for take in takes])
    return Worked(cue, Done(key, region.detection, tuple(map(region.laid, takes)), tuple(said)), region.choice)


def _taken(job: Job, region: ReelRegion, take: Take, *, sounds: bool) -> Take:
    """A take as it goes into the timeline."""
    edit = region.edit(take)
    if edit is not None and changes(edit):
        return _edited(job, take, edit)
    if sounds:
        look_at(take)
    elif not take.path.is_file():
        raise JobError(f"take {take.path} is not there any more")
    return take


def _edited(job: Job, take: Take, edit: Mapping[str, Any]) -> Take:
    """A take with an edit: its file, or the one that an earlier apply wrote, if it still is that."""
    place = job.request.media_dir / place_of(take, edit).name
    staged = job.outputs.add(place)
    try:
        made = replace(retouch(take, edit, staged, rate=job.opened.rate), path=place)
        if place.exists():
            _look_at_earlier(made)
            job.outputs.leave(place)
    except JobError:
        job.outputs.leave(place)
        raise
    return made


def _look_at_earlier(made: Take) -> None:
    try:
        look_at(made)
    except JobError as error:
        raise JobError(f"{made.path} is there already, and is not what this edit makes", "move it away") from error
