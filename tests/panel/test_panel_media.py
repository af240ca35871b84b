"""What a page sees and hears: the right frame at every moment, the take's own samples, nothing that is not the job's."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlencode

import av
import cv2
import numpy as np
import psutil
import pytest
import soundfile
from media_movies import number_of
from panel_staged import FRAMES, RATE, SAMPLE_RATE, Staged


def frame_at(seconds: float) -> int:
    return round(Fraction(seconds) * RATE)


def served(staged: Staged, region: int, window: int, take: dict[str, object]) -> np.ndarray:
    """int32 (n, channels): what the panel gives of a take in a window."""
    answer = staged.panel.ask(f"/media/{staged.job}/{region}/{window}/take/{take['sha256']}.wav")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "audio/wav"
    with soundfile.SoundFile(io.BytesIO(answer.body)) as file:
        assert (file.samplerate, file.subtype) == (SAMPLE_RATE, "PCM_24")
        return file.read(dtype="int32", always_2d=True)


def expected(take: dict[str, object], window: dict[str, float]) -> np.ndarray:
    """The same, from the file itself: each sample of it stands where its clip's frames say."""

    def sample(frame: int) -> int:
        return round(frame / RATE * SAMPLE_RATE)

    file, _ = soundfile.read(take["path"], dtype="int32", always_2d=True)
    first = sample(take["start"]["value"] - take["handle"]["value"])  # type: ignore[index]
    start, end = sample(frame_at(window["start_s"])), sample(frame_at(window["end_s"]))
    whole = np.zeros((sample(FRAMES) + SAMPLE_RATE, file.shape[1]), np.int32)
    whole[first : first + len(file)] = file
    return whole[start:end]


# --- windows ---


def test_windows_cover_a_region_with_a_second_around_it(staged: Staged) -> None:
    (short,) = staged.windows(1)
    assert (frame_at(short["loop_start_s"]), frame_at(short["loop_end_s"])) == (24, 72)
    assert (frame_at(short["start_s"]), frame_at(short["end_s"]), short["frames"]) == (0, 96, 96)
    first, second = staged.windows(2)
    assert [first["number"], second["number"]] == [1, 2]
    assert (frame_at(first["loop_start_s"]), frame_at(second["loop_end_s"])) == (96, 1696)
    assert first["loop_end_s"] == second["loop_start_s"]
    assert all(window["loop_end_s"] - window["loop_start_s"] <= 60 for window in (first, second))
    (odd,) = staged.windows(3)
    assert (frame_at(odd["loop_start_s"]), frame_at(odd["loop_end_s"])) == (1710, 1741)
    (last,) = staged.windows(4)
    assert frame_at(last["end_s"]) == frame_at(last["loop_end_s"]) + 6 == FRAMES


# --- takes ---


@pytest.mark.parametrize(("region", "window", "number"), [(1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 2, 0), (3, 1, 0)])
def test_a_take_in_a_window_is_its_file_to_the_sample(staged: Staged, region: int, window: int, number: int) -> None:
    take = staged.take(region, number)
    found, wanted = served(staged, region, window, take), expected(take, staged.windows(region)[window - 1])
    assert np.abs(wanted).max() > 0.05 * 2**31
    np.testing.assert_array_equal(found, wanted)


def test_around_a_take_there_is_silence(staged: Staged) -> None:
    found = served(staged, 3, 1, staged.take(3))
    first, last = (round(frame / RATE * SAMPLE_RATE) - round(1686 / RATE * SAMPLE_RATE) for frame in (1710, 1741))
    assert not found[:first].any() and not found[last + 1 :].any()
    assert found[first:last].any()


def test_windows_agree_where_they_meet(staged: Staged) -> None:
    take, (first, second) = staged.take(2), staged.windows(2)
    early, late = served(staged, 2, 1, take), served(staged, 2, 2, take)
    starts = [round(frame_at(window["start_s"]) / RATE * SAMPLE_RATE) for window in (first, second)]
    shared = early[starts[1] - starts[0] :]
    assert len(shared) > 1.9 * SAMPLE_RATE
    np.testing.assert_array_equal(shared, late[: len(shared)])


@contextmanager
def tampered(path: Path) -> Iterator[None]:
    """A take's file is as it was when this ends."""
    kept = path.with_suffix(".kept")
    path.rename(kept)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        kept.rename(path)


def refusals(staged: Staged, take: dict[str, object]) -> list[str]:
    """What the panel says of region 3's take, wherever it reads it."""
    said = []
    for path in (f"3/1/take/{take['sha256']}.wav", f"3/take/{take['sha256']}/peaks.json"):
        answer = staged.panel.ask(f"/media/{staged.job}/{path}")
        assert answer.status == 410, path
        said.append(answer.json["error"]["message"])
    return said


def test_a_take_that_became_something_else_is_gone_and_says_why(staged: Staged) -> None:
    take = staged.take(3)
    path = Path(str(take["path"]))
    whole = path.read_bytes()
    served(staged, 3, 1, take)  # it was there, and its hash is known
    with tampered(path):
        assert all("cannot be read" in said for said in refusals(staged, take))
        path.symlink_to(path.with_suffix(".kept"))  # even to the very file
        assert all("is a link" in said for said in refusals(staged, take))
        path.unlink()
        path.symlink_to("/etc/passwd")
        assert all("link" in said for said in refusals(staged, take))
        path.unlink()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert all("was changed" in said for said in refusals(staged, take))
        path.unlink()
        os.mkfifo(path)
        assert all("pipe" in said for said in refusals(staged, take))
        path.unlink()
        path.write_bytes(whole)  # another file, the same bytes
        assert served(staged, 3, 1, take).any()
    assert served(staged, 3, 1, take).any()


def test_a_take_changed_in_place_is_gone(staged: Staged) -> None:
    take = staged.take(3)
    path = Path(str(take["path"]))
    state = path.stat()
    served(staged, 3, 1, take)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    try:
        assert all("was changed" in said for said in refusals(staged, take))
    finally:
        with path.open("r+b") as file:
            file.seek(-1, 2)
            file.write(bytes([last]))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert served(staged, 3, 1, take).any()


def test_a_take_changed_in_place_is_gone_even_if_its_time_of_change_was_set_back(staged: Staged) -> None:
    take = staged.take(3)
    path = Path(str(take["path"]))
    whole, state = path.read_bytes(), path.stat()

    def write(content: bytes) -> None:
        with path.open("r+b") as file:  # the same file, of the same length
            file.write(content)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    served(staged, 3, 1, take)  # its hash is known
    write(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        assert all("was changed" in said for said in refusals(staged, take))
    finally:
        write(whole)
    assert served(staged, 3, 1, take).any()


# --- pictures ---


def decoded(content: bytes) -> tuple[list[Fraction], list[int], list[bool], tuple[int, int]]:
    """Of a movie: each frame's time and number, whether it is a key frame, and the size."""
    with av.open(io.BytesIO(content)) as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == RATE
        frames = list(container.decode(stream))
        size = (stream.width, stream.height)
        return (
            [frame.pts * frame.time_base for frame in frames],
            [number_of(frame.to_ndarray(format="gray")) for frame in frames],
            [frame.key_frame for frame in frames],
            size,
        )


@pytest.mark.parametrize(("region", "window"), [(1, 1), (2, 2), (3, 1), (4, 1)])
def test_a_windows_picture_shows_every_frame_at_its_time(staged: Staged, region: int, window: int) -> None:
    wanted = staged.windows(region)[window - 1]
    answer = staged.panel.ask(f"/media/{staged.job}/{region}/{window}/picture.mp4")
    assert (answer.status, answer.headers["content-type"]) == (200, "video/mp4")
    times, numbers, keys, size = decoded(answer.body)
    first = frame_at(wanted["start_s"])
    assert times == [k / RATE for k in range(wanted["frames"])]
    assert numbers == list(range(first, first + wanted["frames"]))
    assert size == (96, 72)
    assert np.diff(np.flatnonzero([*keys, True])).max() <= 12  # a jump decodes half a second at most
    assert answer.body.index(b"moov") < answer.body.index(b"mdat")


def test_a_picture_comes_in_parts_when_asked_so(staged: Staged) -> None:
    path = f"/media/{staged.job}/1/1/picture.mp4"
    whole = staged.panel.ask(path)
    assert whole.headers["accept-ranges"] == "bytes"
    part = staged.panel.ask(path, Range="bytes=100-299")
    assert (part.status, part.body) == (206, whole.body[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole.body)}"
    assert part.headers["etag"] == whole.headers["etag"]
    rest = staged.panel.ask(path, Range="bytes=1000-")
    assert (rest.status, rest.body) == (206, whole.body[1000:])
    assert staged.panel.ask(path, Range=f"bytes={len(whole.body)}-").status == 416


def test_pictures_of_a_region_are_spread_over_it(staged: Staged) -> None:
    numbers = []
    for k in range(8):
        answer = staged.panel.ask(f"/media/{staged.job}/1/thumb/{k}.jpg")
        assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
        image = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_GRAYSCALE)
        numbers.append(number_of(image))
    assert numbers == [24 + 3 + 6 * k for k in range(8)]


def test_a_picture_that_comes_back_is_seen_again(staged: Staged) -> None:
    picture, path = staged.folder / "picture.mp4", f"/media/{staged.job}/4/thumb/2.jpg"
    moved = picture.rename(picture.with_suffix(".away"))
    try:
        black = staged.panel.ask(path)
        assert black.status == 200
        assert cv2.imdecode(np.frombuffer(black.body, np.uint8), cv2.IMREAD_GRAYSCALE).max() < 8
        assert black.headers["cache-control"] == "no-store"  # and no browser keeps it
        assert json.loads(unquote(black.headers["foley-missing"])) == ["picture.mp4 is missing"]
        again = staged.panel.ask(path)
        assert (again.body, again.headers["foley-missing"]) == (black.body, black.headers["foley-missing"])
    finally:
        moved.rename(picture)
    for mark in (staged.folder / "panel" / "cache").glob("*.jpg.missing"):
        os.utime(mark, (0, 0))  # a while ago
    again = staged.panel.ask(path)
    assert number_of(cv2.imdecode(np.frombuffer(again.body, np.uint8), cv2.IMREAD_GRAYSCALE)) == 1757
    assert "foley-missing" not in again.headers


def test_what_is_kept_may_be_deleted_at_any_time(staged: Staged) -> None:
    path = f"/media/{staged.job}/1/1/picture.mp4"
    before = staged.panel.ask(path)
    cache = staged.folder / "panel" / "cache"
    shutil.rmtree(cache, ignore_errors=True)  # what is just being made may come or go meanwhile
    after = staged.panel.ask(path)
    assert (after.status, after.body) == (200, before.body)


def test_a_maker_that_dies_is_replaced(staged: Staged) -> None:
    assert staged.panel.ask(f"/media/{staged.job}/1/thumb/0.jpg").status == 200  # they have begun
    makers = psutil.Process(staged.panel.process.pid).children()
    assert len(makers) == 2
    for maker in makers:
        maker.kill()
    path = f"/media/{staged.job}/2/thumb/7.jpg"
    statuses = [staged.panel.ask(path).status for _ in range(2)]
    assert statuses[-1] == 200
    assert statuses[0] in (200, 410)


# --- what sounds look like ---


def test_peaks_are_those_of_the_clip(staged: Staged) -> None:
    take = staged.take(1)
    found = staged.panel.get(f"/media/{staged.job}/1/take/{take['sha256']}/peaks.json")
    file, _ = soundfile.read(take["path"], always_2d=True)
    skip, count = (round(take[name]["value"] / RATE * SAMPLE_RATE) for name in ("handle", "duration"))
    clip = file[skip : skip + count]
    assert found["start_s"] == take["start"]["seconds"]
    assert found["duration_s"] == pytest.approx(take["duration"]["seconds"], abs=1 / SAMPLE_RATE)
    assert len(found["peaks"]) == take["channels"] == 1
    (pairs,) = found["peaks"]
    assert len(pairs) == 2 * 2000
    low, high = np.array(pairs[0::2]), np.array(pairs[1::2])
    edges = [-(-len(clip) * k // 2000) for k in range(2001)]
    wanted = [clip[since:until] for since, until in pairwise(edges)]
    np.testing.assert_allclose(low, [part.min() for part in wanted], atol=1e-4)
    np.testing.assert_allclose(high, [part.max() for part in wanted], atol=1e-4)
    assert high.max() > 0.1


def test_a_spectrogram_is_bright_where_and_as_high_as_it_sounds(staged: Staged) -> None:
    take = staged.take(1)
    answer = staged.panel.ask(f"/media/{staged.job}/1/take/{take['sha256']}/spectrogram.png")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    image = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR).astype(float).sum(axis=2)
    height, width = image.shape
    mel = [2595 * np.log10(1 + hz / 700) for hz in (60, 900, 20000)]  # close enough to say where 900 Hz lies
    row = height * (1 - (mel[1] - mel[0]) / (mel[2] - mel[0]))
    assert abs(np.argmax(image.sum(axis=1)) - row) < 0.1 * height
    start, length = take["start"]["seconds"], take["duration"]["seconds"]
    bright = image.sum(axis=0)
    for onset in take["onsets_s"]:
        at = min(width - 1, round((onset - start) / length * width))
        assert bright[max(0, at - 6) : at + 12].max() > 0.5 * bright.max()


# --- the library ---


def test_a_sound_of_the_library_is_heard_only_when_it_was_searched_for(staged: Staged) -> None:
    (sound,) = (staged.folder / "sounds").iterdir()
    name = json.loads(staged.panel.ask("/api/library?" + urlencode({"words": "nothing of that name"})).body)
    assert name["sounds"] == []
    found = staged.panel.get("/api/library?" + urlencode({"words": "wood knock", "limit": 5}))["sounds"]
    assert [Path(each["paths"][0]) for each in found] == [sound]
    answer = staged.panel.ask(f"/media/library/{found[0]['id']}.wav")
    assert (answer.status, answer.headers["content-type"]) == (200, "audio/wav")
    heard, rate = soundfile.read(io.BytesIO(answer.body), always_2d=True)
    original, own = soundfile.read(sound, always_2d=True)
    assert rate == own == 44100
    np.testing.assert_allclose(heard, original, atol=2**-23)
    peaks = staged.panel.get(f"/media/library/{found[0]['id']}/peaks.json")
    assert max(peaks["peaks"][0]) == pytest.approx(original.max(), abs=1e-4)
    assert (peaks["start_s"], peaks["duration_s"]) == (0.0, 1.0)
    unknown = hashlib.sha256(b"").hexdigest()[:12]
    for other in (unknown, found[0]["id"][:-1], sound.name, sound.stem.replace(" ", "")):
        assert staged.panel.ask(f"/media/library/{other.replace(' ', '')}.wav").status == 404
        assert staged.panel.ask(f"/media/library/{other.replace(' ', '')}/peaks.json").status == 404


@pytest.mark.parametrize(("query", "why"), [("words=x&limit=0", "limit"), ("words=x&limit=many", "limit"), ("path=x", "path")])
def test_a_search_that_is_none_is_refused(staged: Staged, query: str, why: str) -> None:
    answer = staged.panel.ask(f"/api/library?{query}")
    assert answer.status == 400
    assert why in answer.json["error"]["message"]
