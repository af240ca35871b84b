"""Timeline files: what is read, what is refused and how, and that writing leaves a whole file or none."""

from __future__ import annotations

import json
from pathlib import Path

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.errors import TimelineError
from foley_bridge.timeline import checked_json, files
from foley_bridge.timeline.layout import timeline_duration, timeline_rate
from foley_bridge.timeline.media_paths import local_path


def _range(start: float, length: float, rate: float = 24) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def _timeline(rate: float = 24, url: str = "/media/a b.mov") -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("reel", global_start_time=RationalTime(0, rate))
    clip = otio.schema.Clip("shot", otio.schema.ExternalReference(url, _range(0, 500, rate)), _range(5, 100, rate))
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    return timeline


def _document() -> dict:
    return json.loads(otio.adapters.write_to_string(_timeline(), "otio_json"))


def test_a_timeline_comes_back_as_it_was_written(tmp_path: Path) -> None:
    timeline = _timeline(23.976)
    files.write(timeline, tmp_path / "a.otio")
    assert files.read(tmp_path / "a.otio").is_equivalent_to(timeline)
    assert [path.name for path in tmp_path.iterdir()] == ["a.otio"]


def _deep(depth: int) -> str:
    stack = '{"OTIO_SCHEMA":"Stack.1","children":['
    return '{"OTIO_SCHEMA":"Timeline.1","tracks":' + stack * depth + "]}" * depth + "}"


HOSTILE = {
    "empty.otio": (b" \n", "is empty"),
    "text.otio": (b"this is a letter, not a timeline", "not JSON"),
    "binary.otio": (bytes(range(256)) * 40, "not JSON"),
    "truncated.otio": (otio.adapters.write_to_string(_timeline(), "otio_json").encode()[:700], "not JSON"),
    "other.otio": (b'{"name": "package.json"}', "no OTIO_SCHEMA"),
    "list.otio": (b"[1, 2]", "no OTIO_SCHEMA"),
    "deep.otio": (_deep(50_000).encode(), "nested deeper than 256"),
    "deep_brackets.otio": (b"[" * 50_000, "nested deeper than 256"),
    "null_tracks.otio": (b'{"OTIO_SCHEMA":"Timeline.1","name":"x","tracks":null}', "tracks is null"),
    "no_tracks.otio": (b'{"OTIO_SCHEMA":"Timeline.1","name":"x"}', "tracks is missing"),
    "odd_tracks.otio": (b'{"OTIO_SCHEMA":"Timeline.1","tracks":{"OTIO_SCHEMA":"Marker.2"}}', "tracks is"),
    "null_children.otio": (
        b'{"OTIO_SCHEMA":"Timeline.1","tracks":{"OTIO_SCHEMA":"Stack.1","children":null}}',
        "children is null",
    ),
    "null_child.otio": (b'{"OTIO_SCHEMA":"Timeline.1","tracks":{"OTIO_SCHEMA":"Stack.1","children":[null]}}', r"children\[0\]"),
    "clip.otio": (otio.adapters.write_to_string(otio.schema.Clip("c"), "otio_json").encode(), "holds a Clip"),
    "bin.otio": (
        otio.adapters.write_to_string(otio.schema.SerializableCollection("bin", [otio.schema.Clip("c")]), "otio_json").encode(),
        "SerializableCollection of Clip",
    ),
    "two.otio": (
        otio.adapters.write_to_string(
            otio.schema.SerializableCollection("b", [_timeline(), _timeline()]), "otio_json"
        ).encode(),
        "holds 2 timelines: 'reel', 'reel'",
    ),
    "future.otio": (json.dumps({**_document(), "OTIO_SCHEMA": "Timeline.99"}).encode(), "cannot be read"),
    "bad.xml": (b"<xmeml><sequence>", "cannot be read"),
    "html.xml": (b"<html></html>", "cannot be read"),
    "bomb.xml": (b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xmeml>&b;</xmeml>', "entities"),
    "binary.aaf": (bytes(range(256)) * 40, "cannot be read"),
    "film.mov": (b"moov", "not a timeline format"),
    "bundle.otioz": (b"PK", "otioz"),
    "ntsc.fcpxml": (b'<fcpxml><format frameDuration="1001/24000s"/></fcpxml>', "24000/1001"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_clear_error_that_names_it(name: str, tmp_path: Path) -> None:
    data, said = HOSTILE[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TimelineError, match=said) as caught:
        files.read(tmp_path / name)
    assert name in caught.value.message and "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(TimelineError, match=r"gone\.otio: there is no such file"):
        files.read(tmp_path / "gone.otio")
    (tmp_path / "folder.otio").mkdir()
    with pytest.raises(TimelineError, match=r"folder\.otio is a folder"):
        files.read(tmp_path / "folder.otio")


def test_a_file_over_the_limit_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.otio").open("wb") as file:
        file.truncate(files.MAX_BYTES + 1)
    with pytest.raises(TimelineError, match=r"huge\.otio is 64 MB"):
        files.read(tmp_path / "huge.otio")


def test_brackets_in_names_do_not_count_as_nesting(tmp_path: Path) -> None:
    timeline = _timeline()
    timeline.name = '[[{{"\\' * 500
    files.write(timeline, tmp_path / "a.otio")
    assert files.read(tmp_path / "a.otio").name == timeline.name


def test_what_kills_the_reader_past_all_checks_kills_only_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_json, "_first_fault", lambda root: None)
    (tmp_path / "null.otio").write_bytes(HOSTILE["null_tracks.otio"][0])
    with pytest.raises(TimelineError, match=r"null\.otio cannot be read: it crashes"):
        files.read(tmp_path / "null.otio")


def test_one_timeline_in_a_collection_is_taken(tmp_path: Path) -> None:
    bin_ = otio.schema.SerializableCollection("bin", [otio.schema.Clip("c"), _timeline()])
    otio.adapters.write_to_file(bin_, str(tmp_path / "bin.otio"))
    assert files.read(tmp_path / "bin.otio").tracks[0][0].name == "shot"


def test_an_otiod_bundle_is_read_and_its_media_start_inside_it(tmp_path: Path) -> None:
    (tmp_path / "b.otiod").mkdir()
    files.write(_timeline(), tmp_path / "b.otiod" / "content.otio")
    assert files.read(tmp_path / "b.otiod").name == "reel"
    assert files.folder_of(tmp_path / "b.otiod") == tmp_path / "b.otiod"
    assert files.folder_of(tmp_path / "a.otio") == tmp_path


@pytest.mark.parametrize("rate", [14.96, 15, 21.5, 24000 / 1001, 24, 25, 30000 / 1001, 30, 50, 60000 / 1001])
def test_fcp7_xml_keeps_frames_names_markers_and_what_is_disabled(rate: float, tmp_path: Path) -> None:
    timeline = _timeline(rate)
    off = otio.schema.Clip("off", otio.schema.ExternalReference("/media/b.mov"), _range(0, 20, rate))
    off.enabled = False
    timeline.tracks[0].append(off)
    sound = otio.schema.ExternalReference("/media/s.wav", _range(0, 480_000, 48_000))
    gap = otio.schema.Gap(source_range=_range(0, 30_030, 48_000))
    timeline.tracks.append(
        otio.schema.Track("A1", [gap, otio.schema.Clip("s", sound, _range(0, 60_000, 48_000))], kind="Audio")
    )
    timeline.tracks.markers.append(otio.schema.Marker("FOLEY door", _range(10, 5, rate)))
    notes = files.write(timeline, tmp_path / "a.xml")
    assert bool(notes) == (rate in (14.96, 21.5))
    back = files.read(tmp_path / "a.xml")
    assert [track.name for track in back.tracks] == ["V1", "A1"]
    assert [(clip.name, clip.enabled) for clip in back.find_clips()] == [("shot", True), ("off", False), ("s", True)]
    assert back.tracks.markers[0].name == "FOLEY door"
    assert back.tracks.markers[0].marked_range.start_time.value == 10
    assert back.tracks[0][0].media_reference.target_url == "file:///media/a%20b.mov"
    start = round(30_030 / 48_000 * rate)
    assert [item.duration().value for item in back.tracks[1]] == [start, round(90_030 / 48_000 * rate) - start]


@pytest.mark.parametrize("suffix", [".aaf", ".fcpxml"])
def test_other_formats_keep_the_frames_and_tell_what_they_lose(suffix: str, tmp_path: Path) -> None:
    timeline = _timeline()
    timeline.tracks.markers.append(otio.schema.Marker("FOLEY door", _range(10, 5)))
    (note,) = files.write(timeline, tmp_path / f"a{suffix}")
    assert "markers" in note
    back = files.read(tmp_path / f"a{suffix}")
    assert timeline_duration(back) == timeline_duration(timeline) and timeline_rate(back) == 24


def test_an_edl_with_sound_is_refused_rather_than_written_without_it(tmp_path: Path) -> None:
    timeline = _timeline()
    files.write(timeline, tmp_path / "a.edl")
    assert timeline_duration(files.read(tmp_path / "a.edl")) == timeline_duration(timeline)
    timeline.tracks.append(otio.schema.Track("A1", kind="Audio"))
    with pytest.raises(TimelineError, match="no sound clips"):
        files.write(timeline, tmp_path / "b.edl")
    assert not (tmp_path / "b.edl").exists()


def test_writing_where_it_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("old")
    bad = _timeline()
    bad.tracks[0].append(otio.schema.Track("a track in a track"))
    with pytest.raises(TimelineError, match=r"a\.xml cannot be written"):
        files.write(bad, tmp_path / "a.xml")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.xml", "old")]
    with pytest.raises(TimelineError, match="cannot be written"):
        files.write(_timeline(), tmp_path / "nowhere" / "a.otio")
    with pytest.raises(TimelineError, match="not a format to write"):
        files.write(_timeline(), tmp_path / "a.txt")


def test_relative_media_stay_right_when_the_timeline_moves(tmp_path: Path) -> None:
    timeline = _timeline(url="media/a.mov")
    files.write(timeline, tmp_path / "same.otio", base=tmp_path)
    (tmp_path / "out").mkdir()
    files.write(timeline, tmp_path / "out" / "moved.otio", base=tmp_path)
    urls = [files.read(tmp_path / name).tracks[0][0].media_reference.target_url for name in ("same.otio", "out/moved.otio")]
    assert urls == ["media/a.mov", str(tmp_path / "media" / "a.mov")]
    assert timeline.tracks[0][0].media_reference.target_url == "media/a.mov"


@pytest.mark.parametrize("suffix", [".xml", ".aaf", ".fcpxml"])
def test_other_formats_name_relative_media_by_whole_urls(suffix: str, tmp_path: Path) -> None:
    files.write(_timeline(url="media/ä b.mov"), tmp_path / f"a{suffix}", base=tmp_path)
    (clip,) = files.read(tmp_path / f"a{suffix}").find_clips()
    url = clip.media_reference.target_url
    assert url.startswith("file:///") and local_path(url, Path()) == tmp_path / "media" / "ä b.mov"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///media/a%20b.mov", "/media/a b.mov"),
        ("file://localhost/media/a%23b.mov", "/media/a#b.mov"),
        ("file:/media/a.mov", "/media/a.mov"),
        ("file:///C:/clips/a%20b.mov", "C:/clips/a b.mov"),
        ("file://C:/clips/a.mov", "C:/clips/a.mov"),
        ("file://server/share/a.mov", "//server/share/a.mov"),
        (r"C:\clips\a.mov", r"C:\clips\a.mov"),
        ("/media/a b.mov", "/media/a b.mov"),
        ("media/a.mov", "/base/media/a.mov"),
        ("../a.mov", "/base/../a.mov"),
        ("https://example.org/a.mov", None),
        ("", None),
    ],
)
def test_media_paths_are_found_however_they_are_written(url: str, path: str | None) -> None:
    found = local_path(url, Path("/base"))
    assert found == (None if path is None else Path(path))


def test_a_percent_sign_in_a_real_name_is_kept(tmp_path: Path) -> None:
    (tmp_path / "50%25.mov").write_bytes(b"")
    (tmp_path / "a b.mov").write_bytes(b"")
    assert local_path("50%25.mov", tmp_path) == tmp_path / "50%25.mov"
    assert local_path("a%20b.mov", tmp_path) == tmp_path / "a b.mov"
