"""A run that was ended at any moment, and begun again with the same command, ends in the very same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import training_pairs  # noqa: E402

BALANCED = {"name": "attention-bce-margin", "optimizer": "adamw", "schedule": "cosine", "steps": 24, "validate_every": 7}
CONTRASTIVE = {"name": "attention-infonce", "steps": 20, "amp": True, "decay_after": 1}


def start(out: Path, said: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, training_pairs.__file__, str(out), json.dumps(said)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def steps_logged(out: Path) -> int:
    log = out / "log.jsonl"
    return log.read_text().count('"lr"') if log.exists() else 0


def wait_for(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 240
    while not true():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.002)


def finish(out: Path, said: dict[str, Any]) -> Path:
    """Train to the end in this process: what was begun, or from the beginning."""
    name, settings = said["name"], {each: value for each, value in said.items() if each not in {"name", "workers"}}
    training_pairs.run(out, training_pairs.order(out.with_name("cache"), name), training_pairs.settings(**settings))
    return out


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one if key != "took_s")
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(*each) for each in zip(one, other, strict=True))
    return one == other


def assert_same_runs(one: Path, other: Path) -> None:
    for name in ("last.pt", "best.pt"):
        a, b = (torch.load(out / name, weights_only=True) for out in (one, other))
        wrong = [key for key in a["model"] if not torch.equal(a["model"][key], b["model"][key])]
        assert not wrong
        assert same(a, b), name
    logs = [[json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()] for out in (one, other)]
    assert same(*logs)


@pytest.mark.parametrize(
    "said", [pytest.param(BALANCED, id="balanced"), pytest.param(CONTRASTIVE, id="contrastive", marks=pytest.mark.nightly)]
)
def test_a_run_that_is_killed_over_and_over_ends_in_the_same_weights(said: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "run"
    writing: Callable[[], bool] = lambda: bool(list(out.glob(".last.*")))  # noqa: E731
    for at in (3, 10):
        process = start(out, said)
        wait_for(lambda at=at: steps_logged(out) >= at and (at > 3 or writing()), process)  # type: ignore[misc]
        process.kill()
        process.communicate()
        assert process.returncode not in (0, 1)
    assert_same_runs(finish(out, said), finish(tmp_path / "whole", said))
    assert not list(out.glob(".*"))


@pytest.mark.nightly
@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_what_was_learnt_and_says_how_to_go_on(how: signal.Signals, tmp_path: Path) -> None:
    out, said = tmp_path / "run", {**CONTRASTIVE, "workers": 1}
    process = start(out, said)
    wait_for(lambda: steps_logged(out) >= 4, process)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does: the processes that read get it, too
    else:
        process.send_signal(how)
    told = process.communicate(timeout=240)[1]
    stopped = torch.load(out / "last.pt", weights_only=True)["progress"]["step"]
    assert f"stopped after step {stopped} (the same command goes on from there)" in told and process.returncode == 1
    assert 4 <= stopped < 20 and steps_logged(out) == stopped
    assert_same_runs(finish(out, said), finish(tmp_path / "whole", said))


def test_a_finished_run_is_not_trained_again_and_more_steps_go_on_with_it(tmp_path: Path) -> None:
    def trained(name: str, steps: int) -> training_pairs.Outcome:
        order = training_pairs.order(tmp_path / "cache")
        return training_pairs.run(tmp_path / name, order, training_pairs.settings(steps=steps, validate_every=4))

    first = trained("run", 8)
    before = (tmp_path / "run" / "last.pt").read_bytes()
    again = trained("run", 8)
    assert (again.steps, again.loss, again.step) == (first.steps, first.loss, first.step)
    assert (tmp_path / "run" / "last.pt").read_bytes() == before
    trained("run", 16)
    trained("once", 16)
    weights = [torch.load(tmp_path / name / "last.pt", weights_only=True)["model"] for name in ("run", "once")]
    assert same(*weights)
