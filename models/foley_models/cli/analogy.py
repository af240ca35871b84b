"""``foley-models train analogy``: one command for all parts of Foley by analogy. What is a part's own it says itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer


def analogy(
    context: typer.Context,
    part: Annotated[str, typer.Argument(metavar="PART", help="codebook, vocoder, onset, sync, classifier or decoder.")],
    data: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="stage, stage:FILMS, stage:FILMS:dubbed, greatest-hits:FOLDER or videos:FOLDER (docs/analogy.md).",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the run; a run that lies there is gone on with.")],
    size: Annotated[str, typer.Option(help="paper or mini.")] = "paper",
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Take at most so many; otherwise until nothing is gained.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Take at most so many.")] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Clips, or pairs, in a batch.")] = None,
    lr: Annotated[float | None, typer.Option(metavar="X", help="Learning rate to begin with.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, adam or adamw.")] = None,
    schedule: Annotated[str | None, typer.Option(help="Of the learning rate: plateau, cosine or constant.")] = None,
    patience: Annotated[int, typer.Option(metavar="N", help="Validations without gain after which the run is over.")] = 20,
    validate_every: Annotated[
        int | None, typer.Option(metavar="N", help="Steps between validations; an epoch if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first weights and of what is drawn from the data.")] = 0,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes that read films beforehand.")] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Threads of torch on the CPU.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    amp: Annotated[bool, typer.Option("--amp", help="Mixed precision.")] = False,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="The same bits each time on a GPU, too.")] = False,
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the films there, for other runs, too.")] = None,
    save_every: Annotated[float, typer.Option(metavar="S", help="Seconds between checkpoints.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Train a part of Foley by analogy: codebook, vocoder, onset, sync, classifier or decoder.

    A part has options of its own, and other parts' runs that it needs; foley-models systems lists them.
    """
    from foley_bridge.errors import Cancelled
    from foley_models.analogy.data import open_films
    from foley_models.analogy.training import PARTS, PICTURES, SOUND, Order, module_of, train
    from foley_models.cli.progress import Progress, say
    from foley_models.errors import ModelError
    from foley_models.processes import joined
    from foley_models.settings import Settings
    from foley_models.stopping import heeded

    if part not in PARTS:
        raise ModelError(f"{part}: there is no such part", f"give one of {', '.join(PARTS)}")
    if size not in PICTURES:
        raise ModelError(f"--size {size}: there is none of this name", f"give {' or '.join(PICTURES)}")
    module = module_of(part)
    options, runs = own_options(part, context.args, module.OPTIONS, module.RUNS)
    usual = module.DEFAULTS[size]
    settings = Settings(
        batch=usual.batch if batch is None else batch,
        lr=usual.lr if lr is None else lr,
        optimizer=usual.optimizer if optimizer is None else optimizer,
        schedule=_schedule(usual.schedule, schedule, steps),
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

        def opened(split: str) -> Any:
            def said(done: int, count: int) -> None:
                if stopping.wanted:
                    raise Cancelled("stopped while the films were read", "the same command goes on, with --cache from there")
                progress.reading(split, done, count)

            return open_films(
                data, split=split, picture=PICTURES[size], sound=SOUND, cache=cache, workers=workers, on_progress=said
            )

        if processes.world > 1 and cache is None:
            raise ModelError(f"{processes.world} processes share the films in a folder", "give --cache DIR")
        if not processes.first:
            processes.wait()
        films = opened("train"), opened("validation")
        if processes.first:
            processes.wait()
        for each in films:
            progress.note(str(each))
        order = Order(part, size, data, *films, runs, options, save_every, ["foley-models", *sys.argv[1:]])
        outcome = train(order, settings, out, processes, progress, wanted=lambda: stopping.wanted)
    if processes.first:
        say(outcome, as_json)


def own_options(
    part: str, given: Sequence[str], options: Mapping[str, Any], runs: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Path]]:
    """What is a part's own, out of what is left of a command line.

    Args:
        options: names and defaults; one that is True or False is a flag.
        runs: names, and of which part each run has to be.

    Raises:
        ModelError: an option is unknown, has no value, or one that cannot be.
    """
    from foley_models.errors import ModelError

    made, found, rest = dict(options), {}, list(given)
    while rest:
        said, _, value = rest.pop(0).partition("=")
        name = said.removeprefix("--").replace("-", "_")
        if not said.startswith("--") or (name not in options and name not in runs):
            known = ", ".join(f"--{each.replace('_', '-')}" for each in (*runs, *options)) or "none"
            raise ModelError(
                f"{said}: {part} has no such option", f"its own are {known}; foley-models train analogy --help has the others"
            )
        if isinstance(options.get(name), bool):
            made[name] = True
            continue
        if not value and not rest:
            raise ModelError(f"{said}: a value is wanted")
        value = value or rest.pop(0)
        if name in runs:
            found[name] = Path(value)
            continue
        try:
            made[name] = value if options[name] is None else type(options[name])(value)
        except ValueError:
            raise ModelError(
                f"{said} {value}: {'a whole number' if isinstance(options[name], int) else 'a number'} is wanted"
            ) from None
    return made, found


def _schedule(usual: str, given: str | None, steps: int | None) -> str:
    """A cosine needs an end: without one a part that has it by default learns at a constant rate."""
    if given is None and usual == "cosine" and steps is None:
        return "constant"
    return usual if given is None else given
