"""All regions done: place their takes, write the timeline and what else was asked for, publish everything at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from foley_bridge.conform import Take
from foley_bridge.jobs.cues import Cue, Failed
from foley_bridge.jobs.job import Done, Job
from foley_bridge.jobs.keys import sha256_of
from foley_bridge.jobs.preview import write_preview
from foley_bridge.jobs.reporting import Seen, write_job_report
from foley_bridge.jobs.result import RegionResult, Result
from foley_bridge.jobs.shaping import shaped
from foley_bridge.jobs.takes import title
from foley_bridge.timeline import files
from foley_bridge.timeline.place import (
    METADATA,
    PlacedTake,
    Placement,
    mark_choice,
    mark_hits,
    place_takes,
    sounding_already,
)
from foley_bridge.timeline.time import timecode


@dataclass(frozen=True)
class Worked:
    """A cue and what was made for it.

    Attributes:
        cue, done: them; no takes where an editor wanted none.
        choice: what the editor said (docs/audition.md); None where nobody was asked.
    """

    cue: Cue
    done: Done
    choice: Mapping[str, Any] | None = None


def as_it_is(answer: dict[str, Any]) -> dict[str, Any]:
    """A job's answer with nothing added."""
    return answer


def publish(
    job: Job,
    worked: Sequence[Worked],
    failed: Sequence[Failed],
    enter: Callable[[str], None],
    *,
    told: Callable[[dict[str, Any]], dict[str, Any]] = as_it_is,
) -> Result:
    """Lay the takes into the job's timeline, and write everything.

    Args:
        job: under way.
        worked: its regions that were done, in timeline order.
        failed: those that were not.
        enter: told the name of each step as it begins.
        told: what the job answers, made of the result as JSON.

    Raises:
        FoleyError: what cannot be written. Nothing is left behind.
    """
    request, opened, outputs = job.request, job.opened, job.outputs
    enter("placing")
    placements = [
        Placement(
            each.cue.region,
            tuple(_placed(take) for take in each.done.takes),
            each.cue.engine,
            each.done.key,
            choice=each.choice,
        )
        for each in worked
        if each.done.takes
    ]
    for each in worked:
        if each.choice is not None:
            mark_choice(each.cue.region, each.choice)
    earlier = sounding_already(opened.timeline, [placement.region for placement in placements])
    clips = place_takes(opened.timeline, placements, takes_as_tracks=request.takes_as_tracks)
    for clip in clips if request.key else ():
        clip.metadata[METADATA]["job_key"] = request.key
    if request.hits_as_markers:
        for each in worked:
            onsets = each.done.detection.onsets if each.done.takes else ()
            mark_hits(opened.timeline, each.cue.region, [(Fraction(onset.time_s), onset.confidence) for onset in onsets])
    notes = list(opened.notes)
    if earlier:
        notes.append(f"takes of an earlier run sound in these regions, too: mute or remove them on {', '.join(earlier)}")
    if request.preview is not None:
        enter("preview")
        sounding = [each.done.takes[0] for each in worked if each.done.takes]
        chosen = [replace(take, path=outputs.at(take.path)) for take in sounding]

        def advance(share: float) -> None:
            job.finishing("rendering the preview", share, begins=0.0)

        path = outputs.add(request.preview)
        notes += write_preview(path, job.whole_picture(), chosen, rate=opened.rate, advance=advance)
    results = [(each.cue.number, region_result(job, each)) for each in worked]
    results += [(each.number, _failed_result(job, each)) for each in failed]
    result = Result(
        None if request.inline else request.timeline,
        request.out,
        opened.rate,
        opened.duration,
        opened.record_start,
        tuple(region for _, region in sorted(results, key=lambda each: each[0])),
        tuple(notes),
        request.preview,
        request.report,
        name=opened.timeline.name or "",
    )
    if request.report is not None:
        enter("report")
        job.finishing("writing the report", begins=0.9)
        seen = [
            Seen(job.picture(each.cue), each.done.detection.motion, each.cue.region.truth_s, each.choice) for each in worked
        ]
        write_job_report(outputs.add(request.report), result, title(job), seen, outputs.at)
    enter("timeline")
    job.finishing("writing the timeline", begins=0.95)
    opened.under_seats_names(clips, request.roots)
    folder = request.out.absolute().parent
    timeline, lost = shaped(request, opened, (take for each in worked for take in each.done.takes))
    said = files.write(timeline, outputs.add(request.out), base=opened.base, folder=folder)
    result = replace(result, notes=(*result.notes, *lost, *said), out_sha256=sha256_of(outputs.at(request.out)))
    for place in outputs.places:  # a link may have come since the request was looked at
        request.roots.output_path(str(place.absolute()), "what the job writes")
    enter("publishing")
    outputs.publish(told(result.to_json(request.roots.to_remote)))
    return result


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
        fade_in_s=take.fade_in_s,
        fade_out_s=take.fade_out_s,
        edit=take.edit,
    )


def region_result(job: Job, worked: Worked) -> RegionResult:
    region, detection, takes = worked.cue.region, worked.done.detection, worked.done.takes
    notes = (*region.notes, *worked.done.notes, *dict.fromkeys(note for take in takes for note in take.notes))
    return RegionResult(
        number=worked.cue.number,
        name=region.name,
        text=region.text,
        start=region.start,
        end=region.end,
        timecode=timecode(job.opened.record_start + region.start, region.rate),
        engine=worked.cue.engine,
        onsets=detection.onsets,
        tapped=detection.tapped,
        reliable=detection.reliable,
        reason=detection.reason,
        takes=takes,
        notes=notes,
        id=region.id,
        seen=detection.seen,
        motion=detection.motion,
    )


def _failed_result(job: Job, failed: Failed) -> RegionResult:
    return RegionResult(
        number=failed.number,
        name=failed.name,
        text=failed.text,
        start=failed.start,
        end=failed.end,
        timecode=timecode(job.opened.record_start + max(Fraction(0), failed.start), job.opened.rate),
        engine="",
        onsets=(),
        tapped=False,
        reliable=False,
        reason="",
        takes=(),
        error=failed.error,
        id=failed.id,
    )
