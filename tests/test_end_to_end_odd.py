"""Odd but honest requests: names that need quoting, very long or very short regions' texts and ranges, hits in hard places."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
import pytest
import soundfile
from job_materials import clicks, hits_in, marker, movie, run, save, timeline_of
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.timeline import files
from foley_bridge.timeline.media_paths import local_path


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ground") / "tä ke%20s #1"
    folder.mkdir()
    movie(folder / "sh%20ot #1.mp4", seconds=4)
    clicks(folder / "h i#t%41.wav")
    return folder


def taken(
    ground: Path, folder: Path, text: str, *args: object, first: float = 0, frames: float = 50, hits_s: tuple[float, ...] = ()
):  # type: ignore[no-untyped-def]
    """The one region of a run of a relative timeline, and where its hits are heard."""
    marks = [marker(text, first, frames, 25)]
    marks += [otio.schema.Marker("HIT", TimeRange(RationalTime(time * 25, 25), RationalTime(0, 25))) for time in hits_s]
    cut = save(timeline_of(Path("sh%20ot #1.mp4"), 100, 25, *marks), ground / "cut.otio")
    out = folder / "o ut%20" / "foley.otio"
    done = run(
        *("generate", cut, "--out", out, "--media-dir", folder / "me dia#", "--exemplar", ground / "h i#t%41.wav", "--json"),
        *args,
    )
    assert done.status == 0, done
    region = done.json["regions"][0]
    take = region["takes"][0]
    sound, rate = soundfile.read(take["path"], always_2d=True)
    start = take["start"]["seconds"] - take["handle"]["seconds"]
    return region, [start + at for at in hits_in(sound, rate)], Path(done.json["out"])


@pytest.mark.parametrize("suffix", [".otio", ".xml", ".fcpxml", ".aaf"])
def test_paths_with_spaces_and_percent_signs_are_found_again(tmp_path: Path, ground: Path, suffix: str) -> None:
    out = tmp_path / "o ut%20" / f"foley{suffix}"
    taken(ground, tmp_path, "FOLEY kettle", "--out", out)
    timeline = files.read(out)
    urls = [clip.media_reference.target_url for clip in timeline.find_clips()]
    paths = [local_path(url, out.parent) for url in urls]
    assert len(paths) == 2
    assert all(path is not None and path.is_file() for path in paths), urls


@pytest.mark.parametrize(
    "words", ["w" * 300, "ключ " * 60, "足音" * 100, 'a/b\\c <d> "e" 😀 \u202e' * 9], ids=["latin", "cyrillic", "kanji", "odd"]
)
def test_takes_of_a_region_with_a_long_name_are_files_of_their_own(tmp_path: Path, ground: Path, words: str) -> None:
    region, _, _ = taken(ground, tmp_path, f"FOLEY {words} takes=4")
    paths = {take["path"] for take in region["takes"]}
    assert len(paths) == 4
    assert all(len(Path(path).name.encode()) <= 240 and Path(path).is_file() for path in paths)


def test_a_region_shorter_than_a_frame_gets_one_frame_and_its_hit(tmp_path: Path, ground: Path) -> None:
    region, heard, _ = taken(ground, tmp_path, "FOLEY tick", first=10.3, frames=0.2, hits_s=(0.415,))
    assert (region["takes"][0]["start"]["value"], region["takes"][0]["duration"]["value"]) == (10, 1)
    assert heard == pytest.approx([0.415], abs=0.001)


@pytest.mark.parametrize(
    ("text", "hits", "wanted"),
    [
        ("FOLEY a", (0.0, 1.0, 1.995), (0.0, 1.0)),  # the last, 5 ms before the end, is faded with the take
        ("FOLEY a tail=0.5", (0.0, 1.995), (0.0, 1.995)),
        ("FOLEY a handles=20f tail=3", (0.0, 1.995), (0.0, 1.995)),
        ("FOLEY a retime=no", (1.0, 1.5), (1.0,)),
    ],
)
def test_hits_at_the_very_edges_are_heard(
    tmp_path: Path, ground: Path, text: str, hits: tuple[float, ...], wanted: tuple[float, ...]
) -> None:
    _, heard, _ = taken(ground, tmp_path, text, hits_s=hits)
    heard = [time for time in heard if time < 1.99 or 1.995 in wanted]
    assert heard == pytest.approx(list(wanted), abs=0.001)


def test_hundreds_of_hits_a_second_do_not_clip(tmp_path: Path, ground: Path) -> None:
    region, _, _ = taken(ground, tmp_path, "FOLEY rattle", hits_s=tuple(k * 0.008 for k in range(249)))
    assert len(region["takes"][0]["onsets_s"]) == 249
    assert region["takes"][0]["peak_dbfs"] <= -1.0


def test_an_offset_that_moves_every_hit_out_of_the_region_is_told(tmp_path: Path, ground: Path) -> None:
    region, _, _ = taken(ground, tmp_path, "FOLEY a offset=-1000ms", first=10, frames=10, hits_s=(0.5,))
    assert region["reliable"] is False
    assert "offset=" in region["reason"]
