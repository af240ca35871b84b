"""How fast folders of sounds come into the catalogue, against a bare read of the same headers by the same number of threads.

    python benchmarks/library_scan.py FOLDER [--files 10000] [--threads 1 2 4 8]

FOLDER holds real sounds. They are copied until there are enough, each copy a few bytes longer than the last, so that every file
is a sound of its own. The bare read opens each file with libsndfile, or with FFmpeg where that fails, and closes it again.
Everything has been read once before, so disks count little. Ratios within a line mean something, the rates alone little.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import soundfile

from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.fingerprint import fingerprint
from foley_bridge.library.metadata import SUFFIXES, read
from foley_bridge.library.scan import scan

CHUNK = 16


def main() -> None:
    parser = argparse.ArgumentParser(description="Files a second into the catalogue.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4, 8])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        sounds = Path(place) / "sounds"
        files = multiplied(asked.folder, sounds, asked.files)
        bare(files, max(asked.threads))
        print(f"{len(files)} files, {sum(Path(each).stat().st_size for each in files) / 1e6:.0f} MB")
        print("threads      bare read   reading alone       cold scan   unchanged rescan   (files a second; ms of CPU a file)")
        for threads in asked.threads:
            catalogue = Catalogue.open(Path(place) / f"catalogue {threads}", create=True)
            print(f"{threads:7}", measured(files, sounds, catalogue, threads), sep="  ")


def measured(files: list[str], sounds: Path, catalogue: Catalogue, threads: int) -> str:
    """A line of the table."""

    def scanned(expected: str) -> None:
        report = scan(catalogue, [sounds], threads=threads)
        assert getattr(report, expected) == len(files), report

    catalogue.optimise()
    spent = [
        timed(lambda: bare(files, threads)),
        timed(lambda: read_only(files, threads)),
        timed(lambda: scanned("added")),
        timed(lambda: scanned("unchanged")),
    ]
    columns = [f"{len(files) / wall:6.0f}/s {1000 * cpu / len(files):5.2f}" for wall, cpu in spent]
    of_bare = f"cold scan: {spent[0][0] / spent[2][0]:.2f} of bare, {spent[2][1] / spent[0][1]:.1f} times its CPU"
    return "  ".join([*columns, of_bare])


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(seconds, seconds of CPU of all threads) that ``work`` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def multiplied(source: Path, target: Path, count: int) -> list[str]:
    """That many files, as the folder has them, each a little longer than the one it is a copy of."""
    originals = sorted(each for each in source.rglob("*") if each.suffix.lower() in SUFFIXES)
    files = []
    for number, original in zip(range(count), itertools.cycle(originals), strict=False):
        copy = target / str(number // len(originals)) / original.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, copy)
        with copy.open("ab") as file:
            file.write(b"\0" * (1 + number // len(originals)))
        files.append(str(copy))
    return files


def bare(files: list[str], threads: int) -> None:
    """Open and close every file."""

    def some(paths: list[str]) -> None:
        for path in paths:
            try:
                soundfile.info(path)
            except soundfile.SoundFileError:
                av.open(path).close()

    by_threads(some, files, threads)


def read_only(files: list[str], threads: int) -> None:
    """What a scan does with every file, without putting it into a catalogue: fingerprint, headers, tags."""
    by_threads(lambda paths: [(fingerprint(path), read(path)) for path in paths], files, threads)


def by_threads(work: Callable[[list[str]], object], files: list[str], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [files[at : at + CHUNK] for at in range(0, len(files), CHUNK)]))


if __name__ == "__main__":
    main()
