"""``recommend``: choosing for a reel beside its searches alone, listening beside bare decoding, laying beside ``transfer``.

    python benchmarks/recommend.py FOLDER [--cues 100] [--pairs 5] [--json]

FOLDER holds sounds; a catalogue of them is made in a temporary folder. Ratios are medians over pairs taken in one run, in turn:
choosing is 72 sounds for each cue, whose words are names of sounds of the folder; listening is one sound at a time, read
and analysed at 48 kHz; laying is three takes under tapped hits, rendered to the last sample.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from foley_bridge.conform import cut_for
from foley_bridge.engines import recommend, transfer
from foley_bridge.engines.candidate import Proposal
from foley_bridge.engines.pick import Ask
from foley_bridge.jobs.request import DEFAULTS
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.scan import scan
from foley_bridge.media import audio
from foley_bridge.timeline.picture import Picture, Span
from foley_bridge.timeline.regions import parse_region

LENGTH_S = 10
RATE = 48000


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def paired(name: str, ours: Callable[[], object], beside: Callable[[], object], pairs: int) -> dict[str, object]:
    """One row: seconds of each, and their ratio."""
    ours(), beside()
    times = [(timed(ours), timed(beside)) for _ in range(pairs)]
    return {
        "what": name,
        "s": round(statistics.median(a for a, _ in times), 4),
        "beside_s": round(statistics.median(b for _, b in times), 4),
        "ratio": round(statistics.median(a / b for a, b in times), 2),
    }


def rendered(proposal: Proposal) -> None:
    for candidate in proposal.candidates:
        for _ in candidate.sound.blocks():
            pass


def measure(folder: Path, cues: int, pairs: int, home: Path) -> list[dict[str, object]]:
    """All rows."""
    catalogue = Catalogue.open(home, create=True)
    scan(catalogue, [folder], watcher=lambda progress: None)
    sounds = catalogue.list()
    words = [sounds[place * len(sounds) // cues].name.replace("_", " ") for place in range(cues)]
    asks = [Ask(each, float(LENGTH_S)) for each in words]

    def search() -> None:
        for each in dict.fromkeys(words):
            catalogue.search(each, limit=200)

    rows = [paired(f"choose for {cues} cues / search", lambda: recommend.pick(asks, catalogue), search, pairs)]
    chosen = [answer[0] for answer in recommend.pick(asks, catalogue) if isinstance(answer, tuple)]

    def listen() -> None:
        for choice in chosen:
            recommend.listen_to([choice], takes=1, length_s=LENGTH_S, sample_rate=RATE)

    def decode() -> None:
        for choice in chosen:
            audio.load(choice.sound.paths[0], sample_rate=audio.probe(choice.sound.paths[0]).sample_rate)

    rows.append(paired(f"listen to {len(chosen)} sounds / decode", listen, decode, pairs))
    hit = next(choice for choice in chosen if choice.sound.duration_s < 1)
    ((choice, exemplar),), _ = recommend.listen_to([hit], takes=1, length_s=LENGTH_S, sample_rate=RATE)
    region = replace(
        parse_region(f"0-{LENGTH_S} x", Fraction(25), Fraction(LENGTH_S)),
        hits=tuple(Fraction(n, 2) for n in range(1, 2 * LENGTH_S)),
    )
    seen = transfer.look(region, DEFAULTS, Picture((Span(region.start, region.end),)))
    cut = cut_for(region.start, region.end, region.rate)
    takes = [(choice, exemplar)] * 3
    rows.append(
        paired(
            "lay three takes / transfer",
            lambda: rendered(recommend.propose(region, DEFAULTS, seen, takes, cut=cut)),
            lambda: rendered(transfer.propose(region, DEFAULTS, seen, exemplar, cut=cut)),
            pairs,
        )
    )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cues", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        rows = measure(options.folder, options.cues, options.pairs, Path(home) / "library")
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'':38}{'s':>9}{'beside s':>10}{'ratio':>8}")
    for row in rows:
        print(f"{row['what']:38}{row['s']:9.3f}{row['beside_s']:10.3f}{row['ratio']:8.2f}")


if __name__ == "__main__":
    main()
