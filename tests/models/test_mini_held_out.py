"""The pack that ships knows scenes that it never saw."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not here: pip install 'foley-bridge[models]'")

from foley_models.data.stage import KINDS, Stage

from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder

SHOWN, TOP = 48, 4


def test_it_finds_the_sounds_of_scenes_that_it_never_saw() -> None:
    """Two scenes of each kind: a picture's own sound, and one of its kind, among the few nearest of all."""
    assert 2 * len(KINDS) == SHOWN
    moments = [Stage("test", SHOWN).make(index) for index in range(SHOWN)]
    encoders = Encoders(Pack.open(shipped_folder()), threads=1, providers="cpu")
    pictures = encoders.embed_pictures([moment.pictures[0] for moment in moments])
    sounds = encoders.embed_heard(np.stack([moment.sounds[0] for moment in moments]).astype(np.float32)[:, None])
    nearest = np.argsort(-(pictures @ sounds.T), axis=1)[:, :TOP]
    own = np.mean([index in found for index, found in enumerate(nearest)])
    alike = np.mean([any(found % len(KINDS) == index % len(KINDS)) for index, found in enumerate(nearest)])
    assert own >= 5 * TOP / SHOWN, own
    assert alike >= 0.9, alike
