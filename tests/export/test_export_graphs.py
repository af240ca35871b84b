"""Networks become graphs that compute the same, for any batch; smaller graphs are smaller and near."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

torch = pytest.importorskip("torch", reason="PyTorch comes with the extra models")

from foley_export import parity  # noqa: E402
from foley_export.errors import ExportError  # noqa: E402
from foley_export.graph import assert_free, shape_of, to_onnx  # noqa: E402
from foley_export.precision import halved, quantised  # noqa: E402
from foley_export.running import on_cpu  # noqa: E402
from small_networks import STREAMS, small_network  # noqa: E402

from foley_bridge.inference.features import log_mel, picture  # noqa: E402

Graphs = dict[str, onnx.ModelProto]


def real_inputs(stream: str) -> np.ndarray:
    """Gradients and bars; tones and clicks: through the features."""
    if stream == "picture":
        across, down = np.meshgrid(np.arange(320), np.arange(180))
        images = [np.stack([across * k % 256, down * 2 % 256, (across // 16 + down) * k % 256], axis=2) for k in (1, 2, 5)]
        return np.stack([picture(image.astype(np.uint8)) for image in images])
    at = np.arange(48000) / 48000
    sounds = [np.sin(2 * np.pi * hz * at) * np.exp(-at * fall) for hz, fall in ((220, 3), (3000, 30), (90, 0.5))]
    return log_mel(np.stack([*sounds, np.zeros(48000)]).astype(np.float32))


@pytest.mark.parametrize("stream", STREAMS)
def test_a_graph_gives_what_pytorch_gives(graphs: Graphs, network: torch.nn.Module, stream: str) -> None:
    for inputs in (parity.random_inputs(STREAMS[stream]), real_inputs(stream)):
        expected = parity.torch_output(getattr(network, stream), inputs)
        made = parity.output(on_cpu(graphs[stream], 1), inputs)
        assert np.ptp(expected, axis=0).max() > 0.01, "inputs are told apart: there is something to compare"
        assert parity.prove(stream, made, expected, "fp32").worst < 1e-4


@pytest.mark.parametrize("stream", STREAMS)
def test_the_statistics_of_the_normalisations_are_in_the_graph(graphs: Graphs, stream: str) -> None:
    inputs, other = real_inputs(stream), small_network()
    for module in other.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
    with pytest.raises(ExportError, match="from PyTorch, more than 1e-04"):
        parity.prove(
            stream,
            parity.output(on_cpu(graphs[stream], 1), inputs),
            parity.torch_output(getattr(other, stream), inputs),
            "fp32",
        )


@pytest.mark.parametrize("stream", STREAMS)
def test_the_written_graph_names_its_batch_axis_and_takes_any_batch(graphs: Graphs, stream: str) -> None:
    read = onnx.load_from_string(graphs[stream].SerializeToString())
    assert [shape_of(each) for each in (*read.graph.input, *read.graph.output)] == [["batch", *STREAMS[stream]], ["batch", 128]]
    run, inputs = on_cpu(read, 1), parity.random_inputs(STREAMS[stream])[:5]
    for size in (1, 3, 5):
        assert run(inputs[:size]).shape == (size, 128)


def test_a_graph_tells_nothing_of_where_it_was_made(graphs: Graphs) -> None:
    for graph in graphs.values():
        assert b".py" not in graph.SerializeToString() and b"site-packages" not in graph.SerializeToString()


class _Summed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).sum(dim=0, keepdim=True)


class _OfTwo(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(2, 12)


@pytest.mark.parametrize("wrong", [_Summed, _OfTwo])
def test_a_network_whose_batch_axis_is_not_free_is_refused(wrong: Callable[[], torch.nn.Module]) -> None:
    with pytest.raises(ExportError, match="picture: "):
        to_onnx(wrong().eval(), "picture", (3, 4))


def test_a_graph_with_a_batch_baked_in_is_refused(graphs: Graphs) -> None:
    baked = onnx.ModelProto()
    baked.CopyFrom(graphs["sound"])
    baked.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    with pytest.raises(ExportError, match="its batch axis is not free"):
        assert_free(baked, "sound", STREAMS["sound"])


@pytest.mark.parametrize("stream", STREAMS)
def test_fp16_halves_the_convolutions_and_stays_near(graphs: Graphs, stream: str) -> None:
    plain, small = graphs[stream], halved(graphs[stream])
    assert_free(small, stream, STREAMS[stream])
    assert _conv_weights(small) == {TensorProto.FLOAT16} and _conv_weights(plain) == {TensorProto.FLOAT}
    inputs = real_inputs(stream)
    apart = np.abs(parity.output(on_cpu(small, 1), inputs) - parity.output(on_cpu(plain, 1), inputs)).max()
    assert 1e-7 < apart < 2e-3


@pytest.mark.parametrize("stream", STREAMS)
def test_int8_quantises_the_convolutions_with_seven_bits_and_stays_near(graphs: Graphs, stream: str) -> None:
    inputs = real_inputs(stream)
    small = quantised(graphs[stream], inputs)
    assert_free(small, stream, STREAMS[stream])
    kernels = [numpy_helper.to_array(each) for each in small.graph.initializer if list(each.dims)[2:] == [3, 3]]
    assert len(kernels) == 8 and all(kernel.dtype == np.int8 and np.abs(kernel).max() <= 64 for kernel in kernels)
    apart = np.abs(parity.output(on_cpu(small, 1), inputs) - parity.output(on_cpu(graphs[stream], 1), inputs)).max()
    assert 1e-6 < apart < 3e-2
    assert quantised(graphs[stream], inputs).SerializeToString(deterministic=True) == small.SerializeToString(
        deterministic=True
    )


def _conv_weights(model: onnx.ModelProto) -> set[int]:
    weights = {each.name: each.data_type for each in model.graph.initializer}
    return {weights[name] for node in model.graph.node if node.op_type == "Conv" for name in node.input if name in weights}
