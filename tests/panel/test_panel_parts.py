"""The parts of the panel by themselves: windows, what is kept, what is made first, deaf pages, how it begins and ends."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_materials import clicks, movie, save, timeline_of
from panel_serving import panel
from serving import PATIENCE_S, environment
from starlette.requests import Request

from foley_bridge.errors import BusyError, FoleyError, MediaError
from foley_bridge.jobs.roots import Roots
from foley_bridge.panel import news
from foley_bridge.panel import workshop as workshop_module
from foley_bridge.panel.cache import Cache
from foley_bridge.panel.takes import opened_take
from foley_bridge.panel.windows import LONGEST_S, windows_of
from foley_bridge.panel.workshop import Workshop
from foley_bridge.report.sketch import sketch

NOBODY = "tcp://127.0.0.1:1"
RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(374, 25)]

# --- windows ---


@given(
    rate=st.sampled_from(RATES),
    start=st.fractions(0, 4000, max_denominator=48000),
    length=st.fractions(Fraction(1, 48000), 700, max_denominator=48000),
    rest=st.fractions(0, 3, max_denominator=1000),
)
def test_windows_cover_a_region_once_and_no_loop_is_too_long(
    rate: Fraction, start: Fraction, length: Fraction, rest: Fraction
) -> None:
    duration = start + length + rest
    windows = windows_of(start, start + length, rate=rate, duration=duration)
    assert [window.number for window in windows] == list(range(1, len(windows) + 1))
    assert windows[0].loop_first == start * rate // 1
    assert windows[-1].loop_last == -(-(start + length) * rate // 1)
    for early, late in pairwise(windows):
        assert early.loop_last == late.loop_first
    lengths = [window.loop_last - window.loop_first for window in windows]
    assert 1 <= min(lengths) <= max(lengths) <= min(lengths) + 1
    assert max(lengths) <= LONGEST_S * rate
    for window in windows:
        assert 0 <= window.first <= window.loop_first < window.loop_last <= window.last <= -(-duration * rate // 1)
        assert window.first == 0 or (window.loop_first - window.first) / rate >= 1
        assert window.last == -(-duration * rate // 1) or (window.last - window.loop_last) / rate >= 1


# --- what is kept ---


def test_the_cache_lets_go_of_what_was_used_longest_ago(tmp_path: Path) -> None:
    places = [Cache(tmp_path).place(".bin", number) for number in range(3)]
    for place in places[:2]:
        place.write_bytes(b"x" * 100)
        os.utime(place, (1000, 1000))
    cache = Cache(tmp_path, limit=250)  # of which a tenth is kept free
    assert cache.has(places[0])  # used now
    assert places[0].stat().st_mtime == 1000  # which its ETag is made of
    places[2].write_bytes(b"x" * 100)
    cache.made(places[2])
    assert [place.exists() for place in places] == [True, False, True]
    assert [cache.has(place) for place in places] == [True, False, True]


def test_the_cache_lets_nothing_go_while_there_is_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=1000)
    places = [cache.place(".bin", number) for number in range(10)]
    for place in places:
        place.write_bytes(b"x" * 100)
        cache.made(place)
    assert all(map(cache.has, places))


def test_the_newest_is_kept_however_large(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=10)
    place = cache.place(".bin", "large")
    place.write_bytes(b"x" * 100)
    cache.made(place)
    assert cache.has(place)


def test_a_place_depends_on_everything_that_is_said(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    places = [cache.place(".a", *depends) for depends in (("1", "23"), ("12", "3"), (1, "23"), ("1", "23", ""))]
    assert len({*places, cache.place(".b", "1", "23")}) == 5
    assert all(place.parent == tmp_path for place in places)


def test_a_link_or_a_folder_is_nothing_that_was_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    (tmp_path / "elsewhere").write_bytes(b"x")
    places = [cache.place(".bin", number) for number in range(3)]
    places[0].symlink_to(tmp_path / "elsewhere")
    places[1].mkdir()
    places[2].write_bytes(b"x")
    assert [cache.has(place) for place in places] == [False, False, True]


@pytest.mark.skipif(os.name != "posix", reason="looks at permissions as POSIX has them")
def test_what_is_kept_is_for_its_owner_only(tmp_path: Path) -> None:
    for name in ("new", "open"):
        folder = tmp_path / name
        if name == "open":
            folder.mkdir()
            folder.chmod(0o755)
        assert Cache(folder).folder.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_can_be_kept_nowhere_is_an_error(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.folder.rmdir()
    cache.folder.write_bytes(b"")  # what lies in its place by then
    with pytest.raises(MediaError, match="cannot be made"):
        cache.place(".bin", 1)


# --- takes ---


@pytest.fixture
def click(tmp_path: Path) -> Path:
    """A take, made a while ago."""
    path = clicks(tmp_path / "take.wav", times_s=(0.2,), length_s=1.0)
    os.utime(path, (1000, 1000))
    return path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_read_of_a_take_is_what_was_looked_at_wherever_its_name_leads_by_then(click: Path, tmp_path: Path) -> None:
    expected = sketch(click, skip_s=0, duration_s=1)
    with opened_take(click, sha256_of(click)) as file:
        clicks(tmp_path / "other.wav", times_s=(0.7,), length_s=1.0).replace(click)
        drawn = sketch(click, file=file, skip_s=0, duration_s=1)
    np.testing.assert_array_equal(drawn.mel, expected.mel)
    assert not np.array_equal(sketch(click, skip_s=0, duration_s=1).mel, expected.mel)


def test_a_take_that_is_changed_while_it_is_read_is_not_served(click: Path) -> None:
    with pytest.raises(MediaError, match="was changed"), opened_take(click, sha256_of(click)) as file:
        with click.open("r+b") as other:
            other.seek(-1, os.SEEK_END)
            other.write(b"x")
        assert file.read()


def test_a_take_whose_disk_goes_away_is_gone(click: Path) -> None:
    with pytest.raises(MediaError, match=r"take\.wav cannot be read: Stale"), opened_take(click, sha256_of(click)):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


def test_a_folder_in_a_takes_place_is_no_take(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"), opened_take(tmp_path / "take.wav", "0" * 64):
        pass
    (tmp_path / "take.wav").mkdir()
    with pytest.raises(MediaError, match="is no file"), opened_take(tmp_path / "take.wav", "0" * 64):
        pass


# --- what is made first ---


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An order for any stretch of forty seconds of picture."""
    folder = tmp_path_factory.mktemp("shot")
    picture = movie(folder / "picture.mp4", seconds=40, rate=Fraction(25), size=(320, 180))
    opened = save(timeline_of(picture, 1000, 25), folder / "cut.otio")
    return {"kind": "picture", "opened": str(opened), "base": None, "rate": "25/1", "roots": Roots().to_json()}


async def making(workshop: Workshop, made: list[str], place: Path, work: Mapping[str, Any], **how: int) -> None:
    await workshop.make(place, work, **how)
    made.append(place.stem)


def test_what_was_asked_last_is_made_first_and_what_nobody_wants_not_at_all(shot: dict[str, Any], tmp_path: Path) -> None:
    long, short = {**shot, "first": 0, "last": 1000}, {**shot, "first": 0, "last": 5}
    made: list[str] = []

    async def scene() -> None:
        workshop = Workshop("tests", ["pictures"])
        running = asyncio.create_task(workshop.run())
        await workshop.make(tmp_path / "warm.mp4", short)
        begun = asyncio.create_task(making(workshop, made, tmp_path / "begun.mp4", long))
        await asyncio.sleep(0.1)  # it is in hand
        tasks = {}
        for name in ("early", "unwanted", "late"):
            tasks[name] = asyncio.create_task(making(workshop, made, tmp_path / f"{name}.mp4", short))
            await asyncio.sleep(0)
        low = asyncio.create_task(making(workshop, made, tmp_path / "low.mp4", short, rank=1))
        await asyncio.sleep(0)
        twice = asyncio.create_task(making(workshop, made, tmp_path / "early.mp4", short))
        await asyncio.sleep(0)
        twice.cancel()  # somebody else still waits for it
        workshop.ahead(tmp_path / "ahead.mp4", short, rank=3)
        tasks["unwanted"].cancel()
        await asyncio.gather(begun, tasks["early"], tasks["late"], low)
        while not (tmp_path / "ahead.mp4").exists():
            await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))
    assert made == ["begun", "early", "late", "low"]
    assert not (tmp_path / "unwanted.mp4").exists()


def test_what_is_being_made_for_nobody_gives_way(shot: dict[str, Any], tmp_path: Path) -> None:
    long, short = {**shot, "first": 0, "last": 1000}, {**shot, "first": 0, "last": 5}
    made: list[str] = []

    async def scene() -> None:
        workshop = Workshop("tests", ["pictures"])
        running = asyncio.create_task(workshop.run())
        await workshop.make(tmp_path / "warm.mp4", short)
        workshop.ahead(tmp_path / "ahead.mp4", long, rank=3)
        await asyncio.sleep(0.1)
        await making(workshop, made, tmp_path / "wanted.mp4", short)
        assert not (tmp_path / "ahead.mp4").exists()
        left = asyncio.create_task(making(workshop, made, tmp_path / "left.mp4", long))
        await asyncio.sleep(0.1)
        left.cancel()
        await making(workshop, made, tmp_path / "next.mp4", short)
        running.cancel()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))
    assert made == ["wanted", "next"]
    assert not (tmp_path / "left.mp4").exists()
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_what_cannot_be_made_is_an_error_for_all_who_wait(shot: dict[str, Any], tmp_path: Path) -> None:
    short = {**shot, "first": 0, "last": 5}
    gone = {**short, "opened": str(tmp_path / "gone.otio")}
    forbidden = {**short, "roots": Roots(media=(tmp_path,)).to_json()}

    async def scene() -> list[Any]:
        workshop = Workshop("tests", ["pictures"])
        running = asyncio.create_task(workshop.run())
        waiting = [workshop.make(tmp_path / "none.mp4", gone) for _ in range(2)]
        waiting.append(workshop.make(tmp_path / "forbidden.mp4", forbidden))
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert await workshop.make(tmp_path / "good.mp4", short) == []
        running.cancel()
        return ended

    ended = asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))
    assert all(isinstance(error, FoleyError) for error in ended)
    assert ["gone.otio" in error.message for error in ended] == [True, True, False]
    assert "outside the daemon's media folders" in ended[2].message
    assert not (tmp_path / "forbidden.mp4").exists()


def test_a_process_that_is_stuck_is_replaced(shot: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = {**shot, "first": 0, "last": 5}

    async def scene() -> None:
        workshop = Workshop("tests", ["pictures"])
        before = set(psutil.Process().children())
        running = asyncio.create_task(workshop.run())
        await workshop.make(tmp_path / "warm.mp4", short)
        (process,) = set(psutil.Process().children()) - before
        process.suspend()
        monkeypatch.setattr(workshop_module, "SILENT_S", 0.5)
        with pytest.raises(MediaError, match="is stuck"):
            await workshop.make(tmp_path / "stuck.mp4", short)
        monkeypatch.undo()
        assert await workshop.make(tmp_path / "good.mp4", short) == []
        psutil.wait_procs([process], PATIENCE_S)
        assert not process.is_running()
        running.cancel()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))


def test_a_process_that_takes_long_says_that_it_works(shot: dict[str, Any], tmp_path: Path) -> None:
    code = "import sys; from foley_bridge.panel import maker; maker.EVERY_S = 0.0; sys.argv[1:] = ['pictures']; maker.main()"
    order = json.dumps({"make": str(tmp_path / "made.mp4"), **shot, "first": 0, "last": 5})
    command, pipe = [sys.executable, "-P", "-c", code], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment()) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(order.encode() + b"\n")
        process.stdin.flush()
        said = [json.loads(process.stdout.readline()) for _ in range(6)]
        process.stdin.close()
    assert said == [{"say": "working"}] * 5 + [{"say": "made", "missing": []}]


# --- pages that do not read ---


def test_a_page_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = news.Newsstand()
    request = Request({"type": "http", "headers": []})

    async def scene() -> None:
        never = asyncio.Event()

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                await never.wait()  # as uvicorn's does when nobody reads

        async def receive() -> dict[str, Any]:
            await never.wait()
            return {}

        page = stand.response("reel", request)
        serving = asyncio.create_task(page({}, receive, send))
        for number in range(news.MOST_UNREAD):
            stand.tell("choice", {"number": number}, reel="reel")
            stand.tell("choice", {"number": number}, reel="another")
        await asyncio.sleep(0)
        assert not serving.done()
        stand.tell("choice", {}, reel="reel")
        await asyncio.wait_for(serving, PATIENCE_S)

    asyncio.run(scene())


def test_there_are_not_more_pages_than_can_be_served() -> None:
    async def scene() -> None:
        stand = news.Newsstand()
        request = Request({"type": "http", "headers": []})
        for _ in range(news.MOST_PAGES):
            stand.response("reel", request)
        with pytest.raises(BusyError):
            stand.response("reel", request)

    asyncio.run(scene())


# --- how it begins and ends ---


def test_a_taken_port_is_left_to_its_owner(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with panel(NOBODY, tmp_path, port=port) as running:
            assert running.port != port
            assert running.ask("/static/api.js").status == 200
    with panel(NOBODY, tmp_path, port=port) as running:
        assert running.port == port


def test_an_address_that_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="failed"), panel(NOBODY, tmp_path, host="192.0.2.1"):
        pass


@pytest.mark.parametrize("how", ["input ends", "killed"])
def test_it_ends_with_its_children(tmp_path: Path, how: str) -> None:
    with panel(NOBODY, tmp_path) as running:
        process = psutil.Process(running.process.pid)
        deadline = time.monotonic() + PATIENCE_S
        while len(children := process.children()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(children) == 2
        if hasattr(os, "nice"):
            while min(child.nice() for child in children) != min(19, process.nice() + 10) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert {child.nice() for child in children} == {min(19, process.nice() + 10)}
        if how == "killed":
            process.kill()
        else:
            assert running.process.stdin is not None
            running.process.stdin.close()
        running.process.wait(PATIENCE_S)
        _, alive = psutil.wait_procs(children, PATIENCE_S)
        assert not alive


def test_without_settings_it_ends_and_says_nothing() -> None:
    command = [sys.executable, "-P", "-m", "foley_bridge.panel"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=PATIENCE_S, env=environment(), check=False)
    assert done.returncode != 0
    assert (done.stdout, done.stderr) == (b"", b"")
