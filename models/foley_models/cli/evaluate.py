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
    _write(said, out, as_json=as_json)


@app.command()
def analogy(
    data: Annotated[str, typer.Option(metavar="SPEC", help="As for train; its test split gives the pairs.")],
    runs: Annotated[list[Path] | None, typer.Argument(metavar="RUN...", help="Runs of the decoder, of any system.")] = None,
    codebook: Annotated[Path | None, typer.Option(metavar="RUN", help="That the decoders were trained with.")] = None,
    vocoder: Annotated[Path | None, typer.Option(metavar="RUN", help="Otherwise Griffin-Lim makes the sound.")] = None,
    material: Annotated[Path | None, typer.Option(metavar="RUN", help="A classifier of materials.")] = None,
    action: Annotated[Path | None, typer.Option(metavar="RUN", help="A classifier of actions.")] = None,
    onset: Annotated[Path | None, typer.Option(metavar="RUN", help="For the row of onset transfer.")] = None,
    sync: Annotated[Path | None, typer.Option(metavar="RUN", help="For the row with re-ranking.")] = None,
    candidates: Annotated[int, typer.Option(metavar="N", help="With --sync: sounds made to choose from.", min=1)] = 100,
    style: Annotated[
        str,
        typer.Option(help="Style transfer by features of random convolutions, of the trained material classifier, or none."),
    ] = "random",
    style_steps: Annotated[int, typer.Option(metavar="N", help="Of style transfer.", min=1)] = 300,
    pairs: Annotated[int, typer.Option(metavar="N", help="How many are drawn, three of each target.", min=3)] = 582,
    listed: Annotated[
        Path | None,
        typer.Option("--list", metavar="JSON", help="Take these pairs: of each target its examples, NAME_SECONDS each."),
    ] = None,
    match: Annotated[
        str, typer.Option(help="What has to match: paper (materials, actions) or published (actions for both).")
    ] = "paper",
    paper: Annotated[bool, typer.Option("--paper", help="Show the paper's figures, too.")] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep all that is made, as movies; foley-models study takes them.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of pairs and of what is made.")] = 0,
    bootstrap: Annotated[int, typer.Option(metavar="N", help="Draws for the intervals.", min=100)] = 10_000,
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep films there, for the next time.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes that read films.", min=0)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int | None, typer.Option(metavar="N", help="Threads of torch on the CPU.", min=1)] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables in Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, not on stdout.")] = None,
) -> None:
    """Measure the systems of Foley by analogy: Table 1 of the paper."""
    from functools import partial

    import torch
    from threadpoolctl import threadpool_limits

    from foley_models.analogy.data import open_films
    from foley_models.analogy.evaluation.evaluate import evaluate
    from foley_models.analogy.evaluation.lineup import Asked, lineup
    from foley_models.analogy.evaluation.pairs import drawn_pairs, listed_pairs
    from foley_models.analogy.evaluation.report import MATCHES, Report
    from foley_models.cli.progress import Progress
    from foley_models.errors import ModelError
    from foley_models.processes import joined

    if as_json and markdown:
        raise ModelError("--json and --markdown are two forms of one report", "give one of them")
    if match not in MATCHES:
        raise ModelError(f"--match {match}: there is no such way", f"give {' or '.join(MATCHES)}")
    if threads is not None:
        torch.set_num_threads(threads)
    given = {"codebook": codebook, "vocoder": vocoder, "material": material, "action": action, "onset": onset, "sync": sync}
    others = {name: path for name, path in given.items() if path is not None}
    with joined(device) as processes, threadpool_limits(threads), Progress(hidden=as_json) as progress:
        asked = Asked(runs or [], others, candidates, style, style_steps, seed)
        line = lineup(asked, processes.device)
        films = open_films(
            data,
            split="test",
            picture=line.picture,
            sound=line.sound,
            cache=cache,
            workers=workers,
            on_progress=partial(progress.reading, "test"),
        )
        lost = 0
        if listed is None:
            drawn = drawn_pairs(films, pairs, seed=seed)
        else:
            drawn, lost = listed_pairs(films, listed)
        progress.note(f"{films}; {len(drawn)} pairs" + (f", {lost} of the list left out" if lost else ""))
        found = evaluate(
            drawn,
            films,
            line.makers,
            line.judges,
            about={"data": data, "list": None if listed is None else str(listed), "left_out": lost, **line.about},
            notes=line.notes,
            device=processes.device,
            keep=keep,
            seed=seed,
            on_progress=progress.reading,
        )
    report = Report(found, match=match, paper=paper, draws=bootstrap)
    _write(json.dumps(report.to_json()) + "\n" if as_json else report.text(markdown=markdown), out, as_json=as_json)


def _write(said: str, out: Path | None, *, as_json: bool) -> None:
    """To stdout, or to a file."""
    if out is None:
        sys.stdout.write(said)
        return
    from foley_bridge.media.whole_file import whole_file

    with whole_file(out) as beside:
        beside.write_text(said, encoding="utf-8")
    print(json.dumps({"report": str(out)}) if as_json else f"report: {out}")
