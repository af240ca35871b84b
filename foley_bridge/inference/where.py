"""Where the packs in use really run, and why not somewhere better: for the doctor, ``packs`` and ``capabilities``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from foley_bridge.errors import PackError
from foley_bridge.home import home
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.installed import Installed
from foley_bridge.inference.places import ANALOGY, TASKS
from foley_bridge.inference.providers import ORDER, short
from foley_bridge.inference.session import Session


@dataclass(frozen=True)
class Runs:
    """Where a graph runs.

    Attributes:
        graph: its name in the pack.
        precision: ``fp32``, ``fp16``, ``int8`` or ``int4``.
        device: for people.
        providers: that ONNX Runtime took, best first.
        left_out: ``{provider, why}``: those that would be better, and why they are not taken.
    """

    graph: str
    precision: str
    device: str
    providers: list[str]
    left_out: list[dict[str, str]]

    @classmethod
    def of(cls, session: Session) -> Runs:
        best = list(ORDER.values())
        better = best[: best.index(session.providers[0])] if session.providers[0] in best else best
        left_out = [asdict(one) for one in session.left_out if one.provider in better]
        return cls(session.graph.name, session.graph.precision, session.device, list(session.providers), left_out)


@dataclass(frozen=True)
class Serving:
    """The pack that serves a task.

    Attributes:
        pack: ``NAME@VERSION``; None when none does, or the one chosen cannot be used.
        space: what its embeddings can be compared in; None where the task makes none.
        graphs: where they run.
        fault: why the pack cannot be used, as errors are told to programs.
    """

    task: str
    pack: str | None
    space: str | None
    graphs: list[Runs]
    fault: dict[str, str] | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def serving(installed: Installed | None = None) -> list[Serving]:
    """For every task, what serves it and where that runs. Loads the graphs.

    Args:
        installed: None: the user's.
    """
    return [_serving(task, installed or Installed(home())) for task in TASKS]


def in_words(graphs: list[Runs]) -> str:
    """One line: graphs that run in the same place are named together."""
    told: dict[str, list[str]] = {}
    for one in graphs:
        reasons: dict[str, list[str]] = {}
        for left in one.left_out:
            reasons.setdefault(left["why"], []).append(short(left["provider"]))
        why = "; ".join(f"not on {' or '.join(names)}: {reason}" for reason, names in reasons.items())
        told.setdefault(f"on {one.device} ({one.precision})" + (f", {why}" if why else ""), []).append(one.graph)
    return "; ".join(f"{' and '.join(names)} {place}" for place, names in told.items())


def _serving(task: str, installed: Installed) -> Serving:
    named = None
    try:
        pack = installed.serving(task)
        if pack is None:
            return Serving(task, None, None, [], None)
        named = pack.id
        if task == ANALOGY:
            analogy = Analogy(pack)
            graphs = [analogy.graph(role) for role in analogy.task.roles]
            runs = [Runs.of(Session(graph)) for graph in graphs]  # one at a time in memory
            return Serving(task, named, None, runs, None)
        encoders = Encoders(pack)
        runs = [Runs.of(encoders.picture), Runs.of(encoders.sound)]
        return Serving(task, named, encoders.space, runs, None)
    except PackError as error:
        return Serving(task, named, None, [], error.to_json())
