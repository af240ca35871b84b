"""Takes placed in random worlds, with faults, in real Blender; what is there is read after saving and opening again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from blender_bench import do, each_blender, install
from oracle import fault_in
from scenarios import materials


def judged(python: str, tmp_path: Path, count: int, seed: int) -> Counter[str]:
    """Place in so many worlds; how many ended how."""
    install(tmp_path)
    materials(tmp_path / "media")
    ended: Counter[str] = Counter()
    for each in do(python, tmp_path, "worlds", media=tmp_path / "media", count=count, seed=seed):
        wrong = fault_in(each["world"], each["outcome"], each["dump"])
        assert wrong is None, f"{each['world']['name']} {each['world']['faults']}: {wrong}"
        ended["laid" if each["outcome"]["ok"] else "refused"] += 1
        ended.update(each["world"]["faults"])
    return ended


@each_blender()
def test_200_placings_are_what_they_are_reported_to_be(python: str, tmp_path: Path) -> None:
    ended = judged(python, tmp_path, 200, 5)
    assert ended["laid"] > 80 and ended["refused"] > 30
    assert min(ended[fault] for fault in ("missing_file", "foreign_clip", "locked_track", "error_midway", "append_dropped")) > 2
    assert min(ended[fault] for fault in ("region_gone", "region_moved", "region_renamed")) > 2


@pytest.mark.nightly
@each_blender()
def test_1000_placings_are_what_they_are_reported_to_be(python: str, tmp_path: Path) -> None:
    ended = judged(python, tmp_path, 1000, 6)
    assert ended["laid"] > 400 and ended["refused"] > 150
