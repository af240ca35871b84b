"""How fast folders of sounds come into the catalogue, against a bare read of the same headers by the same number of threads.

    python benchmarks/library_scan.py FOLDER [--files 10000] [--threads 1 2 4 8]

FOLDER holds real sounds. They are copied until there are enough, each copy a few bytes longer than the last, so that every file
is a sound of its own. The bare read opens each file with libsndfile, or with FFmpeg where that fails, and closes it again.
Everything has been read once before, so disks count little. Ratios between lines of one run mean something, the rates alone little.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import soundfile

from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.metadata import SUFFIXES
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
        print("threads   bare read   cold scan   of bare   reading alone   of bare   unchanged rescan")
        for threads in asked.threads:
            catalogue = Catalogue.open(Path(place) / f"catalogue {threads}", create=True)
            catalogue.optimise()
            begun = time.perf_counter()
            bare(files, threads)
            bare_s = time.perf_counter() - begun
            steps: list[tuple[float, str]] = []
            begun = time.perf_counter()
            report = scan(catalogue, [sounds], threads=threads)
            scan_s = time.perf_counter() - begun
            assert report.added == len(files), report
            begun = time.perf_counter()
            report = scan(catalogue, [sounds], threads=threads)
            rescan_s = time.perf_counter() - begun
            assert report.unchanged == len(files), report
            steps.clear()
            begun = time.perf_counter()
            read_only(files, threads)
            read_s = time.perf_counter() - begun
            print(
                f"{threads:7}  {len(files) / bare_s:8.0f}/s  {len(files) / scan_s:8.0f}/s  {bare_s / scan_s:8.2f}"
                f"  {len(files) / read_s:12.0f}/s  {bare_s / read_s:8.2f}  {len(files) / rescan_s:15.0f}/s"
            )


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
    from foley_bridge.library.fingerprint import fingerprint
    from foley_bridge.library.metadata import read

    by_threads(lambda paths: [(fingerprint(path), read(path)) for path in paths], files, threads)


def by_threads(work: object, files: list[str], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [files[at : at + CHUNK] for at in range(0, len(files), CHUNK)]))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
