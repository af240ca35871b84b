"""``audition``, ``apply`` and ``--audition``: from the command line, with a daemon that stays, to a page and back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from job_materials import clicks, files_under, marker, movie, save, timeline_of
from ports import free_ports
from serving import PATIENCE_S, environment, serving
from test_cli_json import REGION, RESULT, assert_shaped

from foley_bridge.bridge.client import Client
from foley_bridge.cli.audition import opened_page

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends what it started with signals, and its browser is a script")

NOBODY = {"state": str, "take": type(None), "edits": dict, "onsets_s": type(None), "sensitivity": type(None), "reason": str}
NOBODY |= {"note": str, "revision": int, "at_s": type(None), "by": type(None)}


@dataclass(frozen=True)
class Done:
    """What a command did, and the links that it opened in the browser."""

    status: int
    out: str
    err: str
    opened: list[str]

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def error(self) -> dict[str, str]:
        assert self.status == 2, self
        assert "Traceback" not in self.err and self.opened == []
        error: dict[str, str] = self.json["error"]
        return error


class User:
    """An account without a daemon: a home, ports that nobody uses, and a browser that notes what it is given to open.

    Its folder ``cut`` is none of those that a daemon may write in by itself.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.cut, self.state = folder, folder / "cut", folder / "state"
        for made in (self.cut, folder / "home", folder / "temporary"):
            made.mkdir()
        self.endpoint = f"tcp://127.0.0.1:{free_ports(4)}"
        self.browser = folder / "browser"
        self.browser.write_text(f'#!/bin/sh\necho "$1" >> "{folder}/opened"\necho words of the browser\n')
        self.browser.chmod(0o755)

    def environment(self, **changes: object) -> dict[str, str]:
        own = {"FOLEY_BRIDGE_HOME": self.state, "FOLEY_BRIDGE_ENDPOINT": self.endpoint, "BROWSER": self.browser}
        own |= {"HOME": self.folder / "home", "TMPDIR": self.folder / "temporary"}
        return {name: value for name, value in environment(**own | changes).items() if value}

    def begin(self, *args: object) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "foley_bridge", *map(str, args)]
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment())

    def command(self, *args: object, **variables: object) -> Done:
        opened = self.folder / "opened"
        opened.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "foley_bridge", *map(str, args)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=self.environment(**variables),
        )
        links = opened.read_text().split() if opened.exists() else []
        return Done(done.returncode, done.stdout, done.stderr, links)


def answers(link: str) -> bool:
    with urllib.request.urlopen(link, timeout=PATIENCE_S) as answer:
        return bool(answer.status == 200)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    made = User(tmp_path_factory.mktemp("user"))
    yield made
    assert made.command("stop").status == 0


@pytest.fixture(scope="module")
def generated(user: User) -> Done:
    """A reel made with --audition, before which no daemon ran: two regions that can be done, and one that cannot."""
    shot = movie(user.cut / "shot.mp4", seconds=4)
    clicks(user.cut / "hit.wav")
    marks = [marker(f"FOLEY kettle {number} like=hit.wav", 30 * number, 25, 25) for number in range(2)]
    marks += [marker("HIT", 30 * number + 8, 1, 25) for number in range(2)]
    marks.append(marker("FOLEY drum like=gone.wav", 70, 25, 25))
    save(timeline_of(shot, 100, 25, *marks), user.cut / "cut.otio")
    return user.command(*into(user, "foley.otio"), "--key", "reel 1", "--audition", "--json")


def into(user: User, out: str) -> list[object]:
    return ["generate", user.cut / "cut.otio", "--out", user.cut / "new" / out, "--media-dir", user.cut / "new" / "takes"]


def reel_of(generated: Done) -> str:
    return str(generated.json["audition"]).rpartition("/")[2]


# --- the page ---


def test_generate_has_the_daemon_do_it_which_stays_and_opens_the_page(user: User, generated: Done) -> None:
    assert generated.status == 1  # the one region that cannot be done; its page is there for the others
    assert_shaped(generated.json, {**RESULT, "audition": str})
    link = generated.json["audition"]
    assert generated.opened == [link]
    assert answers(link)
    assert "started the daemon" in generated.err and "foley-bridge stop" in generated.err
    assert "words of the browser" in generated.err
    with Client(user.endpoint) as client:
        assert [view["key"] for view in client.jobs()] == ["reel 1"]
        roots = client.capabilities()["roots"]["output"]
    assert str(user.cut) in roots  # without which it could not have written there
    assert not any(Path(user.cut).is_relative_to(root) for root in roots if root != str(user.cut))
    again = user.command(*into(user, "foley.otio"), "--key", "reel 1", "--audition", "--no-open")
    assert (again.status, again.opened) == (1, [])
    assert link in again.out


def test_audition_opens_the_newest_reel_and_starts_nothing_when_a_daemon_runs(user: User, generated: Done) -> None:
    pid = json.loads((user.state / "daemon.json").read_text())["pid"]
    done = user.command("audition", "--json")
    assert (done.status, done.err) == (0, "words of the browser\n")
    assert done.json == {"url": generated.json["audition"], "job": reel_of(generated), "opened": True}
    assert done.opened == [done.json["url"]]
    assert json.loads((user.state / "daemon.json").read_text())["pid"] == pid
    said = (user.state / "serve.log").read_text()
    assert "refused  socket=requests" not in said  # by the daemon, whose owner would wonder who that was


def test_audition_takes_a_jobs_id_or_key_and_need_not_open_it(user: User, generated: Done) -> None:
    done = user.command("audition", reel_of(generated), "--no-open")
    assert (done.status, done.out, done.err, done.opened) == (0, generated.json["audition"] + "\n", "", [])
    done = user.command("audition", "reel 1", "--no-open", "--json")
    assert done.json == {"url": generated.json["audition"], "job": reel_of(generated), "opened": False}


def test_where_no_browser_can_be_opened_the_link_is_printed_and_that_is_said(user: User, generated: Done) -> None:
    nowhere = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    done = user.command("audition", **nowhere)
    if sys.platform == "linux":
        assert (done.status, done.out) == (0, generated.json["audition"] + "\n")
        assert "no browser was opened" in done.err
        assert user.command("audition", "--json", **nowhere).json["opened"] is False
        assert "ssh" not in done.err
        done = user.command("audition", SSH_CONNECTION="192.0.2.1 50000 192.0.2.7 22", **nowhere)
        port = generated.json["audition"].split("/")[2].partition(":")[2]
        assert f"ssh -N -L {port}:127.0.0.1:{port} 192.0.2.7\n" in done.err


@pytest.mark.parametrize(("endpoint", "host"), [("tcp://studio:5577", "studio"), ("tcp://[2001:db8::7]:5577", "2001:db8::7")])
def test_a_page_of_another_machine_is_not_opened_and_how_to_reach_it_is_said(
    endpoint: str, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert opened_page("http://127.0.0.1:5580/token/reel/job", endpoint) is False
    said = capsys.readouterr()
    assert said.out == "" and "own machine" in said.err and f"ssh -N -L 5580:127.0.0.1:5580 {host}\n" in said.err


def test_a_job_that_is_none_or_no_reel_is_named(user: User, generated: Done) -> None:
    error = user.command("audition", "nothing", "--json").error
    assert error["kind"] == "JobError" and "nothing" in error["message"]


def test_a_page_needs_a_daemon_that_stays(user: User, generated: Done) -> None:
    error = user.command(*into(user, "private.otio"), "--audition", "--private", "--json").error
    assert error["kind"] == "UsageError" and "--private" in error["message"]


def test_without_a_page_nothing_is_begun(user: User, generated: Done, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home, "--no-panel") as running:
        there = {"FOLEY_BRIDGE_HOME": home, "FOLEY_BRIDGE_ENDPOINT": ""}
        before = files_under(user.cut)
        for args in (["audition", "--json"], [*into(user, "never.otio"), "--audition", "--json"]):
            error = user.command(*args, **there).error
            assert error["kind"] == "JobError" and "page" in error["message"]
        with Client(running.endpoint) as client:
            assert client.jobs() == []
    assert files_under(user.cut) == before


def test_where_there_is_no_reel_yet_the_page_is_the_list(user: User, tmp_path: Path) -> None:
    """Also, the daemon that runs in the user's home is found wherever it listens."""
    home = tmp_path / "home"
    with serving(home, "--panel", "127.0.0.1:0"):
        done = user.command("audition", FOLEY_BRIDGE_HOME=home, FOLEY_BRIDGE_ENDPOINT="")
        assert done.status == 0 and "no reel yet" in done.err
        assert answers(done.out.strip()) and done.opened == [done.out.strip()]
        found = user.command("audition", "--json", "--no-open", FOLEY_BRIDGE_HOME=home, FOLEY_BRIDGE_ENDPOINT="").json
        assert found == {"url": done.out.strip(), "job": None, "opened": False}


@pytest.mark.nightly
def test_the_demo_opens_its_page_and_its_sounds_become_a_library_where_there_is_none(user: User, generated: Done) -> None:
    folder = user.folder / "home" / "demo"
    done = user.command("demo", "--audition", "--out", folder, "--json")
    assert done.status == 0, done
    shown = done.json
    assert done.opened == [shown["audition"]] and answers(shown["audition"])
    assert {region["engine"] for region in shown["regions"]} == {"transfer"}  # the user's library is not asked
    for region in shown["regions"]:
        assert region["sync_error_ms"]["median"] < 10, region["name"]
    with Client(user.endpoint) as client:
        assert client.request("library.search", {"words": "metal hits"}).result["sounds"]
    assert any("library" in note for note in shown["notes"])
    again = user.command("demo", "--audition", "--no-open", "--out", folder, "--json")
    assert (again.status, again.opened) == (0, []) and answers(again.json["audition"])


# --- what was chosen ---


@pytest.fixture(scope="module")
def chosen(user: User, generated: Done) -> dict[str, Any]:
    """The reel, in which a take that was not the best is chosen for one region."""
    with Client(user.endpoint) as client:
        reel = client.reel(reel_of(generated))
        take = reel["regions"][0]["takes"][1]["id"]
        client.choose(reel["job"], 1, 0, {"state": "chosen", "take": take, "note": "the dull one"}, "test")
        return client.reel(reel["job"])


def test_apply_writes_what_was_chosen_and_prints_its_object(user: User, generated: Done, chosen: dict[str, Any]) -> None:
    done = user.command("apply", "reel 1", "--json")
    assert (done.status, done.err) == (1, "")  # the region that could not be done
    choice = {**NOBODY, "take": (str, type(None)), "at_s": (float, type(None)), "by": (str, type(None))}
    assert_shaped(done.json, {**RESULT, "regions": [{**REGION, "choice": choice}], "revision": int})
    assert done.json["revision"] == 1
    assert done.json["out"] == generated.json["out"]
    states = [region["choice"]["state"] for region in done.json["regions"]]
    assert states == ["chosen", "proposed", "proposed"]
    first = done.json["regions"][0]
    assert first["takes"][0]["sha256"] == first["choice"]["take"] == chosen["regions"][0]["takes"][1]["id"]
    assert first["choice"]["note"] == "the dull one"
    (clip, other) = otio.adapters.read_from_file(done.json["out"]).audio_tracks()[-1].find_clips()
    assert Path(clip.media_reference.target_url).name == Path(first["takes"][0]["path"]).name
    assert Path(other.media_reference.target_url).name == Path(done.json["regions"][1]["takes"][0]["path"]).name
    (_headings, _rule, sent, *made) = user.command("jobs", "list").out.splitlines()
    assert f"apply of {reel_of(generated)}" in sent and any(" generate " in each for each in made)


def test_apply_can_write_elsewhere_and_leave_out_what_nobody_chose(user: User, chosen: dict[str, Any]) -> None:
    out = user.cut / "new" / "only chosen.otio"
    done = user.command("apply", chosen["job"], "--out", out, "--undecided", "none", "--takes-as-tracks")
    assert (done.status, done.err) == (0, "")  # and what could not be done is left out, too
    assert str(out) in done.out and "choice" in done.out and "chosen" in done.out and "proposed" in done.out
    tracks = otio.adapters.read_from_file(str(out)).audio_tracks()
    assert [len(track.find_clips()) for track in tracks] == [1, 1, 1]  # takes of the one region alone


def test_apply_refuses_to_overwrite_what_somebody_changed_unless_told_to(user: User, chosen: dict[str, Any]) -> None:
    out = user.cut / "new" / "theirs.otio"
    assert user.command("apply", chosen["job"], "--out", out).status == 1
    out.write_text(out.read_text().replace("{", "{ ", 1))
    theirs = out.read_bytes()
    error = user.command("apply", chosen["job"], "--out", out, "--json").error
    assert str(out) in error["message"] and out.read_bytes() == theirs
    assert user.command("apply", chosen["job"], "--out", out, "--force").status == 1
    assert out.read_bytes() != theirs


def test_apply_names_what_it_cannot_do(user: User, chosen: dict[str, Any], tmp_path: Path) -> None:
    error = user.command("apply", "nothing", "--json").error
    assert error["kind"] == "JobError" and "nothing" in error["message"]
    error = user.command("apply", chosen["job"], "--undecided", "worst", "--json").error
    assert error["kind"] == "UsageError" and "worst" in error["message"]
    error = user.command("apply", chosen["job"], "--out", tmp_path / "out.otio", "--json").error
    assert error["kind"] == "JobError" and str(tmp_path) in error["message"] and "--private" not in error["hint"]
    assert not (tmp_path / "out.otio").exists()
    gone = user.cut / "gone.otio"
    error = user.command("apply", chosen["job"], "--timeline", gone, "--out", user.cut / "n.otio", "--json").error
    assert str(gone) in error["message"]
    error = user.command("apply", chosen["job"], "--json", FOLEY_BRIDGE_ENDPOINT="tcp://127.0.0.1:9").error
    assert error["kind"] == "BridgeError" and "127.0.0.1:9" in error["message"]


def test_an_apply_that_is_stopped_is_cancelled_and_leaves_nothing(user: User, chosen: dict[str, Any]) -> None:
    before = files_under(user.cut)
    process = user.begin("apply", chosen["job"], "--out", user.cut / "o.otio", "--preview", user.cut / "p.mp4", "--json")
    with Client(user.endpoint) as client:
        deadline = time.monotonic() + PATIENCE_S
        while client.jobs(limit=1)[0]["kind"] != "apply" or client.jobs(limit=1)[0]["state"] in ("done", "failed"):
            assert time.monotonic() < deadline, "it does not begin"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, json.loads(out)["error"]["kind"]) == (130, "Cancelled"), err
        assert client.jobs(limit=1)[0]["state"] == "cancelled"
    assert files_under(user.cut) == before
