"""What smaller graphs cost and save on the CPU: every size of the encoders in fp32, fp16 and int8.

    python benchmarks/precision.py [--runs 10]

Weights are random (they do not change the time); one thread; medians of CPU time, which other work on the machine disturbs
little. Prints milliseconds of one input, alone and in a batch of 16, and the graph's size.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import onnx
import torch
from foley_export.graph import to_onnx
from foley_export.precision import PRECISIONS, halved, quantised
from foley_export.running import on_cpu
from foley_models.recommendation.systems import SIZES, Recommender, system

SHAPES = {"picture": (3, 224, 224), "sound": (1, 64, 100)}
BATCHES = (1, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    torch.manual_seed(0)
    for size in SIZES:
        network = Recommender(system("attention-infonce", size)).eval()
        for stream, shape in SHAPES.items():
            for line in measured(to_onnx(getattr(network, stream), stream, shape), shape, runs):
                print(f"{size:6} {stream:8} {line}", flush=True)


def measured(plain: onnx.ModelProto, shape: tuple[int, ...], runs: int) -> list[str]:
    """A line for each precision."""
    inputs = np.random.default_rng(0).normal(size=(max(BATCHES), *shape)).astype(np.float32)
    graphs = dict(zip(PRECISIONS, (plain, halved(plain), quantised(plain, inputs)), strict=True))
    sessions = {precision: on_cpu(graph, threads=1) for precision, graph in graphs.items()}
    times: dict[tuple[str, int], list[float]] = {(precision, batch): [] for precision in sessions for batch in BATCHES}
    for run in range(runs + 1):
        for precision, session in sessions.items():
            for batch in BATCHES:
                began = time.process_time()
                session(inputs[:batch])
                if run:  # the first one warms up
                    times[precision, batch].append((time.process_time() - began) / batch)
    return [
        f"{precision}  "
        + "  ".join(f"batch {batch}: {np.median(times[precision, batch]) * 1e3:6.2f} ms" for batch in BATCHES)
        + f"  {graphs[precision].ByteSize() / 1e3:6.0f} kB"
        for precision in sessions
    ]


if __name__ == "__main__":
    main()
