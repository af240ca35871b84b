"""Which picture is on screen: read back from numbered frames, in every container, rate and layout that editors meet."""

from __future__ import annotations

import bisect
import itertools
import math
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from media_movies import BRIGHT, DARK, make_movie, number_of, numbered

from foley_bridge.errors import MediaError
from foley_bridge.media import audio, video
from foley_bridge.media.images import read_images

RATES = [
    *(Fraction(374, 25), Fraction(15), Fraction(43, 2), Fraction(24000, 1001), Fraction(24), Fraction(25)),
    *(Fraction(30000, 1001), Fraction(30), Fraction(50), Fraction(60000, 1001)),
]
CONTAINERS = {  # extension -> codec, pixel format
    "mp4": ("libx264", "yuv420p"),
    "mov": ("prores_ks", "yuv422p10le"),
    "mkv": ("libx264", "yuv420p"),
    "webm": ("libvpx", "yuv420p"),
    "ts": ("libx264", "yuv420p"),
    "avi": ("mpeg4", "yuv420p"),
}


def shown(path: Path, times: list[Fraction], **options: object) -> list[int]:
    return [number_of(frame.image) for frame in video.read_frames(path, times, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize("extension", CONTAINERS)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_the_frame_on_screen_is_the_right_one_at_every_rate_in_every_container(
    tmp_path: Path, extension: str, rate: Fraction
) -> None:
    codec, pixel_format = CONTAINERS[extension]
    path = make_movie(tmp_path / f"a.{extension}", rate=rate, count=50, codec=codec, pixel_format=pixel_format)
    starts = [number / rate for number in range(50)]
    assert shown(path, starts) == list(range(50)), "asked at the very moment each frame appears"
    assert shown(path, starts[::-1], size=(48, 36), gray=True) == list(range(50))[::-1], "reversed clip"
    between = [Fraction(k * 7 + 3, 100) for k in range(1000) if Fraction(k * 7 + 3, 100) < 50 / rate]
    assert shown(path, between, gray=True) == [math.floor(time * rate) for time in between]
    sparse = [starts[49], starts[0], starts[25], starts[24], starts[47], starts[1]]
    assert shown(path, sparse) == [49, 0, 25, 24, 47, 1], "jumps both ways"
    assert [number_of(frame.image) for frame in video.read_span(path, starts[10], starts[40])] == list(range(10, 40))
    info = video.probe(path)
    assert abs(info.duration - 50 / rate) < Fraction(2, 1000)


def test_rate_frames_and_length_are_exact_in_mp4(tmp_path: Path) -> None:
    for rate in RATES:
        info = video.probe(make_movie(tmp_path / f"{rate.numerator}.mp4", rate=rate, count=30))
        assert (info.rate, info.frames, info.duration) == (rate, 30, 30 / rate)


@pytest.mark.parametrize("extension,codec", [("mp4", "libx264"), ("mkv", "libx264"), ("webm", "libvpx-vp9"), ("ts", "libx264")])
def test_variable_frame_rate_follows_the_files_own_times(tmp_path: Path, extension: str, codec: str) -> None:
    chance, pts = random.Random(1), [0]
    while len(pts) < 60:
        pts.append(pts[-1] + chance.choice([1500, 3000, 3003, 9000, 45000]))
    path = make_movie(
        tmp_path / f"v.{extension}", count=60, pts=pts, time_base=Fraction(1, 90000), codec=codec, rate=Fraction(30)
    )
    assert shown(path, [Fraction(ticks, 90000) for ticks in pts], gray=True) == list(range(60))
    times = [Fraction(k, 97) for k in range(pts[-1] * 97 // 90000)]
    wrong = [
        time
        for time, number in zip(times, shown(path, times, gray=True), strict=True)
        if number != bisect.bisect_right(pts, time * 90000) - 1
        and min(abs(time - Fraction(ticks, 90000)) for ticks in pts) > Fraction(1, 1000)  # the container's own rounding
    ]
    assert wrong == []


def test_a_late_jump_past_many_key_frames_shows_the_same_picture_as_reading_through(tmp_path: Path) -> None:
    path = make_movie(tmp_path / "long.mp4", count=1500, gop=25, size=(64, 48))
    assert shown(path, [Fraction(2), Fraction(58), Fraction(3), Fraction(1499, 25)], gray=True) == [50, 1450, 75, 1499]


def test_open_groups_with_leading_pictures_are_entered_one_group_earlier(tmp_path: Path) -> None:
    path = make_movie(
        tmp_path / "open.mp4", count=120, gop=12, b_frames=3, options={"x264-params": "open-gop=1:b-adapt=0:scenecut=0"}
    )
    for number in range(1, 120):
        assert shown(path, [Fraction(number, 25)], gray=True) == [number]


def test_reading_backwards_in_small_pieces_is_reading_forwards_turned_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_movie(tmp_path / "a.mp4", count=100)
    times = [Fraction(k, 50) for k in range(200)]
    monkeypatch.setattr(video, "REVERSED_BYTES", 48 * 36 * 9)
    back = list(video.read_frames(path, times[::-1], size=(48, 36), gray=True))
    assert [frame.time for frame in back] == times[::-1]
    assert [number_of(frame.image) for frame in back] == [k // 2 for k in range(200)][::-1]
    assert all((a.image is b.image) == (a.pts == b.pts) for a, b in itertools.pairwise(back))


def test_equal_frames_share_one_array_and_different_ones_do_not(tmp_path: Path) -> None:
    path = make_movie(tmp_path / "a.mp4", rate=Fraction(10), count=10)
    frames = list(video.read_frames(path, [Fraction(k, 40) for k in range(40)]))
    assert len({id(frame.image) for frame in frames}) == 10
    assert all(frame.pts <= frame.time < frame.pts + Fraction(1, 10) for frame in frames)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_movies_come_upright(tmp_path: Path, rotation: int) -> None:
    path = make_movie(tmp_path / "r.mp4", size=(96, 64), rotation=rotation)
    frame = next(video.read_frames(path, [Fraction(1)]))
    info = video.probe(path)
    assert frame.image.shape[:2] == (info.height, info.width) == ((64, 96) if rotation == 180 else (96, 64))
    upright = np.rot90(numbered(25, 96, 64), rotation // 90)  # PyAV's rotation counts counter-clockwise
    assert np.abs(frame.image.astype(int) - upright).mean() < 8
    small = next(video.read_frames(path, [Fraction(1)], size=(32, 48), gray=True)).image
    assert small.shape == (48, 32)


def test_pixels_are_square_and_odd_sizes_keep_their_last_row(tmp_path: Path) -> None:
    info = video.probe(make_movie(tmp_path / "sar.mp4", sample_aspect=Fraction(4, 3)))
    assert (info.width, info.height) == (128, 72)
    assert video.fit_size(info, width=64) == (64, 36)
    assert video.fit_size(info, width=4096) == (128, 72), "never enlarged"
    path = make_movie(tmp_path / "odd.mp4", size=(97, 73), pixel_format="yuv444p")
    assert next(video.read_frames(path, [Fraction(1)])).image.shape == (73, 97, 3)
    assert shown(path, [Fraction(1)]) == [25]


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    "extension,codec,pixel_format",
    [
        ("mp4", "libx264", "yuv420p"),
        ("mp4", "libx264", "yuv420p10le"),
        ("mkv", "ffv1", "yuv444p"),
        ("mkv", "ffv1", "gray"),
        ("mkv", "ffv1", "bgr0"),
        ("mov", "png", "rgb24"),
    ],
)
def test_gray_and_rgb_are_full_range_whatever_the_file_stores(
    tmp_path: Path, extension: str, codec: str, pixel_format: str, full_range: bool
) -> None:
    path = make_movie(
        tmp_path / f"x.{extension}", codec=codec, pixel_format=pixel_format, full_range=full_range, count=30, gop=1
    )
    for gray in (True, False):
        frame = next(video.read_frames(path, [Fraction(14, 25)], gray=gray))
        low, high = np.percentile(frame.image, [10, 90])
        assert number_of(frame.image) == 14
        assert abs(low - DARK) <= 3
        assert abs(high - BRIGHT) <= 3


def test_fields_are_woven_so_that_a_moving_edge_has_no_comb(tmp_path: Path) -> None:
    path = tmp_path / "i.mkv"
    width, height = 128, 64
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 8_000_000
        for number in range(20):
            image = np.zeros((height, width, 3), np.uint8)
            image[0::2, : 20 + 4 * number] = 255  # the upper field first, the lower one two pixels on
            image[1::2, : 22 + 4 * number] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        combed = [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0) if frame.interlaced_frame]
    assert len(combed) == 20, "the test's own file must be interlaced"

    def comb(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image.astype(int), axis=0)).mean())

    woven = list(video.read_span(path, Fraction(0), Fraction(20, 25), gray=True))
    assert len(woven) == 20
    assert comb(woven[10].image) < comb(combed[10]) / 2
    edges = [int((frame.image[height // 2] > 128).sum()) for frame in woven[2:-2]]
    assert all(abs(edge - (20 + 4 * number)) <= 3 for number, edge in enumerate(edges, 2))


@pytest.mark.parametrize(
    "label,rate,seconds",
    [
        ("10:00:00:12", Fraction(25), 36000 + Fraction(12, 25)),
        ("01:00:00;02", Fraction(30000, 1001), (107892 + 2) * Fraction(1001, 30000)),
        ("01:00:00:00", Fraction(24000, 1001), 86400 * Fraction(1001, 24000)),
    ],
)
def test_the_start_timecode_of_a_quicktime_track_is_exact(
    tmp_path: Path, label: str, rate: Fraction, seconds: Fraction
) -> None:
    path = make_movie(tmp_path / "tc.mov", rate=rate, metadata={"timecode": label})
    assert video.start_timecode(path) == seconds
    assert shown(path, [Fraction(1)]) == [math.floor(rate)], "media time still starts at the first picture"
    assert video.start_timecode(make_movie(tmp_path / "none.mp4")) is None


def test_cover_art_is_not_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        heard = container.add_stream("aac", rate=48000, layout="mono")
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 96, 72, "rgb24"
        cover.disposition = Disposition.attached_pic
        image = av.VideoFrame.from_ndarray(numbered(1), format="rgb24")
        image.pts, image.time_base = 0, Fraction(1)
        container.mux(cover.encode(image))
        container.mux(cover.encode(None))
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        piece.sample_rate, piece.pts = 48000, 0
        container.mux(heard.encode(piece))
        container.mux(heard.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & Disposition.attached_pic, "the test's own file must have a cover"
    with pytest.raises(MediaError, match=r"song\.m4a: has no picture"):
        video.probe(path)
    assert audio.probe(path).frames == 48000


def test_files_that_are_no_movies_are_refused_by_name(tmp_path: Path, real_media: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a movie\n" * 500)
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = make_movie(tmp_path / "whole.mp4", count=100).read_bytes()
    (tmp_path / "nomoov.mp4").write_bytes(whole[: len(whole) // 2])
    for name in ("text.mp4", "empty.mp4", "nomoov.mp4"):
        with pytest.raises(MediaError, match=rf"{name}: is not a readable"):
            video.probe(tmp_path / name)
    with pytest.raises(MediaError, match=r"gone\.mp4"):
        video.probe(tmp_path / "gone.mp4")
    with pytest.raises(MediaError, match=r"has no picture"):
        video.probe(next((real_media / "audio").rglob("*.flac")))


def test_a_movie_cut_off_says_up_to_where_it_can_be_read(tmp_path: Path) -> None:
    whole = make_movie(
        tmp_path / "whole.mp4", count=250, gop=25, size=(192, 144), container_options={"movflags": "faststart"}
    ).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    read = []
    with pytest.raises(MediaError, match=r"cut\.mp4.*breaks off at [345]\.\d+ s") as caught:
        read.extend(number_of(frame.image) for frame in video.read_span(cut, Fraction(0), Fraction(10), gray=True))
    assert read == list(range(len(read)))
    assert f"{len(read) / 25:.3f} s" in caught.value.message
    assert shown(cut, [Fraction(2)], gray=True) == [50]


def test_a_damaged_stretch_is_skipped_and_reading_goes_on(tmp_path: Path) -> None:
    path = make_movie(tmp_path / "hole.mp4", count=250, gop=25, size=(192, 144), container_options={"movflags": "faststart"})
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2 : len(broken) // 2 + 200] = bytes(200)
    path.write_bytes(broken)
    numbers = [number_of(frame.image) for frame in video.read_span(path, Fraction(0), Fraction(10), gray=True)]
    assert len(numbers) >= 225
    assert shown(path, [Fraction(1), Fraction(9)], gray=True) == [25, 225]


def test_the_last_picture_is_held_for_two_frames_and_no_longer(tmp_path: Path) -> None:
    path = make_movie(tmp_path / "a.mp4", count=50)
    assert shown(path, [Fraction(2), Fraction(2) + Fraction(1, 25)]) == [49, 49]
    with pytest.raises(MediaError, match=r"a\.mp4: no picture at 2\.100 s, it ends at 2\.000 s"):
        shown(path, [Fraction(21, 10)])


def test_a_still_image_is_shown_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "still.%04d.png"
    av.VideoFrame.from_ndarray(numbered(77), format="rgb24").save(str(tmp_path / "still.png"))
    (tmp_path / "still.png").rename(path)
    assert shown(path, [Fraction(0), Fraction(3600)]) == [77, 77]
    assert video.probe(path).still


def test_a_run_of_images_reads_like_a_movie_and_names_the_missing_one(tmp_path: Path) -> None:
    paths = [tmp_path / f"shot.{number:04d}.png" for number in range(8)]
    for number, path in enumerate(paths):
        av.VideoFrame.from_ndarray(numbered(number), format="rgb24").save(str(path))
    rate = Fraction(24000, 1001)
    times = [Fraction(k, 48) for k in range(16)]
    frames = list(read_images(paths, times, rate=rate, size=(48, 36), gray=True))
    assert [number_of(frame.image) for frame in frames] == [math.floor(time * rate) for time in times]
    assert frames[0].image.shape == (36, 48)
    assert frames[0].image is frames[1].image
    paths[5].unlink()
    with pytest.raises(MediaError, match=r"shot\.0005\.png: this image is missing"):
        list(read_images(paths, times, rate=rate))
    with pytest.raises(MediaError, match=r"ends at 0\.209 s"):
        list(read_images(paths[:5], [Fraction(1)], rate=rate))


def test_real_movies_read_the_same_frames_in_the_same_order_as_a_plain_decode(real_media: Path) -> None:
    for path in sorted((real_media / "video").iterdir()):
        info = video.probe(path)
        size = video.fit_size(info, width=64)
        with av.open(str(path)) as container:
            plain = [
                frame.reformat(*size, "gray", dst_color_range=2, interpolation="AREA").to_ndarray()
                for frame in container.decode(video=0)
            ]
        ours = list(video.read_span(path, Fraction(0), info.duration, size=size, gray=True))
        assert len(ours) == len(plain) == info.frames, path.name
        assert all(np.array_equal(frame.image, image) for frame, image in zip(ours, plain, strict=True)), path.name
        middle = list(video.read_span(path, info.duration / 2, info.duration / 2 + Fraction(1, 3), size=size, gray=True))
        begin = next(number for number, frame in enumerate(ours) if frame.pts == middle[0].pts)
        assert all(np.array_equal(a.image, b.image) for a, b in zip(middle, ours[begin:], strict=False)), path.name


def test_a_play_list_does_not_open_what_it_lists(tmp_path: Path) -> None:
    make_movie(tmp_path / "secret.ts", rate=Fraction(25), count=25, codec="mpeg2video")
    for name, first in (("a.m3u8", ""), ("a.mp4", "")):
        listing = (
            f"{first}#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:1.0,\n{tmp_path}/secret.ts\n#EXT-X-ENDLIST\n"
        )
        (tmp_path / name).write_text(listing)
        with pytest.raises(MediaError, match="play list"):
            video.probe(tmp_path / name)
