"""The picture network: the authors' names and shapes, one feature a picture, and normalising by the call's own statistics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.analogy.picture.r2plus1d import SIZES, Norm, PictureConfig, R2Plus1D  # noqa: E402
from torch.nn import functional  # noqa: E402

KEYS = Path(__file__).parents[3] / "shared" / "facts" / "condfoley_state_dict.json"
UNDER = "cond_stage_model.model."


def _network(**changed: object) -> R2Plus1D:
    torch.manual_seed(0)
    return R2Plus1D(PictureConfig(widths=(4, 6), blocks=(1, 2), stem=3, **changed))  # type: ignore[arg-type]


def test_paper_size_has_the_names_and_shapes_of_the_authors_checkpoint() -> None:
    if not KEYS.is_file():
        pytest.skip(f"{KEYS} is not there")
    said = json.loads(KEYS.read_text())["transformer_ckpt.state_dict"]
    theirs = {name.removeprefix(UNDER): tuple(shape) for name, (shape, _) in said.items() if name.startswith(UNDER)}
    ours = {name: tuple(each.shape) for name, each in R2Plus1D(SIZES["paper"]).state_dict().items()}
    assert len(ours) == 222
    assert ours == theirs


@pytest.mark.parametrize("pictures", [1, 7, 30])
def test_there_is_one_feature_for_each_picture(pictures: int) -> None:
    network = R2Plus1D(SIZES["mini"]).eval()
    with torch.no_grad():
        assert network(torch.randn(2, 3, pictures, 56, 56)).shape == (2, pictures, SIZES["mini"].width)


def test_a_feature_knows_as_many_pictures_around_as_there_are_convolutions_in_time() -> None:
    network = _network().eval()  # one in the stem, two in each of three blocks
    pictures = torch.randn(1, 3, 30, 16, 16, requires_grad=True)
    network(pictures)[0, 15].sum().backward()
    assert pictures.grad is not None
    seen = pictures.grad.abs().amax(dim=(0, 1, 3, 4)).nonzero().flatten().tolist()
    assert seen == list(range(15 - 7, 15 + 8))


def test_blocks_are_residual_and_convolve_space_and_time_apart() -> None:
    """The second block of the last stage, computed with 2-D and 1-D convolutions of torch."""
    network = _network().eval()
    block = network.get_submodule("layer2.1")
    state = {name: each.double() for name, each in block.state_dict().items()}
    x = torch.rand(1, 6, 5, 4, 4, dtype=torch.double)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.batch_norm(
            x, state[f"{name}.running_mean"], state[f"{name}.running_var"], state[f"{name}.weight"], state[f"{name}.bias"]
        )

    def both(x: torch.Tensor, name: str) -> torch.Tensor:
        n, c, t, h, w = x.shape
        flat = functional.conv2d(x.transpose(1, 2).reshape(n * t, c, h, w), state[f"{name}.0.weight"][:, :, 0], padding=1)
        x = torch.relu(norm(flat.reshape(n, t, -1, h, w).transpose(1, 2), f"{name}.1"))
        rows = x.permute(0, 3, 4, 1, 2).reshape(n * h * w, -1, t)
        rows = functional.conv1d(rows, state[f"{name}.3.weight"][:, :, :, 0, 0], padding=1)
        return rows.reshape(n, h, w, -1, t).permute(0, 3, 4, 1, 2)

    hidden = torch.relu(norm(both(x, "conv1.0"), "conv1.1"))
    expected = torch.relu(norm(both(hidden, "conv2.0"), "conv2.1") + x)
    with torch.no_grad():
        np.testing.assert_allclose(block.double()(x), expected, atol=1e-12)


def test_batch_statistics_are_those_of_the_call_in_eval_mode_and_leave_the_kept_ones_alone() -> None:
    own, kept = Norm(3, batch_statistics=True).eval(), torch.nn.BatchNorm3d(3)
    with torch.no_grad():
        for norm in (own, kept):
            norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5]))
            norm.bias.copy_(torch.tensor([0.0, 1.0, -1.0]))
        x = torch.randn(2, 3, 4, 5, 5) * 3 + 1
        before = own.running_mean.clone()  # type: ignore[union-attr]
        np.testing.assert_allclose(own(x), kept.train()(x), atol=1e-5)
    torch.testing.assert_close(own.running_mean, before)


def test_without_batch_statistics_a_clip_is_seen_alike_whatever_is_beside_it() -> None:
    x = torch.randn(3, 3, 6, 16, 16)
    with torch.no_grad():
        kept, own = _network().eval(), _network(batch_statistics=True).eval()
        torch.testing.assert_close(kept(x)[:1], kept(x[:1]), atol=1e-5, rtol=1e-4)
        assert (own(x)[:1] - own(x[:1])).abs().max() > 1e-2
        assert set(kept.state_dict()) == set(own.state_dict())


def test_stages_without_as_many_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="stages"):
        PictureConfig(widths=(8, 16), blocks=(1,))
