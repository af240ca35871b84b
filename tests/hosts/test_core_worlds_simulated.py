"""Both cores place takes in random worlds with faults, in a simulated host in memory; the oracle finds no false word."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cores import LUAS, LuaCore
from foley_host import run
from oracle import fault_in
from scenarios import located, materials, scenarios
from simulated_plain import Host

COUNT = 300


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    materials(folder)
    return folder


def worlds(grid: str, media: Path) -> list[dict[str, Any]]:
    return [located(world, media) for world in scenarios(COUNT, 4, grid)]


@pytest.mark.parametrize("grid", ["frames", "samples"])
def test_what_the_python_core_reports_of_a_placing_is_true(grid: str, media: Path) -> None:
    ended: Counter[bool] = Counter()
    for world in worlds(grid, media):
        host = Host(world)
        outcome = run.place_result(host, world["result"], world["asked"], world["key"])
        assert fault_in(world, outcome, host.dump()) is None, world["name"]
        ended[outcome["ok"]] += 1
    assert min(ended[True], ended[False]) > COUNT / 8  # both were really tried


@pytest.mark.parametrize("version", LUAS)
@pytest.mark.parametrize("grid", ["frames", "samples"])
def test_the_lua_core_does_and_says_the_same(version: str, grid: str, media: Path) -> None:
    lua = LuaCore(version)
    for world in worlds(grid, media):
        one, other = Host(world), Host(world)
        outcome = run.place_result(one, world["result"], world["asked"], world["key"])
        assert lua.place_result(other, world["result"], world["asked"], world["key"]) == outcome, world["name"]
        assert other.dump() == one.dump(), world["name"]
