"""How a network is trained, whichever paper it is from: what decides its weights, and so has to be the same to go on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from foley_models.errors import ModelError
from foley_models.schedule import SCHEDULES

if TYPE_CHECKING:
    from torch import optim

LEARNING_RATES = {"sgd": 0.01, "adam": 0.001, "adamw": 0.001}
"""Of each optimiser, where none is given; Krishnamurthy's is SGD's."""
WEIGHT_DECAY = {"sgd": 1e-4, "adam": 0.0, "adamw": 0.01}
MOMENTUM = 0.9


_LEAST = {"batch": 2, "steps": 1, "epochs": 1, "validate_every": 1, "patience": 1, "decay_after": 1, "threads": 1}


@dataclass(frozen=True)
class Settings:
    """All that decides a run's weights, beside the data and the network.

    Attributes:
        batch: pairs in a batch, of all processes together.
        lr: learning rate of the first step.
        optimizer: "sgd" (Nesterov momentum), "adam" or "adamw".
        schedule: see ``schedule.learning_rate``.
        steps, epochs: to take at most; None: until there is no more gain.
        validate_every: steps between validations; None: an epoch.
        patience: validations without gain after which a run is over.
        decay_after: validations without gain after which ``plateau`` divides the learning rate by ten.
        seed: of the first weights and of what is drawn from the data.
        amp: mixed precision (bfloat16 on the CPU, float16 with a scaled loss on a GPU).
        deterministic: only algorithms that always give the same bits, on a GPU too (slower).
        threads: of torch on the CPU, in each process; other threads round sums otherwise. None: those of the run that goes on,
            or as many as torch takes.
    """

    batch: int
    lr: float
    optimizer: str = "sgd"
    schedule: str = "plateau"
    steps: int | None = None
    epochs: int | None = None
    validate_every: int | None = None
    patience: int = 20
    decay_after: int = 8
    seed: int = 0
    amp: bool = False
    deterministic: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.optimizer not in LEARNING_RATES:
            raise ModelError(f"--optimizer {self.optimizer}: there is none of this name", f"give {_either(LEARNING_RATES)}")
        if self.schedule not in SCHEDULES:
            raise ModelError(f"--schedule {self.schedule}: there is none of this name", f"give {_either(SCHEDULES)}")
        if self.schedule == "cosine" and self.steps is None:
            raise ModelError("--schedule cosine ends at a step that has to be known", "give --steps N")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ModelError(f"--{name.replace('_', '-')} {value}: has to be at least {least}")
        if not 0 < self.lr < 1e3:
            raise ModelError(f"--lr {self.lr:g}: a learning rate is above 0", "the paper's is 0.01")

    def to_json(self) -> dict[str, Any]:
        """For a run's config."""
        return asdict(self)

    def differs(self, said: dict[str, Any]) -> str | None:
        """The first setting that is another one in a run's config and would lead to other weights; None: there is none.

        More or fewer steps are another end of the same way, unless the learning rate depends on the end.
        """
        free = {"steps", "epochs"} if self.schedule != "cosine" else set()
        own = self.to_json()
        wrong = [each.name for each in fields(self) if each.name not in free and said.get(each.name) != own[each.name]]
        return wrong[0] if wrong else None


def optimiser(
    groups: list[dict[str, Any]], settings: Settings, *, name: str | None = None, betas: tuple[float, float] = (0.9, 0.999)
) -> optim.Optimizer:
    """For groups of parameters; the learning rate is set before each step.

    Args:
        groups: as ``torch.optim`` takes them; one without "weight_decay" has the optimiser's of ``WEIGHT_DECAY``.
        name: one of ``LEARNING_RATES``; None: the settings'.
    """
    from torch import optim

    name = settings.optimizer if name is None else name
    decay = WEIGHT_DECAY[name]
    if name == "sgd":
        return optim.SGD(groups, lr=settings.lr, momentum=MOMENTUM, nesterov=True, weight_decay=decay)
    kind = optim.AdamW if name == "adamw" else optim.Adam
    return kind(groups, lr=settings.lr, betas=betas, weight_decay=decay)


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)
