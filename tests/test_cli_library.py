"""``library``: a sound librarian's day on the command line: folders in, words, corrections, and what goes wrong said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from foley_bridge.cli import main
from foley_bridge.library.catalogue import Catalogue


def wav(path: Path, seconds: float = 0.1, seed: int = 0, channels: int = 1) -> Path:
    """A short noise; another seed, another content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (int(seconds * 8000), channels))
    soundfile.write(path, noise, 8000)
    return path


class Shell:
    """The command line with a library of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr of ``library WORDS --library FOLDER``."""
        status = main(["library", *words, "--library", str(self.folder)])
        out, err = self._capsys.readouterr()
        return status, out, err

    def json(self, *words: str) -> Any:
        status, out, err = self.run(*words, "--json")
        assert status == 0 and err == "", (status, err, out)
        return json.loads(out)

    def id_of(self, words: str) -> str:
        return str(self.json("search", words)["sounds"][0]["id"])


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "library", capsys)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    wav(folder / "doors" / "DOORWood_Old Door Slam_ME_SHOW.wav", seed=1)
    wav(folder / "doors" / "VEHDoor_car door_ME_SHOW.wav", seconds=0.5, seed=2, channels=2)
    wav(folder / "feet" / "FootstepsGravel01.wav", seconds=0.2, seed=3)
    return folder


def test_added_sounds_are_found_by_words_and_shown(shell: Shell, sounds: Path) -> None:
    status, out, _ = shell.run("add", str(sounds))
    assert status == 0 and "3 added" in out and "3 sounds" in out
    found = shell.json("search", "foot", "step")["sounds"]
    assert [each["name"] for each in found] == ["FootstepsGravel01"] and found[0]["score"] == 1.0
    status, out, _ = shell.run("search", "door")
    assert status == 0 and "car door" in out and "Gravel" not in out and found[0]["id"] not in out
    status, out, _ = shell.run("show", found[0]["id"][:6])
    assert found[0]["id"] in out and "8000 Hz, 1 channel" in out and str(sounds / "feet" / "FootstepsGravel01.wav") in out


def test_the_same_folder_again_brings_the_library_up_to_date(shell: Shell, sounds: Path) -> None:
    shell.run("add", str(sounds))
    (sounds / "doors" / "VEHDoor_car door_ME_SHOW.wav").unlink()
    wav(sounds / "bell.wav", seed=9)
    report = shell.json("add", str(sounds))
    assert (report["added"], report["vanished"], report["unchanged"], report["sounds"]) == (1, 1, 2, 3)


def test_conditions_narrow_a_search(shell: Shell, sounds: Path) -> None:
    shell.run("add", str(sounds))

    def names(*words: str) -> set[str]:
        return {each["name"] for each in shell.json("search", *words)["sounds"]}

    assert names("door", "--ucs", "DOORWood") == {"DOORWood_Old Door Slam_ME_SHOW"}
    assert names("door", "--channels", "2") == names("--length", "0.4-1") == {"VEHDoor_car door_ME_SHOW"}
    assert names("--length", "-0.15") == {"DOORWood_Old Door Slam_ME_SHOW"}
    assert names("door", "-car") == {"DOORWood_Old Door Slam_ME_SHOW"}
    assert names("old door slam") == names("old", "door", "slam") == names("door"), "quotes of the shell are none of the search"
    assert names('"door slam"') == names('"old', 'door"') == {"DOORWood_Old Door Slam_ME_SHOW"}
    assert len(names()) == 3 and len(names("--limit", "1")) == 1


def test_corrections_are_kept_by_a_scan_and_can_be_taken_back(shell: Shell, sounds: Path) -> None:
    shell.run("add", str(sounds))
    key = shell.id_of("car door")
    edited = shell.json("edit", key, "--ucs", "VEHTire", "--description", "a hatchback", "--favourite", "--collection", "MINE")
    assert (edited["cat_id"], edited["cat_from"], edited["favourite"], edited["library"]) == ("VEHTire", "user", True, "MINE")
    os.utime(sounds / "doors" / "VEHDoor_car door_ME_SHOW.wav", (1, 1))
    shell.run("add", str(sounds))
    assert shell.json("show", key)["description"] == "a hatchback"
    assert "(yours)" in shell.run("show", key)[1]
    assert [each["id"] for each in shell.json("list", "--favourites")["sounds"]] == [key]
    back = shell.json("edit", key, "--reset", "description", "--reset", "ucs", "--reset", "collection", "--no-favourite")
    assert back["edited"] == [] and back["description"] == "" and not back["favourite"]


def test_a_banned_sound_is_listed_but_not_found(shell: Shell, sounds: Path) -> None:
    shell.run("add", str(sounds))
    key = shell.id_of("car door")
    shell.run("edit", key, "--ban")
    assert key not in [each["id"] for each in shell.json("search", "car door")["sounds"]]
    assert [each["id"] for each in shell.json("list", "--banned")["sounds"]] == [key]
    assert "banned" in shell.run("list")[1]


def test_removed_sounds_leave_their_files(shell: Shell, sounds: Path) -> None:
    shell.run("add", str(sounds))
    assert shell.json("remove", shell.id_of("car door"), shell.id_of("gravel")) == {"removed": 2}
    assert shell.json("list")["total"] == 1 and (sounds / "doors" / "VEHDoor_car door_ME_SHOW.wav").is_file()


def test_lists_say_when_there_is_more(shell: Shell, sounds: Path) -> None:
    shell.run("add", str(sounds))
    assert "3 shown" in shell.run("list")[1] and "--limit" not in shell.run("list")[1]
    out = shell.run("list", "--limit", "2")[1]
    assert "2 shown; the library has 3" in out and "--limit" in out


def test_files_that_cannot_be_read_are_named_with_the_reason_and_the_rest_is_done(shell: Shell, sounds: Path) -> None:
    (sounds / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEnothing")
    status, out, err = shell.run("add", str(sounds))
    assert status == 1 and "3 added" in out
    assert str(sounds / "broken.wav") in err and "1 could not be read" in err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["search", "door"], "library"),
        (["list"], "library"),
        (["show", "abc"], "library"),
        (["add", "/nowhere/at/all"], "nowhere"),
    ],
)
def test_what_is_not_there_is_named(shell: Shell, words: list[str], named: str) -> None:
    status, out, err = shell.run(*words)
    assert status == 2 and out == "" and named in err and "what to do" in err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["show", "zz'; DROP"], "DROP"),
        (["edit", "KEY"], "nothing to change"),
        (["edit", "KEY", "--ucs", "NOPE"], "NOPE"),
        (["edit", "KEY", "--reset", "name"], "name"),
        (["search", "door", "--length", "4"], "4"),
        (["search", "door", "--length", "x-y"], "x-y"),
        (["search", "door", "--length", "3-2"], "3"),
        (["search", "door", "--ucs", "' OR 1=1"], "OR 1=1"),
        (["search", "door", "--limt", "3"], "--limt"),
        (["search", "door", "--channels", "0"], "channels"),
        (["remove"], "ID"),
    ],
)
def test_bad_input_is_one_message_that_names_it(shell: Shell, sounds: Path, words: list[str], named: str) -> None:
    shell.run("add", str(sounds))
    key = shell.id_of("car door")
    status, out, err = shell.run(*(key if word == "KEY" else word for word in words))
    assert status == 2 and out == "" and named in err and "Traceback" not in err
    status, out, _ = shell.run(*(key if word == "KEY" else word for word in words), "--json")
    assert status == 2 and named in json.loads(out)["error"]["message"]
    assert shell.json("list")["total"] == 3


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_ctrl_c_keeps_what_is_in_and_the_next_run_goes_on(tmp_path: Path) -> None:
    whole = wav(tmp_path / "one.wav", seconds=0.01).read_bytes()
    (tmp_path / "sounds").mkdir()
    for number in range(3000):
        (tmp_path / "sounds" / f"door {number}.wav").write_bytes(whole[:-4] + number.to_bytes(4, "little"))
    command = [sys.executable, "-m", "foley_bridge", "library", "add", str(tmp_path / "sounds"), "--threads", "1"]
    command += ["--library", str(tmp_path / "library"), "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    ends_at = time.monotonic() + 60
    while not (tmp_path / "library" / "sounds.lance" / "data").is_dir() and time.monotonic() < ends_at:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130 and json.loads(out)["error"]["kind"] == "Cancelled" and err == ""
    assert "stays" in json.loads(out)["error"]["message"]
    before = Catalogue.open(tmp_path / "library").count()
    assert 0 < before <= 3000
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    assert report["sounds"] == 3000 and report["added"] == 3000 - before and report["unchanged"] == before


def test_help_needs_neither_numpy_nor_lancedb() -> None:
    code = (
        "import sys; from foley_bridge.cli import main; main(['library', 'add', '--help']); main(['library', '--help'])\n"
        "print([name for name in ('numpy', 'lancedb', 'pyarrow', 'av', 'soundfile') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
