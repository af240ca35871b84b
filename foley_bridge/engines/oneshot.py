"""A recording laid once, as it is: which stretch of it, on which moment.

Library files often hold several performances of one thing (a door slammed six times, with pauses); a picture that shows one
action gets one of them.
"""

from __future__ import annotations

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
    onset: Onset,
    *,
    seed: int,
    start: Fraction,
    end: Fraction,
    source: dict[str, str] | None = None,
    as_recorded: bool = False,
) -> Candidate:
    """A take with one performance, its first action on an onset.

    Args:
        exemplar: what is laid.
        onset: where, and how sure that is; its strength does not count: the recording keeps its own level.
        seed: 0 is the first performance as it was recorded; others are other performances, or the same one varied a little.
        start, end: what the sound covers, exact timeline seconds.
        source: passed on.
        as_recorded: all of the recording, unvaried, whatever the seed.
    """
    found = [whole(exemplar)] if as_recorded else performances(exemplar)
    variations = 1 if as_recorded else -(-len(VARIATIONS) // len(found))
    ways = len(found) * variations
    number = 0 if seed == 0 or ways == 1 else 1 + (seed - 1) % (ways - 1)
    sounds = palette(replace(exemplar, kind="hits", hits=(found[number % len(found)],)), vary=False)
    voice = varied(sounds.voices[0], number // len(found), exemplar.sample_rate)
    once = replace(sounds, voices=(voice,))
    return arrange_hits([replace(onset, strength=1.0)], once, seed=seed, start=start, end=end, source=source)
