"""``library.search`` by picture and by sound, through a real daemon's sockets: what it finds, may read, and survives."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("onnx", reason="packs are made with onnx")
from colour_and_pitch import FPS, movie
from job_materials import marker, save, timeline_of
from near_materials import HERTZ, image, library_in, pack_in, tones
from serving import PATIENCE_S, Serving, serving

from foley_bridge.bridge.client import Client
from foley_bridge.bridge.senses import Senses
from foley_bridge.cli import main
from foley_bridge.errors import BusyError, FoleyError, InternalError, LibraryError

SENSES = "foley_bridge.jobs.senses"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The daemon's home, its library, a folder that it may read and one that it may write to."""
    folder = tmp_path_factory.mktemp("search")
    library_in(folder, pack_in(folder / "home"))
    media = folder / "media"
    image(media / "red.png", "red")
    shot = movie(media / "shot.mp4", ["red", "blue"])
    marks = [marker("FOLEY door", 0, 2 * FPS, FPS), marker("FOLEY bell", 2 * FPS, 2 * FPS, FPS), marker("FOLEY", 1, 1, FPS)]
    save(timeline_of(shot, 4 * FPS, FPS, *marks), media / "cut.otio")
    image(folder / "private" / "red.png", "red")
    tones(folder / "private" / "low.wav", HERTZ["low"])
    (folder / "out").mkdir()
    return folder


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[Serving]:
    roots = ("--media-root", place / "media", "--output-root", place / "out")
    with serving(place / "home", "--library", place / "library", *roots) as daemon:
        yield daemon
    assert "Traceback" not in (place / "home" / "log.txt").read_text("utf-8")


@pytest.fixture
def client(running: Serving) -> Iterator[Client]:
    with Client(running.endpoint) as one:
        yield one


def search(client: Client, **params: Any) -> list[dict[str, Any]]:
    found = client.request("library.search", params).result
    assert set(found) == {"sounds", "notes"} and found["notes"] == []
    return list(found["sounds"])


def senses_of(daemon: Serving) -> psutil.Process:
    """The process that looks and listens for it."""
    (found,) = [one for one in psutil.Process(daemon.process.pid).children() if SENSES in one.cmdline()]
    return found


class Asking(threading.Thread):
    """A search that is asked while the test goes on."""

    def __init__(self, daemon: Serving, **params: Any) -> None:
        super().__init__()
        self._endpoint, self._params = daemon.endpoint, params
        self.found: list[dict[str, Any]] | FoleyError | None = None
        self.start()

    def run(self) -> None:
        with Client(self._endpoint) as client:
            try:
                self.found = search(client, **self._params)
            except FoleyError as error:
                self.found = error

    def answer(self) -> list[dict[str, Any]] | FoleyError | None:
        self.join(PATIENCE_S)
        return self.found


def test_the_daemon_finds_what_the_command_finds(
    place: Path, client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(place / "home"))
    red, shot = place / "media" / "red.png", place / "media" / "shot.mp4"
    bell = f"lib:{search(client, words='bell')[0]['id']}"
    asked: list[tuple[list[object], dict[str, Any]]] = [
        (["--picture", shot, "--at", 2, "--for", 2], {"picture": {"path": str(shot), "start_s": 2, "duration_s": 2}}),
        (["door", "--picture", red], {"words": "door", "picture": {"path": str(red)}}),
        (["--like", bell, "--limit", 3], {"like": bell, "limit": 3}),
    ]
    for words, params in asked:
        assert main(["library", "search", *map(str, words), "--library", str(place / "library"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["sounds"] == search(client, **params)


def test_conditions_and_words_hold_for_pictures_too(place: Path, client: Client) -> None:
    red = {"path": str(place / "media" / "red.png")}
    assert [each["fx_name"] for each in search(client, picture=red, ucs="DOORS")] == ["Low Door", "High Door"]
    assert {each["fx_name"] for each in search(client, picture=red, length_s=[3, None])} == {"Low Rumble", "Rising"}
    assert search(client, picture=red, channels=2) == [] and len(search(client, picture=red, limit=2)) == 2
    door = search(client, words="door", picture=red)[0]
    assert door["fx_name"] == "Low Door" and door["words_score"] == 1 and 0 < door["picture_score"] <= 1


def test_a_region_of_a_reel_is_what_it_shows(place: Path, client: Client) -> None:
    job = client.submit(
        {
            "kind": "generate",
            "timeline": {"path": str(place / "media" / "cut.otio")},
            "out": str(place / "out" / "cut.otio"),
            "media_dir": str(place / "out" / "takes"),
            "options": {"takes": "1"},
        }
    )["job"]
    ended = client.wait(job, PATIENCE_S)
    assert ended["state"] == "done", ended
    numbers = {region["text"]: region["number"] for region in client.reel(job)["regions"]}
    first = search(client, picture={"job": job, "region": numbers["FOLEY door"]}, ucs="DOORS")
    second = search(client, picture={"job": job, "region": numbers["FOLEY bell"]}, ucs="DOORS")
    assert [each["fx_name"] for each in first] == ["Low Door", "High Door"], "red is on screen, whatever its words say"
    assert [each["fx_name"] for each in second] == ["High Door", "Low Door"]
    with pytest.raises(FoleyError, match="no region 9"):
        search(client, picture={"job": job, "region": 9})
    (take,) = (region for region in client.reel(job)["regions"] if region["text"] == "FOLEY bell")
    assert search(client, like=take["takes"][0]["path"])[0]["fx_name"] in {"High Bell", "High Door"}, (
        "takes lie where it writes"
    )
    (place / "media" / "shot.mp4").rename(place / "media" / "gone.mp4")
    try:
        with pytest.raises(FoleyError, match=r"the picture is missing: .*shot\.mp4"):
            search(client, picture={"job": job, "region": numbers["FOLEY bell"]})
    finally:
        (place / "media" / "gone.mp4").rename(place / "media" / "shot.mp4")


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"picture": {"path": "PLACE/private/red.png"}}, "private"),
        ({"picture": {"path": "PLACE/media/link.png"}}, "link.png"),
        ({"picture": {"path": "PLACE/media/../private/red.png"}}, r"\.\."),
        ({"picture": {"path": "private/red.png"}}, "absolute"),
        ({"picture": {"path": "/dev/zero"}}, "zero"),
        ({"picture": {"path": "http://127.0.0.1/red.png"}}, "http"),
        ({"picture": {"path": "PLACE/media/pipe"}}, "pipe"),
        ({"picture": {"path": "PLACE/media"}}, "media"),
        ({"picture": {"path": "PLACE/media/cut.otio"}}, "cut.otio"),
        ({"picture": {"path": "PLACE/media/none.mp4"}}, "none.mp4"),
        ({"picture": {"path": "PLACE/media/shot.mp4", "start_s": 99}}, "shot.mp4"),
        ({"picture": {"path": "PLACE/media/playlist.m3u8"}}, "playlist"),
        ({"picture": {"job": "nothing", "region": 1}}, "nothing"),
        ({"like": "PLACE/private/low.wav"}, "private"),
        ({"like": "PLACE/media/link.wav"}, "link.wav"),
        ({"like": "PLACE/media/red.png"}, "red.png"),
        ({"like": "PLACE/media/noise.wav"}, "noise.wav"),
        ({"like": "lib:' OR 1=1"}, "OR 1=1"),
        ({"like": "lib:"}, "id"),
        ({"like": "\0"}, "path"),
        ({"picture": {"path": "PLACE/media/red.png"}, "ucs": "NOPE"}, "NOPE"),
    ],
)
def test_what_it_may_not_read_or_cannot_is_named_and_costs_nobody_else_anything(
    place: Path, client: Client, running: Serving, params: dict[str, Any], named: str
) -> None:
    media = place / "media"
    for name, target in (("link.png", "red.png"), ("link.wav", "low.wav")):
        if not (media / name).is_symlink():
            (media / name).symlink_to(place / "private" / target)
    (media / "noise.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(range(256)) * 4)
    (media / "playlist.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{place}/private/red.png\n")
    if hasattr(os, "mkfifo") and not (media / "pipe").exists():
        os.mkfifo(media / "pipe")
    given = json.loads(json.dumps(params).replace("PLACE", str(place)))
    with pytest.raises(FoleyError, match=named) as refused:
        search(client, **given)
    assert not isinstance(refused.value, InternalError)
    assert search(client, words="bell")[0]["fx_name"] == "High Bell" and running.process.poll() is None


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped there")
def test_while_it_looks_everything_else_goes_on(place: Path, client: Client, running: Serving) -> None:
    red = {"path": str(place / "media" / "red.png")}
    before = search(client, picture=red)
    senses = senses_of(running)
    senses.suspend()
    asking = Asking(running, picture=red)
    try:
        assert client.ping(PATIENCE_S)["pid"] == running.process.pid
        assert search(client, words="bell")[0]["fx_name"] == "High Bell"
        assert client.jobs() is not None and asking.is_alive()
    finally:
        senses.resume()
    assert asking.answer() == before


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped there")
def test_when_what_looks_dies_who_asked_is_told_and_the_next_search_finds(
    place: Path, client: Client, running: Serving
) -> None:
    red = {"path": str(place / "media" / "red.png")}
    for pause_s in (0.2, 1, 5, 20):
        before = search(client, picture=red)
        senses = senses_of(running)
        senses.suspend()
        asking = Asking(running, picture=red)
        time.sleep(pause_s)  # until it has been asked; if it was not yet, a new one answers
        senses.send_signal(signal.SIGKILL)
        answer = asking.answer()
        assert search(client, picture=red) == before and senses_of(running).pid != senses.pid
        if answer != before:
            break
    assert isinstance(answer, InternalError) and "SIGKILL" in answer.message


def test_a_pack_that_cannot_be_used_is_told_and_words_are_found_meanwhile(place: Path, client: Client) -> None:
    red, use = {"path": str(place / "media" / "red.png")}, place / "home" / "packs" / "use.json"
    before = search(client, picture=red)
    kept = use.read_text("utf-8")
    use.write_text('{"recommendation": "gone@1"}', "utf-8")
    try:
        with pytest.raises(FoleyError, match="gone@1"):
            search(client, picture=red)
        assert search(client, words="bell")
    finally:
        use.write_text(kept, "utf-8")
    assert search(client, picture=red) == before


def test_capabilities_say_how_much_can_be_found_so(client: Client) -> None:
    library = client.capabilities()["library"]
    assert (library["sounds"], library["embedded"]) == (6, 6)


def test_what_looks_ends_with_its_daemon(place: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "home", "--library", place / "library") as daemon:
        with Client(daemon.endpoint) as client, pytest.raises(FoleyError):
            search(client, picture={"path": str(place / "media" / "none.png")})
        senses = senses_of(daemon)
        daemon.process.kill()
        psutil.wait_procs([senses], PATIENCE_S)
        assert not senses.is_running()


def test_a_search_that_takes_too_long_is_ended_and_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(place / "home"))
    senses = Senses(longest_s=0.001)
    order = {
        "words": "",
        "conditions": {},
        "library": str(place / "library"),
        "roots": {"media": None, "output": None, "maps": []},
        "like": str(place / "private" / "low.wav"),
        "picture": None,
        "region": None,
    }
    with pytest.raises(LibraryError, match=r"longer than 0\.001 s"):
        senses.search(order)
    senses.stop()
    with pytest.raises(BusyError):
        senses.search(order)
