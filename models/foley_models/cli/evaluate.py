"""``foley-models evaluate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="evaluate", help="Measure trained networks as the papers did.", rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """One command for each paper."""


@app.command()
def recommendation(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or checkpoints.")],
    data: Annotated[
        str | None, typer.Option(metavar="SPEC", help="As for train; its test split gives Table 1a and Table 1b.")
    ] = None,
    picks: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Sounds that people picked: picture,sound or picture,sound,category.")
    ] = None,
    sounds: Annotated[Path | None, typer.Option(metavar="DIR", help="With --picks: all sounds that there are.")] = None,
    seeds: Annotated[
        bool, typer.Option("--seeds", help="Runs of one system and one data set are seeds of it: mean and standard error.")
    ] = False,
    bootstrap: Annotated[int, typer.Option(metavar="N", help="Draws of the paired bootstrap.", min=100)] = 10_000,
    top: Annotated[int, typer.Option(metavar="K", help="How many sounds are recommended for a picture.", min=1)] = 10,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep features and the sounds' embeddings there, for the next time.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int | None, typer.Option(metavar="N", help="Threads of torch on the CPU.", min=1)] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables in Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, not on stdout.")] = None,
) -> None:
    """Measure the encoders that sounds are recommended with by picture: correlation and top-k accuracy, and the paper's
    orderings."""
    import torch

    from foley_models.cli.progress import Progress
    from foley_models.data import open_data
    from foley_models.errors import ModelError
    from foley_models.processes import joined
    from foley_models.recommendation.checkpoint import load
    from foley_models.recommendation.evaluate import evaluate
    from foley_models.recommendation.picks import evaluate_picks
    from foley_models.recommendation.report import Report
    from foley_models.recommendation.scores import Measured, grouped

    if data is None and picks is None:
        raise ModelError("there is nothing to measure with", "give --data SPEC, or --picks CSV and --sounds DIR")
    if (picks is None) != (sounds is None):
        raise ModelError("--picks and --sounds belong together", "give both: what was picked, and out of what")
    if as_json and markdown:
        raise ModelError("--json and --markdown are two forms of one report", "give one of them")
    if threads is not None:
        torch.set_num_threads(threads)
    reports: dict[str, Report] = {}
    with joined(device) as processes, Progress(hidden=as_json) as progress:
        loaded = [load(run) for run in runs]
        grouped([Measured(run.path, run.system, run.trained, {}) for run in loaded], seeds=seeds)  # said before, not after
        if data is not None:
            pairs = open_data(data, split="test", cache=cache, seed=0)
            found = evaluate(loaded, pairs, spec=data, device=processes.device, top=top, note=progress.note)
            reports["test"] = Report(found, seeds=seeds, draws=bootstrap)
        if picks is not None and sounds is not None:
            found = evaluate_picks(loaded, picks, sounds, cache=cache, device=processes.device, top=top, note=progress.note)
            reports["picks"] = Report(found, seeds=seeds, draws=bootstrap, gameplay=True)
    if as_json:
        said = json.dumps({name: report.to_json() for name, report in reports.items()}) + "\n"
    else:
        said = "\n".join(report.text(markdown=markdown) for report in reports.values())
    if out is None:
        sys.stdout.write(said)
        return
    from foley_bridge.media.whole_file import whole_file

    with whole_file(out) as beside:
        beside.write_text(said, encoding="utf-8")
    print(json.dumps({"report": str(out)}) if as_json else f"report: {out}")
