"""Trains a network of any paper: steps, validations, checkpoints, and going on from the last of these to the very same weights.

What is trained is a ``Task``. All that the next step depends on is in ``last.pt``, which is written only between steps; after a
kill the steps since then are taken once more.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from foley_bridge.errors import Cancelled
from foley_models import curves, schedule
from foley_models.errors import ModelError
from foley_models.processes import Processes, synced
from foley_models.run_folder import RunFolder
from foley_models.settings import Settings
from foley_models.turns import Turns, turns_of

Tensors = Sequence[Tensor | None]


class Task(Protocol):
    """What a paper tells the trainer. Batches are tensors on the CPU whose first dimension is the batch."""

    network: Any  # an ``nn.Module`` that is a ``turns.Network``, too

    def batches(self, epoch: int, first: int) -> Generator[Tensors]:
        """An epoch's batches from number ``first`` on; all are of the settings' size; the same whenever they are asked for."""

    def validation(self) -> Generator[Tensors]:
        """The same batches each time."""

    def save(self, path: Path, trained: Mapping[str, Any], progress: Mapping[str, Any] | None) -> None:
        """Write a checkpoint."""

    def restore(self, path: Path) -> dict[str, Any]:
        """Read a checkpoint into the network; returns its progress."""


class Watcher(Protocol):
    """Is told how far a run is."""

    def stepped(self, step: int, steps: int | None, loss: float, accuracy: float) -> None:
        """A step was taken."""

    def validated(self, step: int, epoch: int, loss: float, accuracy: float, lr: float, best: bool) -> None:
        """The network was validated."""

    def note(self, text: str) -> None:
        """Something else that the user should know."""


class Diverged(ModelError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        run: its folder.
        steps, epochs: that were taken.
        ended: "budget" (steps or epochs) or "no gain".
        step, loss, accuracy: of the best validation, whose network is in ``best.pt``.
        took_s: seconds, breaks not counted.
    """

    run: Path
    steps: int
    epochs: int
    ended: str
    step: int
    loss: float
    accuracy: float
    took_s: float

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {**asdict(self), "run": str(self.run), "best": str(self.run / "best.pt")}


class Trainer:
    """One run.

    Args:
        folder: locked, and open for this run.
        trained: what the checkpoints are to say beside what the trainer knows.
        wanted: is asked between steps whether to stop.
        save_every_s: seconds between checkpoints, beside those at validations.
    """

    def __init__(
        self,
        task: Task,
        settings: Settings,
        folder: RunFolder,
        processes: Processes,
        watcher: Watcher,
        *,
        trained: Mapping[str, Any],
        wanted: Callable[[], bool] = lambda: False,
        save_every_s: float = 60,
    ) -> None:
        self.task, self.settings, self.folder, self.processes, self.watcher = task, settings, folder, processes, watcher
        self._trained, self._wanted, self._save_every_s = trained, wanted, save_every_s
        self.step = self.epoch = self.in_epoch = 0
        self.validations: list[dict[str, Any]] = []  # without the one before the first step
        self._validated = -1
        self._saved_step = 0
        self._took_s = 0.0
        self._network: Any = task.network.to(processes.device)
        gpu = processes.device.type == "cuda"
        if processes.world > 1:
            synced(self._network)
        self._turns = turns_of(self._network, settings)
        self._optimisers = [turn.optimiser(settings) for turn in self._turns]
        self._scaler = torch.amp.GradScaler("cuda", enabled=settings.amp and gpu)
        self._autocast = torch.float16 if gpu else torch.bfloat16
        if self.folder.last.exists():
            self._restore()
        self.folder.go_on(self.step, self._validated)
        self._loss: nn.Module = Turns(self._network, self._turns, processes)
        if processes.world > 1:
            self._loss = nn.parallel.DistributedDataParallel(
                self._loss,
                device_ids=[processes.device] if gpu else None,
                broadcast_buffers=False,
                find_unused_parameters=len(self._turns) > 1,
            )

    def run(self) -> Outcome:
        """Train until it is over.

        Raises:
            Cancelled: stopping was wanted; the run can go on later.
            Diverged: the loss is no number any more.
            ModelError: there is nothing to train or to validate with.
        """
        with threadpool_limits(self.settings.threads):  # numpy's threads, too: those beyond the cores only wait for each other
            return self._run()

    def _run(self) -> Outcome:
        self._began = self._saved = time.perf_counter()
        while not self._over():
            self._validate_if_due()
            with contextlib.closing(self.task.batches(self.epoch, self.in_epoch)) as batches:
                for batch in batches:
                    self._train_with(batch)
                    self._stop_or_save()
                    self._validate_if_due()
                    if self._over():
                        break
                else:
                    if self.in_epoch == 0:
                        size = self.settings.batch
                        raise ModelError(f"there is no batch of {size} to train with", "give a smaller --batch, or more data")
                    self.epoch, self.in_epoch = self.epoch + 1, 0
                    self._validate_if_due()
        best = min(self.validations, key=lambda each: each["loss"])
        return Outcome(
            run=self.folder.path,
            steps=self.step,
            epochs=self.epoch,
            ended="budget" if self._at_the_end() else "no gain",
            step=best["step"],
            loss=best["loss"],
            accuracy=best["accuracy"],
            took_s=round(self._took(), 1),
        )

    def _at_the_end(self) -> bool:
        steps, epochs = self.settings.steps, self.settings.epochs
        return (steps is not None and self.step >= steps) or (epochs is not None and self.epoch >= epochs)

    def _over(self) -> bool:
        tired = schedule.without_gain(self._losses()) >= self.settings.patience
        return (self._at_the_end() and self._validated == self.step) or tired

    def _losses(self) -> list[float]:
        return [each["loss"] for each in self.validations]

    def _took(self) -> float:
        return self._took_s + time.perf_counter() - self._began

    def _rate(self) -> float:
        return schedule.learning_rate(
            self.settings.schedule,
            self.settings.lr,
            step=self.step,
            steps=self.settings.steps,
            losses=self._losses(),
            decay_after=self.settings.decay_after,
        )

    def _train_with(self, batch: Tensors) -> None:
        rate = self._rate()
        drawn = np.random.SeedSequence([self.settings.seed, self.step, self.processes.rank]).generate_state(1, np.uint64)
        torch.manual_seed(int(drawn[0]))  # of dropout and the like: nothing of it has to be kept to go on
        self._network.train()
        if hasattr(self._network, "begin_step"):
            self._network.begin_step(self.step)
        there = self._on_device(batch)
        taken = {
            turn.name: self._take(number, there, rate) for number, turn in enumerate(self._turns) if self.step >= turn.from_step
        }
        self._scaler.update()
        loss, right = taken.pop(self._turns[0].name)
        told = self.processes.total(torch.stack([loss.float(), right.float().mean()])) / self.processes.world
        mean, accuracy = told.tolist()
        if not math.isfinite(mean):
            before = f"; {self.folder.last} has the network of step {self._saved_step}" if self.folder.last.exists() else ""
            raise Diverged(
                f"step {self.step + 1}: the loss is {mean} at a learning rate of {rate:g}{before}",
                "train anew with a tenth of the learning rate, or let --lr-grid find one",
            )
        self.step, self.in_epoch = self.step + 1, self.in_epoch + 1
        said = {"loss": mean, "accuracy": accuracy, "lr": rate}
        said |= {name: each.item() for name, (each, _) in taken.items()}
        self.folder.log({"step": self.step, "epoch": self.epoch, **said, "took_s": round(self._took(), 2)})
        if self.processes.first:
            self.watcher.stepped(self.step, self.settings.steps, mean, accuracy)

    def _take(self, number: int, batch: Tensors, rate: float) -> tuple[Tensor, Tensor]:
        """One turn of a step: its loss, and of which of the batch the network was right."""
        optimiser = self._optimisers[number]
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1)
        self._network.zero_grad(set_to_none=True)
        with self._precision():
            loss, right = self._loss(number, *batch)
        self._scaler.scale(loss).backward()
        self._scaler.step(optimiser)
        return loss.detach(), right

    def _on_device(self, batch: Tensors) -> list[Tensor | None]:
        return [None if each is None else each.to(self.processes.device, non_blocking=True) for each in batch]

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.processes.device.type, dtype=self._autocast, enabled=self.settings.amp)

    def _stop_or_save(self) -> None:
        if self._stopping():
            self._save()
            raise Cancelled(f"stopped after step {self.step}", "the same command goes on from there")
        if self.processes.first and time.perf_counter() - self._saved >= self._save_every_s:
            self._save()

    def _stopping(self) -> bool:
        wanted = self._wanted()
        if self.processes.world == 1:
            return wanted
        return bool(self.processes.total(torch.tensor(float(wanted), device=self.processes.device)))

    def _validate_if_due(self) -> None:
        every = self.settings.validate_every
        due = self.step == 0 or self._at_the_end() or (self.step % every == 0 if every else self.in_epoch == 0)
        if not due or self._validated == self.step:
            return
        loss, accuracy = self._validate()
        self._validated = self.step
        best = self.step > 0 and loss < min(self._losses(), default=math.inf)
        rate = self._rate()
        said = {"step": self.step, "loss": loss, "accuracy": accuracy}
        if self.step > 0:
            self.validations.append(said)
        self.folder.log(
            {"step": self.step, "epoch": self.epoch, "validation": said, "best": best, "took_s": round(self._took(), 2)}
        )
        if self.processes.first:
            if best:
                self.task.save(self.folder.best, self._said(said), None)
            self._save()
            curves.draw(self.folder.curves, self.folder.lines)
            self.watcher.validated(self.step, self.epoch, loss, accuracy, rate, best)
        self._stop_or_save()

    @torch.no_grad()
    def _validate(self) -> tuple[float, float]:
        """Mean loss and accuracy; every process has each of its batches alone."""
        self._network.eval()
        sums = torch.zeros(3, dtype=torch.float64)
        with contextlib.closing(self.task.validation()) as batches:
            for number, batch in enumerate(batches):
                if number % self.processes.world != self.processes.rank:
                    continue
                with self._precision():
                    loss, right = self._network.loss(*self._on_device(batch), gather=_own)
                sums += torch.tensor([loss.item() * len(right), right.sum().item(), len(right)], dtype=torch.float64)
                if self.processes.world == 1:
                    self._stop_or_save()
        loss_sum, right_sum, count = self.processes.total(sums.to(self.processes.device)).tolist()
        if not count:
            raise ModelError("there is nothing to validate with", "see what was skipped, or give more data")
        if not math.isfinite(loss_sum):
            said = f"step {self.step}: the validation loss is {loss_sum}"
            raise Diverged(said, "train anew with a tenth of the learning rate")
        return loss_sum / count, right_sum / count

    def _said(self, validation: Mapping[str, Any]) -> dict[str, Any]:
        so_far = {"steps": self.step, "epochs": self.epoch, "took_s": round(self._took(), 1)}
        return {**self._trained, **so_far, "validation": dict(validation), "device": _name(self.processes)}

    def _save(self) -> None:
        self._saved, self._saved_step = time.perf_counter(), self.step
        if not self.processes.first:
            return
        progress = {
            "step": self.step,
            "epoch": self.epoch,
            "in_epoch": self.in_epoch,
            "validated": self._validated,
            "validations": self.validations,
            "took_s": self._took(),
            "optimisers": [each.state_dict() for each in self._optimisers],
            "scaler": self._scaler.state_dict(),
        }
        best = min(self.validations, key=lambda each: each["loss"], default={})
        self.task.save(self.folder.last, self._said(best), progress)

    def _restore(self) -> None:
        progress = self.task.restore(self.folder.last)
        self.step, self.epoch, self.in_epoch = progress["step"], progress["epoch"], progress["in_epoch"]
        self._validated, self.validations, self._took_s = progress["validated"], progress["validations"], progress["took_s"]
        self._saved_step = self.step
        for optimiser, kept in zip(self._optimisers, progress["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self._scaler.load_state_dict(progress["scaler"])


def _own(rows: Tensor) -> Tensor:
    return rows


def _name(processes: Processes) -> str:
    name = torch.cuda.get_device_name(processes.device) if processes.device.type == "cuda" else "CPU"
    return f"{processes.world} x {name}" if processes.world > 1 else name
