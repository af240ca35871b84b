"""A thousand projects with results to lay, and things that go wrong, in the simulated Resolve: what is reported is so."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import oracle
import resolve_driver
import scenarios

WORLDS = 1000


def test_of_a_thousand_random_placements_none_is_reported_falsely(tmp_path: Path) -> None:
    scenarios.materials(tmp_path)
    worlds = filter(resolve_driver.expressible, scenarios.scenarios(10 * WORLDS, seed=4))
    outcomes: Counter[bool] = Counter()
    for world in itertools.islice(worlds, WORLDS):
        done = resolve_driver.driven(world, tmp_path)
        fault = oracle.fault_in(done["world"], done["outcome"], done["dump"])
        assert fault is None, f"{world['name']} with {world['faults']} at {world['fault_at']}: {fault}"
        outcomes[done["outcome"]["ok"]] += 1
    assert outcomes.total() == WORLDS
    assert min(outcomes.values()) > WORLDS / 5
