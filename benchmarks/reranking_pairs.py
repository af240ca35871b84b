"""What re-ranking is measured on: pictures and examples of the stage's test films, candidates, and how good each really is.

Nothing was learned from these films. Truth is the scene's own: when something is heard to begin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import librosa
import numpy as np
import soxr
from foley_models import metrics
from foley_models.analogy.data.films import FilmEvent, first_sample, heard_from
from foley_models.analogy.data.stage import SOUND_HZ, Stage
from foley_models.analogy.evaluation import onsets as heard_onsets

from foley_bridge.engines import onsets
from foley_bridge.engines.candidate import MotionFrame
from foley_bridge.inference import clips
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Prefix
from foley_bridge.inference.griffin_lim import griffin_lim
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.scene import Scene, stream
from foley_bridge.stage.sound import sound

Floats = np.ndarray
SIDE = 128  # pixels that pictures are drawn with, as those that mini learned from
WATCHED_HZ, CONTEXT_S = 30, 1  # what the weight-free detector sees
FURTHEST_S = 0.6  # a sound's offset from the true one is looked for as far as this
FILMS = 240


@dataclass(frozen=True)
class Place:
    """A stretch of a test film: its scene, dubbed as the film is, and when the stretch begins, on the grid of pictures."""

    scene: Scene
    heard: str
    start: int

    def times_s(self, length_s: float, fps: int) -> Floats:
        """When something is heard to begin, seconds from the stretch's beginning."""
        times = np.array([float(event.time_s) for event in self.scene.events if event.audible]) - self.start / fps
        return times[(times >= 0) & (times < length_s)]


def places(count: int, settings: clips.ClipPicture, sounds: clips.ClipSound) -> list[tuple[Place, Place]]:
    """Pairs of an input and an example out of another film; as many inputs as there are films, at most."""
    films = Stage("test", FILMS)
    order = stream(0, "re-ranking", "inputs").permutation(FILMS)

    def place(film: int, rng: np.random.Generator) -> Place:
        scene, heard = films.scene(film), films.heard(film)
        events = tuple(FilmEvent(float(e.time_s), e.kind, heard) for e in scene.events if e.audible)
        silence = np.zeros(int(scene.duration_s * sounds.sample_rate), np.float32)
        starts = heard_from(silence, int(scene.duration_s * settings.fps), events, settings, sounds)
        return Place(scene, heard, int(starts[rng.integers(len(starts))]))

    made = []
    for number in range(count):
        rng, film = stream(0, "re-ranking", "pair", number), int(order[number % FILMS])
        made.append((place(film, rng), place((film + int(rng.integers(1, FILMS))) % FILMS, rng)))
    return made


def kept_pictures(place: Place, settings: clips.ClipPicture, count: int) -> Floats:
    """uint8 (count, h, w, 3)."""
    moments = [Fraction(place.start + number, settings.fps) for number in range(count)]
    return np.stack([clips.kept(draw_at(place.scene, moment, (SIDE, SIDE)), settings) for moment in moments])


def true_sound(place: Place, settings: clips.ClipSound, picture: clips.ClipPicture, samples: int) -> Floats:
    """float32 (samples,)."""
    events = tuple(replace(event, material=place.heard) for event in place.scene.events)
    whole = soxr.resample(sound(replace(place.scene, events=events), sample_rate=SOUND_HZ), SOUND_HZ, settings.sample_rate)
    first = first_sample(place.start, picture, settings)
    return whole[first : first + samples].astype(np.float32)


def looked_at(place: Place, seconds: float, fps: int) -> tuple[Floats, Floats]:
    """By the weight-free detector: times from the stretch's beginning on, and confidences, of every moment it looked at."""
    begin = Fraction(place.start, fps)
    first = max(Fraction(0), begin - CONTEXT_S)
    last = min(place.scene.duration_s, begin + Fraction(seconds) + CONTEXT_S)
    size = (onsets.ANALYSIS_WIDTH, round(onsets.ANALYSIS_WIDTH * 9 / 16))
    frames = []
    for number in range(int((last - first) * WATCHED_HZ)):
        time = first + Fraction(number, WATCHED_HZ)
        frames.append(MotionFrame(float(time), cv2.cvtColor(draw_at(place.scene, time, size), cv2.COLOR_RGB2GRAY)))
    seen = onsets.detect(frames, start_s=float(begin), end_s=float(begin) + seconds).seen
    return np.array([m.time_s for m in seen]) - float(begin), np.array([m.confidence for m in seen])


@dataclass(frozen=True)
class Shown:
    """A clip as the networks see and hear it: pictures (1, 3, 30, s, s), features (1, 30, d), mel (1, 1, 80, 160)."""

    pictures: Floats
    features: Floats
    mel: Floats


def shown(analogy: Analogy, place: Place) -> Shown:
    """A stretch of a clip's length."""
    picture, sounds = analogy.task.picture, analogy.task.sound
    pictures = clips.pictures(kept_pictures(place, picture, picture.frames), picture)[None]
    samples = true_sound(place, sounds, picture, sounds.samples)
    return Shown(pictures, analogy.features(pictures), clips.mel(clips.levelled(samples[None], sounds), sounds))


def drawn(analogy: Analogy, seen: Floats, example: Floats, mel: Floats, seed: int, takes: int) -> Floats:
    """Log10 magnitudes, (takes, 80, 160), of what is made for picture features by an example's features and mel."""
    codes = analogy.codes(mel).reshape(1, -1)
    draws = stream(seed, "re-ranking", "draws").random((takes, analogy.task.rows * analogy.task.columns))
    return analogy.magnitudes(analogy.generate(Prefix(conditional=example, features=seen, codes=codes), draws))


def rendered(magnitudes: Floats, settings: clips.ClipSound) -> Floats:
    """By Griffin-Lim: (k, samples)."""
    return np.stack([griffin_lim(each, settings) for each in magnitudes])


def mel_of(samples: Floats, settings: clips.ClipSound) -> Floats:
    """What the networks hear of rendered clips: (k, 1, 80, 160)."""
    filled = np.pad(samples, ((0, 0), (0, settings.samples - samples.shape[1])))
    return clips.mel(clips.levelled(filled, settings), settings)


def profile(mel: Floats) -> Floats:
    """The logarithm of how strong each band is on average: (n, 1, 80, frames) to (n, 80)."""
    return np.log((10 ** clips.magnitudes(mel[:, 0])).mean(axis=2))


def nearer(mels: Floats, example: Floats, own: Floats) -> Floats:
    """1 where a sound's profile is more like the example's than like the input's own sound's: float64 (k,)."""
    said = [np.corrcoef(np.concatenate([profile(each), profile(mels)]))[0, 1:] for each in (example, own)]
    return (said[0] > said[1]).astype(np.float64)


def strength(samples: Floats, settings: clips.ClipSound) -> Floats:
    """librosa's onset strength: not what candidates are chosen by."""
    return librosa.onset.onset_strength(y=samples, sr=settings.sample_rate, n_fft=settings.n_fft, hop_length=settings.hop)


def offset_s(made: Floats, true: Floats, settings: clips.ClipSound) -> float:
    """How late a sound is beside the true one: where their onset strengths go together best."""
    one, other = (each - each.mean() for each in (strength(made, settings), strength(true, settings)))
    lags = np.arange(-round(FURTHEST_S * settings.sample_rate / settings.hop), 0)
    lags = np.concatenate([lags, [0], -lags[::-1]])
    fits = [float(one[max(0, lag) : len(one) + min(0, lag)] @ other[max(0, -lag) : len(other) - max(0, lag)]) for lag in lags]
    return float(lags[int(np.argmax(fits))] * settings.hop / settings.sample_rate)


def measured(samples: Floats, truth_s: Floats, true: Floats, settings: clips.ClipSound) -> dict[str, Floats]:
    """How good rendered sounds (k, samples) are beside the true one, as long; by what nothing is chosen by. float64 (k,) each.

    Returns:
        AP and F1 of librosa's onsets within 0.1 s of the true times, and by how much a sound as a whole is early or late, s.
    """
    found = [heard_onsets.heard(one, settings.sample_rate) for one in samples]
    return {
        "ap": np.array([metrics.average_precision(truth_s, each.times_s, each.confidence) for each in found]),
        "f1": np.array([metrics.f1(truth_s, each.times_s, metrics.TOLERANCE_S) for each in found]),
        "away_s": np.array([abs(offset_s(one, true, settings)) for one in samples]),
    }


def save(path: Path, arrays: dict[str, Floats]) -> None:
    """Whole or not at all."""
    beginning = path.with_suffix(".tmp")
    with beginning.open("wb") as file:
        np.savez(file, **arrays)
    beginning.replace(path)
