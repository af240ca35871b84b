"""Trains Krishnamurthy's systems (section 5): what the trainer has to know of them, and a run from its settings to its end."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from foley_bridge.media.whole_file import whole_file
from foley_models.data import PairData, batches
from foley_models.errors import ModelError
from foley_models.going_on import check_same, prepare, threads
from foley_models.lr_grid import best_rate
from foley_models.processes import Processes
from foley_models.recommendation import checkpoint
from foley_models.recommendation.systems import FINETUNED_FROM, Recommender, SystemConfig
from foley_models.run_folder import RunFolder
from foley_models.settings import Settings
from foley_models.trainer import Outcome, Tensors, Trainer, Watcher

SAME = ("foley_bridge_run", "paper", "system", "data", "clips", "from")
"""What of a run's config has to be the same to go on."""


@dataclass(frozen=True)
class Order:
    """What is to be trained.

    Attributes:
        system: which network.
        data: as ``--data`` says it.
        train, validation: the pairs.
        origin: for ``finetuned``: the checkpoint (or its run's folder) whose encoders it begins with.
        workers: processes that make batches.
        save_every_s: seconds between checkpoints.
        command: how it was asked for.
    """

    system: SystemConfig
    data: str
    train: PairData
    validation: PairData
    origin: Path | None = None
    workers: int = 0
    save_every_s: float = 60
    command: Sequence[str] = ()


def train(
    order: Order,
    settings: Settings,
    out: Path,
    processes: Processes,
    watcher: Watcher,
    *,
    wanted: Callable[[], bool] = lambda: False,
    lr_grid: bool = False,
) -> Outcome:
    """Train a system, or go on with a run that lies in ``out``.

    Args:
        settings: how; ``lr`` counts for nothing where ``lr_grid`` finds one.
        wanted: is asked between steps whether to stop.

    Raises:
        ModelError: something other lies in ``out``, the data does not do, the loss diverged.
        Cancelled: stopping was wanted.
    """
    _check(order, settings, processes)
    _write_skipped(order, out, processes)
    tried = None
    if lr_grid:

        def trial(settings: Settings, folder: Path) -> Outcome:
            return _run(order, settings, folder, processes, watcher, wanted, None)

        rate, tried = best_rate(settings, out, trial, watcher)
        settings = replace(settings, lr=rate)
    return _run(order, settings, out, processes, watcher, wanted, tried)


def _run(
    order: Order,
    settings: Settings,
    out: Path,
    processes: Processes,
    watcher: Watcher,
    wanted: Callable[[], bool],
    tried: dict[str, float | None] | None,
) -> Outcome:
    folder = RunFolder(out, writes=processes.first)
    with folder.locked():
        processes.wait()
        said = folder.said()
        settings = replace(settings, threads=settings.threads or threads(said))
        config = _config(order, settings, processes, tried)
        if said is not None:
            check_same(folder, said, config, SAME, settings)
            if processes.first and folder.last.exists():
                watcher.note(f"going on with {out}")
        processes.wait()
        prepare(settings, processes)
        torch.manual_seed(settings.seed)
        task = _Task(order, settings, processes)
        folder.configure(config)
        trained = {
            "data": order.data,
            "seed": settings.seed,
            "settings": settings.to_json(),
            "command": " ".join(order.command),
        }
        trained |= {"videos": len(order.train), "torch": str(torch.__version__)}
        trainer = Trainer(
            task, settings, folder, processes, watcher, trained=trained, wanted=wanted, save_every_s=order.save_every_s
        )
        outcome = trainer.run()
        processes.wait()
        return outcome


class _Task:
    """The trainer's view of a system."""

    def __init__(self, order: Order, settings: Settings, processes: Processes) -> None:
        self._order, self._settings, self._processes = order, settings, processes
        self.network = Recommender(order.system)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster, on a GPU above all
        if order.origin is not None:
            _begin_with(self.network, order.origin)

    def batches(self, epoch: int, first: int) -> Generator[Tensors]:
        yield from self._batches(self._order.train, epoch, first, (self._processes.rank, self._processes.world))

    def validation(self) -> Generator[Tensors]:
        yield from self._batches(self._order.validation, 0, 0, (0, 1))

    def _batches(self, data: PairData, epoch: int, first: int, part: tuple[int, int]) -> Generator[Tensors]:
        made = batches(
            data,
            size=self._settings.batch,
            contrastive=self._order.system.contrastive,
            epoch=epoch,
            workers=self._order.workers,
            first=first,
            part=part,
            device=self._processes.device,
        )
        for batch in made:
            yield batch.pictures.contiguous(memory_format=torch.channels_last), batch.sounds, batch.correlated

    def save(self, path: Path, trained: Mapping[str, Any], progress: Mapping[str, Any] | None) -> None:
        checkpoint.save(path, self.network, trained=trained, progress=progress)

    def restore(self, path: Path) -> dict[str, Any]:
        loaded = checkpoint.load(path)
        if loaded.progress is None or loaded.system != self._order.system:
            raise ModelError(f"{path} is no checkpoint that this run could go on with", "give another --out")
        self.network.load_state_dict(loaded.network.state_dict())
        return loaded.progress


def _begin_with(network: Recommender, origin: Path) -> None:
    """Take over the encoders of a run (section 5.1: the encoder is trained first, then fine-tuned with a classifier)."""
    wanted, loaded = FINETUNED_FROM[network.config.name], checkpoint.load(origin)
    if loaded.system.name != wanted:
        raise ModelError(f"--from {origin} is a run of {loaded.system.name}", f"give one of {wanted}")
    for name in ("encoder", "widths", "stem_stride", "compatibility", "embedding"):
        own, other = getattr(network.config, name), getattr(loaded.system, name)
        if own != other:
            raise ModelError(f"--from {origin}: its {name} is {other}, and not {own}", "give the same --size")
    network.picture.load_state_dict(loaded.network.picture.state_dict())
    network.sound.load_state_dict(loaded.network.sound.state_dict())


def _check(order: Order, settings: Settings, processes: Processes) -> None:
    name, batch = order.system.name, settings.batch
    if name in FINETUNED_FROM and order.origin is None:
        raise ModelError(f"{name} begins with the encoders of {FINETUNED_FROM[name]}", "give --from RUN")
    if name not in FINETUNED_FROM and order.origin is not None:
        raise ModelError(f"--from: {name} begins with nothing", f"it is for {', '.join(FINETUNED_FROM)}")
    if batch % processes.world or batch // processes.world < 2:
        hint = f"give --batch {max(2, round(batch / processes.world)) * processes.world}"
        raise ModelError(f"a batch of {batch} does not part evenly among {processes.world} processes", hint)
    if not order.system.contrastive and (batch // processes.world) % 2:
        hint = f"give --batch {2 * processes.world * (batch // (2 * processes.world) + 1)}"
        raise ModelError(f"a batch of {batch} has not as many correlated as uncorrelated pairs in each process", hint)


def _config(order: Order, settings: Settings, processes: Processes, tried: dict[str, float | None] | None) -> dict[str, Any]:
    return {
        "foley_bridge_run": checkpoint.FORMAT,
        "paper": checkpoint.PAPER,
        "system": order.system.to_json(),
        "data": order.data,
        "clips": {"train": len(order.train), "validation": len(order.validation)},
        "settings": settings.to_json(),
        "from": None if order.origin is None else str(order.origin),
        "lr_grid": tried,
        "processes": processes.world,
        "device": processes.device.type,
        "torch": str(torch.__version__),
        "command": list(order.command),
    }


def _write_skipped(order: Order, out: Path, processes: Processes) -> None:
    rows = [
        (split, *each) for split, data in (("train", order.train), ("validation", order.validation)) for each in data.skipped
    ]
    if not rows or not processes.first:
        return
    out.mkdir(parents=True, exist_ok=True)
    with whole_file(out / "skipped.csv") as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "name", "why"))
        writer.writerows(rows)
