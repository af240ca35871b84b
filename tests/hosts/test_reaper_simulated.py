"""The simulated REAPER itself: it refuses what REAPER would, and forgets and restores as REAPER does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import lupa.lua54 as lupa
import pytest
from reaper_api import GFX, REAPER
from reaper_bench import SCRIPTS, item, region
from reaper_model import Marker, Project, State, Track
from reaper_simulated import Reaper


def project(**more: Any) -> Project:
    made = Project(**more)
    made.state = State([Track("A", items=[item("/gone.wav", 1, 2)])], [region(5, 6, "last"), Marker(1, None, "first", 1)])
    made.begin()
    return made


def run(folder: Path, code: str, there: Project | None = None) -> Reaper:
    """Run a script in a REAPER of its own, and all that it defers."""
    script = folder / "script.lua"
    script.write_text(code, "utf-8")
    made = Reaper(there or project(), folder)
    made.run(script)
    while made.tick():
        pass
    return made


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("reaper.CountTrackz(0)", "attempt to call a nil value"),
        ("reaper.GetTrack(0)", "takes 2 arguments, not 1"),
        ("reaper.GetTrack(0, 0, 0)", "takes 2 arguments, not 3"),
        ("reaper.GetTrack(0, 0.5)", "is no integer"),
        ("reaper.GetTrack(0, '0')", "is no integer"),
        ("reaper.GetTrack('project', 0)", "ReaProject expected"),
        ("reaper.GetTrackName(nil)", "MediaTrack expected"),
        ("reaper.GetTrackName(reaper.GetTrackMediaItem(reaper.GetTrack(0, 0), 0))", "MediaTrack expected"),
        ("reaper.GetMediaTrackInfo_Value(reaper.GetTrack(0, 0), 'B_MUTED')", "does not model B_MUTED"),
        ("reaper.GetTrack(0, 0).name = 'x'", "attempt to index|nothing inside"),
        ("local t = reaper.GetTrack(0, 0) reaper.DeleteTrack(t) reaper.GetTrackName(t)", "MediaTrack expected"),
        ("gfx.rectangle(1, 2, 3, 4)", "gfx has no rectangle"),
        ("gfx.colour = 1", "gfx has no colour"),
        ("gfx.rect(1, 2, 3, 4)", "without a window"),
        ("reaper.Undo_BeginBlock2(0)", "left open"),
        ("reaper.Undo_EndBlock2(0, 'x', -1)", "not begun"),
        ("reaper.PreventUIRefresh(1)", "not given back"),
        ("reaper.ShowMessageBox('Really?', 'Foley', 4)", "nobody is there to answer"),
        ("pcall(reaper.GetTrack, 0)", "takes 2 arguments"),  # caught by the script, it comes up all the same
        ("reaper.NamedCommandLookup('_X') reaper.GetProjectPathEx(0)", "not modelled"),
    ],
)
def test_it_raises_where_a_script_is_wrong(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises((lupa.LuaError, AssertionError, RuntimeError, AttributeError), match=said):
        run(tmp_path, code + "\nreaper.defer(function() end)")


def test_a_script_that_never_defers_leaves_an_undo_point(tmp_path: Path) -> None:
    assert run(tmp_path, "reaper.CountTracks(0)").front.labels() == ["ReaScript: script"]
    assert run(tmp_path, "reaper.defer(function() end)").front.labels() == []


def test_nested_undo_blocks_are_one_step_and_flags_of_none_are_no_step(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """
        reaper.defer(function() end)
        reaper.Undo_BeginBlock2(0)
        reaper.Undo_BeginBlock2(0)
        reaper.InsertTrackAtIndex(1, false)
        reaper.Undo_EndBlock2(0, "inner", -1)
        reaper.Undo_EndBlock2(0, "outer", -1)
        reaper.Undo_BeginBlock2(0)
        reaper.Undo_EndBlock2(0, "nothing", 0)
        """,
    )
    assert made.front.labels() == ["outer"]
    made.front.travel(-1)
    assert len(made.front.state.tracks) == 1


def test_every_handle_dies_with_undo(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="MediaTrack expected"):
        run(
            tmp_path,
            """
            reaper.defer(function() end)
            local track = reaper.GetTrack(0, 0)
            reaper.Undo_BeginBlock2(0)
            reaper.InsertTrackAtIndex(1, false)
            reaper.Undo_EndBlock2(0, "x", -1)
            reaper.Undo_DoUndo2(0)
            reaper.GetTrackName(track)
            """,
        )


def test_handles_of_one_object_are_equal(tmp_path: Path) -> None:
    run(tmp_path, "reaper.defer(function() end) assert(reaper.GetTrack(0, 0) == reaper.GetTrack(0, 0))")


def test_an_index_of_a_marker_is_its_place_on_the_timeline(tmp_path: Path) -> None:
    there = project()
    last, first = there.state.markers
    code = """
        reaper.defer(function() end)
        local _, _, _, _, name, number = reaper.EnumProjectMarkers3(0, %d)
        local _, guid = reaper.GetSetProjectInfo_String(0, "MARKER_GUID:%d", "", false)
        assert(name == "%s" and guid == "%s", name)
    """
    run(tmp_path, code % (0, 0, "first", first.guid), there)
    first.position = 9.0
    run(tmp_path, code % (1, 1, "first", first.guid), there)
    run(tmp_path, code % (0, 0, "last", last.guid), there)


def test_what_is_deferred_runs_at_the_next_tick_and_not_before(tmp_path: Path) -> None:
    made = Reaper(project(), tmp_path)
    script = tmp_path / "script.lua"
    script.write_text(
        """
        local n = 0
        local function go()
          n = n + 1
          if n < 3 then reaper.defer(go) else reaper.ShowMessageBox(tostring(n), "", 0) end
        end
        go()
        """
    )
    made.run(script)
    assert [bool(made.tick()), list(made.dialogs), bool(made.tick()), list(made.dialogs)] == [True, [], False, ["3"]]


def test_media_that_are_not_there_cannot_be_opened(tmp_path: Path) -> None:
    run(tmp_path, "reaper.defer(function() end) assert(reaper.PCM_Source_CreateFromFile('/gone.wav') == nil)")


def test_the_scripts_call_nothing_that_is_not_in_the_table() -> None:
    """Also what no test reaches."""
    for path in sorted((SCRIPTS / "reaper").rglob("*.lua")):
        text = path.read_text("utf-8")
        for table, name in re.findall(r"\b(reaper|api|gfx)\.([A-Za-z_]\w*)\(", text):
            ours = table == "api" and name in ("tick", "steady", "whole", "is_open")
            assert ours or name in (GFX if table == "gfx" else REAPER), f"{path.name}: {table}.{name}"
