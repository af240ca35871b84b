"""``library map`` as a sound librarian uses it: real files through a real pack onto a page, or a reason why not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx", reason="packs are made with onnx")
from mapped import clusters, filled, sound
from packs import make_pack

from foley_bridge.cli import main
from foley_bridge.inference import places
from foley_bridge.inference.pack import Pack

RATE = 48_000


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pack:
    """In use, in a home of its own."""
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    folder = make_pack(tmp_path / "tiny")
    assert main(["packs", "add", str(folder)]) == 0
    return Pack.open(folder)


def test_low_and_high_sounds_lie_apart_on_the_map_of_real_files(
    pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = []
    for number in range(16):
        low = number % 2 == 0
        time_s = np.arange(RATE * (1 + number // 8)) / RATE
        names.append(f"{'DOORWood_door' if low else 'BELLHand_bell'} {number}_ME_SHOW")
        (tmp_path / "sounds").mkdir(exist_ok=True)
        hertz = (150 if low else 9000) * (1 + number / 50)
        soundfile.write(tmp_path / "sounds" / f"{names[-1]}.wav", 0.3 * np.sin(2 * np.pi * hertz * time_s), RATE)
    library, page = ["--library", str(tmp_path / "library")], tmp_path / "map.html"
    assert main(["library", "add", str(tmp_path / "sounds"), *library]) == 0
    capsys.readouterr()
    assert main(["library", "map", "--out", str(page), "--json", *library]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["out"], said["embedded"], said["total"], said["laid_out"]) == (str(page), 16, 16, 16)
    assert said["pack"] == "tiny@1" and sorted(each["name"] for each in said["sounds"]) == sorted(names)
    assert {kind["category"]: kind["sounds"] for kind in said["clustering"]["kinds"]} == {"DOORS": 8, "BELLS": 8}
    assert said["clustering"]["share"] == pytest.approx(0.7) and said["clustering"]["chance"] == pytest.approx(7 / 15)
    places = np.array([(each["x"], each["y"]) for each in said["sounds"]])
    doors = np.array([each["category"] == "DOORS" for each in said["sounds"]])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.where(np.eye(16), np.inf, 0)
    assert (doors[apart.argmin(axis=1)] == doors).all()
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert main(["library", "map", "--out", str(tmp_path / "map.PNG"), *library]) == 0
    assert "70% of the 10 nearest" in capsys.readouterr().out
    assert len(np.unique(cv2.imread(str(tmp_path / "map.PNG")).reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize(
    ("words", "named", "advice"),
    [
        ([], "is not said", "--out map.html"),
        (["--out", "map.pdf"], "map.pdf", ".html or .png"),
        (["--out", "nowhere/map.html"], "nowhere", "make it first"),
        (["--out", "map.html"], "not embedded", "library embed"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(
    pack: Pack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    named: str,
    advice: str,
) -> None:
    filled(tmp_path / "library", [sound("a")], clusters([1], 0.1)[0], space="other")
    monkeypatch.chdir(tmp_path)
    assert main(["library", "map", *words, "--library", str(tmp_path / "library")]) == 2
    said = capsys.readouterr().err
    assert named in said and advice in said
    assert not [*tmp_path.glob("*map*")]


def test_without_a_pack_it_says_where_one_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(places, "shipped_folder", lambda: tmp_path / "none")
    assert main(["library", "map", "--out", str(tmp_path / "map.html"), "--library", str(tmp_path / "library")]) == 2
    assert "foley-bridge packs" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="a terminal of its own, as other systems make one")
def test_ctrl_c_while_it_lays_out_leaves_the_map_before(pack: Pack, tmp_path: Path) -> None:
    vectors, _ = clusters([1500, 1500], 0.3)
    space = pack.space
    filled(tmp_path / "library", [sound(f"s{number}") for number in range(3000)], vectors, space=space)
    (tmp_path / "map.html").write_text("the one before")
    command = [sys.executable, "-m", "foley_bridge", "library", "map", "--out", str(tmp_path / "map.html")]
    screen, end = os.openpty()  # the bar is for terminals
    running = subprocess.Popen([*command, "--library", str(tmp_path / "library")], stderr=end, stdout=subprocess.DEVNULL)
    os.close(end)
    seen, ends_at = b"", time.monotonic() + 120
    while b"laying out" not in seen and time.monotonic() < ends_at:
        seen += os.read(screen, 4096)
    running.send_signal(signal.SIGINT)
    while running.poll() is None:
        try:
            seen += os.read(screen, 4096)
        except OSError:  # its end is closed
            break
    assert running.wait(60) == 130 and b"nothing was kept" in seen, seen
    os.close(screen)
    assert (tmp_path / "map.html").read_text() == "the one before" and not [*tmp_path.glob(".map*")]
