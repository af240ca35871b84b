"""How fast the sound library answers and takes in, at 200 000 entries.

    python benchmarks/library_search.py [--entries 200000] [--repeats 5]

The entries are varied from real ones (``../shared/real/audio_manifest.csv``), or made from the words of the UCS list when those
are not there: each gets words, numbers and a category in new combinations. Measured in one run, beside each other: a search as
a user asks it, a bare LanceDB full-text query for the same words and as many results, and a scan of all texts in plain Python.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder) / "library", args.entries, args.repeats)


def run(folder: Path, entries: int, repeats: int) -> None:
    """One catalogue of so many entries, measured."""
    catalogue = Catalogue.open(folder, create=True)
    made = list(sounds(entries))
    before = rss_mb()
    start = time.perf_counter()
    catalogue.upsert(made)
    added = time.perf_counter() - start
    start = time.perf_counter()
    catalogue.optimise()
    optimised = time.perf_counter() - start
    print(f"{entries} entries added in {added:.1f} s ({entries / added:.0f}/s), optimised in {optimised:.1f} s")
    print(
        f"disk {disk_mb(folder):.0f} MB; memory grew by {rss_mb() - before:.0f} MB while adding (resident, peak of the process)"
    )

    start = time.perf_counter()
    catalogue.upsert(made[: entries // 20])
    again = time.perf_counter() - start
    start = time.perf_counter()
    catalogue.optimise()
    print(f"5 % of them again: {again:.1f} s ({entries / 20 / again:.0f}/s), optimised in {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    known = len(catalogue.all_files())
    print(f"all_files: {known} in {time.perf_counter() - start:.2f} s")

    fresh = Catalogue.open(folder)
    start = time.perf_counter()
    fresh.search("door")
    print(f"first search in a process that has LanceDB loaded: {1e3 * (time.perf_counter() - start):.0f} ms")
    plain = [(each.id, " ".join((each.name, each.fx_name, each.description, *each.keywords)).lower()) for each in made]
    table = catalogue._store._table()
    print("\nmedian and 95th percentile, ms")
    print(f"{'words':28}{'search':>18}{'bare LanceDB':>18}{'plain scan':>18}   found")
    total: list[float] = []
    for query in QUERIES:
        asked = words.tokens(query)
        mine = timed(lambda query=query: catalogue.search(query, limit=20), repeats * 4)
        bare = timed(lambda asked=asked: bare_query(table, " ".join(asked)), repeats * 4)
        scan = timed(lambda query=query: plain_scan(plain, query), repeats)
        total += mine
        shown = "".join(f"{statistics.median(each):10.1f} {p95(each):7.1f}" for each in (mine, bare, scan))
        print(f"{query:28}{shown}   {len(catalogue.search(query, limit=20))}")
    print(f"{'all':28}{statistics.median(total):10.1f} {p95(total):7.1f}")
    filtered = timed(lambda: catalogue.search("door", ucs="DOORWood", length_s=(1, 4), channels=2), repeats * 4)
    print(f"door, --ucs DOORWood --length 1-4 --channels 2: {statistics.median(filtered):.1f} ms, {p95(filtered):.1f} ms")
    print(f"resident memory at the end {current_mb():.0f} MB, {len(plain)} entries of the plain scan included")


def bare_query(table: object, query: str) -> object:
    """What LanceDB by itself takes for these words and twenty results."""
    from lancedb.query import MatchQuery

    return table.search(MatchQuery(query, NAME_COLUMN), query_type="fts").select(["id", "name", "_score"]).limit(20).to_arrow()


def plain_scan(plain: list[tuple[str, str]], query: str) -> list[tuple[int, str]]:
    """The simplest search there is: how many of the words stand in each text."""
    asked = query.lower().split()
    scored = [(-sum(word in text for word in asked), key) for key, text in plain]
    return sorted(each for each in scored if each[0])[:20]


def timed(ask: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each of so many calls, after one that does not count."""
    ask()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        ask()
        found.append(1e3 * (time.perf_counter() - start))
    return found


def p95(values: list[float]) -> float:
    """The value that 95 % stay under."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def sounds(entries: int) -> Iterator[LibrarySound]:
    """Entries, always the same ones."""
    pick = random.Random(1)
    every = ucs.all_categories()
    real = list(csv.DictReader(REAL.open(encoding="utf-8"))) if REAL.is_file() else []
    print(f"entries varied from {len(real)} real ones" if real else "entries made from the words of the UCS list")
    for number in range(entries):
        row = pick.choice(real) if real else {}
        category = next((each for each in every if each.cat_id == row.get("ucs_catid")), None) or pick.choice(every)
        own = words.tokens(row.get("description", ""))[:4] or pick.sample(category.synonyms, min(2, len(category.synonyms)))
        said = category.explanations.split()
        title = " ".join((pick.choice(ADJECTIVES), *own, pick.choice(category.synonyms))).title()
        name = f"{category.cat_id}_{title} {number % 97:02}_MAKR_LIB{number % 40}"
        yield LibrarySound(
            id=sound_id(str(number)), paths=(f"/library/{category.category}/LIB{number % 40}/{number}/{name}.wav",), name=name,
            cat_id=category.cat_id, category=category.category, subcategory=category.subcategory, cat_from="file", fx_name=title,
            description=" ".join(pick.sample(said, min(5, len(said)))),
            keywords=tuple(pick.sample(category.synonyms, min(3, len(category.synonyms)))),
            duration_s=pick.random() * 20, sample_rate=48000, channels=pick.choice((1, 2)), bit_depth=24, format="WAV",
            size=number, mtime_ns=number, fingerprint=str(number), favourite=number % 200 == 0, banned=number % 201 == 0,
        )  # fmt: skip


def disk_mb(folder: Path) -> float:
    """All that lies in a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6


def rss_mb() -> float:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def current_mb() -> float:
    """The memory it has now, where that can be told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return rss_mb()


if __name__ == "__main__":
    main()
