"""The example as the decoder takes it: a clip's length of its sound as codes, and what its pictures show as features."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soxr

from foley_bridge.engines.analogy.pictures import features_of
from foley_bridge.engines.analogy.remembered import Remembered
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.engines.sampled import small
from foley_bridge.engines.watch import read_media
from foley_bridge.errors import Cancelled, EngineError, FoleyError
from foley_bridge.inference import clips
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import ClipSound, Floats, Images
from foley_bridge.inference.decode import Codes
from foley_bridge.media import audio, video
from foley_bridge.timeline.picture import Media

_STEP_S = 0.05
_BEFORE_S = 0.1  # of the stretch, before its first action: an attack is not to lie on its edge
_CANCELS = 0.1  # of the louder channel's power: a sum of channels that has less than that loses the sound
_ROUNDING_S = Fraction(1, 1000)  # that a container may have rounded the end of its last picture by


@dataclass(frozen=True)
class Analogue:
    """An example, ready for the decoder.

    Attributes:
        codes: int64 (1, codes of a clip).
        features: float32 (1, pictures of a clip, features); None where the decoder takes no notice of the example's pictures.
        gain: by which sound at the level that the networks know is as loud as the example.
        notes: what a person should know.
    """

    codes: Codes
    features: Floats | None
    gain: float
    notes: tuple[str, ...]


def analogue(analogy: Analogy, exemplar: Exemplar, path: Path, start: Fraction, remembered: Remembered) -> Analogue:
    """An example as this pack takes it.

    Args:
        exemplar: listened to.
        path, start: the file it is from, and the seconds of it at which the exemplar's sound begins.
        remembered: keeps codes and features.

    Raises:
        EngineError: silent over the stretch that is used. PackError: a graph runs nowhere.
    """
    settings, notes = analogy.task.sound, []
    clip_s = settings.samples / settings.sample_rate
    begins = stretch(exemplar, clip_s)
    length_s = len(exemplar.samples) / exemplar.sample_rate
    if length_s < 0.99 * clip_s:
        notes.append(f"{exemplar.name} is {length_s:.2f} s long, where the pack listens to {clip_s:g} s: silence follows it")
    elif length_s > 1.5 * clip_s:
        notes.append(f"of {exemplar.name}, {clip_s:g} s from {begins / exemplar.sample_rate:.2f} s on are the example")
    own_rate = audio.probe(path).sample_rate
    if own_rate / 2 < settings.high_hz:
        notes.append(f"{exemplar.name} has {own_rate} samples a second: above {own_rate // 2} Hz nothing is heard of it")
    samples = sound_of(exemplar, begins, settings)
    if not np.abs(samples).max() > 0:
        raise EngineError(f"{exemplar.name} is silent when its channels are put together", "choose another example with like=")
    mel = clips.mel(clips.levelled(samples[None], settings), settings)
    codes = remembered.get(analogy.graph("codes").sha256, mel, lambda: analogy.codes(mel)).reshape(1, -1)
    features = None
    if analogy.task.decoder.condition == "all":
        shown = analogy.task.picture
        images = images_of(path, start + Fraction(begins, exemplar.sample_rate), shown)
        if images is None:
            notes.append(f"{exemplar.name} has no picture: it says what things sound like, not what they look like")
            images = np.zeros((shown.frames, shown.size, shown.size, 3), np.uint8)
        features = features_of(analogy, remembered, images)
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return Analogue(codes, features, level / settings.rms if settings.rms else 1.0, tuple(notes))


def stretch(exemplar: Exemplar, clip_s: float) -> int:
    """The sample at which the clip's length of an example begins that has most sound in it, just before one of its actions."""
    rate, samples = exemplar.sample_rate, exemplar.samples
    length = round(clip_s * rate)
    if len(samples) <= length:
        return 0
    power = np.concatenate([[0.0], np.cumsum((samples.astype(np.float64) ** 2).mean(axis=1))])
    last = len(samples) - length
    starts = {min(last, max(0, hit.start - round(_BEFORE_S * rate))) for hit in exemplar.hits}
    if exemplar.kind == "texture":
        starts |= set(range(0, last + 1, round(_STEP_S * rate)))
    return max(sorted(starts), key=lambda start: float(power[start + length] - power[start]))


def sound_of(exemplar: Exemplar, begins: int, settings: ClipSound) -> Floats:
    """A clip of an example in one channel, silence after its end: float32 (samples,).

    Args:
        begins: the sample at which it begins.
    """
    length = round(settings.samples / settings.sample_rate * exemplar.sample_rate)
    cut = exemplar.samples[begins : begins + length]
    together, powers = cut.mean(axis=1), (cut.astype(np.float64) ** 2).mean(axis=0)
    if float((together.astype(np.float64) ** 2).mean()) < _CANCELS * float(powers.max()):
        together = cut[:, int(powers.argmax())]  # channels that cancel each other
    made = soxr.resample(together, exemplar.sample_rate, settings.sample_rate, quality="HQ")[: settings.samples]
    return np.pad(made, (0, settings.samples - len(made))).astype(np.float32)


def images_of(path: Path, start: Fraction, settings: clips.ClipPicture) -> Images | None:
    """What a file shows over a clip, its last picture to the end; None where it shows nothing.

    Returns:
        uint8 (pictures, size, size, 3).
    """
    try:
        info = video.probe(path)
        media = Media("movie", path.name, str(path))
        times = [start + Fraction(k, settings.fps) for k in range(settings.frames)]
        if info.still:  # the cover of a sound
            return None
        last = max(Fraction(0), info.duration - _ROUNDING_S)
        held = [min(time, last) for time in times]
        shown = [small(frame.image, settings) for frame in read_media(media, held, None)]
    except Cancelled:
        raise
    except FoleyError:
        return None
    return np.stack(shown)
