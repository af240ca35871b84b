"""The proof that a graph computes what PyTorch computes: over random and real inputs, in batches of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.manifest import Parity
from foley_export.errors import ExportError

if TYPE_CHECKING:
    from torch import nn

Floats = NDArray[np.float32]
TOLERANCE = {"fp32": 1e-4, "fp16": 5e-3, "int8": 1e-1}
"""Of an embedding's numbers (of length 1), by precision."""
BATCHES = (1, 2, 7, 16)
RANDOM = 32


def prove(name: str, made: Floats, expected: Floats, precision: str) -> Parity:
    """Hold a graph's output against PyTorch's.

    Args:
        name: of the graph.
        made, expected: (n, d).

    Raises:
        ExportError: they are too far from each other.
    """
    if made.shape != expected.shape or not np.isfinite(made).all():
        raise ExportError(f"{name}: the graph gives {made.shape}, not all of it numbers, where PyTorch gives {expected.shape}")
    apart = np.abs(made.astype(np.float64) - expected.astype(np.float64))
    worst, tolerance = float(apart.max()), TOLERANCE[precision]
    if not worst <= tolerance:
        raise ExportError(
            f"{name}: the {precision} graph is {worst:.1e} from PyTorch, more than {tolerance:.0e}",
            "export it as fp32" if precision != "fp32" else "use another PyTorch or ONNX Runtime; this pack would be wrong",
        )
    return Parity(f"PyTorch {version('torch')}", len(made), worst, float(np.median(apart)), tolerance)


def torch_output(network: nn.Module, inputs: Floats) -> Floats:
    """What PyTorch gives, (n, d), in batches like those of ``output``."""
    import torch

    with torch.inference_mode():
        return np.concatenate([network(torch.from_numpy(part)).numpy() for part in batches(inputs)])


def output(run: Callable[[Floats], Floats], inputs: Floats) -> Floats:
    """What a graph gives, (n, d), with batch sizes that change from run to run."""
    return np.concatenate([run(part) for part in batches(inputs)])


def batches(inputs: Floats) -> Iterator[Floats]:
    """Parts of ``inputs`` in sizes 1, 2, 7, 16, then again."""
    first, turn = 0, 0
    while first < len(inputs):
        size = BATCHES[turn % len(BATCHES)]
        yield inputs[first : first + size]
        first, turn = first + size, turn + 1


def random_inputs(shape: tuple[int, ...], seed: int = 0) -> Floats:
    """Inputs of no meaning: noise of several levels, all zeros, and constants: (n, *shape)."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(RANDOM, *shape)) * random.choice([0.1, 1.0, 3.0], size=(RANDOM, *[1] * len(shape)))
    constants = np.stack([np.full(shape, level) for level in (0.0, -2.0, 2.6)])
    return np.concatenate([noise, constants]).astype(np.float32)
