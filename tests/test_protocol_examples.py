"""Every example of docs/protocol.md and docs/protocol_examples.md, run as it stands there against a real daemon."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from job_materials import clicks, marker, movie, save, timeline_of
from serving import PATIENCE_S, Serving, environment, serving

from foley_bridge.bridge.client import Client
from foley_bridge.jobs.names import FOLLOWUPS
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.scan import scan

DOCS = Path(__file__).resolve().parents[1] / "docs"
METHODS = DOCS.joinpath("protocol.md").read_text("utf-8").partition("\n## Methods\n")[2].partition("\n## ")[0]
JOB_KEYS = {
    *("job", "kind", "key", "reel", "state", "step", "position", "progress", "error", "failed_regions"),
    *("created", "started", "finished", "attempts"),
}
LUAS = [found for name in ("lua5.1", "lua5.2", "lua5.3", "lua5.4", "luajit", "lua") if (found := shutil.which(name))]


def examples() -> list[tuple[str, str]]:
    """What each section is about (a method, or a kind of ``submit``), and the request, as it stands, of its block."""
    section = r"^### (?:`submit`, kind )?`([a-z.]+)`$(?:(?!^### ).)*?^```json\n(.*?)^```$"
    return re.findall(section, METHODS, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What seats call /projects: a reel with a region in it."""
    folder = tmp_path_factory.mktemp("projects")
    reel = folder / "reel1"
    reel.mkdir()
    shot = movie(reel / "shot.mp4")
    clicks(reel / "hit.wav")
    save(timeline_of(shot, 50, 25, marker("FOLEY kettle like=hit.wav", 0, 25, 25)), reel / "cut.otio")
    sounds = folder / "sounds"
    sounds.mkdir()
    clicks(sounds / "METLImpt_Metal Hit_FB_Test.wav", length_s=1.5)
    scan(Catalogue.open(folder / "library", create=True), [sounds])
    return folder


@pytest.fixture(scope="module")
def daemon(projects: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    options = ("--map", f"/projects={projects}", "--library", projects / "library", "--panel", "127.0.0.1:0")
    with serving(tmp_path_factory.mktemp("daemon"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def answered(daemon: Serving, projects: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The reply to each example, asked in the page's order, by section; ``wait`` is asked until the job has ended.
    ``written`` is the timeline that lies there when ``result`` is asked: a later example's job writes over it."""
    folder = tmp_path_factory.mktemp("calls")
    replies: dict[str, Any] = {}
    for method, block in examples():
        job = replies["submit"]["result"]["job"] if "submit" in replies else "JOB"
        take = replies["reel"]["result"]["regions"][0]["takes"][1]["id"] if "reel" in replies else "TAKE"
        text = block.replace('"JOB"', f'"{job}"').replace('"TAKE"', f'"{take}"')
        replies[method] = call(folder, text, daemon.endpoint)
        while method == "wait" and replies[method]["result"]["state"] in ("queued", "running"):
            replies[method] = call(folder, text, daemon.endpoint)
        if method == "result":
            replies["written"] = json.loads((projects / "reel1" / "cut_foley.otio").read_text("utf-8"))
    return replies


def call(folder: Path, request: str, endpoint: str) -> Any:
    (folder / "request.json").write_text(request, encoding="utf-8")
    script = shutil.which("foley-call", path=str(Path(sys.executable).parent))
    command = [script] if script else [sys.executable, "-m", "foley_bridge.bridge.call"]
    command += [str(folder / "request.json"), str(folder / "reply.json"), "--endpoint", endpoint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment())
    reply = json.loads((folder / "reply.json").read_text("utf-8"))
    assert done.returncode == 0, (request, reply, done.stderr)
    return reply


def test_every_method_and_every_kind_has_one_example_that_names_it() -> None:
    named = re.findall(r"^### .*`([a-z.]+)`$", METHODS, re.MULTILINE)
    assert [name for name, _ in examples()] == named
    assert METHODS.count("```json") == METHODS.count("\n### ") == len(named)
    for name, block in examples():
        asked = json.loads(block)
        assert (asked["params"]["kind"] if name in FOLLOWUPS else asked["method"]) == name


def test_the_daemon_knows_exactly_the_methods_and_kinds_of_the_page(answered: dict[str, Any]) -> None:
    known = answered["capabilities"]["result"]
    assert sorted([*known["methods"], *FOLLOWUPS]) == sorted(name for name, _ in examples())
    assert known["kinds"] == ["generate", *FOLLOWUPS]


def test_every_reply_is_ok_and_says_which_request_it_answers(answered: dict[str, Any]) -> None:
    for method, block in examples():
        reply = answered[method]
        assert (reply["foley_bridge"], reply["ok"], reply["id"]) == (1, True, json.loads(block)["id"]), method
        assert set(reply) - {"timeline"} == {"foley_bridge", "id", "ok", "result"}


def test_ping_and_capabilities_say_what_the_page_says(answered: dict[str, Any], daemon: Serving, projects: Path) -> None:
    ping, known = answered["ping"]["result"], answered["capabilities"]["result"]
    assert set(ping) == {"version", "protocols", "pid", "endpoints"}
    assert (ping["protocols"], ping["pid"]) == ([1], daemon.process.pid)
    lists, machine = (
        {"methods", "kinds", "engines", "providers", "packs"},
        {"version", "roots", "pokes", "library", "queue", "endpoints"},
    )
    assert set(known) == lists | machine
    assert known["pokes"] is True
    assert set(known["roots"]) == {"media", "output"}
    embedded = None if known["packs"][0]["space"] is None else 0
    assert known["library"] == {"path": str(projects / "library"), "sounds": 1, "embedded": embedded}
    assert [(one["task"], set(one)) for one in known["packs"]] == [
        (task, {"task", "pack", "space", "graphs", "fault"}) for task in ("recommendation", "analogy")
    ]
    assert set(known["queue"]) == {"waiting", "running", "limit"}
    assert set(known["endpoints"]) == {"requests", "events", "osc", "metrics", "panel"}
    assert known["endpoints"]["requests"] == daemon.endpoint


def test_a_job_goes_from_submit_to_its_result(answered: dict[str, Any], projects: Path) -> None:
    for method in ("submit", "status", "wait", "cancel"):
        assert set(answered[method]["result"]) == JOB_KEYS, method
    assert answered["submit"]["result"]["key"] == "reel1-2026-03-01"
    assert len({answered[method]["result"]["job"] for method in ("submit", "status", "wait", "cancel")}) == 1
    assert answered["wait"]["result"]["state"] == "done"
    assert answered["cancel"]["result"]["state"] == "done"
    assert answered["jobs"]["result"] == {"jobs": []}
    job, result = answered["result"]["result"]["job"], answered["result"]["result"]["result"]
    assert job == answered["cancel"]["result"]
    assert len(result["regions"][0]["takes"]) == 3


def test_a_seats_names_come_back_and_the_files_lie_where_they_are_mapped(answered: dict[str, Any], projects: Path) -> None:
    result = answered["result"]["result"]["result"]
    assert result["out"] == "/projects/reel1/cut_foley.otio"
    for take in result["regions"][0]["takes"]:
        assert take["path"].startswith("/projects/reel1/foley/")
        assert soundfile.info(projects / take["path"].removeprefix("/projects/")).frames > 0
    assert answered["result"]["timeline"] == answered["written"]
    assert answered["result"]["timeline"]["OTIO_SCHEMA"] == "Timeline.1"


def test_the_audition_example_gives_a_link_to_the_reel(answered: dict[str, Any]) -> None:
    page, reel = answered["audition"]["result"], answered["submit"]["result"]["job"]
    assert set(page) == {"url", "job"}
    assert page["job"] == reel
    assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/[\w-]{{43}}/reel/{reel}", page["url"])


def test_the_reel_of_the_examples_is_told_as_its_seat_names_it(answered: dict[str, Any]) -> None:
    reel, job = answered["reel"]["result"], answered["submit"]["result"]["job"]
    assert set(reel) == {
        *("job", "title", "revision", "timeline", "out", "out_sha256", "media_dir", "notes", "sample_rate", "opened"),
        *("regions", "applied", "retaking"),
    }
    assert (reel["job"], reel["title"], reel["revision"], reel["applied"], reel["retaking"]) == (job, "cut", 0, [], [])
    assert (reel["out"], reel["media_dir"]) == ("/projects/reel1/cut_foley.otio", "/projects/reel1/foley")
    (region,) = reel["regions"]
    (result,) = answered["result"]["result"]["result"]["regions"]
    for_s = [onset["time_s"] for onset in result["onsets"]]
    extra = [{**take, "id": take["sha256"], "made": "generate", "for_s": for_s} for take in result["takes"]]
    assert region == {**result, "number": 1, "takes": extra, "choice": region["choice"]}
    assert (region["choice"]["state"], region["choice"]["revision"]) == ("proposed", 0)
    (listed,) = answered["reels"]["result"]["reels"]
    assert listed == {**listed, "job": job, "title": "cut", "regions": 1, "failed": 0, "chosen": 0, "rejected": 0}
    assert set(listed) == {"job", "title", "finished", "regions", "failed", "chosen", "rejected"}


def test_the_choice_of_the_examples_is_told_whole(answered: dict[str, Any]) -> None:
    chosen, changed = answered["choose"]["result"], answered["choices"]["result"]
    take = answered["reel"]["result"]["regions"][0]["takes"][1]["id"]
    edit = {"level_db": -3.0, "nudge_frames": 0, "nudge_ms": 12.5, "fade_in_s": 0.0, "fade_out_s": 0.0}
    said = {"state": "chosen", "take": take, "edits": {take: edit}, "onsets_s": None, "sensitivity": None, "reason": ""}
    history = {"revision": 1, "at_s": chosen["choice"]["at_s"], "by": "Ada's tablet"}
    assert chosen["choice"] == {**said, "note": "a little later", **history}
    assert (chosen["region"], chosen["revision"]) == (1, 1)
    assert changed == {
        "job": chosen["job"],
        "revision": 1,
        "applied": None,
        "choices": [{"region": 1, "choice": chosen["choice"]}],
    }


def test_the_kinds_of_the_examples_belong_to_their_reel(answered: dict[str, Any]) -> None:
    for kind in FOLLOWUPS:
        job = answered[kind]["result"]
        assert set(job) == JOB_KEYS
        assert (job["kind"], job["reel"], job["state"]) == (kind, answered["submit"]["result"]["job"], "queued")
    assert answered["submit"]["result"]["reel"] is None


def test_what_becomes_of_the_reel_is_told_as_its_seat_names_it_and_lies_where_that_is_mapped(
    answered: dict[str, Any], daemon: Serving, projects: Path
) -> None:
    job = answered["submit"]["result"]["job"]
    with Client(daemon.endpoint) as client:
        ended = [client.wait(answered[kind]["result"]["job"], PATIENCE_S) for kind in FOLLOWUPS]
        assert [(view["state"], view["error"]) for view in ended] == [("done", None)] * 2
        reel = client.reel(job)
        listed = client.choices(job)["applied"]
    takes = reel["regions"][0]["takes"]
    assert [take["made"] for take in takes] == ["generate"] * 3 + [ended[0]["job"]] * 2
    for take in takes:
        assert take["path"].startswith("/projects/reel1/foley/")
        data = (projects / take["path"].removeprefix("/projects/")).read_bytes()
        assert hashlib.sha256(data).hexdigest() == take["id"]
    (applied,) = reel["applied"]
    assert applied == {
        **applied,
        "job": ended[1]["job"],
        "state": "done",
        "revision": 1,
        "out": "/projects/reel1/cut_foley.otio",
    }
    assert listed == ended[1]


def test_the_search_finds_the_sound(answered: dict[str, Any]) -> None:
    found = answered["library.search"]["result"]
    (sound,) = found["sounds"]
    assert "Metal Hit" in sound["name"]
    assert 0 < sound["score"] == sound["words_score"] <= 1
    assert (found["notes"], sound["picture_score"], sound["at_s"]) == ([], None, None)


# --- whole programs


def program(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCS.joinpath("protocol_examples.md").read_text("utf-8"), re.S | re.M)
    return str(found)


def run_program(command: list[str], projects: Path, daemon: Serving, name: str) -> subprocess.CompletedProcess[str]:
    reel = projects / "reel1"
    paths = [reel / "cut.otio", reel / name / 'fo"ley ü.otio', reel / name / "takes"]
    return subprocess.run(
        [*command, *map(str, paths)],
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
        env=environment(FOLEY_BRIDGE_ENDPOINT=daemon.endpoint, PYTHONIOENCODING="utf-8"),
    )


def assert_done(done: subprocess.CompletedProcess[str], projects: Path, name: str) -> None:
    assert done.returncode == 0, done
    region, take = done.stdout.strip().split("\t")
    assert region == "kettle"
    assert Path(take).parent == projects / "reel1" / name / "takes"  # who asks with this machine's names is told them
    assert Path(take).is_file()
    assert (projects / "reel1" / name / 'fo"ley ü.otio').is_file()


def test_the_python_program_runs_as_it_stands(projects: Path, daemon: Serving, tmp_path: Path) -> None:
    script = tmp_path / "foley.py"
    script.write_text(program("python"), encoding="utf-8")
    done = run_program([sys.executable, "-I", str(script)], projects, daemon, "python")
    assert_done(done, projects, "python")
    missing = subprocess.run(
        [sys.executable, "-I", str(script), str(tmp_path / "no.otio"), str(tmp_path / "o.otio"), str(tmp_path / "m")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment(FOLEY_BRIDGE_ENDPOINT=daemon.endpoint),
    )
    assert missing.returncode == 1
    assert "no.otio" in missing.stderr


@pytest.mark.skipif(not LUAS, reason="no Lua interpreter is installed: the Lua program did not run")
@pytest.mark.parametrize("lua", LUAS, ids=lambda path: Path(path).name)
def test_the_lua_program_runs_as_it_stands(projects: Path, daemon: Serving, tmp_path: Path, lua: str) -> None:
    script = tmp_path / "foley.lua"
    script.write_text(program("lua"), encoding="utf-8")
    name = Path(lua).name
    assert_done(run_program([lua, str(script)], projects, daemon, name), projects, name)
    again = run_program([lua, str(script)], projects, daemon, name)  # the same key: the same job, done already
    assert_done(again, projects, name)
    assert again.stderr == ""
