"""Peak memory of ``engine=analogy`` by region length: a child process per length, its highest resident size from the system.

    python benchmarks/analogy_memory.py [--minutes 1,10] [--candidates 8] [--json]

The picture is that of ``memory.py``: small, and drawn again and again. One take by the pack that ships, from the best of 8
candidates in each window. The aim is a peak at most 1.2 times that of one minute.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from memory import draw_loop, repeat, strike


def measure(minutes: float, folder: Path, candidates: int) -> dict[str, float]:
    """Run one length; seconds of wall time and peak MB of the child."""
    loop, shot, example = folder / "loop.mp4", folder / f"{minutes:g}.mp4", folder / "hit.wav"
    if not loop.exists():
        draw_loop(loop)
        strike(example)
    repeat(loop, shot, minutes)
    command = [sys.executable, __file__, "--child", str(shot), str(example), str(folder / f"out {minutes:g}"), str(candidates)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"generate failed: {done.stdout}{done.stderr}")
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"minutes": minutes, **said}


def _child(shot: Path, example: Path, out: Path, candidates: str) -> None:
    """Do the job in this process, whose memory is the measure."""
    from foley_bridge.jobs.generate import generate
    from foley_bridge.jobs.request import GenerateRequest

    begun = time.perf_counter()
    options = {"engine": "analogy", "takes": "1", "candidates": candidates}
    result = generate(GenerateRequest(shot, out / "foley.otio", out / "media", example, options))
    assert all(region.takes for region in result.regions), "no sound was made"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print(json.dumps({"peak_mb": round(peak, 1), "seconds": round(time.perf_counter() - begun, 1)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", default="1,10")
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(float(part), Path(folder), options.candidates) for part in options.minutes.split(",")]
    for row in rows:
        row["times_first"] = round(row["peak_mb"] / rows[0]["peak_mb"], 3)
    if options.json:
        print(json.dumps({"candidates": options.candidates, "rows": rows}, indent=2))
        return
    print(f"{'minutes':>8}{'peak MB':>10}{'x first':>9}{'seconds':>9}")
    for row in rows:
        print(f"{row['minutes']:8g}{row['peak_mb']:10.1f}{row['times_first']:9.3f}{row['seconds']:9.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        shot, example, out = map(Path, sys.argv[2:5])
        _child(shot, example, out, sys.argv[5])
    else:
        main()
