"""The add-on as Blender takes it: its manifest, switched on and off, its marks through saving, moving and copying."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from blender_bench import do, each_blender, install
from test_blender_real import act, session

ADDON = Path(__file__).resolve().parents[2] / "host_scripts" / "blender" / "foley_bridge_addon"


@each_blender(sound=False)
def test_blenders_own_tool_finds_the_manifest_right_and_packs_the_add_on(python: str, tmp_path: Path) -> None:
    module = subprocess.run(
        [python, "-c", "import importlib.util as u; print(u.find_spec('bpy').origin)"],
        capture_output=True,
        text=True,
        check=True,
    )
    tool = next(Path(module.stdout.strip()).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    for verb in (["validate", str(ADDON)], ["build", "--source-dir", str(ADDON), "--output-dir", str(tmp_path)]):
        done = subprocess.run([python, str(tool), *verb], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
    assert [path.suffix for path in tmp_path.glob("foley_bridge-*")] == [".zip"]


@each_blender(sound=False)
def test_it_goes_away_without_a_trace_and_comes_back(python: str, tmp_path: Path) -> None:
    install(tmp_path)
    there = do(python, tmp_path, "switched")
    assert there["on"] == there["on again"] and len(there["on"]) > 14
    assert there["off"] == []


def project(python: str, folder: Path, marks: list[dict[str, Any]], points: list[dict[str, Any]]) -> Path:
    install(folder)
    (folder / "a").mkdir()
    blend = folder / "a" / "marks.blend"
    about: dict[str, Any] = {"fps": 25, "base": 1.0, "start": 1, "length": 200, "movies": [], "sounds": []}
    do(python, folder, "project", blend=blend, marks=marks, points=points, **about)
    return blend


@each_blender(sound=False)
def test_regions_keep_their_ids_through_moving_renaming_saving_and_copies(python: str, tmp_path: Path) -> None:
    marks = [{"start": 20, "stop": 60, "words": "kettle"}, {"start": 70, "stop": 90, "words": "kettle"}]
    blend = project(python, tmp_path, marks, [{"name": "FOLEY door", "at": 110}, {"name": "END", "at": 150}])
    long = "FOLEY " + "very long words " * 9 + "takes=7"

    def change(code: str) -> dict[str, str]:
        return {"do": "change", "code": code}

    first = session(python, blend, "regions", "save")[0]
    told = session(
        python, blend, "regions",
        change("strips['FOLEY kettle'].frame_start += 3"), "regions",
        change("strips['FOLEY kettle'].name = 'pot'"), "regions",
        change("scene.timeline_markers['FOLEY door'].frame -= 5"), "regions",
        change("scene.timeline_markers['FOLEY door'].name = 'FOLEY gate'"), "regions",
        change("strips['pot'].split(frame=40, split_method='SOFT')"), "regions",
        {"do": "write_text", "number": 0, "text": long}, "regions", "undo", "regions", "save",
    )  # fmt: skip
    seen = [each for each in told if each]
    ids = [region["id"] for region in first]
    assert len(set(ids)) == 3
    assert [region["text"] for region in first] == ["FOLEY kettle", "FOLEY kettle", "FOLEY door"]
    for regions in (*seen[:5], session(python, blend, "regions")[0]):
        assert [region["id"] for region in regions if region["id"] in ids] == ids
    assert [region["text"] for region in seen[4]] == ["FOLEY pot", "FOLEY kettle", "FOLEY gate"]
    split, written, undone = seen[5:8]
    assert len({region["id"] for region in split}) == 4
    assert [region["text"] for region in split[:2]] == ["FOLEY pot", "FOLEY pot"]
    assert written[0]["text"] == long and written[0]["id"] == split[0]["id"]
    assert undone == split


@each_blender()
def test_words_too_long_for_a_marker_are_refused_and_notes_that_are_none_do_no_harm(python: str, tmp_path: Path) -> None:
    blend = project(python, tmp_path, [], [{"name": "FOLEY door", "at": 110}, {"name": "END", "at": 150}])
    notes = ["", "[]", "{", '{"kind": "region"}', '{"kind": "take"}']
    ran, regions = session(
        python, blend, {"do": "select", "names": ["END"]}, act("recommend", answers=["w" * 70]),
        {"do": "spoil", "notes": notes}, "regions",
    )[1::2]  # fmt: skip
    assert "does not fit into the name of a marker" in ran["said"]
    assert len(regions) == 1 + len(notes) and len({region["id"] for region in regions}) == 1 + len(notes)
