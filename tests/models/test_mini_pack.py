"""The pack that ships: what it says of itself, that it computes what it was made from, and that it knows held-out scenes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not here: pip install 'foley-bridge[models]'")

from foley_models.data.stage import KINDS, Stage  # noqa: E402

from foley_bridge.inference.encoders import TASK, Encoders  # noqa: E402
from foley_bridge.inference.pack import Pack  # noqa: E402
from foley_bridge.inference.places import shipped_folder  # noqa: E402

HASHES = {"mini@1": "28a3e54654fcbf51e68344176add8ac6f2d4dfb491d4ce3b29782aa550a79c5a"}
"""SHA-256 of each version's manifest: another pack is another version."""
MOST_BYTES = 25_000_000
SHOWN, TOP = 48, 4


@pytest.fixture(scope="module")
def mini() -> Pack:
    return Pack.open(shipped_folder())


@pytest.fixture(scope="module")
def encoders(mini: Pack) -> Encoders:
    return Encoders(mini, threads=1, providers="cpu")


def test_it_is_the_one_that_was_published_and_says_how_it_was_made(mini: Pack) -> None:
    assert HASHES[mini.id] == mini.hash
    assert sum(file.stat().st_size for file in mini.folder.iterdir()) < MOST_BYTES
    said = mini.manifest.provenance
    assert said["command"].startswith("foley-models train recommendation --config attention-infonce ")
    assert (said["data"], said["seed"], said["held_out"]["split"]) == ("stage", 1, "test") and said["took_s"] > 0
    assert said["held_out"]["top_10"] >= 5 * 10 / said["held_out"]["pairs"]
    assert mini.manifest.licence == "Apache-2.0"


def test_it_computes_what_pytorch_did(mini: Pack, encoders: Encoders) -> None:
    golden = np.load(mini.folder / mini.tasks[TASK].golden, allow_pickle=False)
    for session, name in ((encoders.picture, "picture"), (encoders.sound, "sound")):
        given, wanted = golden[f"{name}_in"], golden[f"{name}_out"]
        assert np.abs(session.run({name: given})["embedding"] - wanted).max() < 1e-4


def test_it_finds_the_sounds_of_scenes_that_it_never_saw(encoders: Encoders) -> None:
    """Two scenes of each kind: a picture's own sound, and one of its kind, among the few nearest of all."""
    stage = Stage("test", SHOWN)
    moments = [stage.make(index) for index in range(SHOWN)]
    assert len({index % len(KINDS) for index in range(SHOWN)}) == len(KINDS)
    pictures = encoders.embed_pictures([moment.pictures[0] for moment in moments])
    sounds = encoders.embed_heard(np.stack([moment.sounds[0] for moment in moments]).astype(np.float32)[:, None])
    nearest = np.argsort(-(pictures @ sounds.T), axis=1)[:, :TOP]
    own = np.mean([index in found for index, found in enumerate(nearest)])
    alike = np.mean([any(found % len(KINDS) == index % len(KINDS)) for index, found in enumerate(nearest)])
    assert own >= 5 * TOP / SHOWN, own
    assert alike >= 0.9, alike
