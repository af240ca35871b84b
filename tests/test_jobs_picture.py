"""Which pictures a job watches and previews: frames that carry their numbers, through edits, speeds, images and timecode."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from job_materials import clicks, generate, hits_in, marker, movie, save, span, timeline_of
from media_movies import number_of, numbered

from foley_bridge.engines.watch import watch
from foley_bridge.media import video
from foley_bridge.timeline.picture import picture_under


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ground")
    movie(folder / "a.mp4", seconds=4)
    movie(folder / "b.mp4", seconds=4, rate=Fraction(50))
    movie(folder / "coded.mov", seconds=4, metadata={"timecode": "02:00:00:00"})
    clicks(folder / "hit.wav")
    (folder / "images").mkdir()
    for number in range(1001, 1026):
        with av.open(str(folder / "images" / f"s.{number}.png"), "w", format="image2") as container:
            stream = container.add_stream("png", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 72, "rgb24"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
            container.mux(stream.encode(None))
    return folder


def clip(media: Path | otio.core.MediaReference, first: float, frames: float, *effects: otio.core.Effect) -> otio.schema.Clip:
    reference = otio.schema.ExternalReference(str(media)) if isinstance(media, Path) else media
    return otio.schema.Clip("c", reference, span(first, frames, 25), effects=list(effects))


def edit(*items: otio.core.Composable) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("edit", global_start_time=otio.opentime.RationalTime(90000, 25))
    timeline.tracks.append(otio.schema.Track("V1", list(items), kind="Video"))
    return timeline


def seen(timeline: otio.schema.Timeline, start: Fraction, end: Fraction) -> Iterator[tuple[Fraction, int, bool]]:
    """(25ths of a second, number, cut) of each picture watched; black is number 0."""
    picture = picture_under(timeline, start, end, video.start_timecode, base=Path("/"))
    for frame in watch(picture, start, end, width=176):
        yield Fraction(frame.time_s * 25).limit_denominator(1000), number_of(frame.gray), frame.cut


def reversed_by(speed: float) -> otio.schema.LinearTimeWarp:
    return otio.schema.LinearTimeWarp(time_scalar=speed)


def test_a_clip_is_watched_picture_by_picture_each_at_its_own_moment(ground: Path) -> None:
    timeline = edit(clip(ground / "a.mp4", 10, 50))
    assert list(seen(timeline, Fraction(1, 5), Fraction(2, 5))) == [(5 + k, 15 + k, False) for k in range(5)]


def test_a_cut_is_told_and_a_faster_clip_is_watched_at_its_own_rate(ground: Path) -> None:
    timeline = edit(clip(ground / "a.mp4", 10, 5), clip(ground / "b.mp4", 20, 5))
    pictures = list(seen(timeline, Fraction(0), Fraction(2, 5)))
    assert pictures[:5] == [(k, 10 + k, False) for k in range(5)]
    assert pictures[5:] == [(5 + Fraction(k, 2), 40 + k, k == 0) for k in range(10)]


def test_reversed_frozen_and_sped_clips_show_what_an_editor_sees(ground: Path) -> None:
    a = ground / "a.mp4"
    backwards = list(seen(edit(clip(a, 10, 10, reversed_by(-1))), Fraction(0), Fraction(2, 5)))
    assert [number for _, number, _ in backwards] == list(range(19, 9, -1))
    assert list(seen(edit(clip(a, 33, 10, otio.schema.FreezeFrame())), Fraction(0), Fraction(2, 5))) == [(0, 33, False)]
    fast = list(seen(edit(clip(a, 10, 10, reversed_by(2))), Fraction(0), Fraction(2, 5)))
    assert fast == [(Fraction(k, 2), 10 + k, False) for k in range(20)]
    slow = list(seen(edit(clip(a, 10, 10, reversed_by(0.5))), Fraction(0), Fraction(2, 5)))
    assert slow == [(2 * k, 10 + k, False) for k in range(5)]


def test_nested_edits_gaps_upper_tracks_and_disabled_clips(ground: Path) -> None:
    inner = otio.schema.Stack("inner")
    below = otio.schema.Track("V1", [clip(ground / "a.mp4", 0, 20)], kind="Video")
    gap = otio.schema.Gap(source_range=span(0, 5, 25))
    hidden = clip(ground / "a.mp4", 90, 5)
    hidden.enabled = False
    above = otio.schema.Track("V2", [gap, clip(ground / "a.mp4", 50, 5), hidden], kind="Video")
    inner.extend([below, above])
    inner.source_range = span(3, 12, 25)
    timeline = edit(clip(ground / "a.mp4", 80, 2), inner)
    numbers = [number for _, number, _ in seen(timeline, Fraction(0), Fraction(14, 25))]
    assert numbers == [80, 81, 3, 4, 50, 51, 52, 53, 54, 10, 11, 12, 13, 14]


def test_image_sequences_and_media_with_a_start_timecode(ground: Path) -> None:
    images = otio.schema.ImageSequenceReference(
        str(ground / "images"), "s.", ".png", 1001, 1, 25.0, 4, available_range=span(0, 25, 25)
    )
    pictures = list(seen(edit(clip(images, 5, 10)), Fraction(0), Fraction(2, 5)))
    assert pictures == [(k, 1006 + k, False) for k in range(10)]
    coded = clip(ground / "coded.mov", 7200 * 25 + 30, 5)
    assert [number for _, number, _ in seen(edit(coded), Fraction(0), Fraction(1, 5))] == [30, 31, 32, 33, 34]


def test_every_kind_of_edit_gets_sound_and_a_preview_of_the_right_pictures(tmp_path: Path, ground: Path) -> None:
    """The whole way: cut, reverse, freeze, speed, nest and images in one timeline; each preview frame shows its picture."""
    images = otio.schema.ImageSequenceReference(
        str(ground / "images"), "s.", ".png", 1001, 1, 25.0, 4, available_range=span(0, 25, 25)
    )
    nested = otio.schema.Stack("nested", [otio.schema.Track("V1", [clip(ground / "a.mp4", 60, 10)], kind="Video")])
    music = otio.schema.ExternalReference(str(ground / "hit.wav"), span(0, 12, 25))
    timeline = edit(
        clip(ground / "a.mp4", 10, 10),
        clip(ground / "a.mp4", 40, 10, reversed_by(-1)),
        clip(ground / "a.mp4", 7, 5, otio.schema.FreezeFrame()),
        clip(ground / "b.mp4", 0, 10, reversed_by(0.5)),
        nested,
        clip(images, 0, 10),
        otio.schema.Gap(source_range=span(0, 5, 25)),
    )
    timeline.tracks.append(otio.schema.Track("A1", [otio.schema.Clip("m", music, span(0, 12, 25))], kind="Audio"))
    timeline.tracks.markers.extend([marker("FOLEY one", 0, 25, 25), marker("FOLEY two", 25, 35, 25)])
    cut = save(timeline, tmp_path / "cut.otio")
    before = [track.name for track in timeline.tracks]
    done = generate(tmp_path, cut, "--exemplar", ground / "hit.wav", "--preview", tmp_path / "p.mp4", "--takes", 1)
    assert done.status == 0, done
    result = otio.adapters.read_from_file(done.json["out"])
    assert [track.name for track in result.tracks] == [*before, "FOLEY"]
    assert result.tracks[0].is_equivalent_to(timeline.tracks[0])
    wanted = [*range(10, 20), *range(49, 39, -1), *[7] * 5, *range(10), *range(60, 70), *range(1001, 1011), *[0] * 5]
    wanted[25:35] = list(range(10))  # half speed of 50 pictures a second: 25 a second
    with av.open(str(tmp_path / "p.mp4")) as container:
        shown = [number_of(frame.to_ndarray(format="gray")[:, 0:640]) for frame in container.decode(video=0)]
    assert len(shown) == len(wanted) == 60
    boxed = range(45, 55)  # images stand smaller in a box, so their blocks are not where number_of looks
    assert [n for k, n in enumerate(shown) if k not in boxed] == [n for k, n in enumerate(wanted) if k not in boxed]


def test_a_timeline_without_a_picture_gets_a_texture(tmp_path: Path, ground: Path) -> None:
    music = otio.schema.ExternalReference(str(ground / "hit.wav"), span(0, 50, 25))
    timeline = otio.schema.Timeline("radio play", global_start_time=otio.opentime.RationalTime(0, 25))
    timeline.tracks.append(otio.schema.Track("A1", [otio.schema.Clip("m", music, span(0, 50, 25))], kind="Audio"))
    timeline.tracks.markers.append(marker("FOLEY kettle", 10, 25, 25))
    done = generate(tmp_path, save(timeline, tmp_path / "cut.otio"), "--exemplar", ground / "hit.wav", "--takes", 1)
    assert done.status == 0, done
    assert done.json["regions"][0]["reliable"] is False
    assert done.json["regions"][0]["reason"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: the preview was not read by it")
@pytest.mark.parametrize(
    "rate", [Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001)], ids=lambda rate: f"{float(rate):.5g}"
)
def test_ffmpeg_hears_the_hits_of_the_preview_where_the_markers_are(tmp_path: Path, ground: Path, rate: Fraction) -> None:
    """AAC spreads an attack over what lies before it; at 30 % of the peak it is found within 2 ms."""
    fps = float(rate)
    shot = movie(tmp_path / "shot.mp4", seconds=3, rate=rate)
    times = [0.31, 0.777, 1.2345, 2.2]
    hits = [otio.schema.Marker("HIT", otio.opentime.TimeRange(otio.opentime.RationalTime(t * fps, fps))) for t in times]
    cut = save(
        timeline_of(shot, round(3 * fps), fps, marker("FOLEY kettle handles=9f", 4, 2.5 * fps, fps), *hits), tmp_path / "c.otio"
    )
    done = generate(tmp_path, cut, "--exemplar", ground / "hit.wav", "--preview", tmp_path / "p.mp4", "--takes", 1)
    assert done.status == 0, done
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", tmp_path / "p.mp4", "-ac", "1", tmp_path / "p.wav"],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    sound, sample_rate = soundfile.read(tmp_path / "p.wav")
    found = hits_in(sound, sample_rate, share=0.3)
    assert len(found) == len(times), found
    assert np.abs(np.array(found) - times).max() < 0.002
