"""The transformer's parts of the synchronisation network: selectors that look into a stream, and layers over both streams."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head attention of tokens to tokens."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(n, t, width), (n, c, width) to (n, t, width)."""
        query, key, value = (
            each.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (n, heads, tokens, width / heads)
            for each in (self.query(x), self.key(context), self.value(context))
        )
        seen = functional.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.drop(self.out(seen.transpose(1, 2).flatten(2)))


class Layer(nn.Module):
    """Tokens look at each other, at a context where there is one, and think about it; normalised before each."""

    def __init__(self, width: int, heads: int, dropout: float, *, context: bool) -> None:
        super().__init__()
        self.norm1, self.own = nn.LayerNorm(width), Attention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width) if context else None
        self.across = Attention(width, heads, dropout) if context else None
        self.norm3 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, t, width), (n, c, width) to (n, t, width)."""
        normal = self.norm1(x)
        x = x + self.own(normal, normal)
        if self.norm2 is not None and self.across is not None and context is not None:
            x = x + self.across(self.norm2(x), context)
        return x + self.mlp(self.norm3(x))


class Selector(nn.Module):
    """A few trainable queries that pick out of a long stream what tells when something happens."""

    def __init__(self, selectors: int, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.selectors = nn.Parameter(torch.randn(selectors, width))
        self.drop = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(width, heads, dropout, context=True) for _ in range(layers))

    def forward(self, stream: Tensor) -> Tensor:
        """(n, tokens, width) to (n, selectors, width)."""
        x, stream = self.drop(self.selectors.expand(stream.shape[0], -1, -1)), self.drop(stream)
        for layer in self.layers:
            x = layer(x, stream)
        return x


class Together(nn.Module):
    """Both streams' selections, in between a token that parts them, before them one that gathers what is to be said."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.picture_norm, self.sound_norm, self.norm = (nn.LayerNorm(width) for _ in range(3))
        self.gathers, self.parts = (nn.Parameter(torch.randn(1, 1, width)) for _ in range(2))
        self.drop = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(width, heads, dropout, context=False) for _ in range(layers))

    def forward(self, picture: Tensor, sound: Tensor) -> Tensor:
        """(n, s, width), (n, s, width) to (n, width)."""
        gathers, parts = (each.expand(picture.shape[0], -1, -1) for each in (self.gathers, self.parts))
        x = self.drop(torch.cat([gathers, self.picture_norm(picture), parts, self.sound_norm(sound)], dim=1))
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)[:, 0]
