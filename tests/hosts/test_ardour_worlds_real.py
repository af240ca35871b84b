"""Takes placed in random worlds, with faults, in real Ardour; what is there is read from the session that it saved."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ardour_bench import Saved, do, dump, needs_ardour
from oracle import fault_in
from scenarios import LONG, MUSIC, located, materials, plan_of_before, renamed, scenarios

AT_ONCE = 40  # worlds in one process of Ardour, whose undo history makes every saving slower

pytestmark = pytest.mark.real_host


def judged(folder: Path, count: int, seed: int) -> Counter[str]:
    """Place in so many worlds; how many ended how."""
    media = folder / "media"
    materials(media)
    worlds = [located(world, media) for world in scenarios(count, seed, "samples")]
    worlds = [world for world in worlds if "locked_track" not in world["faults"]]  # Ardour knows no locked tracks
    ended: Counter[str] = Counter()
    for first in range(0, len(worlds), AT_ONCE):
        part = worlds[first : first + AT_ONCE]
        session = folder / f"part {first}"
        sounds = [str(media / name.removeprefix("media:")) for name in (*LONG, MUSIC)]
        asked = {"session": session, "name": "worlds", "create": True, "sample_rate": 48000, "sounds": sounds}
        told = do(folder, "worlds", worlds=[told_of(world) for world in part], **asked)
        for number, (world, each) in enumerate(zip(part, told, strict=True), 1):
            named = renamed(world, each["ids"])
            there = dump(Saved(session / f"world-{number}.ardour"), world["project"]["rate"], without=("spare ",))
            wrong = fault_in(named, each["outcome"], without_empty_lanes(named, there))
            assert wrong is None, f"{world['name']} {world['faults']}: {wrong}"
            ended["laid" if each["outcome"]["ok"] else "refused"] += 1
            ended.update(world["faults"])
    return ended


def told_of(world: dict[str, Any]) -> dict[str, Any]:
    """A world with what the driver needs besides."""
    named = [{"fault": fault} for fault in world["faults"]]
    adds = sum(len(region["takes"]) for region in world["result"]["regions"])
    return world | {"before": plan_of_before(world), "named": named, "adds": adds}


def without_empty_lanes(world: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """Ardour cannot unmake a track: one that was made for a placing that was taken back stays, empty."""
    known = {track["name"] for track in world["tracks"]}
    return there | {"tracks": [track for track in there["tracks"] if track["clips"] or track["name"] in known]}


@needs_ardour
def test_200_placings_are_what_they_are_reported_to_be(tmp_path: Path) -> None:
    ended = judged(tmp_path, 200, 7)
    assert ended["laid"] > 80 and ended["refused"] > 30
    assert min(ended[fault] for fault in ("missing_file", "short_file", "foreign_clip", "error_midway", "append_dropped")) > 2
    assert min(ended[fault] for fault in ("region_gone", "region_moved", "region_renamed")) > 2


@pytest.mark.nightly
@needs_ardour
def test_1000_placings_are_what_they_are_reported_to_be(tmp_path: Path) -> None:
    ended = judged(tmp_path, 1000, 8)
    assert ended["laid"] > 400 and ended["refused"] > 150
