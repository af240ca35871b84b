"""The demo: the stage's picture and sounds, a timeline that asks for Foley, the job, and its sync held against the truth."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

import opentimelineio as otio

from foley_bridge.jobs.generate import Result, generate
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.reporting import sync_error_ms
from foley_bridge.jobs.request import GenerateRequest, Progress, Watcher, unwatched
from foley_bridge.media import broadcast_wav, movie
from foley_bridge.media.sound import ArraySound
from foley_bridge.stage.acts import Act, demo_acts, demo_exemplars, draw_acts
from foley_bridge.timeline import files
from foley_bridge.timeline.time import ceil_frame, floor_frame, rational

FPS = Fraction(24)
SIZE = (640, 360)
TAPPED = "footsteps gravel"  # this act shows HIT markers: heel and toe are for an editor to choose between
RECORD_START = Fraction(3600)  # 01:00:00:00, where programmes start


@dataclass(frozen=True)
class Shown:
    """What the demo made. ``sync_error_ms``: for each region, the median and worst distance between placed and true onsets."""

    request: Path
    result: Result
    sync_error_ms: tuple[dict[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """The result's own object, with ``sync_error_ms`` in each region; null where nothing was placed."""
        answer = self.result.to_json()
        for region, error in zip(answer["regions"], self.sync_error_ms, strict=True):
            region["sync_error_ms"] = {key: value if isfinite(value) else None for key, value in error.items()}
        answer["request"] = str(self.request)
        return answer


def run_demo(out: Path, *, seed: int = 0, watcher: Watcher = unwatched) -> Shown:
    """Make everything in ``out``: timeline.otio, foley.otio, media/*.wav, preview.mp4, report.html.

    Raises:
        FoleyError: the folder cannot be written.
    """
    acts = demo_acts(seed + 1)
    truth = {number: tuple(float(t) for t in act.onsets_s) for number, act in enumerate(acts, start=1)}
    with Outputs(out.absolute(), "demo") as outputs:
        request = _stage(out, acts, seed, outputs, watcher)
        outputs.publish({})
    job = GenerateRequest(
        timeline=request,
        out=out / "foley.otio",
        media_dir=out / "media",
        options={"seed": str(seed)},
        preview=out / "preview.mp4",
        report=out / "report.html",
    )
    result = generate(job, watcher)
    errors = [sync_error_ms(done.takes[0].onsets_s, truth[number]) for number, done in enumerate(result.regions, start=1)]
    return Shown(request, result, tuple(errors))


def _stage(out: Path, acts: tuple[Act, ...], seed: int, outputs: Outputs, watcher: Watcher) -> Path:
    """Draw the picture, write the examples, and mark the regions; returns the timeline's path."""
    sounds = out / "exemplars"
    outputs.folder(sounds, "the demo")
    total = int(acts[-1].end_s * FPS)

    def drawn() -> Any:
        for number, frame in enumerate(draw_acts(acts, fps=FPS, size=SIZE)):
            watcher(Progress("drawing the picture", fraction=number / total))
            yield frame

    movie.write_movie(outputs.add(out / "picture.mp4"), drawn(), FPS)
    timeline = _timeline(total)
    for act, example in zip(acts, demo_exemplars(seed + 101), strict=True):
        path = sounds / f"{act.words.replace(' ', '_')}.wav"
        bext = broadcast_wav.Bext(description=f"example: {act.words}", originator="foley_bridge stage")
        broadcast_wav.write(outputs.add(path), ArraySound(example.samples, example.sample_rate), bext=bext)
        first, last = floor_frame(act.start_s, FPS), ceil_frame(act.end_s, FPS)
        marked = otio.opentime.TimeRange(rational(Fraction(first) / FPS, FPS), rational(Fraction(last - first) / FPS, FPS))
        text = f'FOLEY {act.words} like="exemplars/{path.name}"'
        timeline.tracks.markers.append(otio.schema.Marker(text, marked, color="GREEN"))
        if act.words == TAPPED:
            timeline.tracks.markers.extend(_tapped(act))
    path = out / "timeline.otio"
    files.write(timeline, outputs.add(path))
    return path


def _tapped(act: Act) -> list[otio.schema.Marker]:
    """HIT markers on an act's events, finer than a frame, as an editor leaves them who taps along and nudges."""
    frame = otio.opentime.RationalTime(1, 24)
    starts = (otio.opentime.RationalTime(float(time_s * FPS), 24) for time_s in act.onsets_s)
    return [otio.schema.Marker("HIT", otio.opentime.TimeRange(start, frame), color="ORANGE") for start in starts]


def _timeline(frames: int) -> otio.schema.Timeline:
    length = otio.opentime.TimeRange(otio.opentime.RationalTime(0, 24), otio.opentime.RationalTime(frames, 24))
    clip = otio.schema.Clip("picture", otio.schema.ExternalReference("picture.mp4", length), length)
    timeline = otio.schema.Timeline("foley_bridge demo", global_start_time=rational(RECORD_START, FPS))
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind=otio.schema.TrackKind.Video))
    return timeline
