"""Frames for a region against PyAV's own decode of the same span, paired and alternating in one run.

    python benchmarks/frames.py MOVIE... [--json]

Per movie, mode and region: the median over pairs of (our time / PyAV's time). Ours opens the file, finds the region, decodes
it and scales every native frame; PyAV's side opens the file, seeks to the same key frame, decodes the same frames with
``thread_type="AUTO"`` and throws them away. Aim: at most 1.15.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from foley_bridge.media import video

MODES = {"gray 160": (160, True), "rgb 320": (320, False)}


def plain_decode(path: str, start: Fraction, end: Fraction) -> None:
    """PyAV alone: the frames of the span and what is needed before them."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if start:
            container.seek(int(start / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time >= end:
                break


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(path: str, pairs: int) -> list[dict[str, object]]:
    """One row per mode and region of the movie."""
    info = video.probe(path)
    rows: list[dict[str, object]] = []
    for label, (start, end) in {
        "all": (Fraction(0), info.duration),
        "middle third": (info.duration / 3, info.duration * 2 / 3),
    }.items():
        for mode, (width, gray) in MODES.items():
            size = video.fit_size(info, width=width)

            def ours(start: Fraction = start, end: Fraction = end, size: tuple[int, int] = size, gray: bool = gray) -> int:
                return sum(1 for _ in video.read_span(path, start, end, size=size, gray=gray))

            frames = ours()
            plain_decode(path, start, end)
            ratios, seconds = [], []
            for _ in range(pairs):
                reference = timed(lambda start=start, end=end: plain_decode(path, start, end))
                own = timed(ours)
                ratios.append(own / reference)
                seconds.append(own)
            rows.append(
                {
                    "movie": Path(path).name,
                    "region": label,
                    "mode": mode,
                    "frames": frames,
                    "ms_per_frame": round(1000 * statistics.median(seconds) / frames, 3),
                    "ratio": round(statistics.median(ratios), 3),
                }
            )
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("movies", nargs="+")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = [row for movie in chosen.movies for row in measure(movie, chosen.pairs)]
    overall = round(statistics.median(float(str(row["ratio"])) for row in rows), 3)
    if chosen.json:
        print(json.dumps({"rows": rows, "median_ratio": overall}))
        return
    for row in rows:
        print(f"{row['movie']:24} {row['region']:13} {row['mode']:9} {row['ms_per_frame']:8} ms/frame   x{row['ratio']}")
    print(f"median ratio {overall} (aim 1.15)")


if __name__ == "__main__":
    main()
