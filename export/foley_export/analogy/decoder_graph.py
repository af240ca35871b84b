"""The decoder as a graph that keeps what attention knows of earlier tokens (Du et al., section 3.2).

``CachedDecoder`` is what packs have. Its attention is one operator of ONNX Runtime, GroupQueryAttention, which writes the
key and the value of each token into buffers of one size, in place. One graph runs a whole prefix and, later, single codes.
Opset 20.

``ReferenceDecoder`` is the same with plain concatenation of keys and values, and attention as ONNX itself has it (opset 23): it
shows that the first one is right, and runs where there is no such operator.
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
_ROWS, _PICTURES, _LENGTH = 2, 3, 4  # of the example that is traced
Ends = tuple[list[Wanted], list[Wanted]]


class CachedDecoder(nn.Module):
    """Pictures and codes after those that are in the buffers, to the logits of the code that comes next."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.projections = nn.ModuleList([_together(_projections(block)) for block in _blocks(decoder)])

    def forward(self, features: Tensor, codes: Tensor, last: Tensor, total: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Logits, and the buffers.

        Args:
            features: float32 (n, p, features), p may be 0.
            codes: int64 (n, c), c may be 0, but not both.
            last: int32 (n,), the place of the last of these tokens in each row, ``total - 1``.
            total: int32 (), tokens up to the last of these.
            past: of each layer keys and values, float32 (n, heads, positions, head_size).
        """
        tokens = _tokens(self.decoder, features, codes)  # (n, t, width)
        count = tokens.shape[1]
        x = tokens + self.decoder.pos_emb[0][torch.arange(count) + (total - count)]
        present = []
        for number, block in enumerate(_blocks(self.decoder)):
            projected = self.projections[number](block.ln1(x))
            attended, key, value = _attended(block, projected, past[2 * number], past[2 * number + 1], last, total)
            x = x + block.attn.proj(attended)
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
    total = _PICTURES + _LENGTH
    given = [
        *_example(decoder),
        torch.full((_ROWS,), total - 1, dtype=torch.int32),
        torch.tensor(total, dtype=torch.int32),
    ]
    size = (_ROWS, config.heads, config.positions, config.width // config.heads)
    given += [torch.zeros(size) for _ in range(2 * config.layers)]
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
    inputs += [(name, "float32", past) for name, _ in cached.buffers]
    outputs += [(name, "float32", present) for _, name in cached.buffers]
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


def _projections(block: Block) -> tuple[nn.Module, nn.Module, nn.Module]:
    return block.attn.query, block.attn.key, block.attn.value


def _together(projections: tuple[nn.Module, ...]) -> nn.Linear:
    """Query, key and value by one product: fewer of them are sooner done."""
    weights, biases = zip(*((each.weight, each.bias) for each in projections), strict=True)
    made = nn.Linear(weights[0].shape[1], sum(len(each) for each in weights))
    made.load_state_dict({"weight": torch.cat(weights), "bias": torch.cat(biases)})
    return made


def _attended(
    block: Block, projected: Tensor, past_key: Tensor, past_value: Tensor, last: Tensor, total: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of query, key and value side by side, (n, t, 3 width)."""
    n, count, width = projected.shape
    attended, key, value = torch.onnx.ops.symbolic_multi_out(
        "com.microsoft::GroupQueryAttention",
        (projected, None, None, past_key, past_value, last, total),
        {"num_heads": block.attn.heads, "kv_num_heads": block.attn.heads},
        dtypes=(torch.float32,) * 3,
        shapes=((n, count, width // 3), past_key.shape, past_value.shape),
        version=1,
    )
    return attended, key, value


def _logits(decoder: Decoder, x: Tensor) -> Tensor:
    """Of what comes after the last token."""
    logits: Tensor = decoder.head(decoder.ln_f(x[:, -1]))
    return logits
