"""R(2+1)D in 2-D convolutions: the same features of any clips, the same weights, and no 3-D convolution in a graph."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import onnxruntime  # noqa: E402
from foley_export.analogy.flat import Flat, flattened  # noqa: E402
from foley_export.analogy.tracing import traced  # noqa: E402
from foley_export.graph import OPSET  # noqa: E402
from foley_models.analogy.picture.r2plus1d import Norm, PictureConfig, R2Plus1D  # noqa: E402

SIDE = 22  # halved to 11, 6 and 3: sides that are even and odd
LEARNED = {"widths": (4, 6, 10), "blocks": (2, 1, 2), "stem": 3}


def _network(batch_statistics: bool) -> R2Plus1D:
    """With norms that do something."""
    torch.manual_seed(0)
    network = R2Plus1D(PictureConfig(**LEARNED, batch_statistics=batch_statistics)).eval()  # type: ignore[arg-type]
    for norm in (each for each in network.modules() if isinstance(each, Norm)):
        assert norm.running_mean is not None and norm.running_var is not None
        for numbers, least, most in (
            (norm.running_mean, -1, 1),
            (norm.running_var, 0.5, 2),
            (norm.weight, 0.5, 2),
            (norm.bias, -1, 1),
        ):
            numbers.data.uniform_(least, most)
    return network


@pytest.mark.parametrize("batch_statistics", [False, True], ids=["frozen", "call"])
@pytest.mark.parametrize("pictures", [1, 2, 9])
def test_features_are_those_of_the_network_in_torch_and_in_onnx_runtime(batch_statistics: bool, pictures: int) -> None:
    network = _network(batch_statistics)
    shown = torch.randn(3, 3, pictures, SIDE, SIDE)
    for clips in (shown, shown[:1]):
        with torch.no_grad():
            wanted, made = network(clips), flattened(network)(clips)
        torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
    if not batch_statistics:
        with torch.no_grad():
            wanted, clips = network(shown), shown

    count: int | str = 1 if batch_statistics else "batch"
    ends = (
        [("pictures", "float32", (count, 3, "pictures", SIDE, SIDE))],
        [("features", "float32", (count, "pictures", LEARNED["widths"][-1]))],  # type: ignore[index]
    )
    example = torch.zeros(1 if batch_statistics else 2, 3, 7, SIDE, SIDE)
    model = traced(flattened(network), "picture", [example], ends, OPSET)
    kernels = [[*each.ints] for node in model.graph.node for each in node.attribute if each.name == "kernel_shape"]
    assert len(kernels) == sum(isinstance(each, torch.nn.Conv3d) for each in network.modules())
    assert all(len(kernel) == 2 for kernel in kernels)
    norms, types = sum(isinstance(each, Norm) for each in network.modules()), [node.op_type for node in model.graph.node]
    assert types.count("InstanceNormalization") == (norms if batch_statistics else 0)
    assert "BatchNormalization" not in types, "it is a part of convolutions"
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"pictures": clips.numpy()})
    np.testing.assert_allclose(given, wanted.numpy(), rtol=1e-4, atol=1e-4)


def test_it_is_a_network_of_the_same_weights_and_the_first_one_stays_as_it_was() -> None:
    inner = _network(False)
    network = torch.nn.ModuleDict({"picture": inner, "again": inner, "head": torch.nn.Linear(3, 3)})
    made = flattened(network)
    assert isinstance(made["picture"], Flat) and made["picture"] is made["again"]
    assert {each.data_ptr() for each in made.parameters()} == {each.data_ptr() for each in network.parameters()}
    assert network["picture"] is inner and made["head"] is not network["head"]
