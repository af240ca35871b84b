"""A pack proved again, without PyTorch: that it is whole, and that its graphs do here what they did where it was made.

What is run is what the daemon would run on this machine, through its own door (``foley_bridge.inference``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import PackError
from foley_bridge.inference.golden import WITHIN, read_golden
from foley_bridge.inference.pack import Graph, Pack
from foley_bridge.inference.places import RECOMMENDATION
from foley_bridge.inference.recommendation_task import EMBEDDING, RecommendationTask
from foley_bridge.inference.session import Session
from foley_export.analogy.check import of_analogy
from foley_export.finding import BATCHES, Finding, apart_from, proved

Floats = NDArray[np.float32]
ALONE_TOLERANCE = {"fp32": 1e-5, "fp16": 1e-3, "int8": 1e-3}
LENGTH_TOLERANCE = 1e-4


def check(folder: Path) -> list[Finding]:
    """All that a pack claims, one after another; ends with the first fault after which nothing more can be said."""
    claim = "files, hashes and graphs are as the manifest says"
    try:
        pack = Pack.open(folder)
    except PackError as error:
        return [Finding(claim, False, error.message)]
    found = [Finding(claim, True, f"{len(pack.manifest.files)} files, {len(pack.manifest.graphs)} graphs, {pack.id}")]
    try:
        if (task := pack.manifest.recommendation) is not None:
            found.extend(_recommendation(pack, RECOMMENDATION, task))
        if pack.manifest.analogy is not None:
            found.extend(of_analogy(pack))
    except PackError as error:
        found.append(Finding("all graphs run here", False, error.message))
    return found


def _recommendation(pack: Pack, name: str, task: RecommendationTask) -> Iterator[Finding]:
    golden, fault = _golden(pack, task)
    yield Finding(f"{name}: the golden file has inputs and outputs of the task's shapes", not fault, fault or task.golden)
    for role, graph_name in (("picture", task.picture_graph), ("sound", task.sound_graph)):
        graph = pack.graph(graph_name)
        yield proved(graph)
        if not fault:
            yield from _graph(graph, role, golden[f"{role}_in"], golden[f"{role}_out"])


def _graph(graph: Graph, role: str, given: Floats, expected: Floats) -> Iterator[Finding]:
    session = Session(graph)
    apart = apart_from(session.run({role: given})[EMBEDDING], expected)
    where = session.device
    yield Finding(f"{graph.name}: gives the golden output on {where}", apart <= WITHIN, f"{apart:.1e}, {WITHIN:.0e} allowed")
    many = np.concatenate([given, _others(given)])
    whole = session.run({role: many})[EMBEDDING]
    worst = max(apart_from(session.run({role: many[:size]})[EMBEDDING], whole[:size]) for size in BATCHES)
    sizes = ", ".join(map(str, BATCHES))
    tolerance = ALONE_TOLERANCE[graph.precision]
    yield Finding(
        f"{graph.name}: batches of {sizes} give each input its own output",
        worst <= tolerance,
        f"{worst:.1e} apart, {tolerance:.0e} allowed",
    )
    lengths = np.linalg.norm(whole, axis=1)
    off = float(np.abs(lengths - 1).max())
    yield Finding(f"{graph.name}: embeddings have length 1", off <= LENGTH_TOLERANCE, f"{off:.1e} off at worst")
    again = Session(graph).run({role: many})[EMBEDDING]
    same = bool(np.array_equal(whole, again) and np.array_equal(whole, session.run({role: many})[EMBEDDING]))
    yield Finding(f"{graph.name}: gives the same numbers every time", same, "three runs, two sessions")


def _others(given: Floats) -> Floats:
    """Inputs to fill a batch with: the golden ones turned, weakened, and mixed with noise."""
    random = np.random.default_rng(0)
    count = max(1, max(BATCHES) - len(given))
    drawn = given[np.arange(count) % len(given)]
    return (0.5 * drawn[..., ::-1] + random.normal(scale=0.5, size=drawn.shape)).astype(np.float32)


def _golden(pack: Pack, task: RecommendationTask) -> tuple[dict[str, Floats], str]:
    """The golden arrays, and what is wrong with them."""
    out = (task.dimension,)
    shapes = {"picture_in": task.picture_shape, "picture_out": out, "sound_in": task.sound_shape, "sound_out": out}
    try:
        return read_golden(pack.read(task.golden), shapes), ""
    except ValueError as error:
        return {}, f"{task.golden}: {error}"
