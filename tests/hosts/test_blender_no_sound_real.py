"""A Blender built without sound, as the Python module of 4.2 is: it says so, and reads and clears what others laid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blender_bench import blenders, each_blender, install
from serving import Serving, serving
from test_blender_real import GENERATE, act, reel, session, takes

DEAF = [python for version, python in blenders().items() if "without" in version]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("daemon")) as there:
        yield there


@pytest.mark.real_host
@pytest.mark.parametrize("python", DEAF or [pytest.param("", marks=pytest.mark.skip(reason="no Blender without sound here"))])
def test_it_says_so_before_anything_is_asked_for(python: str, tmp_path: Path) -> None:
    install(tmp_path, "--endpoint", "tcp://127.0.0.1:9")
    blend = reel(python, tmp_path)
    before, ran, after = session(python, blend, "look", GENERATE, "look")
    assert "was built without sound" in ran["said"] and not ran["asked"]
    assert after == before
    assert not list((tmp_path / "home" / "work").iterdir())


@each_blender()
def test_it_reads_and_clears_what_another_blender_laid(python: str, daemon: Serving, tmp_path: Path) -> None:
    deaf = next(iter(DEAF), None)
    version = next(version for version, path in blenders().items() if path == python)
    if deaf is None or not version.startswith("4."):
        pytest.skip("needs a Blender without sound, and one of 4: it does not read projects of 5")
    install(tmp_path, "--endpoint", daemon.endpoint)
    blend = reel(python, tmp_path)
    laid = session(python, blend, GENERATE, "save", "look")[2]
    select = {"do": "select", "names": ["FOLEY kettle like=hit.wav takes=3"]}
    there, _, cleared, after, _, undone = session(deaf, blend, "look", select, act("clear"), "look", "undo", "look")
    assert [take["path"] for take in takes(there)] == [take["path"] for take in takes(laid)]
    assert "1 clip taken out" in cleared["said"], cleared
    assert takes(after) == takes(there)[1:]
    assert takes(undone) == takes(there)
