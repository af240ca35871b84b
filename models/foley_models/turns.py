"""A step of training as turns: each has a loss, what that loss moves, and how. One with an adversary has two, others one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn, optim

from foley_models.processes import Processes
from foley_models.settings import Settings, optimiser

Loss = Callable[..., tuple[Tensor, Tensor]]


class Network(Protocol):
    """What a task's network has, beside being a ``torch.nn.Module``.

    It may have more: ``turns(settings) -> Sequence[Turn]``, taken in their order at each step, and ``begin_step(step)``, which
    is told the number of the step, from 0, before it is taken.
    """

    def loss(self, *batch: Any, gather: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """A batch's mean loss, and of which of it the network was right, bool (n,)."""


@dataclass(frozen=True)
class Turn:
    """One of a step's losses.

    Attributes:
        name: for people.
        loss: as ``Network.loss``; the first turn's is what a run shows.
        groups: what it moves, as ``torch.optim`` takes it; a group may have "scale": so many times the run's learning rate.
        optimizer: "sgd", "adam" or "adamw"; None: the settings'.
        betas: of Adam.
        from_step: before this step the turn is not taken.
    """

    name: str
    loss: Loss
    groups: Sequence[Mapping[str, Any]]
    optimizer: str | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    from_step: int = 0

    def optimiser(self, settings: Settings) -> optim.Optimizer:
        """For what this turn moves."""
        return optimiser([dict(group) for group in self.groups], settings, name=self.optimizer, betas=self.betas)


def turns_of(network: Any, settings: Settings) -> Sequence[Turn]:
    """A network's own, or one of all that is not frozen."""
    if hasattr(network, "turns"):
        return network.turns(settings)
    return [Turn("loss", network.loss, [{"params": learning(network.parameters())}])]


def learning(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Those that are not frozen."""
    return [each for each in parameters if each.requires_grad]


class Turns(nn.Module):
    """A network's turns as forward passes, which is where several processes exchange gradients."""

    def __init__(self, network: nn.Module, turns: Sequence[Turn], processes: Processes) -> None:
        super().__init__()
        self.network = network
        self._turns, self._gather = turns, processes.gather

    def forward(self, number: int, *batch: Tensor | None) -> tuple[Tensor, Tensor]:
        return self._turns[number].loss(*batch, gather=self._gather)
