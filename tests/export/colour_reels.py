"""A reel of three colours, sounds of three pitches, a pack that knows which go together and one that is wrong about them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import onnx
import opentimelineio as otio
import soundfile
from onnx import numpy_helper
from opentimelineio.opentime import RationalTime, TimeRange
from packs import make_pack, read_manifest, write_manifest

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 210)}
PITCHES = {"red": 120.0, "green": 4000.0, "blue": 9000.0}
RATE, LENGTH_S = 25, 2


@dataclass(frozen=True)
class Material:
    """Where it lies."""

    reel: Path
    sounds: Path
    right: Path
    wrong: Path


def make_material(folder: Path) -> Material:
    folder.mkdir(parents=True, exist_ok=True)
    right = make_pack(folder / "right", name="right")
    return Material(_reel(folder), _sounds(folder / "sounds"), right, _wrong(right, folder / "wrong"))


def _reel(folder: Path) -> Path:
    movie = folder / "colours.mp4"
    with av.open(str(movie), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for colour in COLOURS.values():
            image = np.full((90, 160, 3), colour, np.uint8)
            for _ in range(RATE * LENGTH_S):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    length = RATE * LENGTH_S
    whole = TimeRange(RationalTime(0, RATE), RationalTime(length * len(COLOURS), RATE))
    clip = otio.schema.Clip("colours", otio.schema.ExternalReference(movie.name, whole), whole)
    timeline = otio.schema.Timeline("colours")
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind=otio.schema.TrackKind.Video))
    for number, name in enumerate(COLOURS):
        marked = TimeRange(RationalTime(number * length, RATE), RationalTime(length, RATE))
        timeline.tracks.markers.append(otio.schema.Marker(f"FOLEY {name}", marked))
    otio.adapters.write_to_file(timeline, str(folder / "colours.otio"))
    return folder / "colours.otio"


def _sounds(folder: Path) -> Path:
    folder.mkdir()
    at = np.arange(48000 * 3) / 48000
    for name, hz in PITCHES.items():
        for k in (1, 2):
            tone = 0.1 * k * np.sin(2 * np.pi * hz * (1 + 0.02 * k) * at)
            soundfile.write(folder / f"{name} {k}.wav", tone, 48000, subtype="PCM_16")
    (folder / "broken.wav").write_bytes(b"RIFF, and nothing more")
    return folder


def _wrong(right: Path, folder: Path) -> Path:
    """The same, but it takes red for green, green for blue, and blue for red."""
    shutil.copytree(right, folder)
    model = onnx.load(folder / "picture.onnx")
    for tensor in model.graph.initializer:
        if tensor.name == "weights":
            weights = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(np.roll(weights, -len(weights) // 3, axis=0), tensor.name))
    (folder / "picture.onnx").write_bytes(model.SerializeToString())
    _golden(folder, model)
    write_manifest(folder, {**read_manifest(folder), "name": "wrong"})
    return folder


def _golden(folder: Path, model: onnx.ModelProto) -> None:
    from foley_export.running import on_cpu

    with np.load(folder / "golden.npz") as file:
        golden = dict(file)
    golden["picture_out"] = on_cpu(model)(golden["picture_in"])
    np.savez(folder / "golden.npz", **golden)


def pitch_of(path: Path) -> float:
    """The strongest frequency of a file, Hz."""
    samples, rate = soundfile.read(path, always_2d=True)
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples))))
    return float(spectrum.argmax() * Fraction(rate, len(samples)))
