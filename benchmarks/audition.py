"""How soon the audition page has what it asks for.

    python benchmarks/audition.py retake [--regions 500] [--times 50] [--json]

``retake``: a real daemon, a reel of so many regions, one of them of eight seconds with onsets seen in the picture. From
sending the ``submit`` of a retake of it to having read that it is done, over ZeroMQ: with its onsets moved each time, and with
one more take each time. Beside it, from the same connection, a ``ping``, and the same region's first ``generate`` in a reel of
its own. Medians and 95th percentiles in ms; the ratios are those of the medians. Aim: onsets moved are heard within half a
second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import soundfile

from foley_bridge.bridge.client import Client
from foley_bridge.media.movie import write_movie
from foley_bridge.stage.draw import draw_frames
from foley_bridge.stage.scene import Look, make_scene
from foley_bridge.stage.sound import exemplar

RATE = 25
SHOT_S = 8
HITS = (0.52, 1.2, 1.72, 2.48, 3.14, 3.6, 4.28, 5.04, 5.8, 6.4, 7.12)


@contextlib.contextmanager
def daemon(home: Path) -> Iterator[str]:
    """``foley-bridge serve`` for the length of a block: where it takes requests."""
    command = [sys.executable, "-m", "foley_bridge", "serve", "--private", "--no-osc", "--bind", "tcp://127.0.0.1:0"]
    command += ["--home", str(home), "--log-level", "error"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["endpoints"]["requests"]
    finally:
        process.stdin.close()
        process.wait(30)


def span(start: int, duration: int) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(otio.opentime.RationalTime(start, RATE), otio.opentime.RationalTime(duration, RATE))


def make_reel(folder: Path, regions: int) -> Path:
    """A timeline of a shot that comes again and again: the first region is all of it, each of the others a second of it with a
    tapped hit."""
    shot = otio.schema.ExternalReference(str(folder / "shot.mp4"), span(0, SHOT_S * RATE))
    shots = 1 + -(-(regions - 1) // SHOT_S)
    track = otio.schema.Track("V1", kind="Video")
    track.extend(otio.schema.Clip(f"shot {number}", shot.clone(), span(0, SHOT_S * RATE)) for number in range(shots))
    timeline = otio.schema.Timeline(f"reel of {regions}")
    timeline.tracks.append(track)
    marks = [otio.schema.Marker("FOLEY strike wood", span(0, SHOT_S * RATE))]
    for number in range(regions - 1):
        start = (SHOT_S + number) * RATE
        marks += [otio.schema.Marker(f"FOLEY thing {number}", span(start, RATE)), otio.schema.Marker("HIT", span(start + 8, 1))]
    timeline.tracks.markers.extend(marks)
    otio.adapters.write_to_file(timeline, str(folder / f"reel{regions}.otio"))
    return folder / f"reel{regions}.otio"


def make_media(folder: Path) -> None:
    scene = make_scene(11, action="hit", material="wood", duration_s=SHOT_S, events=HITS, tool="hammer", look=Look())
    write_movie(folder / "shot.mp4", draw_frames(scene, fps=Fraction(RATE), size=(640, 360)), Fraction(RATE))
    example = exemplar(1, action="hit", material="wood")
    soundfile.write(folder / "example.wav", example.samples, example.sample_rate, subtype="PCM_24")


def generated(client: Client, folder: Path, timeline: Path, to: str) -> dict[str, Any]:
    """A ``generate``, done."""
    asked = {
        "kind": "generate",
        "timeline": {"path": str(timeline)},
        "out": str(folder / to / "foley.otio"),
        "media_dir": str(folder / to / "takes"),
        "exemplar": str(folder / "example.wav"),
        "options": {"takes": "3"},
    }
    return done(client, asked)


def done(client: Client, asked: dict[str, Any]) -> dict[str, Any]:
    """The job object when the job has ended well."""
    job = client.wait(client.submit(asked)["job"], 600)
    assert job["state"] == "done", job
    return job


def timed(times: int, do: Callable[[int], object]) -> list[float]:
    """Milliseconds that each takes."""
    taken = []
    for number in range(times):
        begin = time.perf_counter()
        do(number)
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


def row(what: str, taken: list[float]) -> dict[str, Any]:
    return {"what": what, "median_ms": statistics.median(taken), "p95_ms": sorted(taken)[int(0.95 * len(taken))]}


def retake(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_media(folder)
        with daemon(folder / "home") as endpoint, Client(endpoint) as client:
            alone = make_reel(folder, 1)
            generated(client, folder, alone, "warm")
            rows = [row("generate", timed(5, lambda number: generated(client, folder, alone, f"alone{number}")))]
            reel = generated(client, folder, make_reel(folder, args.regions), "reel")["job"]
            client.reel(reel)  # as whoever opens the page: the worker is started

            def asked(**what: Any) -> None:
                done(client, {"kind": "retake", "job": reel, "region": 1, **what})

            first = timed(1, lambda number: asked(hits_s=list(HITS)))
            moved = timed(args.times, lambda number: asked(hits_s=[hit + 0.004 * (number + 1) for hit in HITS]))
            more = timed(args.times, lambda number: asked(more=True))
            rows += [row("ping", timed(200, lambda number: client.ping())), row("the first retake", first)]
            rows += [row("retake, onsets moved", moved), row("retake, one more take", more)]
    by_name = {each["what"]: each["median_ms"] for each in rows}
    for each in rows:
        each["pings"] = each["median_ms"] / by_name["ping"]
        each["generates"] = each["median_ms"] / by_name["generate"]
    if args.json:
        print(json.dumps({"regions": args.regions, "rows": rows}))
        return
    for each in rows:
        print(
            f"{each['what']:24} {each['median_ms']:8.1f} ms, 95 % within {each['p95_ms']:8.1f} ms"
            f" = {each['pings']:7.1f} pings = {each['generates']:6.3f} of a generate"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parts = parser.add_subparsers(required=True)
    one = parts.add_parser("retake", help="submit to done of a retake")
    one.add_argument("--regions", type=int, default=500)
    one.add_argument("--times", type=int, default=50)
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=retake)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
