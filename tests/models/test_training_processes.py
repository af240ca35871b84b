"""Two processes that train together learn what one learns from the whole batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import training_pairs  # noqa: E402
import training_parts  # noqa: E402
from foley_models.analogy.picture.r2plus1d import PictureConfig, R2Plus1D  # noqa: E402
from foley_models.errors import ModelError  # noqa: E402
from foley_models.processes import Processes, SyncedBatchNorm3d, joined, synced  # noqa: E402


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made, started by torchrun."""
    if not torch.distributed.is_gloo_available():
        pytest.skip("this torch cannot join processes on the CPU")
    out = tmp_path_factory.mktemp("together")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, training_parts.__file__, str(out)], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("name", training_parts.SYSTEMS)
def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(name: str, together: Path) -> None:
    wanted = training_parts.gradients(name, training_pairs.ALONE)
    found = torch.load(together / f"{name}.pt", weights_only=True)
    assert found["gradients"].keys() == wanted["gradients"].keys()
    for kind in ("gradients", "buffers"):
        for each, value in wanted[kind].items():
            torch.testing.assert_close(
                found[kind][each], value, rtol=1e-8, atol=1e-11, msg=lambda said, each=each: f"{each}: {said}"
            )
    torch.testing.assert_close(found["loss"], wanted["loss"], rtol=1e-10, atol=0)


def test_what_does_not_learn_in_one_process_does_not_learn_in_several() -> None:
    network = torch.nn.ModuleList(
        R2Plus1D(PictureConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1, 1), stem=4)).requires_grad_(learns).train(learns)
        for learns in (True, False)
    )
    synced(network)
    for each, learns in zip(network, (True, False), strict=True):
        assert isinstance(each.stem[1], SyncedBatchNorm3d)
        assert {parameter.requires_grad for parameter in each.parameters()} == {learns}
        assert {module.training for module in each.modules()} == {learns}


def test_a_run_of_two_processes_is_the_run_of_one(together: Path, tmp_path: Path) -> None:
    training_pairs.run(
        tmp_path / "run", training_pairs.order(together / "cache"), training_pairs.settings(steps=6, validate_every=3)
    )
    logs = []
    for out in (together / "run", tmp_path / "run"):
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        logs.append([line.get("validation", line) for line in lines])
    assert len(logs[0]) == len(logs[1]) == 9  # six steps, validated at 0, 3 and 6
    for one, other in zip(*logs, strict=True):
        assert (one["step"], one["accuracy"]) == (other["step"], pytest.approx(other["accuracy"], abs=1e-6))
        assert one["loss"] == pytest.approx(other["loss"], abs=2e-4)
    assert json.loads((together / "run" / "config.json").read_text())["processes"] == 2


@pytest.mark.parametrize(
    ("name", "batch", "world", "said"),
    [
        ("attention-infonce", 9, 2, "a batch of 9 does not part evenly among 2 processes.*--batch 8"),
        ("attention-infonce", 2, 2, "--batch 4"),
        ("attention-bce", 6, 2, "not as many correlated as uncorrelated pairs in each process.*--batch 8"),
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused(name: str, batch: int, world: int, said: str, tmp_path: Path) -> None:
    from foley_models.cli.progress import Progress
    from foley_models.recommendation.train import train

    many = Processes(torch.device("cpu"), 0, world)
    with pytest.raises(ModelError, match=said):
        train(
            training_pairs.order(tmp_path / "cache", name),
            training_pairs.settings(batch=batch),
            tmp_path / "run",
            many,
            Progress(hidden=True),
        )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said_with_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"--device cuda: torch .* finds no GPU .*--device cpu"), joined("cuda"):
        pass
    with joined("auto") as alone:
        assert alone == training_pairs.ALONE
