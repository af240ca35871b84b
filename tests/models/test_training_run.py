"""A run: what it learns, what it leaves behind, when it ends, and what it says when it cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import cv2  # noqa: E402
from foley_models.data.pairs import PairData  # noqa: E402
from foley_models.errors import ModelError  # noqa: E402
from foley_models.recommendation import checkpoint  # noqa: E402
from foley_models.run_folder import RunFolder  # noqa: E402
from foley_models.trainer import Diverged  # noqa: E402
from training_pairs import Colours, order, run, settings, tiny  # noqa: E402


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def losses(out: Path) -> list[float]:
    return [line["validation"]["loss"] for line in log(out) if "validation" in line]


@pytest.mark.parametrize("name", ["attention-bce-margin", "attention-infonce"])
def test_a_run_learns_what_goes_together(name: str, tmp_path: Path, cache: Path) -> None:
    outcome = run(tmp_path / "run", order(cache, name), settings(optimizer="adamw", steps=80, batch=16, validate_every=20))
    first, best = losses(tmp_path / "run")[0], outcome.loss
    assert best < first - 0.15 and outcome.accuracy > (0.15 if tiny(name).contrastive else 0.6)  # chance: 1/16, 1/2


def test_a_runs_folder_says_what_was_done_and_its_best_checkpoint_is_the_best(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "run"
    outcome = run(out, replace(order(cache), command=["foley-models", "train"]), settings(steps=20, lr=0.05))
    lines = log(out)
    assert [line["step"] for line in lines if "validation" not in line] == list(range(1, 21))
    assert [line["step"] for line in lines if "validation" in line] == [0, 8, 16, 20]  # an epoch: 64 clips in eights
    checks = [line["validation"] for line in lines if "validation" in line][1:]
    best = min(checks, key=lambda each: each["loss"])
    loaded = checkpoint.load(out)
    assert (outcome.step, outcome.loss, outcome.ended) == (best["step"], best["loss"], "budget")
    assert loaded.trained["validation"] == best and loaded.trained["steps"] == best["step"]
    assert (loaded.trained["data"], loaded.trained["seed"], loaded.trained["command"]) == ("colours", 0, "foley-models train")
    assert loaded.progress is None and checkpoint.load(out / "last.pt").progress["step"] == 20
    config = json.loads((out / "config.json").read_text())
    assert (config["system"]["name"], config["settings"]["lr"], config["clips"]["train"]) == ("attention-infonce", 0.05, 64)
    picture = cv2.imread(str(out / "curves.png"))
    assert picture.shape == (640, 900, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_the_network_of_the_best_checkpoint_has_the_loss_it_says(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "run"
    outcome = run(out, order(cache, "attention-bce"), settings(steps=17, batch=16))
    from foley_models.data import batches

    network = checkpoint.load(out).network
    sums = []
    with torch.no_grad():
        for batch in batches(order(cache).validation, size=16, contrastive=False, epoch=0):
            loss, right = network.loss(batch.pictures, batch.sounds, batch.correlated)
            sums.append((float(loss), float(right.float().mean())))
    assert np.mean(sums, axis=0) == pytest.approx((outcome.loss, outcome.accuracy), abs=1e-6)


def test_a_run_ends_when_nothing_is_gained_any_more(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "run"
    outcome = run(out, order(cache), settings(steps=None, lr=1e-9, validate_every=1, patience=3, decay_after=2))
    checks = losses(out)[1:]
    assert outcome.ended == "no gain" and len(checks) - 1 - int(np.argmin(checks)) == 3 and outcome.steps == len(checks)


def test_the_learning_rate_falls_on_a_plateau(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "run"
    run(out, order(cache), settings(steps=None, lr=1e-9, validate_every=1, patience=5, decay_after=2))
    rates = [line["lr"] for line in log(out) if "lr" in line]
    assert rates[-1] == pytest.approx(rates[0] * 0.01) and sorted(rates, reverse=True) == rates


def test_mixed_precision_learns_the_same_thing(tmp_path: Path, cache: Path) -> None:
    whole, mixed = (run(tmp_path / str(amp), order(cache), settings(steps=40, amp=amp)) for amp in (False, True))
    assert mixed.loss == pytest.approx(whole.loss, abs=0.08)
    for out in (tmp_path / "False", tmp_path / "True"):
        assert {p.dtype for p in checkpoint.load(out).network.parameters()} == {torch.float32}
    assert log(tmp_path / "True")[5]["loss"] != log(tmp_path / "False")[5]["loss"]


def test_fine_tuning_begins_with_the_encoders_of_a_contrastive_run(tmp_path: Path, cache: Path) -> None:
    run(tmp_path / "contrast", order(cache), settings(steps=8))
    run(tmp_path / "tuned", order(cache, "finetuned", origin=tmp_path / "contrast"), settings(steps=1, lr=1e-12))
    before, after = (checkpoint.load(tmp_path / name).network for name in ("contrast", "tuned"))
    for stream in ("picture", "sound"):
        weights = getattr(after, stream).named_parameters()
        torch.testing.assert_close(dict(weights), dict(getattr(before, stream).named_parameters()), rtol=0, atol=1e-8)


def test_fine_tuning_wants_a_run_that_fits(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(ModelError, match=r"begins with the encoders of attention-infonce.*--from RUN"):
        run(tmp_path / "run", order(cache, "finetuned"), settings())
    with pytest.raises(ModelError, match="--from: attention-infonce begins with nothing"):
        run(tmp_path / "run", order(cache, origin=tmp_path), settings())
    run(tmp_path / "other", order(cache, "attention-bce"), settings(steps=1))
    with pytest.raises(ModelError, match=r"is a run of attention-bce.*give one of attention-infonce"):
        run(tmp_path / "run", order(cache, "finetuned", origin=tmp_path / "other"), settings())
    wider = replace(order(cache), system=replace(tiny("attention-infonce"), widths=(4, 4, 4, 8)))
    run(tmp_path / "wider", wider, settings(steps=1))
    with pytest.raises(ModelError, match=r"its widths is \(4, 4, 4, 8\), and not \(4, 4, 6, 8\)"):
        run(tmp_path / "run", order(cache, "finetuned", origin=tmp_path / "wider"), settings())


def test_the_grid_takes_the_learning_rate_that_validates_best_and_is_not_tried_twice(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "run"
    run(out, order(cache), settings(steps=8), lr_grid=True)
    config = json.loads((out / "config.json").read_text())
    tried = config["lr_grid"]
    assert list(tried) == ["0.0001", "0.001", "0.01", "0.1", "1"]
    assert config["settings"]["lr"] == float(
        min((each for each in tried if tried[each] is not None), key=lambda each: tried[each])
    )
    for rate, loss in tried.items():
        assert loss is None or min(losses(out / f"lr-{rate}")[1:]) == loss
    before = {path: path.stat().st_mtime_ns for path in out.glob("lr-*/last.pt")}
    run(out, order(cache), settings(steps=8), lr_grid=True)
    assert len(before) == 5 and {path: path.stat().st_mtime_ns for path in before} == before


def test_a_loss_that_is_no_number_names_the_step_and_keeps_the_checkpoint_before(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "run"
    run(out, order(cache), settings(steps=3))
    said = torch.load(out / "last.pt", weights_only=True)
    said["model"]["head.fc.bias"][0] = float("nan")
    torch.save(said, out / "last.pt")
    before = (out / "last.pt").read_bytes()
    with pytest.raises(Diverged, match=r"step 4: the loss is nan at a learning rate of 0\.01; .*last\.pt has .* step 3"):
        run(out, order(cache), settings(steps=5))
    assert (out / "last.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": 0.02}, "another lr: 0.01, not 0.02"),
        ({"batch": 16}, "another batch: 8, not 16"),
        ({"optimizer": "adamw"}, "another optimizer: sgd, not adamw"),
    ],
)
def test_a_run_with_other_settings_is_not_gone_on_with(changes: dict[str, Any], said: str, tmp_path: Path, cache: Path) -> None:
    run(tmp_path, order(cache), settings(steps=1))
    with pytest.raises(ModelError, match=said):
        run(tmp_path, order(cache), settings(steps=1, **changes))
    with pytest.raises(ModelError, match="another name: attention-infonce, not attention-bce"):
        run(tmp_path, order(cache, "attention-bce"), settings(steps=1))
    with pytest.raises(ModelError, match="another data: colours, not stage"):
        run(tmp_path, replace(order(cache), data="stage"), settings(steps=1))


def test_two_do_not_train_in_one_folder(tmp_path: Path, cache: Path) -> None:
    with RunFolder(tmp_path).locked(), pytest.raises(ModelError, match="another process trains there now"):
        run(tmp_path, order(cache), settings(steps=1))


def test_what_was_skipped_is_named_beside_the_run(tmp_path: Path, cache: Path) -> None:
    from foley_models.data.clips import Skipped

    lost = PairData(Colours(64, skipped=(Skipped("a, b.mp4", "no sound"),)), split="train", cache=cache, seed=0)
    run(tmp_path / "run", replace(order(cache), train=lost), settings(steps=1))
    assert (tmp_path / "run" / "skipped.csv").read_text().splitlines() == ["split,name,why", 'train,"a, b.mp4",no sound']
