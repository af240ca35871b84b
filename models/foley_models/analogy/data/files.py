"""Films out of files: pictures at the rate of clips, and the sound that goes with them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import MediaError
from foley_bridge.inference.clips import ClipPicture, ClipSound, Images, kept
from foley_bridge.media import audio, video

VERSION = 1  # of how files become films: films made by another are made anew


def read(
    path: Path, start_s: Fraction, length_s: Fraction | None, picture: ClipPicture, sound: ClipSound
) -> tuple[Images, NDArray[np.float32]]:
    """A stretch of a movie.

    Args:
        start_s: media seconds.
        length_s: None: to the end of picture or sound, whichever is first.

    Returns:
        uint8 (n, h, w, 3), kept pictures, and float32 (m,), mono. The first sample is heard when the first picture is seen.

    Raises:
        MediaError: picture or sound cannot be read.
    """
    info = video.probe(path)
    if info.still:
        raise MediaError(f"{path}: is a single picture")
    samples = audio.load(path, sample_rate=sound.sample_rate, mono=True, start_s=start_s, duration_s=length_s)[:, 0]
    end_s = min(info.duration, start_s + Fraction(len(samples), sound.sample_rate))
    times = [start_s + Fraction(number, picture.fps) for number in range(int((end_s - start_s) * picture.fps))]
    if not times:
        raise MediaError(f"{path}: has no picture at {float(start_s):g} s")
    return np.stack([kept(frame.image, picture) for frame in video.read_frames(path, times)]), samples


def nothing_heard(path: Path, picture: ClipPicture) -> MediaError:
    """What is said of a film that no clip can be taken from."""
    return MediaError(f"{path}: there are no {picture.frames / picture.fps:g} s in which something is seen and heard")
