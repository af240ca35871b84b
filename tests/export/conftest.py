"""Graphs of a small network, exported once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import onnx
    from foley_models.recommendation.systems import Recommender


@pytest.fixture(scope="session")
def network() -> Recommender:
    torch = pytest.importorskip("torch", reason="PyTorch comes with the extra models")
    from small_networks import small_network

    torch.set_num_threads(1)
    return small_network()


@pytest.fixture(scope="session")
def graphs(network: Recommender) -> dict[str, onnx.ModelProto]:
    from foley_export.graph import to_onnx
    from small_networks import STREAMS

    return {stream: to_onnx(getattr(network, stream), stream, shape) for stream, shape in STREAMS.items()}
