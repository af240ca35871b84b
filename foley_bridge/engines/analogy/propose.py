"""The analogy engine: new sound for a cue, as its example sounds, when its picture says (Du et al.; docs/analogy_engine.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from foley_bridge.conform import Cut
from foley_bridge.engines.analogy import memory
from foley_bridge.engines.analogy.drawing import Drawn, Pool, takes_of_pool
from foley_bridge.engines.analogy.early import Early
from foley_bridge.engines.analogy.example import Analogue, analogue
from foley_bridge.engines.analogy.judging import ONSETS, SYNC, Seen
from foley_bridge.engines.analogy.pictures import Watched
from foley_bridge.engines.analogy.plan import Plan, plan
from foley_bridge.engines.analogy.remembered import Remembered
from foley_bridge.engines.analogy.sounding import CodedSound
from foley_bridge.engines.arrange import take_seed
from foley_bridge.engines.candidate import Candidate, Detection, Proposal
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import Images, normalised
from foley_bridge.inference.decode import Doubles, Pinned, Prefix
from foley_bridge.media.sound import Louder
from foley_bridge.timeline.options import Options
from foley_bridge.timeline.picture import Picture
from foley_bridge.timeline.regions import Region

ON_CPU, ON_GPU = 8, 100
"""Candidates of a pool; 100 as in the paper."""

_remembered = Remembered()


@dataclass(frozen=True)
class Example:
    """What a cue is to sound like.

    Attributes:
        exemplar: listened to.
        path, start: the file, and the seconds of it at which the exemplar begins.
    """

    exemplar: Exemplar
    path: Path
    start: Fraction


def candidates_of(options: Options, analogy: Analogy) -> int:
    """How many candidates a pool has."""
    return options.candidates or (ON_CPU if analogy.session("decoder").at_once == 1 else ON_GPU)


def source_of(options: Options, analogy: Analogy) -> dict[str, str]:
    """What a take's source says of who made it: everything but example, picture and seed that its sound depends on."""
    session = analogy.session("decoder")
    return {
        "pack": analogy.pack.id,
        "pack_sha256": analogy.pack.hash,
        "candidates": str(candidates_of(options, analogy)),
        "computed": f"{session.graph.precision} on {'cpu' if session.at_once == 1 else 'gpu'}",
    }


def choice_of(options: Options, detection: Detection, analogy: Analogy) -> str:
    """By what candidates are chosen: as it is said; else by how well onsets agree, where they were tapped or a network sees
    them, which is better than the synchronisation network (docs/benchmarks.md, "Re-ranking"); that else, where there is one."""
    if options.choose is not None:
        return options.choose
    return ONSETS if detection.tapped or analogy.has("onset") or not analogy.has("sync") else SYNC


def plan_of(cut: Cut, analogy: Analogy) -> Plan:
    """The windows over what a cue's takes cover."""
    return plan(analogy.task, cut.file_start, cut.file_end)


def shown_under(region: Region, options: Options, cut: Cut, analogy: Analogy) -> tuple[Fraction, Fraction]:
    """From when to when a cue's picture is looked at, timeline seconds: what is heard is seen by ``offset`` earlier."""
    assert options.offset is not None
    windows = plan_of(cut, analogy)
    return min(windows.start, region.start) - options.offset, max(windows.end, region.end) - options.offset


def check_memory(options: Options, cut: Cut, analogy: Analogy, takes: int) -> None:
    """Before a cue is begun; raises EngineError when it does not fit into memory."""
    if options.candidates is None:  # before a graph is loaded to find out where it runs
        memory.check(analogy, plan_of(cut, analogy), candidates=1, pools=1)
    candidates = candidates_of(options, analogy)
    pools = -(-takes // takes_of_pool(candidates))
    memory.check(analogy, plan_of(cut, analogy), candidates=candidates, pools=pools)


def propose(
    region: Region,
    options: Options,
    detection: Detection,
    picture: Picture,
    example: Example,
    *,
    cut: Cut,
    analogy: Analogy,
    takes: Sequence[int] | None = None,
    told: Callable[[float], None] = lambda share: None,
    alive: Callable[[], None] = lambda: None,
    early: Path | None = None,
) -> Proposal:
    """Newly made candidates for one cue, best first of each pool.

    Args:
        region: where sound is asked for.
        options: settled; ``takes``, ``seed`` and ``offset`` must be set.
        detection: of ``transfer.look``: what is seen to happen, which candidates are measured by.
        picture: what is on screen over ``shown_under``, as far as the timeline goes.
        example: what it should sound like.
        cut: the stretch of timeline that the candidates' sound covers.
        analogy: the pack.
        takes: which takes of the seed, from 0; None: the first ``options.takes``.
        told: after each code, the share of all that is done, 0-1; may raise to stop.
        alive: called with each picture, and while a candidate's sound is rendered; may raise to stop.
        early: a WAV in which the beginning of one of the takes can be heard while the rest is made.

    Raises:
        EngineError, MediaError: the example or the picture cannot be used. PackError: the pack cannot be.
    """
    assert options.takes is not None and options.seed is not None
    wanted = [*range(options.takes)] if takes is None else [*takes]
    like = analogue(analogy, example.exemplar, example.path, example.start, _remembered)
    cue = _Cue(region, options, detection, picture, cut, analogy, plan_of(cut, analogy))
    with _heard_early(early, cue, like.gain) as heard:
        drawn = _draw(cue, like, wanted, told, alive, heard)
    source = {"file": example.exemplar.name, **source_of(options, analogy)}
    candidates = []
    for take, each in zip(wanted, drawn, strict=True):
        samples = cut.frames(analogy.task.sound.sample_rate)
        sound = CodedSound(analogy, each.codes, start=0, frames=samples, told=lambda share: alive())
        said = {**source, "take": f"{take + 1} of seed {options.seed}", **_fit(each)}
        candidates.append(
            Candidate(
                take_seed(options.seed, take),
                each.score,
                cue.onsets_of(each),
                Louder(sound, like.gain),
                example.exemplar.kind,
                said,
            )
        )
    return Proposal(detection, tuple(candidates), (*example.exemplar.notes, *like.notes, *cue.notes()))


@dataclass(frozen=True)
class _Cue:
    """What is made, and with what."""

    region: Region
    options: Options
    detection: Detection
    picture: Picture
    cut: Cut
    analogy: Analogy
    windows: Plan

    def watched(self, alive: Callable[[], None]) -> Watched:
        """Its picture, window by window; ``alive`` is called with each picture."""
        assert self.options.offset is not None
        early = self.options.offset
        windows = replace(self.windows, start=self.windows.start - early)
        start, end = self.region.start - early, self.region.end - early
        return Watched(self.picture, windows, start, end, self.analogy, _remembered, lambda time_s: alive())

    def onsets_of(self, drawn: Drawn) -> tuple[float, ...]:
        """When a take's hits are, timeline seconds, inside the region."""
        frame_s = self.analogy.task.sound.hop / self.analogy.task.sound.sample_rate
        times = (float(self.cut.file_start) + time_s for time_s in drawn.sounding_at(self.windows, frame_s))
        return tuple(time_s for time_s in times if float(self.region.start) <= time_s < float(self.region.end))

    def notes(self) -> list[str]:
        """What a person should know of its picture and the pack."""
        assert self.options.offset is not None
        notes, early = [], self.options.offset
        start, end = self.region.start - early, self.region.end - early
        under = [span for span in self.picture.spans if span.start < end and span.end > start]
        if all(span.media is None for span in under):
            notes.append("nothing is on screen: when the sound begins is not told by anything")
        if self.options.choose == SYNC and not self.analogy.has("sync"):
            notes.append(f"{self.analogy.pack.id} has no synchronisation network: takes were chosen by their onsets")
        if self.analogy.pack.ships:
            notes.append(f"{self.analogy.pack.id} knows drawn scenes only: of real pictures and sounds it can make little")
        return notes


def _draw(
    cue: _Cue,
    like: Analogue,
    takes: Sequence[int],
    told: Callable[[float], None],
    alive: Callable[[], None],
    heard: Early | None,
) -> list[Drawn]:
    """What each of some takes becomes; all pools go through the picture side by side."""
    analogy, windows, seed = cue.analogy, cue.windows, cue.options.seed
    assert seed is not None
    candidates = candidates_of(cue.options, analogy)
    of_pool = takes_of_pool(candidates)
    choice = choice_of(cue.options, cue.detection, analogy)
    network = choice == ONSETS and candidates > 1 and analogy.has("onset") and not cue.detection.tapped
    example = Prefix(like.features, np.zeros((1, 0, 0), np.float32), like.codes)
    pinned = Pinned(analogy.session("decoder"), analogy.task, example)
    pools = {
        number: Pool(analogy, pinned, windows, candidates=candidates, seed=seed, number=number, choice=choice)
        for number in sorted({take // of_pool for take in takes})
    }
    codes = len(pools) * windows.all_columns * analogy.task.rows
    done = 0

    def one() -> None:
        nonlocal done
        done += 1
        told(done / codes)

    for number, (images, features) in enumerate(cue.watched(alive).windows()):
        onsets_s, weights = _by_network(cue, images) if network else _by_detection(cue, number)
        seen = Seen(features, images, onsets_s, weights)
        for pool in pools.values():
            pool.window(number, seen, one)
        if heard is not None:
            heard.drawn(*pools[takes[0] // of_pool].latest(number))
    taken = {number: pool.takes() for number, pool in pools.items()}
    return [taken[take // of_pool][take % of_pool] for take in takes]


# --- when something is seen to happen in a window, seconds from its beginning, and how sure that is: both float64 (n,) ---


def _by_network(cue: _Cue, images: Images) -> tuple[Doubles, Doubles]:
    """As the pack's onset network says of each of its pictures, uint8 (n, size, size, 3)."""
    analogy = cue.analogy
    pictures = normalised(images, analogy.task.picture)[None]
    logits = _remembered.get(analogy.graph("onset").sha256, images, lambda: analogy.onsets(pictures))[0]
    return np.arange(len(logits)) / float(cue.windows.fps), 1 / (1 + np.exp(-logits.astype(np.float64)))


def _by_detection(cue: _Cue, number: int) -> tuple[Doubles, Doubles]:
    """What was tapped, or seen without a network, whether it counts as an onset or not."""
    first = float(cue.windows.start + number * cue.windows.step * cue.windows.column_s)
    last = first + float(cue.windows.columns * cue.windows.column_s)
    inside = [each for each in cue.detection.seen or cue.detection.onsets if first <= each.time_s < last]
    return np.array([each.time_s - first for each in inside]), np.array([each.confidence for each in inside])


# --- what is told ---


def _fit(drawn: Drawn) -> dict[str, str]:
    """How well a take fits its picture: means over its windows."""
    judged, said = drawn.judged, {}
    if judged.scores is not None:
        said["offset_s"] = f"{np.abs(judged.scores.offsets_s).mean():.3f}"
        said["confidence"] = f"{judged.scores.confidences.mean():.3f}"
    if judged.agreed is not None:
        said["agreement"] = f"{judged.agreed.mean():.3f}"
    return said


def _heard_early(path: Path | None, cue: _Cue, gain: float) -> AbstractContextManager[Early | None]:
    """Nothing where no path is given, or all is drawn at once."""
    if path is None or cue.windows.windows == 1:
        return nullcontext()
    return Early(cue.analogy, path, frames=cue.cut.frames(cue.analogy.task.sound.sample_rate), gain=gain)
