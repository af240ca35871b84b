"""The paper's Tables 1a and 1b on the stage: every system, several seeds, the same budget of clips for all, then one report.

    python benchmarks/stage_tables.py --out tables [--size tiny] [--clips 3000] [--epochs 5] [--seeds 5]

Each run is `foley-models train recommendation` with AdamW and a cosine over --epochs (a third of them for `finetuned`, which
begins with the `attention-infonce` run of its seed), mixed precision and the paper's batch and temperature; the report is
`foley-models evaluate recommendation --seeds`. Ended and begun again it goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from foley_models.recommendation.systems import FINETUNED_FROM, SYSTEMS, SystemConfig

LEARNING_RATE = 0.002


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--clips", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="of the stage's features; in --out if not given")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    cache = asked.cache or asked.out / "cache"
    runs = []
    for seed in range(asked.seeds):
        for system in SYSTEMS.values():
            run = asked.out / f"{system.name}-{seed}"
            origin = FINETUNED_FROM.get(system.name)
            epochs = max(1, asked.epochs // 3) if origin else asked.epochs
            begin = ["--from", asked.out / f"{origin}-{seed}"] if origin else []
            foley_models(
                "train", "recommendation", "--config", system.name, "--size", asked.size, "--data", f"stage:{asked.clips}",
                "--out", run, "--cache", cache, "--optimizer", "adamw", "--lr", LEARNING_RATE, "--schedule", "cosine",
                "--steps", steps(system, asked.clips, epochs), "--seed", seed, "--amp", "--threads", asked.threads,
                "--workers", 0, *begin,
            )  # fmt: skip
            runs.append(run)
    foley_models(
        "evaluate", "recommendation", *runs, "--data", "stage", "--seeds", "--cache", cache,
        "--threads", asked.threads, "--markdown", "--out", asked.out / "report.md",
    )  # fmt: skip
    print(f"{asked.out / 'report.md'}")


def steps(system: SystemConfig, clips: int, epochs: int) -> int:
    """How many see every clip so many times: balanced batches have two pairs of each clip, contrastive ones one."""
    return epochs * (clips if system.contrastive else 2 * clips) // system.batch


def foley_models(*arguments: object) -> None:
    """Run a command of it; ends this one when it fails."""
    done = subprocess.run([sys.executable, "-m", "foley_models", *map(str, arguments)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
