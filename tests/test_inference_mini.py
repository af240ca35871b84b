"""The pack that ships: that it is what was published, and computes what it was made from."""

from __future__ import annotations

import numpy as np
import pytest

from foley_bridge.inference.encoders import TASK
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.inference.session import Session

HASHES = {"mini@1": "28a3e54654fcbf51e68344176add8ac6f2d4dfb491d4ce3b29782aa550a79c5a"}
"""SHA-256 of each version's manifest: another pack is another version."""
MOST_BYTES = 25_000_000


@pytest.fixture(scope="module")
def mini() -> Pack:
    return Pack.open(shipped_folder())


def test_it_is_the_one_that_was_published_and_says_how_it_was_made(mini: Pack) -> None:
    assert HASHES[mini.id] == mini.hash
    assert sum(file.stat().st_size for file in mini.folder.iterdir()) < MOST_BYTES
    said = mini.manifest.provenance
    assert said["command"].startswith("foley-models train recommendation --config attention-infonce ")
    assert (said["data"], said["seed"], said["held_out"]["split"]) == ("stage", 1, "test") and said["took_s"] > 0
    assert said["held_out"]["top_10"] >= 5 * 10 / said["held_out"]["pairs"]
    assert mini.manifest.licence == "Apache-2.0"


@pytest.mark.parametrize("stream", ["picture", "sound"])
def test_it_computes_what_pytorch_did(mini: Pack, stream: str) -> None:
    golden = np.load(mini.folder / mini.tasks[TASK].golden, allow_pickle=False)
    graph = mini.graph(getattr(mini.tasks[TASK], f"{stream}_graph"))
    computed = Session(graph, threads=1, providers="cpu").run({stream: golden[f"{stream}_in"]})["embedding"]
    assert np.abs(computed - golden[f"{stream}_out"]).max() < 1e-4
