"""``foley-bridge packs``, and what the doctor and the daemon say of packs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bridge_daemons import Raw, daemon
from job_materials import Run, run
from packs import make_pack
from test_cli_json import assert_shaped

from foley_bridge import doctor
from foley_bridge.inference.providers import CPU
from foley_bridge.inference.where import Runs, in_words

PACK = {
    "pack": str,
    "version": (str, type(None)),
    "folder": str,
    "title": (str, type(None)),
    "licence": (str, type(None)),
    "tasks": [str],
    "serves": [str],
    "sha256": (str, type(None)),
    "fault": (dict, type(None)),
}
RUNS = {"graph": str, "precision": str, "device": str, "providers": [str], "left_out": [{"provider": str, "why": str}]}
SERVING = {
    "task": str,
    "pack": (str, type(None)),
    "space": (str, type(None)),
    "graphs": [RUNS],
    "fault": (dict, type(None)),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user who has no packs, and a machine without better providers."""
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLEY_BRIDGE_PROVIDERS", "cpu")
    monkeypatch.setenv("FOLEY_BRIDGE_THREADS", "1")
    monkeypatch.setattr("foley_bridge.inference.places.shipped_folder", lambda: tmp_path / "shipped")
    return tmp_path / "home"


def well(*args: object) -> Run:
    done = run("packs", *args)
    assert done.status == 0, done.err
    return done


def test_a_pack_comes_is_shown_used_and_goes(tmp_path: Path, home: Path) -> None:
    assert "no packs" in well().out
    assert well("add", make_pack(tmp_path / "a")).out == "tiny@1 added; it serves recommendation\n"
    added = well("add", make_pack(tmp_path / "b", name="other", seed=1)).out
    assert added == "other@1 added; it serves nothing: foley-bridge packs use other@1\n"
    assert "recommendation: tiny@1: picture and sound on cpu, 1 thread (fp32)" in well().out
    shown = well("show", "tiny").out
    for text in ("Apache-2.0", "2026-01-31", "trained_on:", "worst 1e-06, typical 1e-07 from numpy, float64 over 2 inputs"):
        assert text in shown
    assert well("use", "other").out == "other@1 used; it serves recommendation\n"
    assert "recommendation: other@1" in well().out
    assert well("remove", "other").out == "other@1 removed\n"
    assert "recommendation: tiny@1" in well().out


def test_the_objects_are_those_that_are_documented(tmp_path: Path) -> None:
    assert well("--json").json["packs"] == []
    assert_shaped(well("add", make_pack(tmp_path / "a"), "--json").json, PACK)
    listed = well("--json").json
    assert well("list", "--json").json == listed
    assert_shaped(listed, {"packs": [PACK], "serving": [SERVING]})
    assert (listed["packs"][0]["serves"], listed["serving"][0]["pack"]) == (["recommendation"], "tiny@1")
    assert [one["providers"] for one in listed["serving"][0]["graphs"]] == [[CPU], [CPU]]
    assert_shaped(well("use", "tiny", "--task", "recommendation", "--json").json, PACK)
    shown = well("show", "tiny", "--json").json
    assert shown.pop("manifest")["name"] == "tiny"
    assert_shaped(shown, PACK)
    assert well("remove", "tiny", "--json").json == {"removed": "tiny@1"}


def test_what_cannot_be_is_one_error_that_names_the_thing(tmp_path: Path) -> None:
    broken = make_pack(tmp_path / "a")
    (broken / "sound.onnx").write_bytes(b"")
    for args, message in (
        (("add", broken), f"{broken}: sound.onnx: it has 0 bytes"),
        (("add", tmp_path / "nowhere"), f"{tmp_path / 'nowhere'}: pack.json: there is no pack"),
        (("use", "tiny"), "no pack 'tiny' is installed"),
        (("show", "../a"), "no pack '../a' is installed"),
    ):
        done = run("packs", *args, "--json")
        assert done.status == 2 and done.err == ""
        assert done.json["error"]["kind"] == "PackError"
        assert done.json["error"]["message"].startswith(message) and done.json["error"]["hint"]
    assert run("packs", "--json", "show", "tiny").json["error"]["kind"] == "UsageError"


def test_a_pack_that_was_damaged_is_listed_with_what_is_wrong(tmp_path: Path, home: Path) -> None:
    well("add", make_pack(tmp_path / "a"))
    (home / "packs" / "tiny@1" / "notes.txt").write_text("mine")
    listed = well("--json").json
    assert listed["packs"][0]["fault"]["message"].endswith("tiny@1: notes.txt: pack.json does not list it")
    assert listed["serving"][0]["fault"] == listed["packs"][0]["fault"]
    assert "cannot be used" in well().out
    check, _ = doctor.packs()
    assert not check.ok and not check.needed and "notes.txt" in check.detail and check.advice


def test_the_doctor_says_what_serves_where_it_runs_and_why_not_better(tmp_path: Path) -> None:
    check, other = doctor.packs()
    assert (check.name, check.ok, check.needed) == ("pack for recommendation", False, False)
    assert "packs add" in check.advice and (other.name, other.needed) == ("pack for analogy", False)
    well("add", make_pack(tmp_path / "a"))
    check, _ = doctor.packs()
    assert check.ok and check.detail.startswith("tiny@1: picture and sound on cpu, 1 thread (fp32)")


def test_graphs_that_run_in_the_same_place_are_named_together() -> None:
    left = [{"provider": "TensorrtExecutionProvider", "why": "a"}, {"provider": "CUDAExecutionProvider", "why": "a"}]
    slow = [Runs(name, "fp32", "cpu, 2 threads", [CPU], left) for name in ("picture", "sound")]
    assert in_words(slow) == "picture and sound on cpu, 2 threads (fp32), not on tensorrt or cuda: a"
    fast = Runs("sound", "fp16", "cuda", ["CUDAExecutionProvider", CPU], [{**left[0], "why": "b"}])
    assert in_words([slow[0], fast]) == (
        "picture on cpu, 2 threads (fp32), not on tensorrt or cuda: a; sound on cuda (fp16), not on tensorrt: b"
    )


def test_a_running_daemon_says_which_packs_serve_and_sees_another_choice(tmp_path: Path, home: Path) -> None:
    def told(raw: Any) -> list[Any]:
        one, other = raw.call("capabilities")["result"]["packs"]
        assert_shaped(one, SERVING)
        assert_shaped(other, SERVING)
        assert (one["task"], other["task"]) == ("recommendation", "analogy")
        assert (other["pack"], other["fault"]) == ("mini@3", None)  # the one that ships serves what nobody else does
        return [one["pack"], one["space"], [graph["device"] for graph in one["graphs"]]]

    for seed, name in enumerate(("one", "two")):
        well("add", make_pack(tmp_path / name, name=name, seed=seed))
    with daemon(tmp_path / "daemon") as running, Raw(running.requests) as raw:
        first = told(raw)
        assert first[0] == "one@1" and first[2] == ["cpu, 1 thread"] * 2
        well("use", "two")
        second = told(raw)
    assert second[0] == "two@1" and second[1] not in (None, first[1])


def test_two_commands_at_once_add_both_packs(tmp_path: Path, home: Path) -> None:
    def add(folder: Path) -> None:
        command = [sys.executable, "-m", "foley_bridge", "packs", "add", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    with ThreadPoolExecutor() as pool:
        list(pool.map(add, [make_pack(tmp_path / name, name=name) for name in ("one", "two")]))
    assert [one["pack"] for one in well("--json").json["packs"]] == ["one@1", "two@1"]
