"""The picture under a range, held against a slow reference on random nested timelines, and known cases by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange
from timeline_worlds import exact, length_of, picture_at, timelines

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.picture import BACKWARDS_NUDGE, Picture, picture_under

F = Fraction


def _compare(timeline: otio.schema.Timeline, data: Any) -> None:
    whole = length_of(timeline.tracks)
    start = whole * data.draw(st.integers(0, 40)) / 97 - F(1, 3)
    end = start + whole * data.draw(st.integers(1, 90)) / 89
    picture = picture_under(timeline, start, end, lambda path: None, base=Path("/"))
    assert picture.spans[0].start == start and picture.spans[-1].end == end
    for before, after in zip(picture.spans, picture.spans[1:], strict=False):
        assert before.end == after.start and before.start < before.end
    # odd fractions inside each span, away from its very edges, and all over
    times = [
        span.start + (span.end - span.start) * part
        for span in picture.spans
        for part in (F(1, 10**7), F(5, 13), 1 - F(1, 10**7))
    ]
    times += [start + (end - start) * F(2 * k + 1, 100_003) for k in range(0, 50_000, 1999)]
    for time in times:
        span, media_time = picture.at(time)
        expected = picture_at(timeline, time)
        if expected is None:
            assert span.media is None
            continue
        clip, own, speed = expected
        assert span.name == clip.name and span.speed == speed
        first = exact(clip.media_reference.available_range.start_time)
        assert media_time == own - first - (BACKWARDS_NUDGE if speed < 0 else 0)


@given(timelines(), st.data())
def test_the_picture_is_what_the_slow_reference_sees(timeline: otio.schema.Timeline, data: Any) -> None:
    _compare(timeline, data)


@pytest.mark.nightly
@settings.get_profile("thorough")
@given(timelines(), st.data())
def test_the_picture_is_what_the_slow_reference_sees_2000_times(timeline: otio.schema.Timeline, data: Any) -> None:
    _compare(timeline, data)


def _range(start: float, length: float, rate: float = 24) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def _movie(tmp_path: Path, name: str = "a.mov", available: TimeRange | None = None) -> otio.schema.ExternalReference:
    (tmp_path / name).write_bytes(b"")
    return otio.schema.ExternalReference(name, available)


def _look(tmp_path: Path, items: list[Any], start: float = 0, end: float = 10, **more: Any) -> Picture:
    timeline = otio.schema.Timeline(global_start_time=RationalTime(0, 24))
    timeline.tracks.append(otio.schema.Track("V", items, kind="Video"))
    for track in more.get("above", []):
        timeline.tracks.append(track)
    start_of = more.get("start_of", lambda path: None)
    return picture_under(timeline, F(start), F(end), start_of, base=tmp_path)


def test_a_files_own_start_timecode_is_asked_only_when_the_clip_does_not_state_its_range(tmp_path: Path) -> None:
    asked = []

    def start_of(path: str) -> Fraction:
        asked.append(path)
        return F(3600)

    stated = otio.schema.Clip("a", _movie(tmp_path, "a.mov", _range(86400, 240)), _range(86424, 24))
    unstated = otio.schema.Clip("b", _movie(tmp_path, "b.mov"), _range(86448, 24))
    spans = _look(tmp_path, [stated, unstated], end=2, start_of=start_of).spans
    assert [(span.media_start, span.media and Path(span.media.path).name) for span in spans] == [(1, "a.mov"), (2, "b.mov")]
    assert asked == [str(tmp_path / "b.mov")]


def test_reversed_clips_show_the_last_source_picture_first_and_hold_it_for_a_whole_frame(tmp_path: Path) -> None:
    clip = otio.schema.Clip("a", _movie(tmp_path, "a.mov", _range(0, 240)), _range(24, 48))
    clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=-1))
    picture = _look(tmp_path, [clip], end=2)
    frames = [int(picture.at(F(k, 24) + inside)[1] * 24) for k in (0, 1, 47) for inside in (F(0), F(1, 25))]
    assert frames == [71, 71, 70, 70, 24, 24]


def test_a_freeze_frame_holds_its_first_picture(tmp_path: Path) -> None:
    clip = otio.schema.Clip("a", _movie(tmp_path, "a.mov", _range(0, 240)), _range(36, 48))
    clip.effects.append(otio.schema.FreezeFrame())
    (span,) = _look(tmp_path, [clip], end=2).spans
    assert span.media_time(F(0)) == span.media_time(F(2)) == F(3, 2)


def test_a_dissolve_hands_over_in_its_middle_and_runs_through_the_handles(tmp_path: Path) -> None:
    a = otio.schema.Clip("a", _movie(tmp_path, "a.mov", _range(0, 240)), _range(0, 48))
    b = otio.schema.Clip("b", _movie(tmp_path, "b.mov", _range(0, 240)), _range(48, 48))
    dissolve = otio.schema.Transition(in_offset=RationalTime(6, 24), out_offset=RationalTime(18, 24))
    spans = _look(tmp_path, [a, dissolve, b], end=4).spans
    assert [(span.name, span.start, span.media_start) for span in spans] == [("a", 0, 0), ("b", F(9, 4), F(9, 4))]


def test_a_cut_through_one_take_is_no_cut(tmp_path: Path) -> None:
    media = _movie(tmp_path, "a.mov", _range(0, 240))
    parts = [otio.schema.Clip("a", media.clone(), _range(24 * k, 24)) for k in (0, 1, 3)]
    picture = _look(tmp_path, parts, end=3)
    assert picture.cuts == (2,)


def test_a_disabled_track_and_a_gap_let_the_picture_below_through_and_past_the_end_it_is_black(tmp_path: Path) -> None:
    below = otio.schema.Clip("below", _movie(tmp_path, "a.mov", _range(0, 240)), _range(0, 72))
    hidden = otio.schema.Track("V2", [otio.schema.Clip("hidden", _movie(tmp_path, "b.mov"), _range(0, 72))], kind="Video")
    hidden.enabled = False
    gapped = otio.schema.Track(
        "V3",
        [otio.schema.Gap(source_range=_range(0, 24)), otio.schema.Clip("top", _movie(tmp_path, "c.mov"), _range(0, 24))],
        kind="Video",
    )
    spans = _look(tmp_path, [below], end=4, above=[hidden, gapped]).spans
    assert [(span.name, span.start, span.media_start) for span in spans[:3]] == [
        ("below", 0, 0),
        ("top", 1, 0),
        ("below", 2, 2),
    ]
    assert spans[3].media is None and (spans[3].start, spans[3].end) == (3, 4)


def test_image_sequences_name_the_file_on_screen_with_their_step(tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    for number in range(1001, 1021, 2):
        (tmp_path / "shots" / f"im.{number:06d}.png").write_bytes(b"")
    reference = otio.schema.ImageSequenceReference(
        "shots", "im.", ".png", start_frame=1001, frame_step=2, rate=24, frame_zero_padding=6, available_range=_range(100, 20)
    )
    (span,) = _look(tmp_path, [otio.schema.Clip("c", reference, _range(104, 12))], end=F(1, 2)).spans
    assert span.media is not None and span.media.kind == "images" and span.media.rate == 12 and span.media.count == 10
    index = int(span.media_time(F(1, 4)) * span.media.rate)
    # OTIO's own reading of the same moment: six frames into the clip
    own = reference.target_url_for_image_number(reference.frame_for_time(RationalTime(110, 24)) // 1 - 1001 >> 1)
    assert span.media.image_path(index).as_posix().endswith(own)
    assert span.media.image_path(index).exists()


def test_a_sequence_that_does_not_state_its_range_reaches_as_far_as_its_clip(tmp_path: Path) -> None:
    for number in range(1, 31):
        (tmp_path / f"im{number:04d}.png").write_bytes(b"")
    reference = otio.schema.ImageSequenceReference(".", "im", ".png", rate=24, frame_zero_padding=4)
    (span,) = _look(tmp_path, [otio.schema.Clip("c", reference, _range(6, 24))], end=1).spans
    assert span.media is not None and span.media_start == F(1, 4)
    assert [path.name for path in span.media.image_paths()][-1] == "im0030.png"


def test_missing_media_are_reported_by_name_once(tmp_path: Path) -> None:
    gone = otio.schema.Clip(
        "gone", otio.schema.ExternalReference("file:///no/where%20at%20all.mov", _range(0, 99)), _range(0, 24)
    )
    nameless = otio.schema.Clip("offline shot", otio.schema.MissingReference(), _range(0, 24))
    title = otio.schema.Clip(
        "title", otio.schema.GeneratorReference("Bars", "SMPTEBars", available_range=_range(0, 24)), _range(0, 24)
    )
    picture = _look(tmp_path, [gone, nameless, gone.clone(), title], end=4)
    assert picture.missing == ("/no/where at all.mov", "offline shot")
    assert [span.media and span.media.kind for span in picture.spans] == ["missing", "missing", "missing", "generator"]


def test_the_active_media_of_several_is_shown(tmp_path: Path) -> None:
    clip = otio.schema.Clip("a", source_range=_range(0, 24))
    clip.set_media_references({"proxy": _movie(tmp_path, "p.mov"), "full": _movie(tmp_path, "f.mov")}, "proxy")
    (span,) = _look(tmp_path, [clip], end=1).spans
    assert span.media is not None and Path(span.media.path).name == "p.mov"


def test_a_clip_whose_active_media_is_not_among_its_media_is_missing(tmp_path: Path) -> None:
    text = otio.adapters.write_to_string(otio.schema.Clip("lost", source_range=_range(0, 24)), "otio_json")
    clip = otio.adapters.read_from_string(text.replace('"DEFAULT_MEDIA":', '"other":'), "otio_json")
    assert clip.media_reference is None
    assert _look(tmp_path, [clip], end=1).missing == ("lost",)


def test_a_clip_of_unknown_length_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TimelineError, match="'lost'"):
        _look(tmp_path, [otio.schema.Clip("lost", otio.schema.ExternalReference("x.mov"))])
