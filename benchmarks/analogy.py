"""Foley by analogy: the engine beside the published way of working, and each of its stages beside what this machine could do.

    python benchmarks/analogy_published.py --pack paper                 # networks of published sizes, random weights
    python benchmarks/analogy.py --pack paper [PACK...] [--precisions fp32,int8] [--threads 2] [--rounds 3] [--candidates 100]

The published way is ``analogy_published.py``; it begins with pictures and samples in memory. The engine (``analogy_takes.py``)
begins with a movie. In each round every stage and take runs once, one system after the other; the fastest of the rounds counts,
of the machine's rates (``analogy_floors.py``) too. A cold take has an example that was never heard before, a warm one an
example that is known; the picture is always new. Of the published way one code and one score are measured, and all codes and
scores are as many times that: they are the same work each time. The engine's takes are measured whole, its candidates drawn,
decoded and scored, all of them. All graphs are loaded before; how soon is not measured.

Which graphs a precision means depends on the pack; so each engine is named by those that it runs in smaller numbers ("int8:
decoder", "int8: decoder, picture, judged mel"). Of several packs each name is measured once.

``--cpu``: CPU seconds instead of the clock's, with one thread, for a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from analogy_floors import Machine, Work, works
from analogy_published import Published
from analogy_takes import CLIP_S, Engine, analogy_of, draw, name_of

from foley_bridge.inference import clips
from foley_bridge.inference.decode import Prefix

BATCHES = (1, 8)
QUANTISED = "int8"
WANTED = {
    ("cold", "fp32"): (6, 10),
    ("warm", "fp32"): (7, 10),
    ("warm", QUANTISED): (12, 25),
    ("candidates", "fp32"): (60, 150),
    ("candidates", QUANTISED): (60, 150),
}
"""At least so many times as fast as the published way, and the aim."""
LONG_S, MOST = 0.8, 10  # seconds, and times, after which a stage was measured often enough in a round
TAKES = {"cold": True, "warm": False}
LOOKS = 3  # stretches of the movie that a round's takes look at
AGAIN = 2  # times that many candidates are drawn: where memory is touched for the first time, that may take seconds
Calls = dict[str, Callable[[], object]]


@dataclass
class Bench:
    """Everything that is measured.

    Attributes:
        clock: seconds.
        times: of what was done, and of who did it, at best.
    """

    published: Published
    engines: dict[str, Engine]
    clock: Callable[[], float]
    times: dict[tuple[str, str], float] = field(default_factory=dict)

    def keep(self, what: str, system: str, call: Callable[[], object], most: int = MOST) -> None:
        """Do it once more, or several times where that is soon done."""
        spent = 0.0
        for _ in range(most):
            began = self.clock()
            call()
            took = self.clock() - began
            self.times[what, system] = min(took, self.times.get((what, system), took))
            spent += took
            if spent > LONG_S:
                break
        print(f"{what}, {system}: {self.times[what, system]:.3f} s", file=sys.stderr, flush=True)

    def stages(self) -> None:
        """A round of all stages."""
        for stage, calls in self._stages():
            for system, call in calls.items():
                self.keep(stage, system, call)

    def takes(self) -> None:
        """A round of takes."""
        for what, cold in TAKES.items():
            for system, engine in self.engines.items():
                self.keep(what, system, partial(engine.take, cold=cold, candidates=1), most=1)

    def candidates(self, count: int) -> None:
        """The best of many, from nothing."""
        for system, engine in self.engines.items():
            self.keep("candidates", system, partial(engine.take, cold=True, candidates=count), most=1)

    def published_s(self, what: str, candidates: int) -> float:
        """How long the published way takes: what it does, each as long as it takes at best."""
        part = {stage: took for (stage, system), took in self.times.items() if system == "published"}
        looking = 2 * part["picture"] + part["codes"]
        making = self.published.model.decoder.config.sound * part["token x 1"] + part["mel"] + part["wave"]
        return looking + (candidates * (making + part["score x 1"]) if what == "candidates" else making)

    def _stages(self) -> Iterator[tuple[str, Calls]]:
        """Each stage, and how each system does it."""
        random, published = np.random.default_rng(0), self.published
        clip, config = published.picture, published.model.decoder.config
        shown = random.normal(size=(1, 3, clip.frames, clip.size, clip.size)).astype(np.float32)
        samples = (0.1 * random.normal(size=published.sound.samples)).astype(np.float32)
        pictures, heard = torch.from_numpy(shown), torch.from_numpy(samples)
        features = torch.from_numpy(random.normal(size=(1, 2 * config.frames, config.picture)).astype(np.float32))
        codes = torch.from_numpy(random.integers(0, config.codes, (1, config.sound)))
        mel = torch.from_numpy(random.uniform(-1, 1, (1, 1, published.sound.mels, published.sound.frames)).astype(np.float32))
        known = Prefix(features[:, : config.frames].numpy(), features[:, config.frames :].numpy(), codes.numpy())
        grid, logs = codes.numpy().reshape(1, config.columns, config.rows), clips.magnitudes(mel.numpy())[:, 0]

        def of_all(call: Callable[[Engine], object], theirs: Callable[[], object] | None = None) -> Calls:
            calls: Calls = {} if theirs is None else {"published": theirs}
            return calls | {name: partial(call, engine) for name, engine in self.engines.items()}

        yield "codes", of_all(lambda e: e.codes(samples), lambda: published.codes(heard))
        yield "picture", of_all(lambda e: e.pack.features(shown), lambda: published.features(pictures))
        yield "prefix", of_all(lambda e: e.prefix(known))
        both = torch.cat([codes, codes], dim=1)
        for batch in BATCHES:
            own: Calls = {"published": lambda: published.logits(features, both)} if batch == 1 else {}
            yield f"token x {batch}", own | {name: each.token(known, batch) for name, each in self.engines.items()}
        yield "mel", of_all(lambda e: e.pack.magnitudes(grid), lambda: published.mel(codes))
        yield "judged mel", of_all(lambda e: e.pack.magnitudes(grid, e.pack.judging))
        yield "wave", of_all(lambda e: e.pack.wave(logs), lambda: published.wave(mel))
        for batch in BATCHES:
            mels = mel.numpy().repeat(batch, axis=0)
            theirs = (lambda: published.score(pictures, mel)) if batch == 1 else None
            yield f"score x {batch}", of_all(lambda e, m=mels: e.pack.offsets(shown, m), theirs)  # type: ignore[misc]


def stage_rows(bench: Bench, machine: Machine, floors: dict[str, Work]) -> list[dict[str, Any]]:
    """A row a stage: milliseconds, and how many times its floor that is."""
    rows = []
    for stage, work in floors.items():
        row: dict[str, Any] = {"stage": stage, "gflop": work.flops / 1e9, "mb": (work.weights + work.kept) / 1e6}
        for system in ("published", *bench.engines):
            if (stage, system) in bench.times:
                took_s = bench.times[stage, system]
                floor = _floor(stage, work, bench.engines.get(system))
                floor_s = floor and floor.floor_s(machine.best)
                row[system] = {"ms": took_s * 1e3, "times_floor": floor_s and took_s / floor_s}
        rows.append(row)
    return rows


def _floor(stage: str, work: Work, engine: Engine | None) -> Work | None:
    """The work that a system has at least; None where it is done in integers, whose rate is not measured."""
    if engine is None:
        return work
    others = {"prefix": "decoder", "token": "decoder", "score": "sync", "wave": "vocoder", "judged": engine.pack.judging}
    if engine.pack.session(others.get(stage.split()[0], stage)).graph.precision == "fp32":
        return work
    return work.quantised() if stage.startswith("token") else None


def take_rows(bench: Bench, candidates: int) -> list[dict[str, Any]]:
    """A row for each way of asking for sound: seconds, and how many times as fast as the published way."""
    rows = []
    for what in (*TAKES, "candidates"):
        for system, engine in bench.engines.items():
            if (what, system) in bench.times:
                took_s, theirs_s = bench.times[what, system], bench.published_s(what, candidates)
                least, aim = WANTED.get((what, engine.precision), (None, None))
                row = {"what": what, "system": system, "s": took_s, "published_s": theirs_s, "ratio": theirs_s / took_s}
                rows.append(row | {"least": least, "aim": aim})
    return rows


def tables(found: dict[str, Any]) -> str:
    """For docs/benchmarks.md."""
    systems = ["published", *found["engines"]]
    lines = [
        f"{found['threads']} threads, fastest of {found['rounds']} rounds, {found['clock']} time; products of matrices "
        f"{found['sgemm_gflops']:.0f} GFLOP/s, memory read {found['read_gbs']:.1f} GB/s.",
        "",
        "| | times as fast | at least (aim) | published | engine |",
        "|---|---|---|---|---|",
    ]
    for row in found["takes"]:
        what = f"{found['candidates']} candidates" if row["what"] == "candidates" else row["what"]
        wanted = f"{row['least']} ({row['aim']})" if row["least"] else "-"
        seconds = f"{row['published_s']:.1f} s | {row['s']:.2f} s"
        lines.append(f"| {what}, {row['system']} | {row['ratio']:.1f} | {wanted} | {seconds} |")
    lines += ["", "| stage | GFLOP | MB | " + " | ".join(f"{name}, ms (x floor)" for name in systems) + " |"]
    lines.append("|---" * (3 + len(systems)) + "|")
    for row in found["stages"]:
        cells = [_cell(row[name]) if name in row else "-" for name in systems]
        lines.append(f"| {row['stage']} | {row['gflop']:.1f} | {row['mb']:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(measured: dict[str, Any]) -> str:
    floor = measured["times_floor"]
    return f"{measured['ms']:.1f}" + (f" ({floor:.2f})" if floor else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True, nargs="+")
    parser.add_argument("--precisions", default=f"fp32,{QUANTISED}")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--candidates", type=int, default=100, help="0: leave them out")
    parser.add_argument("--stages", action="store_true", help="no takes")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    threads, clock = (1, time.process_time) if options.cpu else (options.threads, time.perf_counter)
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    published, machine = Published(), Machine(clock)
    with tempfile.TemporaryDirectory() as temporary:
        wanted = [(pack, precision) for precision in options.precisions.split(",") for pack in options.pack]
        seconds = CLIP_S * len(wanted) * (LOOKS * (options.rounds + AGAIN) + 2)
        movie = draw(Path(temporary) / "movie.mov", int(seconds))
        stretches = iter(CLIP_S * number for number in range(int(seconds / CLIP_S)))
        engines: dict[str, Engine] = {}
        for folder, precision in wanted:
            pack = analogy_of(folder, precision, threads)
            if name_of(pack, precision) not in engines:
                engines[name_of(pack, precision)] = Engine(pack, precision, movie, stretches)
        bench = Bench(published, engines, clock)
        for _ in range(options.rounds):
            machine.measure()
            bench.stages()
            if not options.stages:
                bench.takes()
        if options.candidates and not options.stages:
            for _ in range(AGAIN):
                bench.candidates(options.candidates)
            machine.measure()
    found = {
        "threads": threads,
        "rounds": options.rounds,
        "clock": "CPU" if options.cpu else "wall",
        "candidates": options.candidates,
        "engines": [*engines],
        "sgemm_gflops": machine.best.flops / 1e9,
        "read_gbs": machine.best.read / 1e9,
        "stages": stage_rows(bench, machine, works(published, BATCHES)),
        "takes": take_rows(bench, options.candidates),
    }
    print(json.dumps(found, indent=2) if options.json else tables(found))


if __name__ == "__main__":
    main()
