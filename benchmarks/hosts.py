"""Random placements with faults in all four hosts, and what reading and laying a large project asks of REAPER.

    python benchmarks/hosts.py [--worlds 1000] [--hosts reaper resolve blender ardour] [--json]

REAPER and Resolve are the simulated ones of the tests. Blender needs FOLEY_BRIDGE_BPY (``.ci/hosts``), Ardour ``ardour7-lua``;
what is not there is said and left out. Ends at the first false word, with what it was: a success whose clips are not there, a
refusal that left something behind, or one that does not name what is in the way.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("tests", "tests/hosts", "host_scripts/core/python", "host_scripts/resolve")]

from oracle import fault_in  # noqa: E402
from reaper_bench import Bench, item  # noqa: E402
from reaper_model import Marker, Project, Track  # noqa: E402
from reaper_scenarios import World  # noqa: E402
from scenarios import located, materials, scenarios  # noqa: E402

SEED = 21
ITEMS, REGIONS = 1000, 100
Row = dict[str, Any]


def reaper(folder: Path, count: int) -> list[Row]:
    media = folder / "media"
    materials(media)
    ended: Counter[str] = Counter()
    most = 0
    for plain in scenarios(count, SEED, "samples"):
        made = World(located(plain, media), folder)
        judge(made.world, made.outcome, made.dump)
        ended[word(made.outcome)] += 1
        most = max(most, made.reaper.most_calls)
    return [row("REAPER (simulated)", ended, f"{most} calls in a tick at most, but for laying")]


def resolve(folder: Path, count: int) -> list[Row]:
    import resolve_driver

    materials(folder)
    ended: Counter[str] = Counter()
    for world in scenarios(3 * count, SEED):
        if not resolve_driver.expressible(world):
            continue
        done = resolve_driver.driven(world, folder)
        judge(done["world"], done["outcome"], done["dump"])
        ended[word(done["outcome"])] += 1
        if ended.total() == count:
            break
    return [row("Resolve (simulated)", ended)]


def blender(folder: Path, count: int) -> list[Row]:
    import blender_bench
    import test_blender_worlds_real

    rows = []
    for name, python in blender_bench.blenders().items():
        if "without sound" in name:
            rows.append({"host": f"Blender ({name})", "note": "lays no sound"})
            continue
        own = folder / name
        own.mkdir()
        rows.append(row(f"Blender ({name})", test_blender_worlds_real.judged(python, own, count, SEED)))
    return rows or [{"host": "Blender", "note": "not here: set FOLEY_BRIDGE_BPY"}]


def ardour(folder: Path, count: int) -> list[Row]:
    import shutil

    import test_ardour_worlds_real

    if shutil.which("ardour7-lua") is None:
        return [{"host": "Ardour", "note": "not here: no ardour7-lua"}]
    return [row("Ardour 7.3", test_ardour_worlds_real.judged(folder, count, SEED))]


def large_project(folder: Path) -> Row:
    """What the simulated REAPER is asked to read a project with many items and regions."""
    project = Project(str(folder / "reel.rpp"), 25.0)
    track = Track("Sound")
    track.items = [item(folder / "a.wav", 2.0 * number, 1.5) for number in range(ITEMS)]
    project.state.tracks.append(track)
    project.state.markers += [Marker(20.0 * number, 20.0 * number + 5, "FOLEY hit", number + 1) for number in range(REGIONS)]
    bench = Bench(project, folder)
    asked = {}
    for name in ("project", "ranges", "points", "tracks", "own_tracks"):
        before = sum(bench.reaper.counts.values())
        bench.ask(name)
        asked[name] = sum(bench.reaper.counts.values()) - before
    return {"items": ITEMS, "regions": REGIONS, "calls": asked}


def judge(world: Row, outcome: Row, dump: Row) -> None:
    wrong = fault_in(world, outcome, dump)
    assert wrong is None, f"{world['name']} {world['faults']}: {wrong}"


def word(outcome: Row) -> str:
    return "laid" if outcome["ok"] else "refused"


def row(host: str, ended: Counter[str], note: str = "") -> Row:
    count = ended["laid"] + ended["refused"]
    return {"host": host, "worlds": count, "laid": ended["laid"], "refused": ended["refused"], "false": 0, "note": note}


HOSTS: dict[str, Callable[[Path, int], list[Row]]] = {
    "reaper": reaper,
    "resolve": resolve,
    "blender": blender,
    "ardour": ardour,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--hosts", nargs="+", choices=HOSTS, default=list(HOSTS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    for name in args.hosts:
        with tempfile.TemporaryDirectory() as folder:
            found = HOSTS[name](Path(folder), args.worlds)
        rows += found
        if not args.json:
            for each in found:
                print("  ".join(f"{key} {value}" for key, value in each.items() if value != ""), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        large = large_project(Path(folder))
    print(json.dumps({"hosts": rows, "large_project": large}, indent=2) if args.json else large)


if __name__ == "__main__":
    main()
