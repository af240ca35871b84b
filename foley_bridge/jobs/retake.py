"""The job: further takes of one region of a reel, as soon as an editor asks for them.

The way of a cue as in ``generate``, without what the reel has already: its timeline lies open in memory (``kept.py``), its
onsets are known or given, the picture is looked at only where they are to be seen anew, and examples that were listened to are
remembered. Take k of a seed is the same here and there, down to the bytes of its file.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from foley_bridge.conform import Cut, Take
from foley_bridge.engines import recommend, transfer
from foley_bridge.engines.candidate import Candidate, Detection, Onset, Proposal
from foley_bridge.engines.heard import Heard
from foley_bridge.jobs import keys, making
from foley_bridge.jobs.again import Again, RetakeRequest, resolve
from foley_bridge.jobs.choosing import shown_in
from foley_bridge.jobs.cues import Cue
from foley_bridge.jobs.job import Done, Job, naming
from foley_bridge.jobs.kept import kept_looks, kept_motion, kept_timeline
from foley_bridge.jobs.looking import allowed_picture
from foley_bridge.jobs.opening import Opened
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.publishing import Worked, region_result
from foley_bridge.jobs.request import Progress, Watcher, request_from_json, unwatched
from foley_bridge.jobs.result import Result
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.sight import Sight, sight_of
from foley_bridge.jobs.takes import make_take
from foley_bridge.library.finding import Shown
from foley_bridge.timeline.picture import Picture

SEEN_ANEW = ("sensitivity", "offset", "hits", "detector")
"""Options that say which moments are onsets."""

_heard = Heard()


def retake_request_from_json(
    params: Mapping[str, Any], *, roots: Roots, catalogue: Path | None, opened: Path, base: Path
) -> RetakeRequest:
    """The request that ``submit`` describes.

    Args:
        params: of ``submit`` (docs/protocol.md), with what ``followups.expand`` added.
        roots: which folders it may touch.
        catalogue: the sound library's folder.
        opened: where the reel's timeline is kept.
        base: the folder that relative paths in that start from.

    Raises:
        JobError: a path that may not be touched; names the field.
    """
    inline = "payload" in params["of"]["timeline"]
    return RetakeRequest(
        reel=request_from_json(params["of"], roots=roots, catalogue=catalogue, timeline_file=opened if inline else None),
        opened=opened,
        base=base,
        number=params["region"],
        known=params["known"],
        hits_s=params.get("hits_s"),
        options=params.get("options") or {},
        words=params.get("words"),
        more=bool(params.get("more")),
        like_take=params.get("like_take"),
    )


def run_retake(
    request: RetakeRequest, watcher: Watcher = unwatched, *, job: str, enter: Callable[[str], None] = lambda step: None
) -> dict[str, Any]:
    """Do it, or what is left to do of it after an interruption; the files are the same.

    Args:
        request: what to do.
        watcher: is told the progress; raise ``errors.Cancelled`` in it to stop.
        job: its id, by which what it staged is found again.
        enter: told the name of each step as it begins (docs/protocol.md).

    Returns:
        The result as JSON (docs/json.md) with that one region, paths as the seat names them.

    Raises:
        FoleyError: what cannot be done, and why. Nothing is left behind.
    """
    reel = request.reel
    with Outputs(reel.media_dir.absolute(), job, keep=True) as outputs:
        answer = outputs.published({reel.media_dir.absolute()})
        if answer is None:
            enter("opening")
            opened = kept_timeline(request.opened, reel, base=request.base)
            sight = sight_of(reel.catalogue)
            again = resolve(request, opened, sight, partial(_look, request, opened, sight, watcher))
            under_way = Job(reel, opened, (again.cue,), {}, outputs, watcher)
            if again.cue.engine == "analogy":
                with naming(again.cue):
                    again = replace(again, cue=making.with_pack(under_way, again.cue, len(again.takes)))
                under_way.cues = (again.cue,)
            outputs.folder(reel.media_dir.resolve(), "takes")
            enter(f"region {request.number}")
            with naming(again.cue):
                worked = Worked(again.cue, _work(request, under_way, again))
            answer = _result(under_way, worked).to_json(reel.roots.to_remote)
            for place in outputs.places:  # a link may have come since the request was looked at
                reel.roots.output_path(str(place.absolute()), "what the job writes")
            enter("publishing")
            outputs.publish(answer)
        return answer


def _look(request: RetakeRequest, opened: Opened, sight: Sight, watcher: Watcher, cue: Cue) -> Shown:
    """What is on screen in a cue's region: as it was seen for the reel, where that was with the same pack."""
    assert sight.encoders is not None
    known = kept_looks(request.opened, sight.encoders.pack.hash).get(cue.number)
    if known is not None:
        return Shown(sight.encoders.space, known.points, sight.encoders.score)
    region = cue.region
    picture = allowed_picture(opened.timeline, region.start, region.end, base=opened.base, roots=request.reel.roots)
    told = Progress("looking for sounds", cue.number, opened.count)
    return shown_in(picture, region, sight, lambda time_s: watcher(told))


def _work(request: RetakeRequest, job: Job, again: Again) -> Done:
    cue, cut = again.cue, job.cut(again.cue)
    detection = _detection(request, job, again)
    proposal = _propose(job, again, detection, cut)
    key = keys.region_key(job, cue, detection)
    if request.words is not None:  # they are no part of the region's text
        key = keys.digest(key, request.words)
    takes, waiting = list[Take](), [*proposal.candidates]
    proposal = replace(proposal, candidates=())
    for number in again.takes:  # what was made sound goes before the next is
        job.writing_takes(cue, len(takes) / len(again.takes))
        takes.append(_take(job, again, cut, waiting.pop(0), number + 1, key))
    return Done(key, detection, tuple(takes), (*again.notes, *proposal.notes))


def _detection(request: RetakeRequest, job: Job, again: Again) -> Detection:
    """The onsets: given, or to be seen anew, or those that the region has."""
    cue = again.cue
    if request.hits_s is not None:
        return transfer.look(cue.region, cue.options, Picture(()))
    if cue.engine == "analogy" or any(name in request.options for name in SEEN_ANEW):
        return job.look(cue)
    known = request.known
    if not known["engine"]:  # the region failed: nobody looked
        return job.look(cue)
    onsets = tuple(Onset(each["time_s"], each["confidence"], each["strength"]) for each in known["onsets"])
    return Detection(onsets, known["reliable"], known["reason"], kept_motion(request.opened, request.number), known["tapped"])


def _propose(job: Job, again: Again, detection: Detection, cut: Cut) -> Proposal:
    cue, sample_rate = again.cue, job.request.sample_rate
    if cue.example is not None:
        exemplar = _heard.listen(
            cue.example.path, sample_rate=sample_rate, start=cue.example.start, duration=cue.example.duration
        )
        job.exemplars = {cue.example: exemplar}
        if cue.engine == "analogy":
            return making.make(job, cue, detection, exemplar, again.takes)
        return transfer.propose(
            cue.region, cue.options, detection, exemplar, cut=cut, takes=again.takes, palette_of=_heard.palette
        )
    heard, notes = recommend.listen_to(
        cue.choices,
        takes=len(again.takes),
        length_s=float(cue.region.end - cue.region.start),
        sample_rate=sample_rate,
        listen=_heard.listen,
    )
    proposal = recommend.propose(
        cue.region,
        cue.options,
        detection,
        heard,
        cut=cut,
        palette_of=_heard.palette,
        looked_with=dict(cue.by_pack),
    )
    return replace(proposal, notes=(*notes, *proposal.notes))


def _take(job: Job, again: Again, cut: Cut, candidate: Candidate, number: int, key: str) -> Take:
    """Write a take. It takes nobody's place: the very same file is left as it is, and another of its name gets another name."""
    if again.example is not None:
        candidate = replace(candidate, source={**candidate.source, "like": again.example})
    for other in itertools.count():
        take = make_take(job, again.cue, cut, candidate, number, keys.digest(key, other) if other else key)
        there = _lies_at(take.path)
        if there is None:
            return take
        job.outputs.leave(take.path)
        if there == take.sha256:
            return take
    raise AssertionError


def _lies_at(path: Path) -> str | None:
    """SHA-256 of the file there; "" when it is not a plain file, None when there is nothing."""
    if not path.is_file() or path.is_symlink():
        return "" if path.exists() or path.is_symlink() else None
    return keys.sha256_of(path)


def _result(job: Job, worked: Worked) -> Result:
    request, opened = job.request, job.opened
    read = None if request.inline else request.timeline
    region = region_result(job, worked)
    return Result(read, None, opened.rate, opened.duration, opened.record_start, (region,), (), None, None)
