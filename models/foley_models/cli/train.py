"""``foley-models train``."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foley_models.cli.analogy import analogy

if TYPE_CHECKING:
    from foley_models.data import PairData
    from foley_models.processes import Processes

MOST_WORKERS = 8  # of each process, where it is not said

app = typer.Typer(name="train", help="Train a network.", rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """One command for each paper."""


app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(analogy)


@app.command()
def recommendation(
    config: Annotated[str, typer.Option(metavar="NAME", help="Which system; foley-models systems lists them.")],
    data: Annotated[
        str,
        typer.Option(
            metavar="SPEC", help="stage, stage:CLIPS, vggsound:CSV:FOLDER, videos:FOLDER or reels:FOLDER (docs/encoders.md)."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the run; a run that lies there is gone on with.")],
    size: Annotated[str, typer.Option(help="paper, mini or tiny.")] = "paper",
    origin: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="For finetuned: the attention-infonce run it begins with.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Take at most so many; otherwise until nothing is gained.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Take at most so many.")] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Pairs in a batch; the paper's if not given.")] = None,
    lr: Annotated[float | None, typer.Option(metavar="X", help="Learning rate to begin with; 0.01, adamw: 0.001.")] = None,
    lr_grid: Annotated[
        bool, typer.Option("--lr-grid", help="Try 0.0001 to 1 for a few epochs each, and take the best.")
    ] = False,
    optimizer: Annotated[str, typer.Option(help="sgd (Nesterov momentum) or adamw.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="Of the learning rate: plateau, cosine or constant.")] = "plateau",
    patience: Annotated[int, typer.Option(metavar="N", help="Validations without gain after which the run is over.")] = 20,
    validate_every: Annotated[
        int | None, typer.Option(metavar="N", help="Steps between validations; an epoch if not given.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="X", min=0.001, help="Of the contrastive losses; the paper's is 0.5.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first weights and of what is drawn from the data.")] = 0,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes that read data ahead; as many as there are cores but one.")
    ] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Threads of torch on the CPU.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    amp: Annotated[bool, typer.Option("--amp", help="Mixed precision: half as much memory, and faster on most GPUs.")] = False,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="The same bits each time on a GPU, too.")] = False,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the data's features there, for other runs, too.")
    ] = None,
    save_every: Annotated[float, typer.Option(metavar="S", help="Seconds between checkpoints.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Train the encoders that sounds are recommended with by picture.

    On several GPUs: torchrun --nproc-per-node GPUS -m foley_models train recommendation ...
    """
    from dataclasses import replace

    from foley_bridge.errors import Cancelled
    from foley_models.cli.progress import Progress, say
    from foley_models.errors import ModelError
    from foley_models.processes import joined
    from foley_models.recommendation.systems import system
    from foley_models.recommendation.train import Order, train
    from foley_models.settings import LEARNING_RATES, Settings
    from foley_models.stopping import heeded

    try:
        network = system(config, size)
        network = network if temperature is None else replace(network, temperature=temperature)
    except ValueError as error:
        raise ModelError(str(error), "foley-models systems lists them") from error
    settings = Settings(
        batch=network.batch if batch is None else batch,
        lr=LEARNING_RATES.get(optimizer, 1.0) if lr is None else lr,
        optimizer=optimizer,
        schedule=schedule,
        steps=steps,
        epochs=epochs,
        validate_every=validate_every,
        patience=patience,
        seed=seed,
        amp=amp,
        deterministic=deterministic,
        threads=threads,
    )
    with joined(device) as processes, heeded() as stopping, Progress(hidden=as_json or not processes.first) as progress:
        workers = max(0, min((os.cpu_count() or 1) // processes.world - 1, MOST_WORKERS)) if workers is None else workers

        def reading(split: str, done: int, count: int) -> None:
            if stopping.wanted:
                raise Cancelled("stopped while the data was read", "the same command goes on, with --cache from there")
            progress.reading(split, done, count)

        pairs, checks = _opened(data, cache, seed, workers, processes, reading)
        for each in (pairs, checks):
            progress.note(str(each))
        order = Order(
            system=network,
            data=data,
            train=pairs,
            validation=checks,
            origin=origin,
            workers=workers,
            save_every_s=save_every,
            command=["foley-models", *sys.argv[1:]],
        )
        outcome = train(order, settings, out, processes, progress, wanted=lambda: stopping.wanted, lr_grid=lr_grid)
    if processes.first:
        say(outcome, as_json)
        if not as_json:
            print(f"next:   foley-models evaluate recommendation {shlex.quote(str(outcome.run))} --data ...")


def _opened(
    spec: str, cache: Path | None, seed: int, workers: int, processes: Processes, reading: Callable[[str, int, int], None]
) -> tuple[PairData, PairData]:
    """The pairs to train and to validate with. What has to be read for them the first process reads, for all."""
    from foley_models.data import open_data
    from foley_models.data.filling import fill
    from foley_models.errors import ModelError

    if processes.world > 1 and cache is None:
        raise ModelError(f"{processes.world} processes share the data's features in a folder", "give --cache DIR")

    def opened(split: str) -> PairData:
        said = partial(reading, split)
        data = open_data(spec, split=split, cache=cache, seed=seed, workers=workers, on_progress=said)
        if split == "validation":  # all of it is read before the first step
            fill(data, workers=workers, on_progress=said)
        return data

    if not processes.first:
        processes.wait()
    pairs = opened("train"), opened("validation")
    if processes.first:
        processes.wait()
    return pairs
