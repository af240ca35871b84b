"""Another program, MLT's ``melt``, plays the result: what it renders is heard where our metadata says.

The playlist is built from the written OTIO alone: a producer per clip with its in and out points in frames, blanks between.
MLT 7.12 itself seeks into a WAV only to within 15 ms for most in points (a plain file of clicks shows the same), so takes with
handles are played at in points that it meets exactly.
"""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from job_materials import clicks, hits_in, marker, movie, run, save, timeline_of
from melt_render import rendered

from foley_bridge.timeline import files

pytestmark = pytest.mark.skipif(
    shutil.which("melt") is None, reason="melt is not installed: no other program played the result"
)


@pytest.mark.parametrize("suffix", [".otio", ".xml"])
@pytest.mark.parametrize(
    ("rate", "handles"),
    [
        (Fraction(24000, 1001), ""),
        (Fraction(24), "handles=12f"),
        (Fraction(25), "handles=12f"),
        (Fraction(30000, 1001), ""),
        (Fraction(60000, 1001), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{float(value):.5g}",
)
def test_melt_plays_every_hit_where_the_metadata_says(tmp_path: Path, rate: Fraction, handles: str, suffix: str) -> None:
    fps = float(rate)
    shot = movie(tmp_path / "shot.mp4", seconds=6, rate=rate)
    times = [0.41, 0.777, 1.2345, 3.4, 3.6003, 4.9]
    hits = [otio.schema.Marker("HIT", otio.opentime.TimeRange(otio.opentime.RationalTime(t * fps, fps))) for t in times]
    marks = [marker("FOLEY kettle", 5.25, 1.5 * fps, fps), marker(f"FOLEY drum {handles}", 3.1 * fps, 2 * fps, fps)]
    cut = save(timeline_of(shot, round(6 * fps), fps, *marks, *hits, start=round(fps) * 3600), tmp_path / "cut.otio")
    done = run(
        *("generate", cut, "--out", tmp_path / f"foley{suffix}", "--media-dir", tmp_path / "media", "--takes", 1, "--json"),
        *("--exemplar", clicks(tmp_path / "hit.wav")),
    )
    assert done.status == 0, done
    timeline = files.read(done.json["out"])
    track = next(track for track in timeline.tracks if track.name == "FOLEY")
    told = [onset for clip in track.find_clips() for onset in clip.metadata["foley_bridge"]["onsets_s"]]
    assert told == pytest.approx(times, abs=1e-6)
    sound, sample_rate = rendered(timeline, rate, tmp_path)
    found = hits_in(sound, sample_rate)
    assert len(found) == len(told), found
    assert np.abs(np.array(found) - told).max() < 0.001


@pytest.mark.parametrize(("name", "options"), [("f.rpp", ()), ("f.otio", ()), ("f.xml", ()), ("f.otio", ("--for", "resolve"))])
@pytest.mark.parametrize(("timemode", "rate"), [("24 2", Fraction(24000, 1001)), ("25 0", Fraction(25))])
def test_melt_plays_what_became_of_a_reaper_project_where_its_markers_are(
    tmp_path: Path, timemode: str, rate: Fraction, name: str, options: tuple[str, ...]
) -> None:
    """The hits are tapped in REAPER between two frames; picture, regions and offset lie off the frame grid, too."""
    (tmp_path / "media").mkdir()
    movie(tmp_path / "media" / "shot.mp4", seconds=6, rate=rate)
    times = [0.41, 0.777, 1.2345, 3.4, 3.6003, 4.9]
    ranges = [(0.2191, 1.7), (3.1001, 5.1)]
    lines = [f'  MARKER {n} {start} "FOLEY box {n}" 1\n  MARKER {n} {stop} "" 1' for n, (start, stop) in enumerate(ranges)]
    lines += [f"  MARKER {number + 10} {time} HIT 0" for number, time in enumerate(times)]
    shot = '<SOURCE VIDEO\n        FILE "media/shot.mp4"\n      >'
    item = f"<ITEM\n      POSITION 0.01\n      LENGTH 5.9\n      SOFFS 0.02\n      {shot}\n    >"
    head = f"<REAPER_PROJECT 0.1\n  PROJOFFS 3600.5 0 0\n  TIMEMODE 1 5 -1 {timemode} 0 -1"
    text = "\n".join([head, *lines, f"  <TRACK\n    NAME Picture\n    {item}\n  >\n>\n"])
    (tmp_path / "cut.rpp").write_text(text, "utf-8")
    done = run(
        *("generate", tmp_path / "cut.rpp", "--out", tmp_path / name, "--media-dir", tmp_path / "takes", "--json"),
        *("--takes", 1, "--exemplar", clicks(tmp_path / "hit.wav"), *options),
    )
    assert done.status == 0, done
    timeline = files.read(done.json["out"])
    sound, sample_rate = rendered(timeline, rate, tmp_path)
    found = hits_in(sound, sample_rate)
    assert len(found) == len(times), found
    assert np.abs(np.array(found) - times).max() < 0.001
