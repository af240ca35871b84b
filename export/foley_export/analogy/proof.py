"""The proof that a graph of an analogy pack computes what PyTorch computes, and draws the same codes by the same numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from foley_bridge.inference import decode
from foley_bridge.inference.analogy_task import CODES, FEATURES, LOGITS, AnalogyTask
from foley_bridge.inference.decode import Cache, Prefix, Runs
from foley_bridge.inference.manifest import Parity
from foley_export.errors import ExportError
from foley_export.running import OnCpu

if TYPE_CHECKING:
    from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN
    from foley_models.analogy.decoder.model import AnalogyModel

Array = NDArray[Any]
Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Given = Sequence[Array]
TOLERANCE = 1e-4
_HINT = "use another PyTorch or ONNX Runtime; this pack would be wrong"


@dataclass(frozen=True)
class Sequences:
    """How codes drawn by a graph compare with those that PyTorch draws by the same numbers.

    Attributes:
        takes, codes: sequences, and codes in all of them.
        same: sequences that are the same from beginning to end.
        margin: of the others, by how much the logits of the first code that differs are apart at most: a change of the logits
            as small as that makes the other code of the draw. 0: there are none.
    """

    takes: int
    codes: int
    same: int
    margin: float


def prove(name: str, graph: OnCpu, module: nn.Module, inputs: Sequence[str], given: Iterable[Given]) -> Parity:
    """Hold a graph of one output against its module.

    Args:
        inputs: names, in the module's order.
        given: what goes in, each time.

    Raises:
        ExportError: they are too far from each other.
    """
    pairs = []
    with torch.inference_mode():
        for arrays in given:
            expected = module(*(torch.from_numpy(each) for each in arrays)).numpy()
            (made,) = graph.run(dict(zip(inputs, arrays, strict=True))).values()
            pairs.append((made, expected))
    return compared(name, pairs)


def compared(name: str, pairs: Iterable[tuple[Array, Array]]) -> Parity:
    """How far arrays are from those expected.

    Raises:
        ExportError: further than ``TOLERANCE``; or they are no numbers, or of another shape.
    """
    apart, inputs = [], 0
    for made, expected in pairs:
        if made.shape != expected.shape or not np.isfinite(made).all():
            raise ExportError(
                f"{name}: the graph gives {made.shape}, not all of it numbers, where PyTorch gives {expected.shape}", _HINT
            )
        size = np.maximum(np.abs(expected), 1)  # numbers over 1: what share of them
        apart.append((np.abs(made.astype(np.float64) - expected) / size).ravel())
        inputs += len(made)
    return _parity(name, np.concatenate(apart), inputs)


def prove_codes(name: str, graph: OnCpu, codebook: SpectrogramVQGAN, given: Iterable[Floats]) -> Parity:
    """The same for mels to codes. Where another entry is taken, it is as far away as the right one but for so much.

    Raises:
        ExportError: one is not.
    """
    apart, inputs = [], 0
    entries = codebook.quantize.embedding.weight.detach().double()
    with torch.inference_mode():
        for mels in given:
            made, shown = graph.run({"mel": mels})[CODES], torch.from_numpy(mels)
            expected = codebook.encode(shown).unflatten(1, made.shape[1:])
            places = codebook.embeddings(shown).double().permute(0, 3, 2, 1)  # (n, columns, rows, dimension)
            if made.shape != tuple(expected.shape):
                raise ExportError(f"{name}: the graph gives {made.shape}, where PyTorch gives {tuple(expected.shape)}", _HINT)
            away = [(places - entries[each]).norm(dim=3) for each in (torch.from_numpy(made), expected)]
            apart.append((away[0] - away[1]).abs().flatten().numpy())
            inputs += len(made)
    return _parity(name, np.concatenate(apart), inputs)


def prove_decoder(
    name: str, graph: Runs, task: AnalogyTask, model: AnalogyModel, given: Iterable[tuple[Prefix, Codes]]
) -> Parity:
    """Logits of each code of whole sequences: the prefix in one run, then one code at a time, or several, of one take and more.

    Args:
        given: a prefix, and codes int64 (takes, n) after it.

    Raises:
        ExportError: they are too far from PyTorch's.
    """
    pairs = []
    for prefix, codes in given:
        expected = logits_of(model, prefix, codes)  # (takes, n, entries)
        features, before = decode.before(task, prefix, 0)
        one, first = Cache.full(graph, task, features, before)
        cache, nothing = one.rows_after(*codes.shape), np.zeros((len(codes), 0, task.features), np.float32)
        pairs.append((np.repeat(first, len(codes), axis=0), expected[:, 0]))
        several = codes.shape[1] // 3
        pairs.append((cache.run(nothing, codes[:, :several]), expected[:, several]))
        for at in range(several, codes.shape[1] - 1):
            pairs.append((cache.run(nothing, codes[:, at : at + 1]), expected[:, at + 1]))
    return compared(name, pairs)


def prove_reference(
    name: str, graph: OnCpu, task: AnalogyTask, model: AnalogyModel, given: Iterable[tuple[Prefix, Codes]]
) -> Parity:
    """The same for the graph with plain concatenation, which takes prefix and codes of all takes at once."""
    pairs, cached = [], task.decoder
    for prefix, codes in given:
        expected = logits_of(model, prefix, codes)
        features, before = decode.before(task, prefix, 0)
        takes = len(codes)
        past = [np.zeros((takes, cached.heads, 0, cached.head_size), np.float32) for _ in cached.buffers]
        shown, known = np.repeat(features, takes, axis=0), np.repeat(before, takes, axis=0)
        for at in range(codes.shape[1]):
            entered: dict[str, Array] = {names.past: each for names, each in zip(cached.buffers, past, strict=True)}
            made = graph.run(entered | {FEATURES: shown, CODES: known})
            past = [made[each.present] for each in cached.buffers]
            pairs.append((made[LOGITS], expected[:, at]))
            shown, known = shown[:, :0], codes[:, at : at + 1]
    return compared(name, pairs)


def prove_sequences(
    graph: Runs, task: AnalogyTask, model: AnalogyModel, prefix: Prefix, drawn: NDArray[np.float64]
) -> Sequences:
    """Draw codes by the graph and by PyTorch; drawn as long as a clip, or longer.

    Raises:
        ExportError: they differ where the logits do not explain it.
    """
    made = decode.generate(graph, task, prefix, drawn)
    expected = generated(task, model, prefix, drawn)
    margin = 0.0
    for take in np.flatnonzero((made != expected).any(axis=1)).tolist():
        at = int(np.flatnonzero(made[take] != expected[take])[0])
        start = decode.start(task, at // task.rows, drawn.shape[1] // task.rows)
        known = made[take : take + 1, start * task.rows : at]
        window = replace(prefix, features=decode.shown(task, prefix, start))
        theirs = logits_of(model, window, np.append(known, [[0]], axis=1))[0, -1]
        one, ours = Cache.full(graph, task, *decode.before(task, window, 0))
        if known.shape[1]:
            ours = one.rows_after(*known.shape).run(np.zeros((1, 0, task.features), np.float32), known)
        margin = max(margin, float(np.abs(ours[0] - theirs).max()))
    if margin > TOLERANCE:
        raise ExportError(f"decoder: its codes differ from PyTorch's where logits are {margin:.1e} apart", _HINT)
    same = int((made == expected).all(axis=1).sum())
    return Sequences(len(made), made.size, same, margin)


def logits_of(model: AnalogyModel, prefix: Prefix, codes: Codes) -> Floats:
    """PyTorch's, of each code given those before it: int64 (takes, n) to float32 (takes, n, entries)."""
    takes = len(codes)
    with torch.inference_mode():
        conditional, features, before = _tensors(prefix)
        frames, clip = model.decoder.config.frames, model.decoder.config.sound
        return model.logits(
            None if conditional is None else conditional[:, :frames].expand(takes, -1, -1),
            features[:, :frames].expand(takes, -1, -1),
            None if before is None else before[:, :clip].expand(takes, -1),
            torch.from_numpy(codes),
        ).numpy()


def generated(task: AnalogyTask, model: AnalogyModel, prefix: Prefix, drawn: NDArray[np.float64]) -> Codes:
    """PyTorch's codes: int64 (takes, n)."""
    from foley_models.analogy.decoder.sampling import Windows, generate

    with torch.inference_mode():
        return generate(
            model,
            *_tensors(prefix),
            torch.from_numpy(drawn),
            top_k=task.top_k,
            temperature=task.temperature,
            windows=Windows(task.slide, task.pictures_per_column),
        ).numpy()


def _tensors(prefix: Prefix) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor | None]:
    conditional = None if prefix.conditional is None else torch.from_numpy(prefix.conditional)
    codes = None if prefix.codes is None else torch.from_numpy(prefix.codes)
    return conditional, torch.from_numpy(prefix.features), codes


def _parity(name: str, apart: NDArray[np.float64], inputs: int) -> Parity:
    worst = float(apart.max())
    if not worst <= TOLERANCE:
        raise ExportError(f"{name}: the graph is {worst:.1e} from PyTorch, more than {TOLERANCE:.0e}", _HINT)
    return Parity(f"PyTorch {version('torch')}", inputs, worst, float(np.median(apart)), TOLERANCE)
