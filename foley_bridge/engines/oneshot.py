"""A recording laid once, as it is: which stretch of it, on which moment.

Library files often hold several performances of one thing (a door slammed six times, with pauses); a picture that shows one
action gets one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from foley_bridge.engines.arrange import arrange_hits
from foley_bridge.engines.candidate import Candidate, Onset
from foley_bridge.engines.exemplar import MAX_HIT_S, Exemplar, Hit
from foley_bridge.engines.hits import VARIATIONS, palette, varied

PAUSE_S = 0.7
"""Silence that parts two performances."""

_TOO_QUIET_DB = 18.0  # under the loudest performance: a noise, not a performance
_FADE_MS = 10


def whole(exemplar: Exemplar) -> Hit:
    """The recording from its first action to its end."""
    return replace(exemplar.hits[0], end=len(exemplar.samples), fade_out=exemplar.sample_rate * _FADE_MS // 1000)


def performances(exemplar: Exemplar) -> list[Hit]:
    """The stretches between pauses, each as one hit, in time order; those far quieter than the loudest are left out."""
    groups: list[list[Hit]] = []
    for hit in exemplar.hits:
        if groups and hit.start - groups[-1][-1].end < PAUSE_S * exemplar.sample_rate:
            groups[-1].append(hit)
        else:
            groups.append([hit])
    loudest = max(hit.peak_dbfs for hit in exemplar.hits)
    kept = [group for group in groups if max(hit.peak_dbfs for hit in group) > loudest - _TOO_QUIET_DB]
    return [_joined(group, exemplar) for group in kept]


def _joined(group: list[Hit], exemplar: Exemplar) -> Hit:
    last = group[-1]
    if last is exemplar.hits[-1] and last.end - last.onset >= MAX_HIT_S * exemplar.sample_rate:  # rings on: not cut short
        last = whole(replace(exemplar, hits=(last,)))
    return replace(group[0], end=last.end, fade_out=last.fade_out, peak_dbfs=max(hit.peak_dbfs for hit in group))


def lay_once(
    exemplar: Exemplar,
    stretches: Sequence[Hit],
    onset: Onset,
    *,
    seed: int,
    start: Fraction,
    end: Fraction,
    vary: bool = True,
    source: dict[str, str] | None = None,
) -> Candidate:
    """A take with one stretch of a recording, its first action on an onset.

    Args:
        exemplar: the recording.
        stretches: of it, one of which is laid: ``performances`` or ``whole``.
        onset: where, and how sure that is; its strength does not count: the recording keeps its own level.
        seed: 0 is the first stretch as it was recorded; others are other stretches, or the same ones varied a little.
        start, end: what the sound covers, exact timeline seconds.
        vary: False leaves every stretch as it was recorded.
        source: passed on.
    """
    ways = len(stretches) * (-(-len(VARIATIONS) // len(stretches)) if vary else 1)
    number = 0 if seed == 0 or ways == 1 else 1 + (seed - 1) % (ways - 1)
    variation, stretch = divmod(number, len(stretches))
    sounds = palette(replace(exemplar, kind="hits", hits=(stretches[stretch],)), vary=False)
    once = replace(sounds, voices=(varied(sounds.voices[0], variation, exemplar.sample_rate),))
    return arrange_hits([replace(onset, strength=1.0)], once, seed=seed, start=start, end=end, source=source)
