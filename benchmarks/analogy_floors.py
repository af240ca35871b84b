"""What this machine could do at best: how fast it multiplies and reads, and how much work each stage of Foley by analogy is.

A stage's floor is its floating-point operations at the rate of a large product of matrices, or its bytes at the rate of
reading memory, whichever takes longer. Rates are measured in the run that measures the stages, by PyTorch with as many
threads. Operations are counted in PyTorch's networks; a multiplication and an addition are two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from analogy_published import Published
from torch.utils.flop_counter import FlopCounterMode

SIDE = 2048  # of the matrices: 50 MB, more than any cache nearby
READ = 1 << 28  # floats: 1 GiB
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Rates:
    """flops, read: floating-point operations, and bytes from memory, a second."""

    flops: float
    read: float


@dataclass(frozen=True)
class Work:
    """flops: operations; weights, kept: bytes of them, and of what attention keeps, that have to be read."""

    flops: float
    weights: float
    kept: float = 0.0

    def floor_s(self, rates: Rates) -> float:
        """Seconds that it takes at least."""
        return max(self.flops / rates.flops, (self.weights + self.kept) / rates.read)

    def quantised(self) -> Work:
        """With weights of a byte. Operations are no longer those of floats: reading alone is left."""
        return Work(0.0, self.weights / FLOAT, self.kept)


class Machine:
    """Measures rates; keeps the best that it saw.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left, self._right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
        self._rows = torch.ones(READ).view(-1, SIDE)
        self.best = Rates(0, 0)

    def measure(self, times: int = 5) -> None:
        """Look again."""
        vector = torch.ones(SIDE)
        for _ in range(times):
            flops = 2 * SIDE**3 / self._timed(lambda: self._left @ self._right)
            reads = [self._timed(work) for work in (self._rows.sum, lambda: self._rows @ vector)]
            self.best = Rates(max(self.best.flops, flops), max(self.best.read, FLOAT * READ / min(reads)))

    def _timed(self, work: Callable[[], object]) -> float:
        began = self._clock()
        work()
        return self._clock() - began


def works(published: Published, batches: tuple[int, ...]) -> dict[str, Work]:
    """The work of each stage, by its name; of tokens and of what is heard for several sounds at once."""
    model, decoder, sync = published.model, published.model.decoder, published.sync
    config, clip = decoder.config, published.picture
    pictures = torch.zeros(1, 3, clip.frames, clip.size, clip.size)
    mel = torch.zeros(1, 1, published.sound.mels, published.sound.frames)
    codes = torch.zeros(1, config.sound, dtype=torch.int64)
    features = torch.zeros(1, 2 * config.frames, config.picture)
    weights = _bytes(decoder.blocks) + _bytes(decoder.head)
    kept = FLOAT * 2 * config.layers * config.width  # of a token; the prefix's are there once, each row is half way
    with torch.no_grad():
        prefix = model.prefix(features[:, config.frames :], features[:, : config.frames], codes)
        token, seen = decoder.sounds(codes[:, :1]), sync.see(pictures)
        heard = _flops(lambda: sync.compare(seen, sync.hear(mel)))
        found = {
            "codes": Work(_flops(lambda: published.codebook.encode(mel)), _bytes(published.codebook.encoder)),
            "picture": Work(_flops(lambda: model.picture(pictures)), _bytes(model.picture)),
            "prefix": Work(_flops(lambda: decoder(prefix, last=1)), weights),
            "mel": Work(_flops(lambda: published.codebook.decode(codes)), _bytes(published.codebook.decoder)),
            "wave": Work(_flops(lambda: published.wave(mel)), _bytes(published.vocoder)),
        }
        found["judged mel"] = found["mel"]
        one = _flops(lambda: decoder(token, last=1))
    for batch in batches:
        found[f"token x {batch}"] = Work(batch * one, weights, (config.prefix + batch * config.sound // 2) * kept)
        found[f"score x {batch}"] = Work(found["picture"].flops + batch * heard, _bytes(sync))
    return found


def _flops(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def _bytes(network: torch.nn.Module) -> int:
    return FLOAT * sum(each.numel() for each in network.parameters())
