"""From onsets seen in the picture and an example to a candidate: hits, strokes or a texture, and how well they fit."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from foley_bridge.engines.candidate import Candidate, Curve, Detection, Onset
from foley_bridge.engines.events import EventSound, thinned
from foley_bridge.engines.hits import Palette, choose_hits
from foley_bridge.engines.strokes import strokes, strokes_begin
from foley_bridge.engines.texture import texture_candidate
from foley_bridge.timeline.time import samples_of


def take_seed(seed: int, take: int) -> int:
    """The seed of take ``take`` (0-based): take 0 has the request's seed itself, so any take can be asked for alone."""
    return seed if take == 0 else int(np.random.SeedSequence([seed, take]).generate_state(1)[0])


def arrange(
    detection: Detection,
    sounds: Palette,
    *,
    seed: int,
    start: Fraction,
    end: Fraction,
    region_start: Fraction,
    region_end: Fraction,
    source: dict[str, str] | None = None,
) -> Candidate:
    """One take: hits where the picture has reliable onsets, else continuous sound that follows the motion.

    Args:
        detection: what was seen (or tapped).
        sounds: the example.
        seed: of this take, see ``take_seed``.
        start, end: what the sound covers, exact timeline seconds: the region on the frame grid, with handles and tail.
        region_start, region_end: the region itself.
        source: what the example is, passed on.
    """
    if detection.reliable and detection.onsets:
        onsets, motion = detection.onsets, detection.motion
        if sounds.exemplar.kind == "texture":
            onsets = strokes_begin(onsets, motion)
        return arrange_hits(onsets, sounds, motion=motion, seed=seed, start=start, end=end, source=source)
    return texture_candidate(
        sounds.material,
        detection.motion,
        seed=seed,
        start=start,
        end=end,
        region_start=region_start,
        region_end=region_end,
        source=source,
    )


def fit_notes(detection: Detection, sounds: Palette) -> tuple[str, ...]:
    """What a person should know about how an example fits what was seen, one sentence each."""
    name = sounds.exemplar.name
    notes = list(sounds.exemplar.notes)
    if detection.reliable and detection.onsets:
        if sounds.exemplar.kind == "texture":
            notes.append(f"{name} is a continuous sound: each action got a stroke cut from it")
    elif sounds.material.from_hits:
        notes.append(f"{name} holds only separate hits: their bodies were spread into a continuous sound")
    return tuple(notes)


def arrange_hits(
    onsets: Sequence[Onset],
    sounds: Palette,
    *,
    seed: int,
    start: Fraction,
    end: Fraction,
    motion: Curve | None = None,
    source: dict[str, str] | None = None,
) -> Candidate:
    """A hit at every onset; of a continuous example, a stroke that lasts while ``motion`` goes on.

    Returns:
        A candidate whose score is the onsets' mean confidence times 0.8 to 1, by how well the hits' strengths match the
        motion's.
    """
    rate = sounds.exemplar.sample_rate
    origin = samples_of(start, rate)
    frames = samples_of(end, rate) - origin
    rng = np.random.default_rng([seed, 0x41])
    # By sample rather than by time: an onset on the very start may, as a float, lie a hair before it.
    placed = [(samples_of(Fraction(onset.time_s), rate) - origin, onset) for onset in onsets]
    placed = sorted(((max(0, at), onset) for at, onset in placed if -1 <= at < frames), key=lambda pair: pair[1].time_s)
    places, inside = [place for place, _ in placed], [onset for _, onset in placed]
    if sounds.exemplar.kind == "texture":
        events, fit = strokes(inside, places, motion, sounds.material, rng), 1.0
        buffers: tuple[np.ndarray, ...] = (sounds.material.samples,)
    else:
        events, fit = choose_hits(inside, places, sounds, rng)
        buffers = tuple(voice.samples for voice in sounds.voices)
    confidence = float(np.mean([onset.confidence for onset in inside])) if inside else 0.0
    sound = EventSound(buffers, thinned(events, rate), rate, sounds.exemplar.samples.shape[1], frames)
    return Candidate(
        seed, confidence * (0.8 + 0.2 * fit), tuple(onset.time_s for onset in inside), sound, "hits", dict(source or {})
    )
