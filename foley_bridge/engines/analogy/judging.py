"""How well candidates fit a window's picture, told from the mels that their codes are decoded as; nothing is rendered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foley_bridge.engines import rerank
from foley_bridge.engines.analogy.clip_mels import magnitudes_of
from foley_bridge.engines.analogy.plan import Plan
from foley_bridge.inference import offsets
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import Floats, Images, from_magnitudes, normalised
from foley_bridge.inference.decode import Codes
from foley_bridge.inference.offsets import Scores

SYNC, ONSETS = "sync", "onsets"
_DIGITS = 9  # candidates that differ by less agree equally well


@dataclass(frozen=True)
class Seen:
    """What a window's picture shows.

    Attributes:
        features: float32 (1, pictures, features).
        images: uint8 (pictures, size, size, 3), for the synchronisation network.
        onsets_s: float64 (n,), when something happens, seconds from the window's beginning.
        weights: float64 (n,), how sure each is.
    """

    features: Floats
    images: Images
    onsets_s: rerank.Doubles
    weights: rerank.Doubles

    def earlier(self, before: Seen, columns: int, plan: Plan) -> Seen:
        """As much as a window shows that begins some columns before this one. Its features are this one's.

        Args:
            before: the window before this one.
            columns: at most those between the two.
        """
        between_s, earlier_s = float(plan.step * plan.column_s), float(columns * plan.column_s)
        first = round((1 - columns / plan.step) * plan.picture_step)
        own = before.onsets_s < between_s
        return Seen(
            self.features,
            np.concatenate([before.images[: plan.picture_step], self.images])[first : first + plan.pictures],
            np.concatenate([before.onsets_s[own] - (between_s - earlier_s), self.onsets_s + earlier_s]),
            np.concatenate([before.weights[own], self.weights]),
        )


@dataclass(frozen=True)
class Judged:
    """What is known of some candidates.

    Attributes:
        scores: what the synchronisation network says of each; None: it was not asked.
        agreed: float64 (k,), how well the onsets of each agree with those seen; None: none are.
        rises: float64 (k, frames), how much each sets in (``rerank.rises``).
    """

    scores: Scores | None
    agreed: rerank.Doubles | None
    rises: rerank.Doubles

    def order(self) -> list[int]:
        """Their numbers, best first: as the synchronisation network has it, where it was asked; as they are where nothing is
        known of them."""
        if self.scores is not None:
            return offsets.order(self.scores).tolist()
        if self.agreed is not None:
            return [int(each) for each in np.argsort(-self.agreed.round(_DIGITS), kind="stable")]
        return [*range(len(self.rises))]

    def of(self, rows: list[int]) -> Judged:
        """What is known of some of them."""
        scores, agreed = self.scores, self.agreed
        return Judged(
            None if scores is None else Scores(scores.offsets_s[rows], scores.confidences[rows]),
            None if agreed is None else agreed[rows],
            self.rises[rows],
        )


def judge(analogy: Analogy, codes: Codes, seen: Seen, choice: str) -> Judged:
    """What is known of a window's candidates. The synchronisation network is not asked of a single one: there is nothing to
    choose.

    Args:
        codes: int64 (k, codes of a clip).
        seen: the window's picture.
        choice: ``SYNC`` or ``ONSETS``.
    """
    task = analogy.task
    whole = codes.reshape(len(codes), -1, task.rows)
    magnitudes = magnitudes_of(analogy, whole, analogy.judging if len(whole) > 1 else "mel")  # a single one will sound
    rises = rerank.rises(magnitudes)
    frame_s = task.sound.hop / task.sound.sample_rate
    agreed = rerank.agreement(rises, frame_s, seen.onsets_s, seen.weights) if len(seen.onsets_s) else None
    if choice == ONSETS or len(codes) == 1 or not analogy.has("sync"):
        return Judged(None, agreed, rises)
    logits = analogy.offsets(normalised(seen.images, task.picture)[None], from_magnitudes(magnitudes)[:, None])
    return Judged(offsets.decided(logits, task.offsets_s), agreed, rises)
