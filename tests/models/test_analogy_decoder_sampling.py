"""Drawing codes: which code a number means, and one way to draw beside another."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import analogy_decoders as tiny  # noqa: E402
from foley_models.analogy.decoder.sampling import FRAMES_PER_COLUMN, Windows, draws, generate, pick  # noqa: E402


def picked(logits: np.ndarray, drawn: float, top_k: int, temperature: float) -> int:
    """The code a number means, token by token."""
    scaled = logits.astype(np.float64) / temperature
    kept = scaled >= np.sort(scaled)[-top_k]
    share = np.where(kept, np.exp(scaled - scaled.max()), 0)
    share = share / share.sum()
    reached = 0.0
    for index, each in enumerate(share):
        reached += each
        if drawn < reached:
            return index
    return int(np.flatnonzero(kept)[-1])


@pytest.mark.parametrize(("top_k", "temperature"), [(16, 1.0), (5, 1.0), (8, 0.3), (1, 2.0), (99, 1.0)])
def test_a_number_means_the_code_whose_share_it_falls_into(top_k: int, temperature: float) -> None:
    logits, drawn = torch.randn(200, 16), torch.rand(200, dtype=torch.float64)
    said = pick(logits, drawn, top_k, temperature)
    wanted = [picked(row, x, min(top_k, 16), temperature) for row, x in zip(logits.numpy(), drawn.tolist(), strict=True)]
    assert said.tolist() == wanted


def test_shares_are_softmax_of_the_likeliest() -> None:
    logits = torch.tensor([[2.0, 0.0, 1.0, -1.0]])
    even = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000
    share = torch.bincount(pick(logits.expand(20000, -1), even, 3, 0.5), minlength=4) / 20000
    wanted = torch.tensor([4.0, 0.0, 2.0, -torch.inf]).softmax(0)
    assert torch.allclose(share, wanted, atol=1e-4)


def test_ties_at_the_edge_of_top_k_stay_and_the_ends_of_the_range_mean_what_is_left() -> None:
    logits = torch.tensor([[-9.0, 1.0, 3.0, 1.0, -9.0]]).expand(3, -1)
    ends = torch.tensor([0.0, 0.5, np.nextafter(1.0, 0.0)], dtype=torch.float64)
    assert pick(logits, ends, 2, 1.0).tolist() == [1, 2, 3]
    flat = torch.zeros(1, 7)  # 7 times 1 / 7: the sum's rounding must not lead out
    assert pick(flat, ends[-1:], 7, 1.0).tolist() == [6]


@pytest.mark.parametrize("condition", ["all", "sound", "none"])
@pytest.mark.parametrize("sound_as", ["indices", "vectors"])
def test_what_is_kept_leads_to_the_same_codes_as_all_anew(condition: str, sound_as: str) -> None:
    model = tiny.model(tiny.config(condition=condition, sound_as=sound_as))
    (conditional, codes), (features, _) = tiny.clip(1), tiny.clip(2)
    drawn = draws(3, 4, 50)
    kept = generate(model, conditional, features, codes, drawn)
    assert torch.equal(kept, generate(model, conditional, features, codes, drawn, cached=False))
    assert kept.shape == (4, 50) and len({tuple(row) for row in kept.tolist()}) == 4


def test_codes_are_those_that_the_logits_of_training_give() -> None:
    model = tiny.model()
    (conditional, codes), (features, _) = tiny.clip(1), tiny.clip(2)
    drawn = draws(0, 2, 50)
    made = generate(model, conditional, features, codes, drawn, top_k=6, temperature=0.8)
    for take in range(2):
        logits = model.logits(conditional, features, codes, made[take : take + 1])[0]
        assert [picked(row, x, 6, 0.8) for row, x in zip(logits.detach().numpy(), drawn[take].tolist(), strict=True)] == made[
            take
        ].tolist()


def test_a_take_is_the_same_beside_any_others() -> None:
    assert torch.equal(draws(7, 5, 50)[:2], draws(7, 2, 50)) and torch.equal(draws(7, 2, 100)[:, :50], draws(7, 2, 50))
    assert not torch.equal(draws(7, 1, 50), draws(8, 1, 50)) and not torch.equal(*draws(7, 2, 50).split(1))
    model, (conditional, codes), (features, _) = tiny.model(), tiny.clip(1), tiny.clip(2)
    three = generate(model, conditional, features, codes, draws(7, 3, 50))
    assert torch.equal(generate(model, conditional, features, codes, draws(7, 1, 50)), three[:1])


def published_start(column: int, scale: int, moves: str) -> int:
    """The window's first target column as the published code finds it: columns of the example and of the target in one row,
    windows over both of twenty columns."""
    j, wide = column + 10 * scale, 20
    back = 3 * wide // 4 if moves == "half" else wide - 1
    return max(0, min(max(0, j - back), wide * scale - wide) - (scale - 1) * 10)


@pytest.mark.parametrize("moves", ["half", "last"])
@pytest.mark.parametrize("scale", [2, 3, 5])
def test_windows_move_as_published(moves: str, scale: int) -> None:
    windows, columns = Windows(moves), 10 * scale
    starts = [windows.start(column, columns, 10) for column in range(columns)]
    assert starts == [published_start(column, scale, moves) for column in range(columns)]
    assert all(start <= column < start + 10 for column, start in enumerate(starts)) and starts[-1] == columns - 10


def test_the_pictures_of_a_window_are_those_of_its_columns() -> None:
    windows = Windows()
    for start in range(41):
        at = start * 4096 / 22050
        assert abs(windows.frame(start, 150, 30) / 15 - at) <= 0.5 / 15 + 1e-9
    assert windows.frame(40, 120, 30) == 90  # never beyond the end
    assert Windows(frames_per_column=0).frame(40, 120, 30) == 0 and abs(FRAMES_PER_COLUMN - 2.786) < 1e-3


@pytest.mark.parametrize("moves", ["half", "last"])
@pytest.mark.parametrize("condition", ["all", "none"])
def test_longer_inputs_are_made_window_by_window(moves: str, condition: str) -> None:
    model = tiny.model(tiny.config(condition=condition))
    (conditional, codes), (features, _) = tiny.clip(1, frames=45), tiny.clip(2, frames=60)
    drawn, windows = draws(1, 2, 100), Windows(moves)
    made = generate(model, conditional, features, codes, drawn, windows=windows)
    assert torch.equal(made, generate(model, conditional, features, codes, drawn, windows=windows, cached=False))
    for column in range(20):  # each is what a clip's decoder gives of its window
        start = published_start(column, 2, moves)
        frame = round(start * FRAMES_PER_COLUMN)
        seen, window = features[:, frame : frame + 30], made[:1, start * 5 : (start + 10) * 5]
        logits = model.logits(conditional[:, :30], seen, codes, window)[0, column * 5 - start * 5 :][:5]
        assert torch.equal(pick(logits, drawn[0, column * 5 :][:5], 8, 1.0), made[0, column * 5 :][:5])


def test_what_cannot_be_is_said() -> None:
    model, (conditional, codes), (features, _) = tiny.model(), tiny.clip(1), tiny.clip(2)
    for drawn, said in (
        (draws(0, 1, 50) + 1, "in \\[0, 1\\)"),
        (draws(0, 1, 53), "whole columns"),
        (draws(0, 1, 45), "one clip"),
    ):
        with pytest.raises(ValueError, match=said):
            generate(model, conditional, features, codes, drawn)
    with pytest.raises(ValueError, match="less than a clip"):
        generate(model, conditional, features[:, :20], codes, draws(0, 1, 50))
    with pytest.raises(ValueError, match="none of half, last"):
        Windows("first")
