"""``generate`` on REAPER projects: from regions of a project to takes in it, everything else as it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import soundfile
from job_materials import Run, clicks, movie, run

from foley_bridge.timeline.adapters.rpp_file import parse
from foley_bridge.timeline.adapters.rpp_items import marks_of, track_of

F = Fraction
RATE = F(24000, 1001)
KETTLE = "{C8D5E1E8-8D40-442C-8BB1-D00A8BA03ADE}"
DRUM = "{0167C27A-2C26-4153-B023-923843E1F974}"
PROJECT = f"""<REAPER_PROJECT 0.1 "7.09/win64" 1708000000
  <NOTES 0 2
    |kept as it is, caf\udce9
  >
  PROJOFFS 3603.6 0 0
  TIMEMODE 1 5 -1 24 2 0 -1
  MARKER 1 0.5005 "FOLEY kettle" 1 0 1 R {KETTLE} 0
  MARKER 1 1.5015 "" 1
  MARKER 2 2.1 "FOLEY drum takes=1" 1 0 1 R {DRUM} 0
  MARKER 2 2.9 "" 1
  MARKER 3 0.75 HIT 0
  MARKER 4 2.5 HIT 0
  <TRACK {{AAAAAAAA-8D40-442C-8BB1-D00A8BA03ADE}}
    NAME Picture
    <FXCHAIN
      <VST "VST: x (y)" x.dll 0 "" 1
        ZXZhdw==
      >
    >
    <ITEM
      POSITION 0
      LENGTH 3.5
      SOFFS 0
      <SOURCE VIDEO
        FILE "media/shot.mp4"
      >
    >
  >
>
""".replace("\n", "\r\n").encode("utf-8", "surrogateescape")


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    movie(tmp_path / "media" / "shot.mp4", seconds=4, rate=RATE)
    clicks(tmp_path / "hit.wav")
    (tmp_path / "cut.RPP").write_bytes(PROJECT)
    return tmp_path


def generate(reel: Path, name: str = "cut.RPP", out: str = "cut_foley.rpp", *args: object) -> Run:
    there = ("--out", reel / out, "--media-dir", reel / "Foley", "--exemplar", reel / "hit.wav", "--json")
    return run("generate", reel / name, *there, *args)


def test_takes_land_in_the_project_and_everything_else_stays_byte_for_byte(reel: Path) -> None:
    done = generate(reel, "cut.RPP", "cut_foley.rpp", "--takes", 2, "--handles", "12f")
    assert (done.status, done.err, done.json["notes"]) == (0, "", [])
    assert done.json["timeline"]["rate"] == "24000/1001" and done.json["timeline"]["global_start_time"]["value"] == 86400
    assert [(region["id"], region["name"], len(region["takes"])) for region in done.json["regions"]] == [
        (KETTLE, "kettle", 2),
        (DRUM, "drum", 1),
    ]
    data = (reel / "cut_foley.rpp").read_bytes()
    added = data.index(b"  <TRACK", data.index(b"<TRACK") + 1)
    assert data[:added] + b">\r\n" == PROJECT and data.count(b"\n") == data.count(b"\r\n")
    picture, foley = (track_of(chunk) for chunk in parse(data).root.chunks("TRACK"))
    assert [item.ours["region"] for item in foley.items] == [KETTLE, DRUM] and not picture.ours
    for item, region in zip(foley.items, done.json["regions"], strict=True):
        first = region["takes"][0]
        assert (float(item.start), float(item.length)) == pytest.approx(
            (first["start"]["seconds"], first["duration"]["seconds"])
        )
        assert [str(reel / str(take.source.path)) for take in item.takes] == [take["path"] for take in region["takes"]]
        for take in item.takes:
            assert take.source.path is not None and take.source.path.startswith("Foley/")
            assert abs(take.offset - 12 / RATE) <= F(1, 96000)
            info = soundfile.info(reel / take.source.path)
            assert take.offset + item.length <= F(info.frames, info.samplerate)
        assert str(item.chunk.line("FADEOUT")).split()[2] == "0.01"


def test_the_same_request_writes_the_same_project(reel: Path) -> None:
    first = generate(reel)
    data = (reel / "cut_foley.rpp").read_bytes()
    assert first.status == 0 and generate(reel).status == 0
    assert (reel / "cut_foley.rpp").read_bytes() == data


def test_a_project_with_takes_gets_more_on_a_track_of_their_own(reel: Path) -> None:
    assert generate(reel).status == 0
    again = generate(reel, "cut_foley.rpp", "again.rpp", "--seed", 9)
    assert again.status == 0 and len(again.json["notes"]) == 1 and again.json["notes"][0].endswith(" on FOLEY")
    before, after = (parse((reel / name).read_bytes()).root for name in ("cut_foley.rpp", "again.rpp"))
    assert [track_of(chunk).name for chunk in after.chunks("TRACK")] == ["Picture", "FOLEY", "FOLEY 2"]
    assert "".join(chunk.text() for chunk in before.chunks("TRACK")) == "".join(
        chunk.text() for chunk in list(after.chunks("TRACK"))[:2]
    )
    assert after.text().count("foley_bridge Foley\r\n") == 1 and after.text().count('foley_bridge "Foley 2"\r\n') == 1


def test_through_otio_and_back_the_project_is_still_there(reel: Path) -> None:
    assert generate(reel, "cut.RPP", "cut_foley.otio").status == 0
    done = generate(reel, "cut_foley.otio", "back.rpp", "--hits-as-markers")
    assert done.status == 0
    data = (reel / "back.rpp").read_bytes()
    assert data.startswith(PROJECT[: PROJECT.index(b"  MARKER 4")])
    assert [track_of(chunk).name for chunk in parse(data).root.chunks("TRACK")] == ["Picture", "FOLEY", "FOLEY 2"]
    marks = [(mark.name, mark.end is None) for mark in marks_of(parse(data).root)]
    assert marks[:4] == [("FOLEY kettle", False), ("FOLEY drum takes=1", False), ("HIT", True), ("HIT", True)]


def test_media_that_are_not_there_are_named(reel: Path) -> None:
    (reel / "media" / "shot.mp4").unlink()
    done = generate(reel)
    assert done.status == 2 and "shot.mp4" in done.json["error"]["message"] and not (reel / "cut_foley.rpp").exists()


def test_a_project_may_not_be_written_over_itself(reel: Path) -> None:
    done = generate(reel, "cut.RPP", "cut.RPP")
    assert done.status == 2 and "overwrite" in done.json["error"]["message"]
    assert (reel / "cut.RPP").read_bytes() == PROJECT
