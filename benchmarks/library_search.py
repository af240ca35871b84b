"""How fast the sound library answers and takes in, at 200 000 entries.

    python benchmarks/library_search.py [--entries 200000] [--repeats 20]

The entries are varied from real ones (``../shared/real/audio_manifest.csv``), or made from the words of the UCS list when those
are not there: each gets words, numbers and a category in new combinations. Measured in one run, beside each other: a search as
a user asks it, a bare LanceDB full-text query for the same words and as many results, and a scan of all texts in plain Python.
"""

from __future__ import annotations

import argparse
import csv
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lancedb
from lancedb.query import MatchQuery

from foley_bridge.library import ucs, words
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.search import NAME_COLUMN
from foley_bridge.library.sound import LibrarySound, sound_id

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "audio_manifest.csv"
QUERIES = (
    "door",
    "door slam",
    "footsteps gravel",
    "heavy wooden door creak",
    "metal impact 03",
    "glass shatter -window",
    '"car door"',
    "punch body hit fight",
    "qwertyish dor slm",
)
ADJECTIVES = (
    "heavy",
    "light",
    "soft",
    "hard",
    "old",
    "rusty",
    "small",
    "big",
    "close",
    "distant",
    "wet",
    "dry",
    "fast",
    "slow",
)


def main() -> None:
    """Make the entries, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--search-only", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.search_only:
        search_only(args.search_only)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder) / "library", args.entries, args.repeats)


def run(folder: Path, entries: int, repeats: int) -> None:
    """One catalogue of so many entries, measured."""
    catalogue = Catalogue.open(folder, create=True)
    made = list(sounds(entries))
    catalogue.count()  # loads LanceDB
    before = peak_mb()
    start = time.perf_counter()
    catalogue.upsert(made)
    added = time.perf_counter() - start
    start = time.perf_counter()
    catalogue.optimise()
    optimised = time.perf_counter() - start
    print(f"{entries} entries added in {added:.1f} s ({entries / added:.0f}/s), optimised in {optimised:.1f} s")
    print(f"the process grew by {peak_mb() - before:.0f} MB at most while adding")
    start = time.perf_counter()
    catalogue.upsert(made[: entries // 20])
    again = time.perf_counter() - start
    print(f"5 % of them again: {again:.1f} s ({entries / 20 / again:.0f}/s)")
    catalogue.optimise()
    start = time.perf_counter()
    known = len(catalogue.all_files())
    print(f"all_files: {known} in {time.perf_counter() - start:.2f} s")
    fresh = Catalogue.open(folder)
    fresh.count()
    start = time.perf_counter()
    fresh.search("door")
    print(f"first search of a process that has LanceDB loaded: {1e3 * (time.perf_counter() - start):.0f} ms")
    alone = [sys.executable, __file__, "--search-only", str(folder)]
    print(subprocess.run(alone, capture_output=True, text=True, check=True).stdout.strip())
    compare(catalogue, made, repeats)


def compare(catalogue: Catalogue, made: list[LibrarySound], repeats: int) -> None:
    """Searches beside bare LanceDB queries and plain scans, taking turns."""
    plain = [(each.id, " ".join((each.name, each.fx_name, each.description, *each.keywords)).lower()) for each in made]
    table = lancedb.connect(str(catalogue.folder)).open_table("sounds")
    print("\nmedian and 95th percentile, ms")
    print(f"{'words':28}{'search':>18}{'bare LanceDB':>18}{'plain scan':>18}   found")
    every: tuple[list[float], ...] = ([], [], [])
    start = time.perf_counter()
    for query in QUERIES:
        text = " ".join(words.tokens(query))
        ways = (
            lambda query=query: catalogue.search(query, limit=20),
            lambda text=text: bare_query(table, text),
            lambda query=query: plain_scan(plain, query),
        )
        times = timed(ways, repeats)
        for total, each in zip(every, times, strict=True):
            total += each
        print(f"{query:28}{shown(times)}   {len(catalogue.search(query, limit=20))}")
    print(f"{'all':28}{shown(every)}")
    narrow = timed((lambda: catalogue.search("door", ucs="DOORWood", length_s=(1, 4), channels=2),), repeats)
    print(f"door, of one category, length and number of channels: {shown(narrow).strip()}")
    time.sleep(max(0.0, 61 - (time.perf_counter() - start)))  # what is younger than a minute stays
    catalogue.optimise()
    print(f"disk {disk_mb(catalogue.folder):.0f} MB")


def search_only(folder: Path) -> None:
    """What a process that only searches needs: time to the first answer, and memory."""
    start = time.perf_counter()
    catalogue = Catalogue.open(folder)
    catalogue.search("door slam")
    first = time.perf_counter() - start
    for query in QUERIES * 3:
        catalogue.search(query)
    print(f"a process of its own: first answer after {first:.1f} s (with loading LanceDB), {peak_mb():.0f} MB at most")


def bare_query(table: Any, text: str) -> Any:
    """What LanceDB by itself takes for these words and twenty results."""
    query = MatchQuery(text, NAME_COLUMN)
    return table.search(query, query_type="fts").select(["id", "name", "_score"]).limit(20).to_arrow()


def plain_scan(plain: list[tuple[str, str]], query: str) -> list[tuple[int, str]]:
    """The simplest search there is: how many of the words stand in each text."""
    asked = query.lower().split()
    return sorted((-sum(word in text for word in asked), key) for key, text in plain)[:20]


def timed(ways: Sequence[Callable[[], object]], times: int) -> list[list[float]]:
    """Milliseconds of each call of each way, after one that does not count, in turns."""
    for way in ways:
        way()
    found: list[list[float]] = [[] for _ in ways]
    for _ in range(times):
        for way, each in zip(ways, found, strict=True):
            start = time.perf_counter()
            way()
            each.append(1e3 * (time.perf_counter() - start))
    return found


def shown(times: Iterable[list[float]]) -> str:
    """Median and 95th percentile of each."""
    return "".join(f"{statistics.median(each):10.1f} {sorted(each)[int(0.95 * len(each))]:7.1f}" for each in times)


def sounds(entries: int) -> Iterator[LibrarySound]:
    """Entries, always the same ones."""
    pick = random.Random(1)
    every = ucs.all_categories()
    real = list(csv.DictReader(REAL.open(encoding="utf-8"))) if REAL.is_file() else []
    print(f"entries varied from {len(real)} real ones" if real else "entries made from the words of the UCS list")
    for number in range(entries):
        row = pick.choice(real) if real else {}
        category = next((each for each in every if each.cat_id == row.get("ucs_catid")), None) or pick.choice(every)
        some = pick.sample(category.synonyms, min(2, len(category.synonyms)))
        own = words.tokens(row.get("description", ""))[:4] or some
        said = category.explanations.split()
        title = " ".join((pick.choice(ADJECTIVES), *own, pick.choice(category.synonyms))).title()
        folder = f"/library/{category.category}/LIB{number % 40}/{number}"
        name = f"{category.cat_id}_{title} {number % 97:02}_MAKR_LIB{number % 40}"
        yield LibrarySound(
            id=sound_id(str(number)), paths=(f"{folder}/{name}.wav",), name=name, fx_name=title,
            cat_id=category.cat_id, category=category.category, subcategory=category.subcategory, cat_from="file",
            description=" ".join(pick.sample(said, min(5, len(said)))),
            keywords=tuple(pick.sample(category.synonyms, min(3, len(category.synonyms)))),
            duration_s=pick.random() * 20, sample_rate=48000, channels=pick.choice((1, 2)), bit_depth=24, format="WAV",
            size=number, mtime_ns=number, fingerprint=str(number), favourite=number % 200 == 0, banned=number % 201 == 0,
        )  # fmt: skip


def disk_mb(folder: Path) -> float:
    """All that lies in a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6


def peak_mb() -> float:
    """The most memory this process ever had; Linux counts what its parent had into the usual figure, so that is not it."""
    status = Path("/proc/self/status")
    if status.is_file():
        return float(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
