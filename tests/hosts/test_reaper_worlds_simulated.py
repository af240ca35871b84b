"""Takes are placed in random worlds with faults, in the simulated REAPER; the oracle finds no false word."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from oracle import fault_in
from reaper_scenarios import World
from scenarios import located, materials, scenarios


@pytest.mark.parametrize(("count", "seed"), [(250, 4), pytest.param(1000, 5, marks=pytest.mark.nightly)])
def test_what_is_reported_of_a_placing_in_the_simulated_reaper_is_true(tmp_path: Path, count: int, seed: int) -> None:
    media = tmp_path / "media"
    materials(media)
    ended: Counter[bool] = Counter()
    for plain in scenarios(count, seed, "samples"):
        made = World(located(plain, media), tmp_path)
        name = f"{plain['name']} {plain['faults']}"
        assert fault_in(made.world, made.outcome, made.dump) is None, name
        assert made.reaper.most_calls <= 50, name
        project = made.project
        if made.outcome["ok"] and "Nothing was changed" not in made.outcome["message"]:
            assert len(project.labels()) == 1, name
            project.travel(-1)
        else:
            assert project.labels() in ([], ["Foley: take back"]), name
        assert project.dump() == made.before, name
        ended[made.outcome["ok"]] += 1
    assert min(ended[True], ended[False]) > count / 8
