"""``transfer`` on regions of 2 s and 60 s, as a multiple of the time that decoding the same span takes.

    python benchmarks/transfer.py [MOVIE...] [--pairs 5] [--json]

Paired and alternating in one run: per pair, PyAV decodes the span and throws the frames away (``thread_type="AUTO"``), then the
engine looks at the same span and lays out three takes, rendered to the last sample (no files). The median over pairs counts.
Without a movie, a noisy 640x360 picture at 25 fps is made; movies shorter than the region are used whole.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio
import soundfile

from foley_bridge.conform import cut_for
from foley_bridge.engines import transfer
from foley_bridge.jobs.request import DEFAULTS
from foley_bridge.media import video
from foley_bridge.timeline.picture import picture_under
from foley_bridge.timeline.regions import parse_region

RATE = 25
LENGTHS_S = (2, 60)


def draw(path: Path, seconds: int) -> Path:
    """Something falls every 0.8 s over moving noise."""
    rng = np.random.default_rng(1)
    backs = [rng.integers(90, 130, (360, 640, 3), np.uint8) for _ in range(7)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(seconds * RATE):
            image = backs[number % 7].copy()
            top = int(20 + min(1.0, (number % 20) / 9) ** 2 * 240)
            image[top : top + 60, 250:390] = (200, 180, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    return path


def decode(path: Path, end: float) -> None:
    """PyAV alone."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            if frame.time >= end:
                break


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(path: Path, seconds: int, example: Path, pairs: int) -> dict[str, object]:
    """One row."""
    info = video.probe(path)
    end = min(Fraction(seconds), info.duration)
    span = otio.opentime.TimeRange(
        otio.opentime.RationalTime(0, float(info.rate)),
        otio.opentime.RationalTime(round(info.duration * info.rate), float(info.rate)),
    )
    timeline = otio.schema.Timeline("t")
    clip = otio.schema.Clip("c", otio.schema.ExternalReference(str(path.resolve()), span), span)
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    region = parse_region(f"0-{float(end)} hits", info.rate, info.duration)
    picture = picture_under(timeline, Fraction(0), end, video.start_timecode, base=Path())
    exemplar = transfer.listen(example, sample_rate=48000)
    cut = cut_for(region.start, region.end, info.rate)

    def work() -> None:
        proposal = transfer.propose(region, DEFAULTS, transfer.look(region, DEFAULTS, picture), exemplar, cut=cut)
        for candidate in proposal.candidates:
            for _ in candidate.sound.blocks():
                pass

    work()
    plain, ours = [], []
    for _ in range(pairs):
        plain.append(timed(lambda: decode(path, float(end))))
        ours.append(timed(work))
    ratio = statistics.median(a / b for a, b in zip(ours, plain, strict=True))
    return {
        "movie": path.name,
        "region_s": float(end),
        "decode_s": round(statistics.median(plain), 3),
        "transfer_s": round(statistics.median(ours), 3),
        "times_decode": round(ratio, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("movies", nargs="*", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        example = Path(folder) / "hit.wav"
        n = np.arange(48000)
        soundfile.write(example, 0.6 * np.exp(-n / 4000) * np.cos(n / 9), 48000)
        movies = options.movies or [draw(Path(folder) / "drawn 640x360.mp4", max(LENGTHS_S))]
        rows = [measure(movie, seconds, example, options.pairs) for movie in movies for seconds in LENGTHS_S]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'movie':28}{'region s':>9}{'decode s':>10}{'transfer s':>12}{'x decode':>10}")
    for row in rows:
        print(
            f"{row['movie']:28}{row['region_s']:9.2f}{row['decode_s']:10.3f}{row['transfer_s']:12.3f}{row['times_decode']:10.2f}"
        )


if __name__ == "__main__":
    main()
