"""Steps of more than one turn: each moves what is its own, with its own optimiser, from its own step on."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

import torch
from foley_models.cli.progress import Progress
from foley_models.processes import Processes
from foley_models.run_folder import RunFolder
from foley_models.settings import Settings
from foley_models.trainer import Trainer
from foley_models.turns import Turn, learning
from torch import Tensor, nn

ADVERSARY_FROM = 3


class Pair(nn.Module):
    """A number that wants to be where another one is not, and that one, which follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.maker, self.judge = nn.Linear(1, 1), nn.Linear(1, 1)
        self.frozen = nn.Linear(1, 1).requires_grad_(False)
        self.steps: list[int] = []

    def begin_step(self, step: int) -> None:
        self.steps.append(step)

    def turns(self, settings: Settings) -> Sequence[Turn]:
        weight, bias = self.maker.weight, self.maker.bias
        groups = [{"params": [weight], "weight_decay": 0.0}, {"params": [bias], "scale": 0.0}]
        judge = [{"params": learning(self.judge.parameters())}]
        return [
            Turn("maker", self.loss, groups, optimizer="adam", betas=(0.5, 0.9)),
            Turn("judge", self.judged, judge, optimizer="sgd", from_step=ADVERSARY_FROM),
        ]

    def loss(self, x: Tensor, *, gather: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        return (self.maker(x) + self.judge(x) + self.frozen(x)).square().mean(), torch.ones(len(x), dtype=torch.bool)

    def judged(self, x: Tensor, *, gather: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        return (self.maker(x) - self.judge(x)).square().mean(), torch.zeros(len(x), dtype=torch.bool)


class Task:
    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = Pair()
        self.kept: dict[int, dict[str, Tensor]] = {}

    def batches(self, epoch: int, first: int) -> Generator[Sequence[Tensor]]:
        for number in range(first, 4):
            yield [torch.linspace(0, 1, 8)[:, None] + epoch + number / 4]

    def validation(self) -> Generator[Sequence[Tensor]]:
        yield [torch.linspace(0, 1, 8)[:, None]]

    def save(self, path: Path, trained: Mapping[str, Any], progress: Mapping[str, Any] | None) -> None:
        torch.save({"state": self.network.state_dict(), "progress": progress}, path)
        if progress is not None:
            self.kept[progress["step"]] = {name: each.clone() for name, each in self.network.state_dict().items()}

    def restore(self, path: Path) -> dict[str, Any]:
        said = torch.load(path, weights_only=True)
        self.network.load_state_dict(said["state"])
        return dict(said["progress"])


def run(out: Path, steps: int, *, schedule: str = "constant") -> Task:
    task = Task()
    settings = Settings(batch=8, lr=0.05, optimizer="adamw", schedule=schedule, steps=steps, validate_every=1)
    folder = RunFolder(out)
    with folder.locked():
        Trainer(task, settings, folder, Processes(torch.device("cpu")), Progress(hidden=True), trained={}).run()
    return task


def moved(task: Task, before: int, after: int) -> set[str]:
    return {name for name, each in task.kept[before].items() if not torch.equal(each, task.kept[after][name])}


def test_each_turn_moves_its_own_from_its_own_step_on(tmp_path: Path) -> None:
    task = run(tmp_path, 5)
    for step in range(ADVERSARY_FROM):
        assert moved(task, step, step + 1) == {"maker.weight"}, "the judge waits, a scale of 0 stands still"
    for step in range(ADVERSARY_FROM, 5):
        assert moved(task, step, step + 1) == {"maker.weight", "judge.weight", "judge.bias"}
    assert task.network.steps == [0, 1, 2, 3, 4]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    steps = {line["step"]: line for line in lines if "validation" not in line}
    assert [step for step in steps if "judge" in steps[step]] == [4, 5] and steps[1]["accuracy"] == 1.0


def test_a_turns_optimiser_is_its_own(tmp_path: Path) -> None:
    """Adam's first step is as long as the learning rate, whatever the gradient; the judge's is Nesterov's, 1.9 times it."""
    task = run(tmp_path, ADVERSARY_FROM + 1)
    assert abs(task.kept[1]["maker.weight"] - task.kept[0]["maker.weight"]).item() == pytest.approx(0.05, rel=1e-4)
    before, x = task.kept[ADVERSARY_FROM], torch.linspace(0, 1, 8)[:, None] + 3 / 4
    maker = task.kept[ADVERSARY_FROM + 1]  # the judge's turn comes after the maker's, of the same step
    made = x @ maker["maker.weight"].T + maker["maker.bias"]
    judged = x @ before["judge.weight"].T + before["judge.bias"]
    slope = (2 * (judged - made) * x).mean() + 1e-4 * before["judge.weight"].item()
    step = before["judge.weight"] - task.kept[ADVERSARY_FROM + 1]["judge.weight"]
    assert step.item() == pytest.approx(0.05 * 1.9 * slope.item(), rel=1e-4)


def test_a_run_goes_on_with_both_optimisers_as_they_were(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", 7)
    run(tmp_path / "parts", 4)
    parts = run(tmp_path / "parts", 7)
    assert parts.network.steps == [4, 5, 6]
    for name, each in whole.network.state_dict().items():
        assert torch.equal(each, parts.network.state_dict()[name]), name
