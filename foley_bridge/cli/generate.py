"""``generate`` and ``demo``: through the daemon, as a host would."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from foley_bridge.cli import show
from foley_bridge.cli.asking import Endpoint, Json, Keys, Private, Seat, absolute, finished

SOME_FAILED = 1


class Shape(StrEnum):
    """A program that wants its timelines in a shape of its own."""

    resolve = "resolve"


def generate(
    timeline: Annotated[Path, typer.Argument(help="A timeline (.otio .rpp .xml .fcpxml .edl .aaf) with regions, or a video.")],
    out: Annotated[Path, typer.Option(help="The timeline with the takes; the extension says the format.")],
    media_dir: Annotated[Path, typer.Option(help="Folder for the takes; made if it is not there.")],
    exemplar: Annotated[Path | None, typer.Option(help="Example sound for regions that name none with like=.")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine for regions that name none with engine=.")] = None,
    takes: Annotated[int | None, typer.Option(help="Takes per region [default: 3].")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the same seed gives the same takes [default: 0].")] = None,
    region: Annotated[
        list[str] | None, typer.Option(help='A region: "START-END TEXT", in seconds or timecode; may be given again and again.')
    ] = None,
    sensitivity: Annotated[float | None, typer.Option(help="0-1: how readily motion counts as action [default: 0.5].")] = None,
    offset: Annotated[str | None, typer.Option(help="Shift of all hits: 20, -40ms, -1f.")] = None,
    level: Annotated[float | None, typer.Option(help="LUFS (peak dBFS under 0.4 s) [default: the example's own].")] = None,
    handles: Annotated[str | None, typer.Option(help="Extra material at both ends: 0.5, 12f [default: none].")] = None,
    sample_rate: Annotated[int, typer.Option(help="Of the takes, Hz.")] = 48000,
    takes_as_tracks: Annotated[bool, typer.Option("--takes-as-tracks", help="Lay every take on a track of its own.")] = False,
    hits_as_markers: Annotated[bool, typer.Option("--hits-as-markers", help="Write found onsets as HIT markers.")] = False,
    preview: Annotated[Path | None, typer.Option(help="Also an MP4 of the whole timeline with the placed sound.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also a self-contained HTML page.")] = None,
    shape: Annotated[
        Shape | None, typer.Option("--for", metavar="resolve", help="Shape --out (.otio) as this program imports it.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The same key never makes a second job, and is written into the clips [default: none].")
    ] = None,
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
    params |= {name: absolute(path) for name, path in _given(exemplar=exemplar, preview=preview, report=report).items()}
    params |= {name: value for name, value in (("key", key), ("shape", shape and shape.value)) if value is not None}
    with show.Bar(hidden=as_json) as bar, reach(endpoint, keys=keys, seat=seat, private=private) as reached:
        result = finished(reached, params, bar.show_job)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        show.regions(result)
        show.files({"result": result["out"], "preview": result["preview"], "report": result["report"]})
    return _status(result)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's files; made if it is not there.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another demo.")] = 0,
    as_json: Json = False,
) -> int:
    """Make a demo, to look at and listen to.

    A 10 s picture with marked regions, the sound put into them, and how far it is in sync with the truth.
    """
    import tempfile

    from foley_bridge.bridge.private import reach
    from foley_bridge.demo import run_demo

    with show.Bar(hidden=as_json) as bar, tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        with reach(private=True, library=library) as reached:
            submit = partial(finished, reached, seen=bar.show_job)
            shown = run_demo(Path(absolute(out)), submit, library=library, seed=seed, watcher=bar.show)
    if as_json:
        print(json.dumps(shown, indent=2))
    else:
        show.regions(shown)
        show.files({"listen": shown["preview"], "look": shown["report"], "request": shown["request"], "result": shown["out"]})
    return _status(shown)


def _given(**paths: Path | None) -> dict[str, Path]:
    return {name: path for name, path in paths.items() if path is not None}


def _status(result: dict[str, Any]) -> int:
    return SOME_FAILED if any(region["error"] is not None for region in result["regions"]) else 0
