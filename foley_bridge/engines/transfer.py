"""Onset Transfer: an example's own sounds, re-timed to the actions on screen.

The baseline of Conditional Foley (Du et al., CVPR 2023, section 4.2 and supplement) finds onsets in the picture and pastes
sounds from the example there. Here the moments come from the picture without trained weights (``engines.onsets``) or by a
pack's onset network (``engines.learned_onsets``), or from HIT markers that an editor tapped; the example is cut at its own
onsets (``engines.exemplar``) and laid out (``engines.arrange``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import soxr

from foley_bridge.conform import Cut
from foley_bridge.engines import learned_onsets, onsets
from foley_bridge.engines.arrange import arrange, fit_notes, take_seed
from foley_bridge.engines.candidate import Curve, Detection, Moment, MotionFrame, Onset, Proposal
from foley_bridge.engines.exemplar import MAX_EXAMPLE_S, Exemplar, analyse
from foley_bridge.engines.hits import Palette, palette
from foley_bridge.engines.oneshot import whole
from foley_bridge.engines.sampled import Still, stills
from foley_bridge.engines.watch import watch
from foley_bridge.errors import EngineError
from foley_bridge.media import audio
from foley_bridge.timeline.options import Options
from foley_bridge.timeline.picture import Picture
from foley_bridge.timeline.regions import Region

if TYPE_CHECKING:
    from foley_bridge.inference.analogy import Analogy

When = TypeVar("When", Onset, Moment)
Shown = TypeVar("Shown", MotionFrame, Still)

MAX_ANALYSIS_HZ = 96000
_ROUNDING_S = 1e-6


class PaletteOf(Protocol):
    """As ``hits.palette``."""

    def __call__(self, exemplar: Exemplar, /, *, vary: bool = True) -> Palette: ...


class Listen(Protocol):
    """As ``listen``."""

    def __call__(
        self, path: Path, /, *, sample_rate: int, start: Fraction = Fraction(0), duration: Fraction | None = None
    ) -> Exemplar: ...


def listen(path: Path, *, sample_rate: int, start: Fraction = Fraction(0), duration: Fraction | None = None) -> Exemplar:
    """Load and analyse an example sound.

    Args:
        path: any file with sound, a video's too.
        sample_rate: Hz to work at.
        start, duration: seconds of the file to use; at most ``exemplar.MAX_EXAMPLE_S`` are.

    Raises:
        MediaError: missing, unreadable or without sound.
        EngineError: silent or too short.
    """
    # A second more than is used, so that the analysis sees that there is more, and says so.
    longest = min(duration, Fraction(MAX_EXAMPLE_S) + 1) if duration is not None else Fraction(MAX_EXAMPLE_S) + 1
    # Analysed at its own rate: a resampler rings before an attack, which would be taken for the attack's beginning.
    own_rate = min(audio.probe(path).sample_rate, MAX_ANALYSIS_HZ)
    samples = audio.load(path, sample_rate=own_rate, start_s=start, duration_s=longest)
    return _at_rate(analyse(samples, own_rate, name=path.name), sample_rate)


def _at_rate(exemplar: Exemplar, sample_rate: int) -> Exemplar:
    """The same example at another rate."""
    if exemplar.sample_rate == sample_rate:
        return exemplar
    ratio = Fraction(sample_rate, exemplar.sample_rate)
    samples = soxr.resample(exemplar.samples, exemplar.sample_rate, sample_rate, quality="HQ").astype(np.float32)

    def at(sample: int) -> int:
        return min(round(sample * ratio), len(samples))

    hits = tuple(
        replace(
            hit, start=at(hit.start), onset=at(hit.onset), end=at(hit.end), fade_in=at(hit.fade_in), fade_out=at(hit.fade_out)
        )
        for hit in exemplar.hits
    )
    steady = (at(exemplar.steady[0]), at(exemplar.steady[1]))
    return replace(exemplar, samples=samples, sample_rate=sample_rate, hits=hits, steady=steady)


def check_picture(picture: Picture, region: Region) -> None:
    """Raises EngineError when media on screen in a region is missing, naming it."""
    lost = Picture(tuple(span for span in picture.spans if span.start < region.end and span.end > region.start)).missing
    if lost:
        raise EngineError(
            f"the picture is missing: {', '.join(lost)}", "relink the clip, or move the region to where there is a picture"
        )


def propose(
    region: Region,
    options: Options,
    detection: Detection,
    exemplar: Exemplar,
    *,
    cut: Cut,
    takes: Sequence[int] | None = None,
    palette_of: PaletteOf = palette,
) -> Proposal:
    """Candidates for one cue, best first.

    Args:
        region: where sound is asked for.
        options: settled; ``takes``, ``seed`` and ``retime`` must be set.
        detection: of ``look``.
        exemplar: what it should sound like.
        cut: the stretch of timeline that the candidates' sound covers.
        takes: which takes of the seed, from 0; None: the first ``options.takes``.
        palette_of: makes an example ready for placing.
    """
    assert options.takes is not None and options.seed is not None
    notes: tuple[str, ...] = ()
    seen = detection
    if options.retime is False:
        seen, exemplar = _laid_whole(detection, exemplar, region)
    sounds = palette_of(exemplar, vary=options.retime is not False)
    candidates = [
        arrange(
            seen,
            sounds,
            seed=take_seed(options.seed, take),
            start=cut.file_start,
            end=cut.file_end,
            region_start=region.start,
            region_end=region.end,
            source={"file": exemplar.name},
        )
        for take in (range(options.takes) if takes is None else takes)
    ]
    if not seen.reliable:
        notes = (f"no reliable onsets: {seen.reason}",)
    return Proposal(seen, tuple(candidates), notes + fit_notes(seen, sounds))


def look(
    region: Region,
    options: Options,
    picture: Picture,
    seen: Callable[[float], None] = lambda time_s: None,
    network: Analogy | None = None,
) -> Detection:
    """The onsets of a region: its HIT markers, or what its picture shows; moved by ``offset``.

    Args:
        region: where sound is asked for; its HIT markers.
        options: settled; ``sensitivity`` and ``offset`` must be set.
        picture: what is on screen in the region and a little around it.
        seen: told how far it has come, as a timeline time, with each picture looked at; may raise to stop.
        network: of a pack with an onset network, which says the onsets; None: motion does.

    Raises:
        EngineError: the picture is missing, or ``hits=markers`` without HIT markers.
        MediaError: the picture cannot be read.
        PackError: the network runs nowhere.
    """
    assert options.sensitivity is not None and options.offset is not None
    if options.hits == "markers" and not region.hits:
        raise EngineError("hits=markers, but no HIT marker lies inside", "tap HIT markers into the region, or use hits=auto")
    if is_tapped(region, options):
        detection = tapped(region.hits)
    elif network is None:
        detection = _by_motion(region, options.sensitivity, picture, seen)
    else:  # motion is half of the way: textures and people want to know what moves, whoever says the onsets
        motion = _by_motion(region, options.sensitivity, picture, _half(0, picture, seen)).motion
        settings = network.task.picture
        detection = learned_onsets.detect(
            network,
            _told(stills(picture, region.start, region.end, settings), _half(1, picture, seen)),
            motion,
            start_s=float(region.start),
            end_s=float(region.end),
            sensitivity=options.sensitivity,
        )
    return _shifted(detection, options.offset, region)


def is_tapped(region: Region, options: Options) -> bool:
    """Do HIT markers say a region's onsets, and nobody looks for them?"""
    return bool(region.hits) and options.hits != "auto"


def _by_motion(region: Region, sensitivity: float, picture: Picture, seen: Callable[[float], None]) -> Detection:
    return onsets.detect(
        _told(watch(picture, region.start, region.end, width=onsets.ANALYSIS_WIDTH), seen),
        start_s=float(region.start),
        end_s=float(region.end),
        sensitivity=sensitivity,
    )


def _half(number: int, picture: Picture, seen: Callable[[float], None]) -> Callable[[float], None]:
    """For ``look``'s ``seen``, of the first (0) or second (1) of two ways through the same picture."""
    first, last = float(picture.spans[0].start), float(picture.spans[-1].end)
    return lambda time_s: seen(first + (time_s - first + number * (last - first)) / 2)


def tapped(hits: Iterable[Fraction]) -> Detection:
    """Onsets that an editor put, timeline seconds."""
    return Detection(tuple(Onset(float(hit), 1.0) for hit in hits), True, "", Curve(np.zeros(0), np.zeros(0)), tapped=True)


def _told(frames: Iterator[Shown], seen: Callable[[float], None]) -> Iterator[Shown]:
    for frame in frames:
        seen(frame.time_s)
        yield frame


def _shifted(detection: Detection, offset: Fraction, region: Region) -> Detection:
    first, last = float(region.start) - _ROUNDING_S, float(region.end)

    def inside(moments: Iterable[When]) -> tuple[When, ...]:
        moved = (replace(each, time_s=each.time_s + float(offset)) for each in moments)
        return tuple(each for each in moved if first <= each.time_s < last)

    if not offset:
        return detection
    shifted = replace(detection, onsets=inside(detection.onsets), seen=inside(detection.seen))
    if detection.onsets and not shifted.onsets:
        return replace(shifted, reliable=False, reason="offset= moves every onset out of the region")
    return shifted


def _laid_whole(detection: Detection, exemplar: Exemplar, region: Region) -> tuple[Detection, Exemplar]:
    """``retime=no``: the example as it is, its first action on the first action on screen (else the region's start)."""
    first = detection.onsets[0] if detection.onsets else Onset(float(region.start), 0.0)
    return replace(detection, onsets=(replace(first, strength=1.0),), reliable=True), replace(
        exemplar, kind="hits", hits=(whole(exemplar),)
    )
