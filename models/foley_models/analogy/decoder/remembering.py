"""Epochs whose clips come again: what the frozen networks make of them, features and codes, is kept in memory.

To look at a clip costs more than to learn from it where the picture network is as large as the decoder: with this, a small
budget goes into learning. Paper and published code draw all clips anew.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import torch
from torch import Tensor

from foley_bridge.stage.scene import stream
from foley_models.analogy.decoder.learner import DecoderLearner
from foley_models.trainer import Tensors


class Remembered:
    """Batches of features and codes.

    Args:
        drawn: an epoch's batches as ``DecoderLearner.loss`` takes them, from number ``first`` on.
        learner: makes features and codes, on whatever device it is.
        size: of a batch.
        seed: of the order in which clips come again, and of which clip of a pair is then the example of the other.
        fresh: epochs in which clips are drawn. Each later one has all clips of these, in another order.
    """

    def __init__(
        self, drawn: Callable[[int, int], Generator[Tensors]], learner: DecoderLearner, *, size: int, seed: int, fresh: int
    ) -> None:
        self._drawn, self._learner = drawn, learner
        self._size, self._seed, self._fresh = size, seed, fresh
        self._known: dict[int, list[Tensors]] = {}
        self._rows: Tensors | None = None

    def batches(self, epoch: int, first: int) -> Generator[Tensors]:
        """An epoch's, from number ``first`` on."""
        if epoch >= self._fresh:
            yield from self._again(epoch, first)
            return
        if epoch in self._known:
            yield from self._known[epoch][first:]
            return
        made = []
        for batch in self._drawn(epoch, first):
            made.append(self._seen(batch))
            yield made[-1]
        if first == 0:
            self._known[epoch] = made

    def epoch(self, number: int) -> list[Tensors]:
        """All batches of a fresh epoch; they are made if they are not there, as after a break."""
        if number not in self._known:
            self._known[number] = [self._seen(batch) for batch in self._drawn(number, 0)]
        return self._known[number]

    def _again(self, epoch: int, first: int) -> Generator[Tensors]:
        if self._rows is None:
            every = [batch for number in range(self._fresh) for batch in self.epoch(number)]
            self._rows = [_together(column) for column in zip(*every, strict=True)]
        rows, rng = self._rows, stream(self._seed, "again", epoch)
        count = len(rows[2])  # type: ignore[arg-type]  # of the target's pictures, which are always there
        order = torch.from_numpy(rng.permutation(count))
        turned = torch.from_numpy(rng.random(count) < 0.5)
        for number in range(first, count // self._size):
            mine = order[number * self._size : (number + 1) * self._size]
            batch = [None if each is None else each[mine] for each in rows]
            yield _turned(batch, turned[mine])

    def _seen(self, batch: Tensors) -> Tensors:
        conditional, conditional_mel, pictures, mel = batch
        device = next(self._learner.parameters()).device
        with torch.no_grad():
            features = [
                None if each is None else self._learner.features(each.to(device)).cpu() for each in (conditional, pictures)
            ]
            codes = [None if each is None else self._learner.codes(each.to(device)).cpu() for each in (conditional_mel, mel)]
        return features[0], codes[0], features[1], codes[1]


def _together(column: Sequence[Tensor | None]) -> Tensor | None:
    there = [each for each in column if each is not None]
    return torch.cat(there) if there else None


def _turned(batch: Tensors, which: Tensor) -> Tensors:
    """In some pairs the example is the target, and the target the example; unless not all is known of both."""
    conditional, conditional_codes, features, codes = batch
    if conditional is None or conditional_codes is None or features is None or codes is None:
        return batch
    pictures, sounds = which[:, None, None], which[:, None]
    return (
        torch.where(pictures, features, conditional),
        torch.where(sounds, codes, conditional_codes),
        torch.where(pictures, conditional, features),
        torch.where(sounds, conditional_codes, codes),
    )
