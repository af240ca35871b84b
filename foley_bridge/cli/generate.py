"""``generate`` and ``demo``: through the daemon, as a host would."""

from __future__ import annotations

import contextlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from foley_bridge.cli import show
from foley_bridge.cli.asking import SOME_FAILED, Endpoint, Json, Keys, Private, Seat, absolute, finished, given, status_of
from foley_bridge.cli.audition import NoOpen, opened_page, page_of, with_page

Audition = Annotated[
    bool, typer.Option("--audition", help="Have the daemon do it, started if none runs, and open the page to choose takes on.")
]


class Shape(StrEnum):
    """A program that wants its timelines in a shape of its own."""

    resolve = "resolve"


def generate(
    timeline: Annotated[
        Path,
        typer.Argument(metavar="TIMELINE", help="A timeline (.otio .rpp .xml .fcpxml .edl .aaf) with regions, or a video."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The timeline with the takes; the extension says the format.")],
    media_dir: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the takes; made if it is not there.")],
    exemplar: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Example sound for regions that name none with like=.")
    ] = None,
    engine: Annotated[str | None, typer.Option(metavar="NAME", help="Engine for regions that name none with engine=.")] = None,
    takes: Annotated[int | None, typer.Option(metavar="N", help="Takes per region [default: 3].")] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed; the same seed gives the same takes [default: 0].")
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(metavar='"A-B TEXT"', help="A region from A to B, in seconds or timecode; may be given again."),
    ] = None,
    sensitivity: Annotated[
        float | None, typer.Option(metavar="0-1", help="How readily motion counts as action [default: 0.5].")
    ] = None,
    offset: Annotated[str | None, typer.Option(metavar="TIME", help="Shift of all hits: 20, -40ms, -1f.")] = None,
    level: Annotated[
        float | None, typer.Option(metavar="LUFS", help="How loud (peak dBFS under 0.4 s) [default: the example's own].")
    ] = None,
    handles: Annotated[
        str | None, typer.Option(metavar="TIME", help="Extra material at both ends: 0.5, 12f [default: none].")
    ] = None,
    sample_rate: Annotated[int, typer.Option(metavar="HZ", help="Of the takes.")] = 48000,
    takes_as_tracks: Annotated[bool, typer.Option("--takes-as-tracks", help="Lay every take on a track of its own.")] = False,
    hits_as_markers: Annotated[bool, typer.Option("--hits-as-markers", help="Write found onsets as HIT markers.")] = False,
    preview: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also an MP4 of the whole timeline with the placed sound.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Also a self-contained HTML page.")] = None,
    shape: Annotated[
        Shape | None, typer.Option("--for", metavar="resolve", help="Shape --out (.otio) as this program imports it.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="The same key never makes a second job, and is written into the clips [default: none]."
        ),
    ] = None,
    audition: Audition = False,
    no_open: NoOpen = False,
    private: Private = False,
    endpoint: Endpoint = None,
    keys: Keys = None,
    seat: Seat = None,
    as_json: Json = False,
) -> int:
    """Put sound into marked regions of a timeline.

    The daemon does it, so that it is warm for the next time; when none runs, the command works by itself.
    """
    from foley_bridge.bridge.private import reach

    named = {
        "engine": engine,
        "takes": takes,
        "seed": seed,
        "sensitivity": sensitivity,
        "offset": offset,
        "level": level,
        "handles": handles,
    }
    params: dict[str, Any] = {
        "kind": "generate",
        "timeline": {"path": absolute(timeline)},
        "out": absolute(out),
        "media_dir": absolute(media_dir),
        "options": {name: str(value) for name, value in named.items() if value is not None},
        "regions": region or [],
        "sample_rate": sample_rate,
        "takes_as_tracks": takes_as_tracks,
        "hits_as_markers": hits_as_markers,
    }
    params |= {name: absolute(path) for name, path in given(exemplar=exemplar, preview=preview, report=report).items()}
    params |= {name: value for name, value in (("key", key), ("shape", shape and shape.value)) if value is not None}
    if audition and private:
        raise typer.BadParameter("--audition needs a daemon that stays when the command has ended: leave out --private")
    writes = [Path(absolute(path)).parent for path in given(out=out, preview=preview, report=report).values()]
    writes.append(Path(absolute(media_dir)))
    with contextlib.ExitStack() as open_things:
        bar = open_things.enter_context(show.Bar(hidden=as_json))
        if audition:
            reached = open_things.enter_context(with_page(endpoint, keys, seat, writes))
        else:
            reached = open_things.enter_context(reach(endpoint, keys=keys, seat=seat, private=private))
        forbidden = "" if audition or reached.private else "give --private"
        job, result = finished(reached, params, bar.show_job, forbidden=forbidden)
        link = page_of(reached.client, job) if audition else None
    if as_json:
        print(json.dumps({**result, "audition": link} if audition else result, indent=2))
    else:
        show.regions(result)
        show.files({"result": result["out"], "preview": result["preview"], "report": result["report"], "page": link})
    if link is not None and not no_open:
        opened_page(link, reached.client.endpoint)
    return SOME_FAILED if audition and link is None else status_of(result)


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the demo's files; made if it is not there.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another seed, another demo.")] = 0,
    audition: Audition = False,
    no_open: NoOpen = False,
    endpoint: Endpoint = None,
    keys: Keys = None,
    seat: Seat = None,
    as_json: Json = False,
) -> int:
    """Make a demo, to look at and listen to.

    A 10 s picture with marked regions, the sound put into them, and how far it is in sync with the truth. With --audition, who
    has no sound library yet gets one of the demo's sounds.
    """
    import tempfile

    from foley_bridge.bridge.private import reach
    from foley_bridge.demo import run_demo
    from foley_bridge.home import library_folder

    folder, jobs = Path(absolute(out)), list[str]()

    def submit(params: dict[str, Any]) -> dict[str, Any]:
        job, result = finished(reached, params, bar.show_job)
        jobs.append(job)
        return result

    with contextlib.ExitStack() as open_things:
        bar = open_things.enter_context(show.Bar(hidden=as_json))
        if audition:
            reached = open_things.enter_context(with_page(endpoint, keys, seat, [folder]))
            library = None if library_folder().exists() else library_folder()
        else:
            library = Path(open_things.enter_context(tempfile.TemporaryDirectory())) / "library"
            reached = open_things.enter_context(reach(private=True, library=library))
        shown = run_demo(folder, submit, library=library, own=not audition, seed=seed, watcher=bar.show)
        link = page_of(reached.client, jobs[0]) if audition else None
    if audition and library is not None:
        shown["notes"].append("you had no sound library: the demo's sounds are one now, see foley-bridge library list")
    if as_json:
        print(json.dumps({**shown, "audition": link} if audition else shown, indent=2))
    else:
        show.regions(shown)
        show.files({"listen": shown["preview"], "look": shown["report"], "request": shown["request"], "result": shown["out"]})
        show.files({"page": link})
    if link is not None and not no_open:
        opened_page(link, reached.client.endpoint)
    return SOME_FAILED if audition and link is None else status_of(shown)
