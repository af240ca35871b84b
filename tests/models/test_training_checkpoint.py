"""Checkpoints: what is saved comes back, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.errors import ModelError  # noqa: E402
from foley_models.recommendation import checkpoint  # noqa: E402
from foley_models.recommendation.systems import Recommender, system  # noqa: E402


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    path = tmp_path / checkpoint.BEST
    checkpoint.save(path, Recommender(system("attention-infonce", "mini")), trained={"data": "stage", "steps": 7})
    return path


def changed(path: Path, **values: Any) -> None:
    torch.save({**torch.load(path, weights_only=True), **values}, path)


def test_a_checkpoint_comes_back_as_the_network_it_was(saved: Path) -> None:
    torch.manual_seed(3)
    wanted = Recommender(system("attention-infonce", "mini")).eval()
    loaded = checkpoint.load(saved)
    assert (loaded.system, loaded.trained, loaded.progress) == (wanted.config, {"data": "stage", "steps": 7}, None)
    assert (loaded.picture.size, loaded.sound.mels, loaded.network.training) == (224, 64, False)
    pictures = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.network.picture(pictures), wanted.picture(pictures))


def test_a_runs_folder_means_its_best_checkpoint(saved: Path) -> None:
    assert checkpoint.load(saved.parent).path == saved


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.999])
def test_a_torn_file_is_named(saved: Path, kept: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])
    with pytest.raises(ModelError, match=r"best\.pt is no checkpoint"):
        checkpoint.load(saved)


def test_a_file_that_would_run_code_is_refused_and_runs_none(saved: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (saved.parent / "ran",)

    torch.save({"foley_bridge_run": 1, "model": Evil()}, saved)
    with pytest.raises(ModelError, match="is no checkpoint"):
        checkpoint.load(saved)
    assert not (saved.parent / "ran").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"paper": "guided"}, "guided, format 1; recommendation"),
        ({"foley_bridge_run": 2}, "format 2; recommendation, format 1"),
        ({"system": {"name": "attention-infonce"}}, "not whole: batch: is missing"),
        ({"model": {"picture.out.bias": torch.zeros(128)}}, "not whole: .*Missing key"),
        ({"model": None}, "not whole"),
        ({"sound": {}}, "not whole: floor: is missing"),
    ],
)
def test_what_is_not_the_networks_is_refused_with_the_reason(saved: Path, values: dict[str, Any], said: str) -> None:
    changed(saved, **values)
    with pytest.raises(ModelError, match=said) as error:
        checkpoint.load(saved)
    assert str(saved) in error.value.message


def test_other_peoples_checkpoints_and_no_file_at_all_are_refused(saved: Path) -> None:
    torch.save({"state_dict": {}}, saved)
    with pytest.raises(ModelError, match="no checkpoint of foley-models"):
        checkpoint.load(saved)
    with pytest.raises(ModelError, match="no such checkpoint"):
        checkpoint.load(saved.parent / "none.pt")


def test_a_write_that_fails_leaves_the_last_one_and_nothing_beside_it(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(AttributeError):
        checkpoint.save(saved, checkpoint.load(saved).network, trained={}, progress={"odd": lambda: None})
    assert saved.read_bytes() == before
    assert [each.name for each in saved.parent.iterdir()] == [saved.name]
