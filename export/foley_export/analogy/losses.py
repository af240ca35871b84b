"""What graphs in smaller numbers lose, and that it is not much: of codes that are drawn, or of what is judged."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from foley_bridge.engines import rerank
from foley_bridge.inference import decode
from foley_bridge.inference.analogy_task import CODES, MAGNITUDES, AnalogyTask
from foley_bridge.inference.clips import magnitudes
from foley_bridge.inference.decode import Prefix, Runs, pick
from foley_bridge.inference.manifest import Parity
from foley_export.analogy.proof import generated, logits_of
from foley_export.errors import ExportError
from foley_export.running import OnCpu

if TYPE_CHECKING:
    from foley_models.analogy.decoder.model import AnalogyModel

Array = NDArray[Any]
Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Lost:
    """What smaller numbers may lose: how far apart logits may be, and what share of the probability may move."""

    logits: float
    moved: float


MOST = {"int8": Lost(2.0, 0.02), "int4": Lost(8.0, 0.1), "fp16": Lost(0.1, 0.005)}
"""What a decoder in smaller numbers may lose."""
MOST_OF_PICTURES = 0.1
"""What share of the probability may move by a picture network in int8."""
LEAST_ALIKE = 0.8
"""Share of pairs of sequences that a decoder of mels in smaller numbers must judge as in fp32."""


def of_decoder(
    name: str, graph: Runs, task: AnalogyTask, model: AnalogyModel, prefix: Prefix, drawn: NDArray[np.float64], most: Lost
) -> Parity:
    """What a decoder in smaller numbers loses: along sequences that PyTorch draws, how far its logits are from PyTorch's, how
    much of the probability moves to other codes, and how many draws mean the same code.

    Args:
        task: with buffers of the graph's precision.
        drawn: (takes, codes of a clip), in [0, 1).
        most: how far apart logits may be, and how much of the probability may move.

    Raises:
        ExportError: it is more.
    """
    codes = generated(task, model, prefix, drawn)
    expected = logits_of(model, prefix, codes)  # (takes, n, entries)
    made = decode.logits_along(graph, task, decode.before(task, prefix, 0), codes)
    apart = np.abs(made.astype(np.float64) - expected)
    worst = float(apart.max())
    moved, agreement = _moved(made, expected), _agreement(task, made, codes, drawn)
    if not (worst <= most.logits and moved <= most.moved):  # NaN, too
        raise ExportError(
            f"{name}: its logits are {worst:.2g} from PyTorch's, and {moved:.1%} of the probability lies on other codes; "
            f"at most {most.logits:g} and {most.moved:.1%} are let through",
            "leave this precision away",
        )
    return Parity(f"PyTorch {version('torch')}", codes.size, worst, float(np.median(apart)), most.logits, moved, agreement)


def of_pictures(
    name: str,
    task: AnalogyTask,
    model: AnalogyModel,
    prefixes: tuple[Prefix, Prefix],
    drawn: NDArray[np.float64],
    most: float,
) -> Parity:
    """What a picture network in smaller numbers loses: how far its features are from PyTorch's, and, along sequences that
    PyTorch draws by its own, what that does to the codes, as in ``of_decoder``.

    Args:
        prefixes: with features by PyTorch, and the same with those by the graph.
        most: what share of the probability may move.

    Raises:
        ExportError: it is more.
    """
    true, other = prefixes
    codes = generated(task, model, true, drawn)
    expected, made = (logits_of(model, each, codes) for each in prefixes)
    moved = _moved(made, expected)
    if not moved <= most:  # NaN, too
        raise ExportError(
            f"{name}: by its features {moved:.1%} of the probability lies on other codes, more than {most:.1%}",
            "leave this precision away",
        )
    pairs = [(true.features, other.features)]
    if true.conditional is not None and other.conditional is not None:
        pairs.append((true.conditional, other.conditional))
    apart = np.concatenate([np.abs(one.astype(np.float64) - two).ravel() for one, two in pairs])
    worst, typical = float(apart.max()), float(np.median(apart))
    agreement = _agreement(task, made, codes, drawn)
    return Parity(f"PyTorch {version('torch')}", len(pairs), worst, typical, 2 * worst, moved, agreement)


def of_judging(name: str, graph: OnCpu, task: AnalogyTask, module: nn.Module, codes: Codes, heard: Floats) -> Parity:
    """What a decoder of mels in smaller numbers loses: how far its mels are from PyTorch's; and of pairs of sequences, whether
    the same one agrees better with onsets (``rerank.agreement``), those of real sounds, as if pictures showed them.

    Args:
        codes: int64 (n, columns, rows), what is judged.
        heard: float32 (clips, 1, mels, frames), -1 to 1.

    Raises:
        ExportError: it gives no numbers, or judges fewer than ``LEAST_ALIKE`` of the pairs the same.
    """
    with torch.inference_mode():
        expected = module(torch.from_numpy(codes)).numpy()
    made = np.concatenate([graph.run({CODES: each[None]})[MAGNITUDES] for each in codes])
    frame_s, true = task.sound.hop / task.sound.sample_rate, rerank.rises(magnitudes(heard)[:, 0])
    times_s = np.arange(true.shape[1], dtype=np.float64) * frame_s
    better = []
    for mels in (expected, made):
        agreed = np.stack([rerank.agreement(rerank.rises(mels), frame_s, times_s, onsets) for onsets in true])
        better.append((agreed[:, :, None] > agreed[:, None])[:, *np.triu_indices(len(codes), 1)])
    alike = float((better[0] == better[1]).mean())
    apart = np.abs(made.astype(np.float64) - expected)
    worst, typical = float(apart.max()), float(np.median(apart))
    if not (np.isfinite(worst) and alike >= LEAST_ALIKE):
        raise ExportError(f"{name}: it judges {alike:.1%} of pairs as PyTorch does", "leave this precision away")
    return Parity(f"PyTorch {version('torch')}", len(codes), worst, typical, 2 * worst, agreement=alike)


def _moved(made: Floats, expected: Floats) -> float:
    """The share of the probability that lies on other codes, in the mean; logits (takes, n, entries)."""
    return float(0.5 * np.abs(_probabilities(made) - _probabilities(expected)).sum(axis=2).mean())


def _agreement(task: AnalogyTask, logits: Floats, codes: Codes, drawn: NDArray[np.float64]) -> float:
    """The share of draws that mean these codes."""
    made = [pick(logits[:, at], drawn[:, at], task.top_k, task.temperature) for at in range(codes.shape[1])]
    return float((np.stack(made, axis=1) == codes).mean())


def _probabilities(logits: Array) -> NDArray[np.float64]:
    above = np.exp(logits.astype(np.float64) - logits.max(axis=2, keepdims=True))
    return above / above.sum(axis=2, keepdims=True)
