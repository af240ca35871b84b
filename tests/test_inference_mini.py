"""The pack that ships: that it is what was published, and computes what it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from foley_bridge.inference import clips
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Prefix
from foley_bridge.inference.encoders import TASK
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.inference.session import Session
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.scene import Scene, make_scene
from foley_bridge.stage.sound import sound

HASHES = {
    "mini@1": "28a3e54654fcbf51e68344176add8ac6f2d4dfb491d4ce3b29782aa550a79c5a",
    "mini@2": "ff3904ac740b83717e6c89b9f4c5c314d8474bf0bebd0f1c431dbd9e7037a570",
    "mini@3": "db5823e6b94921c2a03c5591fb0fd502037f34f04e8d1318abbf3f94287ed706",
}
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
    parts = said["analogy"]
    for part in ("decoder", "codebook", "sync", "onset"):
        assert parts[part]["command"].startswith(f"foley-models train analogy {part} --size mini --data stage:")
    assert parts["decoder"]["runs"]["codebook"] == parts["codebook"]["checkpoint_sha256"]
    assert parts["decoder"]["runs"]["picture"] == parts["onset"]["checkpoint_sha256"]


@pytest.mark.parametrize("stream", ["picture", "sound"])
def test_it_computes_what_pytorch_did(mini: Pack, stream: str) -> None:
    golden = np.load(mini.folder / mini.tasks[TASK].golden, allow_pickle=False)
    graph = mini.graph(getattr(mini.tasks[TASK], f"{stream}_graph"))
    computed = Session(graph, threads=1, providers="cpu").run({stream: golden[f"{stream}_in"]})["embedding"]
    assert np.abs(computed - golden[f"{stream}_out"]).max() < 1e-4


@pytest.fixture(scope="module")
def analogy(mini: Pack) -> Analogy:
    return Analogy(mini, threads=1, providers="cpu")


def test_it_makes_by_example_what_it_was_proven_with(analogy: Analogy) -> None:
    analogy.prove()


def shown(analogy: Analogy, scene: Scene) -> np.ndarray:
    """Features of a scene's first 2 s: float32 (1, 30, d)."""
    settings = analogy.task.picture
    seen = [clips.kept(draw_at(scene, k / settings.fps, (160, 90)), settings) for k in range(settings.frames)]
    return analogy.features(clips.pictures(np.stack(seen), settings)[None])


def heard(analogy: Analogy, scene: Scene) -> np.ndarray:
    """Mels of a scene's first 2 s of sound: float32 (1, 1, 80, 160)."""
    settings = analogy.task.sound
    samples = sound(scene, sample_rate=settings.sample_rate)[None, : settings.samples]
    return clips.mel(clips.levelled(samples, settings), settings)


def made(analogy: Analogy, scene: Scene, example: Scene, takes: int = 3) -> np.ndarray:
    """Log10 magnitudes of what is made for a scene by an example: float32 (takes, 80, 160)."""
    codes = analogy.codes(heard(analogy, example)).reshape(1, -1)
    prefix = Prefix(conditional=shown(analogy, example), features=shown(analogy, scene), codes=codes)
    drawn = np.random.default_rng(5).random((takes, 50))
    return analogy.magnitudes(analogy.generate(prefix, drawn))


HITS_S = (Fraction(2, 5), Fraction(9, 10), Fraction(7, 5))


def hit(seed: int, material: str, times: Sequence[Fraction]) -> Scene:
    """A scene of 2 s that it never saw."""
    return make_scene(900 + seed, material=material, duration_s=2, variation=0.2, events=times)


def profile(magnitudes: np.ndarray) -> np.ndarray:
    """The logarithm of how strong each band is on average: (takes, 80, frames) to (80,)."""
    return np.log((10**magnitudes).mean(axis=(0, 2)))


@pytest.mark.parametrize("seed", range(3))
def test_what_it_makes_sounds_as_the_example_does_and_when_something_is_hit(analogy: Analogy, seed: int) -> None:
    """Wood is hit three times; the examples are of metal and of cardboard, hit twice at other times."""
    scene = hit(seed, "wood", HITS_S)
    examples = [hit(50 + seed, material, (Fraction(3, 10), Fraction(11, 10))) for material in ("metal", "cardboard")]
    own = [profile(clips.magnitudes(heard(analogy, example)[0])) for example in examples]
    sounds = [made(analogy, scene, example) for example in examples]
    alike = np.array([[np.corrcoef(profile(sound), each)[0, 1] for each in own] for sound in sounds])
    assert (alike.diagonal() > alike[::-1].diagonal()).all() and alike.diagonal().min() > 0.6

    rising = np.maximum(np.diff(np.log((10 ** sounds[1]).sum(axis=1) + 1e-3), axis=1), 0)  # (takes, 159), of cardboard
    settings, near = analogy.task.sound, np.zeros(159, np.bool_)
    for time in HITS_S:
        frame = round(float(time) * settings.sample_rate / settings.hop)
        near[frame - 4 : frame + 4] = True
    assert rising[:, near].mean() > 2 * rising[:, ~near].mean()


def test_it_has_no_vocoder_and_says_so(analogy: Analogy) -> None:
    assert analogy.task.wave == "griffin-lim" and not analogy.has("vocoder")


def test_it_sees_when_something_is_hit_and_when_a_sound_comes_late(analogy: Analogy) -> None:
    settings, offsets = analogy.task.picture, np.array(analogy.task.offsets_s)
    scene = hit(7, "wood", HITS_S)
    seen = [clips.kept(draw_at(scene, k / settings.fps, (160, 90)), settings) for k in range(settings.frames)]
    pictures = clips.pictures(np.stack(seen), settings)[None]
    logits = analogy.onsets(pictures)[0]
    assert {int(np.argsort(logits)[-1 - k]) for k in range(3)} <= {f + d for f in (6, 13, 14, 21) for d in (-1, 0, 1)}

    sounds = analogy.task.sound
    samples = sound(scene, sample_rate=sounds.sample_rate)[: sounds.samples]
    late = [np.roll(samples, round(shift * sounds.sample_rate)) for shift in (0.0, 0.2)]
    mels = clips.mel(clips.levelled(np.stack(late), sounds), sounds)
    found = offsets[analogy.offsets(pictures, mels).argmax(axis=1)]
    assert np.abs(found - [0.0, 0.2]).max() < 0.11
