"""The decoder of section 3.2: a GPT-2-like transformer with causal attention over picture tokens and sound tokens.

State-dict names and shapes are those of the published checkpoints under ``transformer.`` (which go back to minGPT).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

CONDITIONS = ("all", "sound", "none")
SOUND_AS = ("indices", "vectors")
Past = Sequence[tuple[Tensor, Tensor]]
"""Of each layer the keys and the values of all tokens until now, float32 (n, heads, tokens, width / heads)."""


@dataclass(frozen=True)
class DecoderConfig:
    """A decoder.

    Attributes:
        codes: K, entries of the codebook.
        layers, heads, width: of the transformer; its inner layers are four times as wide.
        condition: what it knows of the conditional example: "all", "sound" alone, or "none".
        sound_as: how codes enter. "indices": each code has a vector that is learnt here, as the published code does it;
            "vectors": as what the codebook has for it, through a linear layer, as the paper's text says.
        vector: d, numbers of a codebook entry.
        picture: numbers of a picture token before they are embedded.
        frames: picture tokens of a clip.
        columns, rows: of a clip's codes.
        dropout: the published code has none (its default is 0, and its settings name no other).
    """

    codes: int = 1024
    layers: int = 24
    heads: int = 16
    width: int = 1024
    condition: str = "all"
    sound_as: str = "indices"
    vector: int = 256
    picture: int = 512
    frames: int = 30
    columns: int = 10
    rows: int = 5
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise ValueError(f"condition: {self.condition!r} is none of {', '.join(CONDITIONS)}")
        if self.sound_as not in SOUND_AS:
            raise ValueError(f"sound_as: {self.sound_as!r} is none of {', '.join(SOUND_AS)}")
        if self.width % self.heads:
            raise ValueError(f"width: {self.width} does not part evenly among {self.heads} heads")

    @property
    def sound(self) -> int:
        """Codes of a clip."""
        return self.columns * self.rows

    @property
    def prefix(self) -> int:
        """Tokens before the first code of the target."""
        clips = 2 if self.condition == "all" else 1
        return clips * self.frames + (0 if self.condition == "none" else self.sound)

    @property
    def positions(self) -> int:
        """Tokens of the longest sequence, the last code of the target counted, though nothing is predicted from it."""
        return self.prefix + self.sound


SIZES = {"paper": DecoderConfig(), "mini": DecoderConfig(codes=256, layers=4, heads=4, width=192, vector=64)}


class Decoder(nn.Module):
    """Tokens to the logits of the code that comes next."""

    codebook: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        if config.sound_as == "indices":
            self.tok_emb: nn.Module = nn.Embedding(config.codes, config.width)
        else:
            self.tok_emb = nn.Linear(config.vector, config.width)
            self.register_buffer("codebook", torch.zeros(config.codes, config.vector))
        self.pos_emb = nn.Parameter(torch.zeros(1, config.positions, config.width))
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.ln_f = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.codes, bias=False)
        self.apply(_begin)
        self.embedder = nn.Conv1d(config.picture, config.width, 1)

    def pictures(self, features: Tensor) -> Tensor:
        """Picture features as tokens: float32 (n, T, picture) to (n, T, width)."""
        return self.embedder(features.transpose(1, 2)).transpose(1, 2)

    def sounds(self, codes: Tensor) -> Tensor:
        """Codes as tokens: int64 (n, m) to (n, m, width)."""
        return self.tok_emb(codes if self.config.sound_as == "indices" else self.codebook[codes])

    def forward(self, tokens: Tensor, past: Past = (), last: int | None = None) -> tuple[Tensor, Past]:
        """What comes after each token.

        Args:
            tokens: float32 (n, t, width), without their positions.
            past: what this gave for the tokens before these; empty: there are none.
            last: only of so many of the last tokens; None: of all.

        Returns:
            logits float32 (n, t, K), and the past of what comes next.
        """
        before = past[0][0].shape[2] if past else 0
        x = self.drop(tokens + self.pos_emb[:, before : before + tokens.shape[1]])  # (n, t, width)
        present = []
        for number, block in enumerate(self.blocks):
            x, kept = block(x, past[number] if past else None)
            present.append(kept)
        x = x if last is None else x[:, -last:]
        return self.head(self.ln_f(x)), present


class Block(nn.Module):
    """Self-attention and an inner layer, each normalised before and added to what came in."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(config.width)
        self.ln2 = nn.LayerNorm(config.width)
        self.attn = Attention(config)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
            nn.Dropout(config.dropout),
        )

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(n, t, width) to the same, and the keys and values until now."""
        attended, present = self.attn(self.ln1(x), past)
        x = x + attended
        return x + self.mlp(self.ln2(x)), present


class Attention(nn.Module):
    """Several heads, each of which looks at what came before."""

    mask: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.key = nn.Linear(config.width, config.width)
        self.query = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)
        self.proj = nn.Linear(config.width, config.width)
        self.drop = nn.Dropout(config.dropout)
        self.register_buffer("mask", torch.ones(1, 1, config.positions, config.positions).tril())

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(n, t, width) to the same, and the keys and values until now."""
        query, key, value = self._parted(self.query(x)), self._parted(self.key(x)), self._parted(self.value(x))
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)  # (n, heads, tokens, size)
        tokens = key.shape[2]
        seen = self.mask[:, :, tokens - x.shape[1] : tokens, :tokens] > 0
        dropout = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=dropout)
        return self.drop(self.proj(y.transpose(1, 2).flatten(2))), (key, value)

    def _parted(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (n, heads, t, size)


def _begin(module: nn.Module) -> None:
    """First weights, as GPT-2's."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
