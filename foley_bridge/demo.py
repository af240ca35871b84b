"""The demo: the stage's picture and sounds, a timeline that asks for Foley, a job for it, and its sync against the truth."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

import opentimelineio as otio

from foley_bridge.conform import ucs_name
from foley_bridge.errors import JobError, PackError
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.in_use import encoders_in_use
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.reporting import sync_error_ms
from foley_bridge.jobs.request import Progress, Watcher, unwatched
from foley_bridge.library import ucs
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.scan import scan
from foley_bridge.media import broadcast_wav, movie
from foley_bridge.media.sound import ArraySound
from foley_bridge.stage.acts import Act, demo_acts, demo_encore, demo_exemplars, demo_shelf, draw_acts
from foley_bridge.stage.sound import Exemplar
from foley_bridge.timeline import files
from foley_bridge.timeline.time import ceil_frame, floor_frame, rational

FPS = Fraction(24)
SIZE = (640, 360)
RECORDED = 3  # sounds of each kind
TAPPED = "footsteps gravel"
"""This act shows HIT markers, because heel and toe are for an editor to choose between, and names no example: its words are
answered from a little sound library."""
UNSAID = "scratching wood"
"""This act says nothing at all, where the pack that ships looks at pictures: it has learned from such scenes to tell what is on
screen."""
RECORD_START = Fraction(3600)  # 01:00:00:00, where programmes start

Submit = Callable[[dict[str, Any]], dict[str, Any]]
"""Has a job done: the params of ``submit`` (docs/protocol.md) in, its result (docs/json.md) out."""


def run_demo(
    out: Path,
    submit: Submit,
    *,
    library: Path | None,
    own: bool = True,
    seed: int = 0,
    watcher: Watcher = unwatched,
) -> dict[str, Any]:
    """Make everything in ``out``: timeline.otio, sounds/*.wav, foley.otio, media/*.wav, preview.mp4, report.html.

    When the job cannot be done, or is stopped, ``out`` is as it was before.

    Args:
        out: an absolute path.
        submit: has the job done, as a host would.
        library: a folder to catalogue the sounds in; None: none.
        own: the daemon that does the job has ``library`` for its sound library, so that regions may name no example.
        seed: another one, another demo.
        watcher: is told how far the drawing is.

    Returns:
        The job's result, with ``request`` (the timeline made) and in each region ``sync_error_ms``.

    Raises:
        FoleyError: the folder cannot be written; or what ``submit`` raises.
    """
    acts = demo_acts(seed + 1)
    encore, example = demo_encore(acts[-1].end_s, seed + 1)
    encoders = _shipped_encoders() if own else None
    answered = {TAPPED} if own else set()
    if encoders is not None:
        answered.add(UNSAID)
    with Outputs(out, uuid.uuid4().hex[:12]) as outputs:
        sounds = [
            (act.words, number, recorded)
            for number in range(1, RECORDED + 1)
            for act, recorded in zip(acts, demo_exemplars(seed + 100 * number + 1), strict=True)
        ]
        if UNSAID in answered:
            sounds += [(words, 1, other) for words, other in demo_shelf(seed + 901).items() if words != encore.words]
        acts = (*acts, encore)
        places = _stage(out, acts, [*sounds, (encore.words, 1, example)], outputs, watcher, answered)
        with _in_place(outputs, places):
            if library is not None:
                catalogue = Catalogue.open(library, create=True)
                scan(catalogue, [out / "sounds"])
                if encoders is not None:
                    catalogue.embed(encoders)
            answer = submit(
                {
                    "kind": "generate",
                    "timeline": {"path": str(out / "timeline.otio")},
                    "out": str(out / "foley.otio"),
                    "media_dir": str(out / "media"),
                    "options": {"seed": str(seed)},
                    "preview": str(out / "preview.mp4"),
                    "report": str(out / "report.html"),
                }
            )
    for act, region in zip(acts, answer["regions"], strict=True):
        placed = region["takes"][0]["onsets_s"] if region["takes"] else []
        error = sync_error_ms(placed, _truth_s(act))
        region["sync_error_ms"] = {key: value if isfinite(value) else None for key, value in error.items()}
    return {**answer, "request": str(out / "timeline.otio")}


@contextlib.contextmanager
def _in_place(outputs: Outputs, places: list[Path]) -> Iterator[None]:
    """Puts staged files in their places; when what is inside fails, what lay there before lies there again."""
    moved: list[tuple[Path, Path | None]] = []
    try:
        for number, place in enumerate(places):
            before = outputs.note(f"before-{number}") if place.exists() else None
            moved.append((place, before))
            if before is not None:
                place.replace(before)
            outputs.at(place).replace(place)
        yield
    except BaseException as error:
        for place, before in moved:
            with contextlib.suppress(OSError):
                if before is None:
                    place.unlink(missing_ok=True)
                elif before.exists():
                    before.replace(place)
        if isinstance(error, OSError):
            raise JobError(f"{places[0].parent}: {error.strerror or error}", "choose another folder") from error
        raise


def _shipped_encoders() -> Encoders | None:
    """Of the pack that ships, where it is the one in use: another need not know what the stage looks like."""
    try:
        encoders = encoders_in_use()
    except PackError:  # told by whoever needs it
        return None
    return encoders if encoders is not None and encoders.pack.ships else None


def _stage(
    out: Path,
    acts: tuple[Act, ...],
    sounds: list[tuple[str, int, Exemplar]],
    outputs: Outputs,
    watcher: Watcher,
    answered: set[str],
) -> list[Path]:
    """Draw the picture, write the sounds, and mark the regions; returns where it all goes.

    Args:
        acts: the last one is answered by new sound.
        sounds: words, number, and what was recorded.
        answered: words of the acts that the sound library answers; the others name an example.
    """
    outputs.folder(out / "sounds", "the demo")
    total = int(acts[-1].end_s * FPS)
    places = [out / "picture.mp4"]

    def drawn() -> Any:
        for number, frame in enumerate(draw_acts(acts, fps=FPS, size=SIZE)):
            watcher(Progress("drawing the picture", fraction=number / total))
            yield frame

    movie.write_movie(outputs.add(places[0]), drawn(), FPS)
    timeline = _timeline(total)
    for words, number, recorded in sounds:
        places.append(out / "sounds" / _sound_name(words, number))
        _write_sound(outputs.add(places[-1]), recorded, words)
    for act in acts:
        first, last = floor_frame(act.start_s, FPS), ceil_frame(act.end_s, FPS)
        marked = otio.opentime.TimeRange(rational(Fraction(first) / FPS, FPS), rational(Fraction(last - first) / FPS, FPS))
        text = "FOLEY" if act.words == UNSAID and UNSAID in answered else f"FOLEY {act.words}"
        if act.words not in answered:
            text += f' like="sounds/{_sound_name(act.words, 1)}"'
        if act is acts[-1]:
            text += " engine=analogy"
        known = {"foley_bridge": {"truth_s": _truth_s(act)}}  # for the report's figures
        timeline.tracks.markers.append(otio.schema.Marker(text, marked, color="GREEN", metadata=known))
        if act.words == TAPPED:
            timeline.tracks.markers.extend(_tapped(act))
    places.append(out / "timeline.otio")
    files.write(timeline, outputs.add(places[-1]), folder=out)
    return places


def _sound_name(words: str, number: int) -> str:
    return ucs_name(ucs.guess(words), f"{words} {number}", "FOLEYBRIDGE", "STAGE")


def _write_sound(path: Path, example: Exemplar, words: str) -> None:
    bext = broadcast_wav.Bext(description=words, originator="foley_bridge stage")
    broadcast_wav.write(path, ArraySound(example.samples, example.sample_rate), bext=bext)


def _truth_s(act: Act) -> list[float]:
    """When an act really sounds, timeline seconds."""
    return [float(time_s) for time_s in act.onsets_s]


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
