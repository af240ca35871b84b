"""The systems of Table 1, each as something that makes a sound of an input and a conditional example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from foley_bridge.inference.clips import levelled, mel
from foley_bridge.stage.scene import stream
from foley_models.analogy.baselines import onset_transfer, style_transfer
from foley_models.analogy.decoder.model import AnalogyModel
from foley_models.analogy.decoder.sampling import draws, generate
from foley_models.analogy.evaluation import onsets
from foley_models.analogy.evaluation.sounding import Clip, Sounding
from foley_models.analogy.onset.network import OnsetNetwork
from foley_models.analogy.onset.peaks import peaks
from foley_models.analogy.sync.choose import choose, score
from foley_models.analogy.sync.network import SyncNetwork

Floats = NDArray[np.float32]
RERANKED = "re-rank"
ONSET_TRANSFER, STYLE_TRANSFER, CODED = "onset-transfer", "style-transfer", "coded"


@dataclass(frozen=True)
class About:
    """A row to come.

    Attributes:
        system: a key of ``table.ROWS``.
        run: the run that makes its sounds, where there is one.
        trained: what that run says of its training.
    """

    system: str
    run: Path | None = None
    trained: Mapping[str, Any] = field(default_factory=dict)


class Maker(Protocol):
    """Makes the sounds of one row, or of several that share work."""

    @property
    def rows(self) -> tuple[About, ...]:
        """What it makes, in order."""

    def make(self, pair: int, given: Clip, example: Clip) -> list[Floats]:
        """A sound for each row, float32 (samples,).

        Args:
            pair: its number; what is drawn depends on it.
            given: the input. Only what is marked an oracle looks at its sound.
            example: the conditional example.
        """


class Generated:
    """A decoder: what it makes first, and what re-ranking chooses of all that it makes.

    Args:
        sync: None: there is no re-ranking.
        candidates: how many sounds are made to choose from.
    """

    def __init__(
        self, about: About, model: AnalogyModel, sounding: Sounding, sync: SyncNetwork | None, candidates: int, seed: int
    ) -> None:
        self._model, self._sounding, self._sync, self._seed = model, sounding, sync, seed
        self._takes = candidates if sync is not None else 1
        self.rows: tuple[About, ...] = (about,)
        if sync is not None:
            self.rows += (About(RERANKED, about.run, about.trained),)

    @torch.no_grad()
    def make(self, pair: int, given: Clip, example: Clip) -> list[Floats]:
        """See ``Maker``. The first sound is the same however many there are, and its draws are the same for all decoders."""
        model, condition = self._model, self._model.config.decoder.condition
        drawn = draws(int(stream(self._seed, "draws", pair).integers(1 << 31)), self._takes, model.config.decoder.sound)
        codes = generate(
            model,
            model.features(example.pictures) if condition == "all" else None,
            model.features(given.pictures),
            None if condition == "none" else self._sounding.codes(example.mel),
            drawn,
        )
        made = self._sounding.of_codes(codes)
        if self._sync is None:
            return [made[0]]
        mels = mel(levelled(made, self._sounding.settings), self._sounding.settings)
        chosen = choose(score(self._sync, given.pictures[0], torch.from_numpy(mels).to(given.pictures.device)))
        return [made[0], made[chosen]]


class OnsetTransfer:
    """See ``baselines.onset_transfer``.

    Args:
        fps: pictures a second. sample_rate: Hz.
    """

    def __init__(self, run: About, network: OnsetNetwork, fps: int, sample_rate: int, seed: int) -> None:
        self.rows = (run,)
        self._network, self._fps, self._rate, self._seed = network, fps, sample_rate, seed

    @torch.no_grad()
    def make(self, pair: int, given: Clip, example: Clip) -> list[Floats]:
        """See ``Maker``."""
        chances = torch.sigmoid(self._network(given.pictures))[0].cpu().numpy()
        inputs = peaks(chances, as_published=True) * self._rate // self._fps
        examples = onsets.places_of(example.samples, self._rate)
        rng = stream(self._seed, "onset transfer", pair)
        return [onset_transfer.pasted(inputs, examples, example.samples, len(given.samples), rng)]


class StyleTransfer:
    """See ``baselines.style_transfer``. It is given the input's true sound."""

    def __init__(self, way: style_transfer.Way, steps: int, sounding: Sounding) -> None:
        self.rows = (About(STYLE_TRANSFER),)
        self._way, self._steps, self._sounding = way, steps, sounding

    def make(self, pair: int, given: Clip, example: Clip) -> list[Floats]:
        """See ``Maker``."""
        made = style_transfer.transferred(given.mel, example.mel, self._way, steps=self._steps)
        return [self._sounding.of_mels(made)[0]]


class Coded:
    """What codes and vocoder leave of true sounds: of the input's, where timing and action are asked, and of the example's,
    where its material is (``timbre``). No system that goes this way can be better."""

    def __init__(self, sounding: Sounding) -> None:
        self.rows = (About(CODED),)
        self._sounding = sounding

    def make(self, pair: int, given: Clip, example: Clip) -> list[Floats]:
        """See ``Maker``."""
        return [self._sounding.of_codes(self._sounding.codes(given.mel))[0]]

    def timbre(self, example: Clip) -> Floats:
        """float32 (samples,)."""
        return self._sounding.of_codes(self._sounding.codes(example.mel))[0]
