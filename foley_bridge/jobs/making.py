"""New sound for a cue: the analogy engine, with what a job knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from foley_bridge.engines.analogy import propose as engine
from foley_bridge.engines.candidate import Detection, Proposal
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.errors import JobError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.stopping import stoppable
from foley_bridge.jobs.cues import Cue
from foley_bridge.jobs.in_use import analogy_in_use
from foley_bridge.jobs.job import Job


def with_pack(job: Job, cue: Cue, takes: int) -> Cue:
    """A cue with the pack that is to make its sound, for which there is memory.

    Args:
        takes: how many are made.

    Raises:
        EngineError: there is not; says what would fit. PackError: the pack cannot be used.
    """
    analogy = _analogy()
    with stoppable(job.alive):
        engine.check_memory(cue.options, job.cut(cue), analogy, takes)
        return replace(cue, by_pack=tuple(engine.source_of(cue.options, analogy).items()))


def make(job: Job, cue: Cue, detection: Detection, exemplar: Exemplar, takes: Sequence[int] | None = None) -> Proposal:
    """Candidates for a cue; raises as ``engines.analogy.propose``.

    Args:
        detection: what is seen to happen.
        exemplar: the cue's example, listened to.
        takes: which of the seed, from 0; None: the first that the cue asks for.
    """
    assert cue.example is not None  # `settle` saw to it
    analogy, cut = _analogy(), job.cut(cue)
    picture = job.picture_over(*engine.shown_under(cue.region, cue.options, cut, analogy))
    with stoppable(job.alive):
        return engine.propose(
            cue.region,
            cue.options,
            detection,
            picture,
            engine.Example(exemplar, cue.example.path, cue.example.start),
            cut=cut,
            analogy=analogy,
            takes=takes,
            told=partial(job.making, cue),
            alive=job.alive,
            early=job.early(cue),
        )


def _analogy() -> Analogy:
    analogy = analogy_in_use()
    if analogy is None:
        raise JobError("the pack that makes new sound is gone", "add it again, or use engine=transfer")
    return analogy
