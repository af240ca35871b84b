"""What the trainings of all parts share: a run from its settings to its end, or on from where it was stopped.

A part's module ``train`` says what is its own: ``task``, ``DEFAULTS``, ``OPTIONS``, ``RUNS``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from foley_bridge.inference.clips import ClipPicture, ClipSound, settings_to_json
from foley_models.analogy import checkpoint
from foley_models.analogy.config import to_json
from foley_models.analogy.data import Films
from foley_models.errors import ModelError
from foley_models.going_on import check_same, prepare, threads
from foley_models.processes import Processes
from foley_models.run_folder import RunFolder
from foley_models.settings import Settings
from foley_models.trainer import Outcome, Tensors, Trainer, Watcher

PARTS = {
    "codebook": "foley_models.analogy.codebook.train",
    "vocoder": "foley_models.analogy.vocoder.train",
    "onset": "foley_models.analogy.onset.train",
    "sync": "foley_models.analogy.sync.train",
    "classifier": "foley_models.analogy.evaluation.train",
    "decoder": "foley_models.analogy.decoder.train",
}
PICTURES = {"paper": ClipPicture(), "mini": ClipPicture(short_side=64, size=56)}
SOUND = ClipSound()
BLIND = ("codebook", "vocoder", "classifier")
"""Parts that hear and do not look."""


@dataclass(frozen=True)
class Defaults:
    """How a part is trained where nobody says otherwise."""

    batch: int
    lr: float
    optimizer: str
    schedule: str


@dataclass(frozen=True)
class Given:
    """What a part's task is made of.

    Attributes:
        part: its name.
        size: "paper" or "mini".
        train, validation: films.
        settings: of the run.
        runs: those of other parts that it begins with or needs, by the names of its ``RUNS``.
        options: its own, by the names of its ``OPTIONS``.
        picture, sound: what networks are shown.
    """

    part: str
    size: str
    train: Films
    validation: Films
    settings: Settings
    runs: Mapping[str, Path]
    options: Mapping[str, Any]
    picture: ClipPicture
    sound: ClipSound


@dataclass(frozen=True)
class PartTask:
    """What is trained, and with what.

    Attributes:
        network: a learner: a module with ``network`` (what is used later), ``config`` (its), ``loss``, maybe ``turns``.
        batches: an epoch's, from number ``first`` on.
        validation: the same each time.
        notes: what the user should know beforehand.
    """

    network: Any
    batches: Callable[[int, int], Generator[Tensors]]
    validation: Callable[[], Generator[Tensors]]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Order:
    """What is to be trained.

    Attributes:
        part, size, train, validation, runs, options: as in ``Given``.
        data: as ``--data`` says it.
        save_every_s: seconds between checkpoints.
        command: how it was asked for.
    """

    part: str
    size: str
    data: str
    train: Films
    validation: Films
    runs: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    save_every_s: float = 60
    command: Sequence[str] = ()


def module_of(part: str) -> Any:
    """A part's module ``train``."""
    return import_module(PARTS[part])


def other_run(given: Given, name: str) -> checkpoint.Loaded | None:
    """A run of another part, by its name in ``RUNS``; None where none is given.

    Raises:
        ModelError: it cannot be read, or its network was shown other spectrograms, or, where it looks, other pictures.
    """
    if name not in given.runs:
        return None
    loaded = checkpoint.load(given.runs[name], module_of(given.part).RUNS[name])
    for what, same in (
        ("spectrograms", loaded.sound == given.sound),
        ("pictures", loaded.picture == given.picture or loaded.part in BLIND),
    ):
        if not same:
            raise ModelError(
                f"--{name} {given.runs[name]}: its network was shown other {what}", f"give a run of --size {given.size}"
            )
    return loaded


def train(
    order: Order,
    settings: Settings,
    out: Path,
    processes: Processes,
    watcher: Watcher,
    *,
    wanted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train a part, or go on with a run that lies in ``out``.

    Args:
        wanted: is asked between steps whether to stop.

    Raises:
        ModelError: something other lies in ``out``, the data or another run does not do, the loss diverged.
        Cancelled: stopping was wanted.
    """
    if settings.batch % processes.world:
        raise ModelError(
            f"a batch of {settings.batch} does not part evenly among {processes.world} processes", "give another --batch"
        )
    folder = RunFolder(out, writes=processes.first)
    with folder.locked():
        processes.wait()
        said = folder.said()
        settings = replace(settings, threads=settings.threads or threads(said))
        prepare(settings, processes)
        torch.manual_seed(settings.seed)
        task = _Task(order, settings, processes)
        config = task.config(order, settings)
        if said is not None:
            check_same(folder, said, config, tuple(config), settings)
            if processes.first and folder.last.exists():
                watcher.note(f"going on with {out}")
        for note in task.notes if processes.first else ():
            watcher.note(note)
        folder.configure({**config, "settings": settings.to_json(), "command": list(order.command), **_where(processes)})
        trained = {**config, "seed": settings.seed, "settings": settings.to_json(), "command": " ".join(order.command)}
        trained |= {"torch": str(torch.__version__)}
        trainer = Trainer(
            task, settings, folder, processes, watcher, trained=trained, wanted=wanted, save_every_s=order.save_every_s
        )
        outcome = trainer.run()
        processes.wait()
        return outcome


class _Task:
    """The trainer's view of a part."""

    def __init__(self, order: Order, settings: Settings, processes: Processes) -> None:
        self.part, self._rank, self._world = order.part, processes.rank, processes.world
        given = Given(
            part=order.part,
            size=order.size,
            train=order.train,
            validation=order.validation,
            settings=settings,
            runs=order.runs,
            options=order.options,
            picture=order.train.picture,
            sound=order.train.sound,
        )
        self._given = given
        made: PartTask = module_of(order.part).task(given)
        self.network, self.notes = made.network, made.notes
        self._batches, self._validation = made.batches, made.validation

    def batches(self, epoch: int, first: int) -> Generator[Tensors]:
        """An epoch's batches; of each the share of this process."""
        for batch in self._batches(epoch, first):
            yield [None if each is None else each[self._rank :: self._world] for each in batch]

    def validation(self) -> Generator[Tensors]:
        yield from self._validation()

    def save(self, path: Path, trained: Mapping[str, Any], progress: Mapping[str, Any] | None) -> None:
        checkpoint.save(
            path,
            self.part,
            self.network,
            picture=self._given.picture,
            sound=self._given.sound,
            trained=trained,
            progress=progress,
        )

    def restore(self, path: Path) -> dict[str, Any]:
        loaded = checkpoint.load(path, self.part)
        if loaded.progress is None or loaded.config != self.network.config:
            raise ModelError(f"{path} is no checkpoint that this run could go on with", "give another --out")
        self.network.load_state_dict(loaded.state)
        return loaded.progress

    def config(self, order: Order, settings: Settings) -> dict[str, Any]:
        """What a run is, so that going on with it can be refused where it would be another."""
        runs = {name: checkpoint.load(path, module_of(order.part).RUNS[name]).sha256 for name, path in order.runs.items()}
        return {
            "foley_bridge_run": checkpoint.FORMAT,
            "paper": checkpoint.PAPER,
            "part": order.part,
            "size": order.size,
            "network": to_json(self.network.config),
            "options": dict(order.options),
            "data": order.data,
            "films": {"train": len(order.train), "validation": len(order.validation)},
            "picture": settings_to_json(order.train.picture),
            "sound": settings_to_json(order.train.sound),
            "runs": runs,
        }


def _where(processes: Processes) -> dict[str, Any]:
    return {"processes": processes.world, "device": processes.device.type, "torch": str(torch.__version__)}
