"""Both cores, actions and all, against a real daemon, in a simulated host in memory: from menu entry to takes and message."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from core_bench import Place, lines, ours
from cores import LuaCore, PythonCore
from endpoints import free_endpoint
from job_materials import clicks, movie
from serving import Serving, serving
from simulated_plain import Host

from foley_bridge.bridge.client import Client


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("daemon")) as serving_now:
        yield serving_now


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return movie(tmp_path_factory.mktemp("media") / "shot.mp4", seconds=6)


@pytest.fixture(scope="module")
def knock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clicks(tmp_path_factory.mktemp("sounds") / "knock it's.wav")


@pytest.fixture(params=["lua54", "python"])
def core(request: pytest.FixtureRequest) -> Any:
    return PythonCore() if request.param == "python" else LuaCore(request.param)


@pytest.fixture
def place(tmp_path: Path, daemon: Serving, shot: Path, knock: Path) -> Place:
    return Place(tmp_path, daemon.endpoint, shot, knock)


# --- generate ---


def test_one_action_lays_the_takes_in(core: Any, place: Place) -> None:
    host = place.host()
    core.act(host, "generate", "all")
    host.run_ticks()
    assert lines(host)[0] == "1 region done, 3 takes laid on track Foley. Undo: Edit > Undo"
    (clip,) = ours(host)
    assert (clip["region"], clip["start"], clip["duration"], clip["chosen"]) == ("R1", 10, 30, 1)
    folder = Path(clip["path"]).parent
    assert folder.parent == place.folder / "Foley"
    assert sorted(map(Path, clip["takes"])) == sorted(folder.glob("*.wav"))
    assert clip["key"].startswith(folder.name)
    assert (folder / "takes.otio").is_file()
    assert place.left() == []
    core.act(host, "open_report")
    assert host.opened == [str(folder / "report.html")] and Path(host.opened[0]).is_file()


def test_generating_again_replaces_the_takes(core: Any, place: Place) -> None:
    host = place.host()
    keys = []
    for _ in range(2):
        core.act(host, "generate", "all")
        host.run_ticks()
        (clip,) = ours(host)
        keys.append(clip["key"])
    assert keys[0] != keys[1]


def test_only_the_selected_region_is_filled(core: Any, place: Place) -> None:
    like = f'FOLEY like="{place.knock}"'
    place.ranges = [
        place.range("R1", like, 10, 40),
        place.range("R2", like, 50, 60, True),
        place.range("R3", "ADR", 0, 99, True),
    ]
    host = place.host()
    core.act(host, "generate", "selected")
    host.run_ticks()
    assert [clip["region"] for clip in ours(host)] == ["R2"]


def test_a_region_that_fails_is_named_and_the_others_are_laid(core: Any, place: Place) -> None:
    place.ranges.append(place.range("R2", "FOLEY crash like=/nowhere/crash.wav", 50, 70))
    host = place.host()
    core.act(host, "generate", "all")
    host.run_ticks()
    assert lines(host)[:2] == ["1 region done, 3 takes laid on track Foley. Undo: Edit > Undo", "Not done:"]
    assert lines(host)[2].startswith("- ") and "crash" in lines(host)[2]
    assert [clip["region"] for clip in ours(host)] == ["R1"]


def test_a_region_moved_meanwhile_is_not_filled(core: Any, place: Place) -> None:
    place.ranges.append(place.range("R2", f'FOLEY tap like="{place.knock}"', 50, 70))
    host = place.host()
    core.act(host, "generate", "all")
    host.tick()
    host._ranges[1]["start"] = 55
    host.run_ticks()
    assert "- region 'FOLEY tap like=" in host.said[0] and "at 01:00:02:00 was moved meanwhile" in host.said[0]
    assert [clip["region"] for clip in ours(host)] == ["R1"]


def test_a_region_past_the_end_is_named_with_its_timecode(core: Any, place: Place) -> None:
    place.ranges = [place.range("R1", f'FOLEY like="{place.knock}"', 1000, 1010)]
    host = place.host()
    core.act(host, "generate", "all")
    host.run_ticks()
    assert "01:00:40:00" in host.said[0] and "past the end of the timeline" in host.said[0]
    assert (ours(host), place.left()) == ([], [])


def test_media_offline_are_named(core: Any, place: Place) -> None:
    host = place.host()
    host._tracks[0]["clips"][0]["path"] = "/offline/shot é.mov"
    core.act(host, "generate", "all")
    host.run_ticks()
    assert "/offline/shot é.mov" in host.said[0]
    assert (ours(host), place.left()) == ([], [])


def test_a_folder_that_cannot_be_written_is_named(core: Any, place: Place) -> None:
    (place.folder / "Foley").write_text("a file where the folder should be", "utf-8")
    host = place.host()
    core.act(host, "generate", "all")
    host.run_ticks()
    assert str(place.folder / "Foley") in host.said[0]
    assert (ours(host), place.left()) == ([], [])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda host, place: host._project.update(folder=None), "has not been saved yet"),
        (lambda host, place: host._ranges.clear(), "no marked range has a name that begins with FOLEY\nMark a range"),
        (
            lambda host, place: place.config.unlink(),
            "is not there, so foley_bridge cannot be found\nRun this in a terminal: foley-",
        ),
        (
            lambda host, place: place.write_config(schema=2),
            "another version of foley_bridge\nRun this in a terminal: foley-bridge",
        ),
        (lambda host, place: place.config.write_text("{"), "is damaged"),
    ],
)
def test_what_is_missing_is_said_before_anything_starts(core: Any, place: Place, spoil: Any, said: str) -> None:
    host = place.host()
    spoil(host, place)
    core.act(host, "generate", "all")
    host.run_ticks()
    assert len(host.said) == 1 and said in host.said[0]
    assert (ours(host), place.left()) == ([], [])


# --- cancel, close, take up ---


def test_cancelled_in_the_middle_nothing_is_left(core: Any, place: Place) -> None:
    host = place.host()
    host.cancels = True
    core.act(host, "generate", "all")
    host.run_ticks()
    assert host.said == ["Cancelled. Nothing was changed."]
    assert (ours(host), place.left()) == ([], [])


def test_a_run_is_not_started_twice_and_can_be_cancelled_from_its_own_entry(core: Any, place: Place) -> None:
    host, other = place.host(), place.host()
    core.act(host, "generate", "all")
    host.tick()
    core.act(other, "generate", "all")
    other.run_ticks()
    assert "is being made already" in other.said[0]
    other.answers = [True]
    core.act(other, "progress")
    assert "Cancel it?" in other.asked[0]
    host.run_ticks()
    assert host.said == ["Cancelled. Nothing was changed."]
    core.act(other, "progress")
    assert other.said[1] == "no sound is being made for this project"


def jobs(endpoint: str, key: str) -> int:
    with Client(endpoint) as client:
        return sum(job["key"] == key for job in client.jobs())


def test_a_host_closed_in_the_middle_takes_the_same_run_up_again(core: Any, place: Place, daemon: Serving) -> None:
    closed = place.host()
    core.act(closed, "generate", "all")
    closed.tick()  # and never again
    (pending,) = place.work.glob("pending-*")
    run = json.loads(pending.read_text("utf-8"))
    place.age()
    host = place.host()
    core.act(host, "generate", "all")
    host.run_ticks()
    assert lines(host)[0] == "1 region done, 3 takes laid on track Foley. Undo: Edit > Undo"
    (clip,) = ours(host)
    assert clip["key"] == run["key"] and jobs(daemon.endpoint, run["key"]) == 1
    assert [path.name for path in (place.folder / "Foley").iterdir()] == [run["run"]]


def test_a_run_cancelled_before_the_host_was_closed_is_not_taken_up(core: Any, place: Place) -> None:
    closed = place.host()
    core.act(closed, "generate", "all")
    closed.tick()
    closed.answers = [True]
    core.act(closed, "progress")
    (pending,) = place.work.glob("pending-*")
    run = json.loads(pending.read_text("utf-8"))["run"]
    place.age()
    host = place.host()
    host.answers = [False]  # should it be done already: not to lay it in
    core.act(host, "generate", "all")
    host.run_ticks()
    (clip,) = ours(host)
    assert not clip["key"].startswith(run)


def test_another_request_ends_the_run_that_nobody_waits_for(core: Any, place: Place) -> None:
    place.write_config(foley_call=[sys.executable, "-c", "pass"])  # so that no reply comes
    closed = place.host()
    core.act(closed, "generate", "all")
    closed.tick()
    place.age()
    place.write_config(foley_call=[sys.executable, "-m", "foley_bridge.bridge.call"], endpoint=place.endpoint)
    place.ranges = [place.range("R1", f'FOLEY other like="{place.knock}"', 10, 40)]
    host = place.host()
    core.act(host, "generate", "all")
    host.run_ticks()
    assert len(ours(host)) == 1
    assert sum(name.endswith(".cancel") for name in place.left()) == 1


def test_another_request_asks_what_to_do_with_takes_that_are_ready(core: Any, place: Place) -> None:
    host = place.host()
    host.audio.append({"name": "Foley", "locked": True, "clips": []})
    core.act(host, "generate", "all")
    host.run_ticks()
    host.audio[0]["locked"] = False
    host._ranges.append(place.range("R2", f'FOLEY tap like="{place.knock}"', 50, 70))
    host.answers = [True]
    core.act(host, "generate", "all")
    host.run_ticks()
    assert "Lay it in first?" in host.asked[0]
    assert [said.splitlines()[0] for said in host.said[1:]] == [
        "1 region done, 3 takes laid on track Foley. Undo: Edit > Undo",
        "2 regions done, 6 takes laid on track Foley. Undo: Edit > Undo",
    ]
    assert sorted(clip["region"] for clip in ours(host)) == ["R1", "R2"]


def test_what_is_ready_is_placed_when_the_daemon_pokes(core: Any, place: Place) -> None:
    closed = place.host()
    core.act(closed, "generate", "all")
    closed.tick()
    host = place.host()
    core.act(host, "place_ready")
    host.run_ticks()
    assert (host.said, ours(host)) == ([], [])  # somebody waits for it already
    place.age()
    core.act(host, "place_ready")
    host.run_ticks()
    assert len(ours(host)) == 1
    closed.run_ticks()
    assert (closed.said, ours(closed)) == ([], [])  # it was taken over


def test_a_locked_track_stops_the_placing_and_the_same_takes_are_laid_later(core: Any, place: Place) -> None:
    host = place.host()
    host.audio.append({"name": "Foley", "locked": True, "clips": []})
    core.act(host, "generate", "all")
    host.run_ticks()
    assert host.said == ["track 'Foley' is locked\nUnlock it and try again.\nNothing was changed."]
    host.audio[0]["locked"] = False
    core.act(host, "generate", "all")
    host.run_ticks()
    assert len(ours(host)) == 1
    assert len(list((place.folder / "Foley").iterdir())) == 1
    assert place.left() == []


def test_takes_are_not_laid_into_another_project_that_was_opened_meanwhile(core: Any, place: Place) -> None:
    host = place.host()
    core.act(host, "generate", "all")
    host.tick()
    own, host._project["id"] = host._project["id"], "another"
    host.run_ticks()
    assert lines(host)[0] == "the takes for project 'reel' are ready, and another project is open now"
    assert ours(host) == []
    host._project["id"] = own
    host.answers = [True]
    core.act(host, "progress")
    host.run_ticks()
    assert len(ours(host)) == 1 and place.left() == []


def test_two_tracks_of_one_name_stop_the_placing(core: Any, place: Place) -> None:
    host = place.host()
    host.audio += [{"name": "Foley", "locked": False, "clips": []}, {"name": "Foley", "locked": False, "clips": []}]
    core.act(host, "generate", "all")
    host.run_ticks()
    assert lines(host)[0] == "there are two tracks named 'Foley'"
    assert ours(host) == []


def test_takes_that_were_deleted_are_made_anew(core: Any, place: Place) -> None:
    host = place.host()
    host.audio.append({"name": "Foley", "locked": True, "clips": []})
    core.act(host, "generate", "all")
    host.run_ticks()
    for path in (place.folder / "Foley").rglob("*.wav"):
        path.unlink()
    host.audio[0]["locked"] = False
    core.act(host, "generate", "all")
    host.run_ticks()
    assert len(ours(host)) == 1
    assert len(list((place.folder / "Foley").iterdir())) == 2


class Slow(Host):
    """Something happens while it lays takes in."""

    meanwhile: Callable[[], object]

    def place(self, plan: dict[str, Any]) -> Any:
        self.meanwhile()
        return super().place(plan)


def slow(place: Place, meanwhile: Callable[[], object]) -> Slow:
    plain = place.host()
    host = Slow({"project": plain._project, "ranges": place.ranges}, config=str(place.config), _tracks=plain._tracks)
    host.meanwhile = meanwhile
    return host


def another(core: Any) -> Any:
    """As in another process."""
    return PythonCore() if isinstance(core, PythonCore) else LuaCore("lua54")


@pytest.mark.parametrize("first", [False, True], ids=["its own", "laid in first"])
def test_takes_that_are_laid_in_slowly_are_not_laid_in_by_another_too(core: Any, place: Place, first: bool) -> None:
    other = place.host()

    def meanwhile() -> None:
        (pending,) = place.work.glob("pending-*")
        noted = json.loads(pending.read_text("utf-8"))
        pending.write_text(json.dumps(noted | {"alive": noted["alive"] - 60}), "utf-8")  # a minute later
        for action, arguments in (("generate", ("all",)), ("place_ready", ())):
            another(core).act(other, action, *arguments)
            other.run_ticks()

    host = slow(place, meanwhile)
    if first:
        host.audio.append({"name": "Foley", "locked": True, "clips": []})
        core.act(host, "generate", "all")
        host.run_ticks()
        host.audio[0]["locked"] = False
        host._ranges.append(place.range("R2", f'FOLEY tap like="{place.knock}"', 50, 70))
        host.answers = [True]
        core.act(host, "generate", "all")
        host.tick()
    else:
        core.act(host, "generate", "all")
        host.run_ticks()
    assert other.said == ["sound for this project is being made already\nWait for it, or cancel it: Progress / Cancel."]
    assert (other.asked, ours(other)) == ([], [])
    assert len(ours(host)) == 1


def test_takes_whose_laying_ended_with_the_editor_can_be_laid_in_again_at_once(core: Any, place: Place, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    closed = slow(place, lambda: shutil.copytree(place.work, kept))
    core.act(closed, "generate", "all")
    closed.run_ticks()
    shutil.rmtree(place.work)
    kept.rename(place.work)  # as it was when the editor ended
    host = place.host()
    host.answers = [False, True]
    core.act(host, "progress")
    host.run_ticks()
    assert ours(host) == []
    core.act(host, "progress")
    host.run_ticks()
    assert all("closed before that was done" in asked for asked in host.asked)
    assert lines(host)[0] == "1 region done, 3 takes laid on track Foley. Undo: Edit > Undo"
    assert len(ours(host)) == 1 and place.left() == []


def test_takes_that_were_laid_are_told_of_even_when_their_report_cannot_be_noted(core: Any, place: Place) -> None:
    host = place.host()
    last = place.work / f"last-{core.call('call', 'digest', host._project['id'])}.json"
    (last / "in the way").mkdir(parents=True)
    core.act(host, "generate", "all")
    host.run_ticks()
    assert lines(host)[0] == "1 region done, 3 takes laid on track Foley. Undo: Edit > Undo"
    assert lines(host)[1].startswith("The report cannot be opened from here: ") and str(last) in lines(host)[1]
    assert len(ours(host)) == 1 and place.left() == []


# --- no daemon ---


def test_without_a_daemon_the_user_is_asked_and_may_say_no(core: Any, place: Place) -> None:
    place.write_config(endpoint=free_endpoint())
    host = place.host()
    host.answers = [False]
    core.act(host, "generate", "all")
    host.run_ticks()
    assert len(host.asked) == 1 and host.asked[0].endswith("Start it?")
    assert len(host.said) == 1 and "foley-bridge serve" in host.said[0]
    assert (ours(host), place.left()) == ([], [])


def test_without_a_daemon_one_is_started_that_may_write_beside_the_project(
    core: Any, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    place.write_config(endpoint=free_endpoint())
    host = place.host()
    host.answers = [True]
    try:
        core.act(host, "generate", "all")
        host.run_ticks()
        assert lines(host)[0] == "1 region done, 3 takes laid on track Foley. Undo: Edit > Undo"
    finally:
        for note in (tmp_path / "home").rglob("daemon.json"):
            process = psutil.Process(json.loads(note.read_text("utf-8"))["pid"])
            process.terminate()
            process.wait(60)


def test_a_bridge_that_gives_no_sign_of_life_is_named(core: Any, place: Place) -> None:
    place.write_config(foley_call=[sys.executable, "-c", "pass"])
    host = place.host()
    core.set("call", "PATIENCE_S", -1)
    try:
        core.act(host, "generate", "all")
        host.run_ticks()
    finally:
        core.set("call", "PATIENCE_S", 60)
    assert lines(host)[0].endswith("-c pass gives no answer") and "foley-bridge install-host plain" in lines(host)[1]
    assert (ours(host), place.left()) == ([], [])


def test_a_bridge_that_is_not_there_is_named(place: Place) -> None:
    place.write_config(foley_call=["/no/such/foley-call"])
    host = place.host()
    PythonCore().act(host, "generate", "all")
    host.run_ticks()
    assert lines(host)[0] == "/no/such/foley-call does not start: No such file or directory"


@pytest.mark.parametrize("note", ["{", "[]", "{}", '{"run": "x"}'])
def test_a_note_of_a_run_that_means_nothing_is_forgotten(core: Any, place: Place, note: str) -> None:
    host = place.host()
    pending = f"pending-{core.call('call', 'digest', host._project['id'])}.json"
    (place.work / pending).write_text(note, "utf-8")
    core.act(host, "progress")
    assert host.said == ["no sound is being made for this project"]


def test_a_daemon_of_another_version_is_named(core: Any, place: Place) -> None:
    context = zmq.Context.instance()
    with context.socket(zmq.ROUTER) as router:
        place.write_config(endpoint=f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}")

        def answer() -> None:
            while router.poll(60_000):
                peer, *frames = router.recv_multipart()
                number = json.loads(next(frame for frame in frames if frame))["id"]
                error = {"kind": "RequestError", "message": "foley_bridge: another version of the protocol", "hint": ""}
                reply = {"foley_bridge": 2, "id": number, "ok": False, "error": error}
                router.send_multipart([peer, json.dumps(reply).encode()])
                return

        thread = threading.Thread(target=answer)
        thread.start()
        host = place.host()
        core.act(host, "generate", "all")
        host.run_ticks()
        thread.join()
    assert "is of another version" in lines(host)[0] and "up to date" in lines(host)[1]
    assert (host.asked, ours(host), place.left()) == ([], [], [])


# --- other actions ---


def lay(host: Host, *regions: str) -> None:
    """Clips of three takes, behind each other."""
    takes = [{"path": f"/takes/{number}.wav", "offset": 0} for number in (1, 2, 3)]
    for number, region in enumerate(regions):
        add = {"track": "Foley", "region": region, "text": "knock", "key": "k", "start": 10 + 40 * number, "duration": 20}
        host.place({"label": "before", "remove": [], "add": [add | {"chosen": 1, "takes": takes}]})


def test_takes_are_stepped_through_in_a_circle(core: Any, place: Place) -> None:
    host = place.host()
    lay(host, "R1")
    (clip,) = ours(host)
    host.selected_takes = [clip["id"]]
    heard = []
    for action in ("next_take", "next_take", "next_take", "previous_take"):
        core.act(host, action)
        heard.append(ours(host)[0]["path"])
    assert [clip["takes"].index(path) + 1 for path in heard] == [2, 3, 1, 3]
    host.selected_takes = []
    core.act(host, "next_take")
    assert host.said == ["no take is selected\nSelect a clip on a Foley track, or put the cursor on it."]


class Reverts(Host):
    """Another take is another clip; the first saving brings the first takes back."""

    saved = 0

    def choose(self, clip: dict[str, Any], number: int) -> None:
        super().choose(clip, number)
        for each in self.audio[0]["clips"]:
            each["id"] += "'" if each["id"] == clip["id"] else ""

    def settle(self) -> None:
        self.saved += 1
        for clip in self.audio[0]["clips"] if self.saved == 1 else ():
            clip["chosen"] = 3


def test_a_take_that_is_lost_on_saving_gives_way_to_the_former_one(core: Any, place: Place) -> None:
    host = Reverts({"project": place.host()._project})
    lay(host, "R1")
    host.selected_takes = [ours(host)[0]["id"]]
    core.act(host, "next_take")
    assert lines(host) == ["Plain did not change to take 2 of 'knock' at 01:00:00:10", "The former take sounds again."]
    assert (ours(host)[0]["path"], host.saved) == ("/takes/1.wav", 2)
    host.selected_takes = [ours(host)[0]["id"]]
    core.act(host, "next_take")
    assert (ours(host)[0]["path"], len(host.said)) == ("/takes/2.wav", 1)


def test_a_clip_that_is_lost_on_saving_is_not_passed_over(core: Any, place: Place) -> None:
    host = place.host()
    lay(host, "R1")
    host.selected_takes = [ours(host)[0]["id"]]
    host._faults = {"save_loses"}
    core.act(host, "next_take")
    assert ours(host) == []
    assert lines(host)[0].startswith("Plain did not change to take 2 of")
    assert lines(host)[1:] == ["The former take does NOT sound again.", "Look at the clip; take the change back: Edit > Undo."]


def test_clear_takes_out_what_is_ours_in_the_selected_regions(core: Any, place: Place) -> None:
    place.ranges.append(place.range("R2", "FOLEY", 50, 70, True))
    host = place.host()
    lay(host, "R1", "R2")
    core.act(host, "clear")
    assert [clip["region"] for clip in ours(host)] == ["R1"]
    assert host.said[0] == "Foley: clear 1 region: 1 clip taken out. Undo: Edit > Undo"
    core.act(host, "clear")
    assert host.said[1].startswith("there is no foley in the selected regions")


def test_the_selected_clip_becomes_the_example(core: Any, place: Place) -> None:
    place.ranges = [place.range("R1", "FOLEY  steps like=old.wav takes=2", 10, 40, True)]
    host = place.host()
    sound = {"name": "my knock", "path": str(place.knock), "start": 0, "duration": 10, "source_start_s": 0}
    more = {"media_duration_s": 0.5, "speed": 1, "enabled": True}
    host._tracks.append({"kind": "audio", "name": "A1", "enabled": True, "clips": [sound | more]})
    host.selected_clip = sound
    core.act(host, "use_as_example")
    assert host._ranges[0]["text"] == 'FOLEY  steps like="my knock" takes=2'
    host._tracks[1]["clips"].append(sound | more | {"start": 50})  # now there are two of that name
    core.act(host, "use_as_example")
    assert host._ranges[0]["text"] == f'FOLEY  steps like="{place.knock}" takes=2'


def test_words_are_written_into_the_region_and_asked_for(core: Any, place: Place) -> None:
    place.ranges = [place.range("R1", "FOLEY steps like=old.wav takes=2", 10, 40, True)]
    host = place.host()
    host.answers = ["gravel 'heavy boots' takes=3"]
    core.act(host, "recommend")
    host.run_ticks()
    assert host.asked == ["What should it sound like? [steps]"]
    assert host._ranges[0]["text"] == "FOLEY gravel 'heavy boots' takes=3 like=old.wav engine=recommend"
    assert "library" in host.said[0]  # this daemon has none
    assert (ours(host), place.left()) == ([], [])


def test_the_doctor_is_asked_through_the_bridge(core: Any, place: Place) -> None:
    host = place.host()
    core.act(host, "check")
    host.run_ticks()
    (said,) = host.said
    assert "foley_bridge 0.1.0" in said.splitlines()[0]
    assert "Good: " in said
    assert f"version 0.1.0 at {place.endpoint}" in said
    assert place.left() == []


@pytest.mark.parametrize("grid", ["frames", "samples"])
def test_the_self_test_finds_a_good_host_good(core: Any, place: Place, grid: str) -> None:
    host = place.host()
    host.grid = grid
    core.act(host, "self_test")
    assert "All is well." in host.said[0]
    (report,) = place.work.glob("*.txt")
    assert report.read_text("utf-8").count("\nok     ") == 6
    assert ours(host) == []


@pytest.mark.parametrize("fault", ["append_dropped", "error_midway", "save_loses"])
def test_the_self_test_finds_a_bad_host_bad(core: Any, place: Place, fault: str) -> None:
    host = place.host()
    host._faults = {fault}
    core.act(host, "self_test")
    assert "steps failed" in host.said[0]
    (report,) = place.work.glob("*.txt")
    assert "NOT ok " in report.read_text("utf-8")
    assert ours(host) == []


def test_a_host_whose_dialogs_do_not_wait_is_asked_the_same_again(place: Place) -> None:
    class Asking(BaseException):
        pass

    class Impatient(Host):
        def ask(self, question: str) -> bool:
            if question not in self.asked:
                self.asked.append(question)
                raise Asking
            return False

    place.write_config(endpoint=free_endpoint())
    plain = place.host()
    host = Impatient({"project": plain._project, "ranges": place.ranges}, config=str(place.config), _tracks=plain._tracks)
    PythonCore().act(host, "generate", "all")
    raised = 0
    for _ in range(10000):
        try:
            host.run_ticks()
            break
        except Asking:
            raised += 1
    assert raised == 1 and len(host.said) == 1 and "foley-bridge serve" in host.said[0]
