"""The decoder as a graph that keeps what attention knows of earlier tokens (Du et al., section 3.2).

``CachedDecoder`` is what packs have. It writes the key and the value of each token into buffers, in place; what
stands before all rows alike lies there once, and is multiplied with all rows at once. One graph runs a whole prefix and, later,
single codes. Opset 20.

``ReferenceDecoder`` is the same with plain concatenation of keys and values, and attention as ONNX itself has it (opset 23): it
shows that the first one is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from foley_bridge.inference.analogy_task import CODES, FEATURES, LOGITS, Cached, Wanted
from foley_export.analogy.tracing import traced

if TYPE_CHECKING:
    from foley_models.analogy.decoder.gpt import Block, Decoder

OPSET, REFERENCE_OPSET = 20, 23
_ROWS, _PICTURES, _LENGTH, _BEFORE, _SHARED, _ROOM = 2, 3, 4, 5, 6, 13  # of the example that is traced
Ends = tuple[list[Wanted], list[Wanted]]


class CachedDecoder(nn.Module):
    """Pictures and codes after those that are in the buffers, to the logits of the code that comes next."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.projections = nn.ModuleList([_together(_projections(block), block.attn.heads) for block in _blocks(decoder)])

    def forward(self, features: Tensor, codes: Tensor, before: Tensor, *kept: Tensor) -> tuple[Tensor, ...]:
        """Logits, and the buffers.

        Args:
            features: float32 (n, p, features), p may be 0.
            codes: int64 (n, c), c may be 0, but not both.
            before: int64 (), tokens that are in the buffers, without those that are shared.
            kept: of each layer keys and values that all rows share, float32 (heads, 1, tokens, head_size), there may be none;
                and then those of each row, float32 (heads, n, room, head_size).
        """
        blocks = _blocks(self.decoder)
        shared, past = kept[: 2 * len(blocks)], kept[2 * len(blocks) :]
        tokens = _tokens(self.decoder, features, codes)  # (n, t, width)
        rows, count = tokens.shape[:2]
        at = torch.arange(count) + before
        x = tokens + self.decoder.pos_emb[0][at + shared[0].shape[2]]
        later = torch.arange(past[0].shape[2])[None, :] > at[:, None]  # (t, room)
        mask = torch.where(later, float("-inf"), 0.0)
        axes = torch.arange(past[0].shape[0])[:, None, None], torch.arange(rows)[None, :, None], at[None, None, :]
        places = torch.stack(torch.broadcast_tensors(*axes), dim=3)  # (heads, n, t, 3), in a buffer
        present: list[Tensor] = []
        for number, block in enumerate(blocks):
            own = slice(2 * number, 2 * number + 2)
            projected = self.projections[number](block.ln1(x)).unflatten(2, (3 * block.attn.heads, -1)).permute(2, 0, 1, 3)
            query, *new = projected.split(block.attn.heads)  # (heads, n, t, head_size) each
            key, value = (_written(each, places, made) for each, made in zip(past[own], new, strict=True))
            attended = _attended(query, (key, value), shared[own], mask)
            x = x + block.attn.proj(attended.permute(1, 2, 0, 3).flatten(2))
            x = x + block.mlp(block.ln2(x))
            present += [key, value]
        return (_logits(self.decoder, x), *present)


class ReferenceDecoder(nn.Module):
    """The same; keys and values grow by what is given."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, features: Tensor, codes: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Logits, and keys and values until now; ``past`` float32 (n, heads, tokens before, head_size) of each layer."""
        tokens = _tokens(self.decoder, features, codes)
        count, before = tokens.shape[1], past[0].shape[2]
        at = torch.arange(count) + before
        x = tokens + self.decoder.pos_emb[0][at]
        seen = torch.arange(count + before)[None, :] <= at[:, None]  # (t, all tokens)
        present = []
        for number, block in enumerate(_blocks(self.decoder)):
            own, y = block.attn, block.ln1(x)
            query, key, value = (each(y).unflatten(2, (own.heads, -1)).transpose(1, 2) for each in _projections(block))
            key, value = torch.cat([past[2 * number], key], dim=2), torch.cat([past[2 * number + 1], value], dim=2)
            attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
            x = x + own.proj(attended.transpose(1, 2).flatten(2))
            x = x + block.mlp(block.ln2(x))
            present += [key, value]
        return (_logits(self.decoder, x), *present)


def cached_graph(decoder: Decoder, ends: Ends) -> onnx.ModelProto:
    """The graph of packs; ``ends`` as the task wants them of role ``decoder``."""
    config = decoder.config
    heads, size = config.heads, config.width // config.heads
    given = [*_example(decoder), torch.tensor(_BEFORE)]
    given += [torch.zeros(heads, 1, _SHARED, size) for _ in range(2 * config.layers)]
    given += [torch.zeros(heads, _ROWS, _ROOM, size) for _ in range(2 * config.layers)]
    return traced(CachedDecoder(decoder).eval(), "decoder", given, ends, OPSET)


def reference_graph(decoder: Decoder, ends: Ends) -> onnx.ModelProto:
    """The graph with plain concatenation."""
    config = decoder.config
    size = (_ROWS, config.heads, 5, config.width // config.heads)
    given = [*_example(decoder), *(torch.zeros(size) for _ in range(2 * config.layers))]
    return traced(ReferenceDecoder(decoder).eval(), "decoder", given, ends, REFERENCE_OPSET)


def reference_ends(cached: Cached, ends: Ends) -> Ends:
    """What goes into the reference graph and comes out of it, where ``ends`` is what does of the cached one."""
    past = ("batch", cached.heads, "past", cached.head_size)
    present = ("batch", cached.heads, "present", cached.head_size)
    inputs: list[Wanted] = [each for each in ends[0] if each[0] in (FEATURES, CODES)]
    outputs: list[Wanted] = [each for each in ends[1] if each[0] == LOGITS]
    inputs += [(each.past, "float32", past) for each in cached.buffers]
    outputs += [(each.present, "float32", present) for each in cached.buffers]
    return inputs, outputs


def _example(decoder: Decoder) -> list[Tensor]:
    features = torch.zeros(_ROWS, _PICTURES, decoder.config.picture)
    return [features, torch.zeros(_ROWS, _LENGTH, dtype=torch.int64)]


def _tokens(decoder: Decoder, features: Tensor, codes: Tensor) -> Tensor:
    """Pictures, then codes; the embedder as a product of matrices, which takes no pictures at all, too."""
    weight, bias = decoder.embedder.weight[:, :, 0], decoder.embedder.bias
    return torch.cat([functional.linear(features, weight, bias), decoder.sounds(codes)], dim=1)


def _blocks(decoder: Decoder) -> list[Block]:
    return list(decoder.blocks)  # type: ignore[arg-type]


def _projections(block: Block) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
    return block.attn.query, block.attn.key, block.attn.value


def _together(projections: tuple[nn.Linear, ...], heads: int) -> nn.Linear:
    """Query, key and value by one product: fewer of them are sooner done. Queries are scaled here."""
    weights, biases = [each.weight.detach() for each in projections], [each.bias.detach() for each in projections]
    scale = (len(weights[0]) // heads) ** -0.5
    made = nn.Linear(weights[0].shape[1], sum(map(len, weights)))
    made.load_state_dict(
        {"weight": torch.cat([weights[0] * scale, *weights[1:]]), "bias": torch.cat([biases[0] * scale, *biases[1:]])}
    )
    return made


def _written(past: Tensor, places: Tensor, new: Tensor) -> Tensor:
    """A buffer with what is new in these places; where it is one memory with what comes out, nothing is copied."""
    made: Tensor = torch.onnx.ops.symbolic("ScatterND", (past, places, new), {}, dtype=past.dtype, shape=past.shape, version=18)
    return made


def _attended(query: Tensor, own: tuple[Tensor, Tensor], shared: tuple[Tensor, ...], mask: Tensor) -> Tensor:
    """Attention over what all rows share, and over each row's own: both (heads, n, t, head_size)."""
    key, value = (each.flatten(0, 1) for each in shared)  # (heads, tokens, head_size)
    of_shared = _by_all(query, key.transpose(1, 2))
    of_own = query @ own[0].transpose(2, 3) + mask
    sizes = [of_shared.shape[3], of_own.shape[3]]
    by_shared, by_own = torch.cat([of_shared, of_own], dim=3).softmax(dim=3).split(sizes, dim=3)
    return _by_all(by_shared, value) + by_own @ own[1]


def _by_all(rows: Tensor, matrix: Tensor) -> Tensor:
    """Tokens of all rows, (heads, n, t, k), times one matrix a head, (heads, k, m), at once."""
    return (rows.flatten(1, 2) @ matrix).unflatten(1, rows.shape[1:3])


def _logits(decoder: Decoder, x: Tensor) -> Tensor:
    """Of what comes after the last token."""
    logits: Tensor = decoder.head(decoder.ln_f(x[:, -1].unsqueeze(1)))
    return logits.squeeze(1)
