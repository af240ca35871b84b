"""How fast training gets its pairs: the stage's features made, videos' features made, batches of kept features.

    python benchmarks/pairs.py [--clips 192] [--size 32 128] [--videos FOLDER] [--json]

Made: clips, and seconds of sound with their pictures, per second of CPU, in this process alone. Batches: from the first to the
last of an epoch, without worker processes, features having been read once before; per second of CPU of one thread of torch.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from foley_models.data import PairData, batches, open_data
from foley_models.data.filling import fill


def main() -> None:
    parser = argparse.ArgumentParser(description="Pairs a second.")
    parser.add_argument("--clips", type=int, default=192)
    parser.add_argument("--size", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        stage = open_data(f"stage:{asked.clips}", split="train", cache=Path(folder), seed=0)
        stage.source.make(0)  # what is imported and calculated once
        rows = [made("stage", lambda: (fill(stage, workers=0), stage)[1])]
        if asked.videos:
            spec = f"videos:{asked.videos}"
            rows.append(made("videos", lambda: open_data(spec, split="train", cache=Path(folder), seed=0, workers=0)))
        for size in asked.size:
            for contrastive in (True, False):
                rows.append(read(stage, size, contrastive))
    for each in rows:
        print(json.dumps(each) if asked.json else "  ".join(f"{name} {value}" for name, value in each.items()))


def made(what: str, work: Callable[[], PairData]) -> dict[str, Any]:
    begun = time.process_time()
    data = work()
    spent = time.process_time() - begun
    moments = sum(len(data.times(index)) for index in range(len(data)))
    rates = {"clips_per_cpu_s": f"{len(data) / spent:.1f}", "moments_per_cpu_s": f"{moments / spent:.1f}"}
    return {"made": what, "clips": len(data), **rates}


def read(data: PairData, size: int, contrastive: bool) -> dict[str, Any]:
    def epoch(number: int) -> int:
        return sum(1 for _ in batches(data, size=size, contrastive=contrastive, epoch=number))

    count = epoch(0)
    begun = time.process_time()
    epoch(1)
    spent = time.process_time() - begun
    kind = "contrastive" if contrastive else "balanced"
    rates = {"batches_per_cpu_s": f"{count / spent:.1f}", "pairs_per_cpu_s": f"{count * size / spent:.0f}"}
    return {"read": kind, "size": size, **rates}


if __name__ == "__main__":
    main()
