"""The oracle of the placements sees every lie it is there to see."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from foley_host import run
from oracle import fault_in
from scenarios import INJECTED, REGION_FAULTS, STOPPING, located, materials, scenarios
from simulated_plain import Host

Json = dict[str, Any]
Told = tuple[Json, Json, Json]


@pytest.fixture(scope="module", params=["frames", "samples"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """Worlds with their true outcome and dump."""
    media = tmp_path_factory.mktemp("media")
    materials(media)
    made = []
    for world in (located(each, media) for each in scenarios(120, 7, request.param)):
        host = Host(world)
        outcome = run.place_result(host, world["result"], world["asked"], world["key"])
        made.append((world, outcome, host.dump()))
    return made


def laid(told: list[Told]) -> list[Told]:
    return [copy.deepcopy(each) for each in told if each[1]["ok"]]


def clips(dump: Json, choose: Callable[[Json], bool]) -> list[tuple[Json, Json]]:
    return [(track, clip) for track in dump["tracks"] for clip in track["clips"] if choose(clip)]


def test_true_outcomes_of_all_kinds_pass(told: list[Told]) -> None:
    seen: Counter[str] = Counter()
    for world, outcome, dump in told:
        assert fault_in(world, outcome, dump) is None, world["name"]
        seen.update(world["faults"] or ["none"])
    assert {"none", *REGION_FAULTS, *STOPPING, *INJECTED} == set(seen)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("start", lambda value: value + 1),
        ("start", lambda value: value - 0.01),
        ("duration", lambda value: value + 1),
        ("offset", lambda value: value + 1),
        ("path", lambda value: value + "x"),
        ("key", lambda value: "another"),
        ("region", lambda value: "R99"),
        ("chosen", lambda value: value + 1),
        ("takes", lambda value: value[:-1]),
        ("takes", lambda value: [*value, value[0]]),
        ("ours", lambda value: False),
    ],
)
def test_a_clip_that_is_not_what_it_should_be_is_seen(told: list[Told], field: str, change: Callable[[Any], Any]) -> None:
    for world, outcome, dump in laid(told):
        for _, clip in clips(dump, lambda clip: clip["ours"]):
            before = clip[field]
            clip[field] = change(before)
            assert fault_in(world, outcome, dump), (world["name"], clip)
            clip[field] = before
        assert fault_in(world, outcome, dump) is None


def test_a_clip_that_is_missing_or_there_twice_or_elsewhere_is_seen(told: list[Told]) -> None:
    for world, outcome, dump in laid(told):
        for track, clip in clips(dump, lambda clip: True):
            whole = list(track["clips"])
            track["clips"] = [each for each in whole if each is not clip]
            assert fault_in(world, outcome, dump), "missing"
            dump["tracks"].append({"name": "Foley 9", "clips": [clip]})
            assert fault_in(world, outcome, dump), "on another track"
            dump["tracks"].pop()
            track["clips"] = [*whole, dict(clip)]
            assert fault_in(world, outcome, dump), "twice"
            track["clips"] = whole


def test_somebody_elses_clip_that_changed_is_seen(told: list[Told]) -> None:
    seen = 0
    for world, outcome, dump in copy.deepcopy(told):
        for _, clip in clips(dump, lambda clip: not clip["ours"]):
            clip["start"] += 1
            assert fault_in(world, outcome, dump), world["name"]
            clip["start"] -= 1
            seen += 1
    assert seen > 50


def test_a_clip_that_is_left_in_a_rejected_region_is_seen(told: list[Told]) -> None:
    seen = 0
    for world, outcome, dump in laid(told):
        before = [(track["name"], clip) for track in Host(world).dump()["tracks"] for clip in track["clips"] if clip["ours"]]
        for name, clip in before:
            if clip["region"] in outcome["cleared"]:
                track = next((each for each in dump["tracks"] if each["name"] == name), None)
                track = track or {"name": name, "clips": []}
                dump["tracks"] = [*(each for each in dump["tracks"] if each["name"] != name), track]
                track["clips"].append(clip)
                assert fault_in(world, outcome, dump), world["name"]
                track["clips"].remove(clip)
                seen += 1
    assert seen > 3


def test_success_where_nothing_was_done_is_seen(told: list[Told]) -> None:
    for world, outcome, dump in laid(told):
        before = Host(world).dump()
        if before != dump:  # of a region that was rejected there may have been nothing to take out
            assert fault_in(world, outcome, before), world["name"]


def test_failure_that_left_something_is_seen(told: list[Told]) -> None:
    for world, outcome, dump in laid(told):
        assert fault_in(world, {**outcome, "ok": False, "laid": [], "cleared": []}, dump), world["name"]


def test_a_false_word_is_seen(told: list[Told]) -> None:
    for world, outcome, dump in copy.deepcopy(told):
        assert fault_in(world, {**outcome, "message": " "}, dump)
        assert fault_in(world, {**outcome, "laid": [*outcome["laid"], "R99"]}, dump)
        assert fault_in(world, {**outcome, "cleared": [*outcome["cleared"], "R99"]}, dump)
        if not set(world["faults"]) & {*STOPPING, *INJECTED}:
            empty = {"ok": False, "message": "it did not work", "laid": [], "cleared": [], "refused": []}
            assert fault_in(world, empty, Host(world).dump()), "failed without a reason"
        if set(world["faults"]) & set(STOPPING):
            assert fault_in(world, {**outcome, "message": "it did not work"}, dump), "does not name what is in the way"
        if outcome["refused"] and not set(world["faults"]) & set(INJECTED):
            assert fault_in(world, {**outcome, "refused": []}, dump), "does not say what it left out"


def test_a_range_that_changed_is_seen(told: list[Told]) -> None:
    for world, outcome, dump in copy.deepcopy(told):
        if dump["ranges"]:
            dump["ranges"][0]["stop"] += 1
            assert fault_in(world, outcome, dump), world["name"]
