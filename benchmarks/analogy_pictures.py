"""The picture network's graph in its forms: as PyTorch has it (3-D) and in 2-D convolutions, in fp32 and int8.

    python benchmarks/analogy_pictures.py [--threads 2] [--rounds 8] [--size paper|mini] [--json]

Random weights; a clip of 30 pictures. In each round every form runs once, in turn; the fastest counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

import numpy as np
import torch
from analogy_published import STATISTICS
from foley_export.analogy.flat import flattened
from foley_export.analogy.tracing import traced
from foley_export.graph import OPSET
from foley_export.precision import quantised
from foley_export.running import OnCpu
from foley_models.analogy.picture.r2plus1d import SIZES, PictureConfig, R2Plus1D

SIDES = {"paper": 112, "mini": 56}
PICTURES = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--size", choices=tuple(SIZES), default="paper")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    side, random = SIDES[options.size], np.random.default_rng(0)
    shown = random.normal(size=(2, 3, PICTURES, side, side)).astype(np.float32)
    running: dict[str, OnCpu] = {}
    for statistics in STATISTICS:
        torch.manual_seed(0)
        network = R2Plus1D(PictureConfig(**{**vars(SIZES[options.size]), "batch_statistics": statistics == "call"})).eval()
        ends = (
            [("pictures", "float32", (1, 3, "pictures", side, side))],
            [("features", "float32", (1, "pictures", network.config.width))],
        )
        for form, module in (("3-D", network), ("2-D", flattened(network))):
            graph = traced(module, "picture", [torch.zeros(1, 3, 7, side, side)], ends, OPSET)
            for precision, model in (("fp32", graph), ("int8", quantised(graph, shown, at_once=1))):
                running[f"{statistics}, {precision}, {form}"] = OnCpu(model, options.threads)
                print(f"{statistics}, {precision}, {form}: made", file=sys.stderr, flush=True)
    best = dict.fromkeys(running, float("inf"))
    for _ in range(options.rounds):
        for name, graph in running.items():
            began = time.perf_counter()
            graph.run({"pictures": shown[:1]})
            best[name] = min(best[name], time.perf_counter() - began)
    if options.json:
        print(json.dumps({name: 1e3 * took for name, took in best.items()}, indent=2))
        return
    print(f"{options.threads} threads, fastest of {options.rounds} rounds, ms\n")
    print("| statistics, precision | 3-D | 2-D | ratio |\n|---|---|---|---|")
    for kind in dict.fromkeys(name.rpartition(", ")[0] for name in best):
        whole, flat = (1e3 * best[f"{kind}, {form}"] for form in ("3-D", "2-D"))
        print(f"| {kind} | {whole:.1f} | {flat:.1f} | {whole / flat:.2f} |")


if __name__ == "__main__":
    main()
