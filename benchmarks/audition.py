"""The audition page: how soon it has what it asks for, what its picture is to its sound, what 500 regions cost it.

    python benchmarks/audition.py retake [--regions 500] [--times 50] [--json]
    python benchmarks/audition.py drift [--seconds 60] [--rates 23.976 25 29.97 60] [--ppm 0] [--json]
    python benchmarks/audition.py page [--regions 5 50 500] [--rounds 10] [--no-through] [--json]

``retake``: a real daemon, a reel of so many regions, one of them of eight seconds with onsets seen in the picture. From
sending the ``submit`` of a retake of it to having read that it is done, over ZeroMQ: with its onsets moved each time, and with
one more take each time. Beside it, from the same connection, a ``ping``, and the same region's first ``generate`` in a reel of
its own. Medians and 95th percentiles in ms; the ratios are those of the medians. Aim: onsets moved are heard within half a
second.

``drift``: the page's player in a real chromium loops a take with its picture for so long, in loops of 8 s and in a window
that does not turn meanwhile. What is seen against what is heard, from the frames that are presented and the samples that come
out: the median offset of each fifth, the drift (last less first), the slope of the straight line through all, the share of
presented frames within one frame, the worst. ``--ppm``: as with a sound card whose clock is so much faster than the system's.
Aim: a drift of less than 10 ms in a minute.

``page``: reels of so many regions behind a real daemon and its panel, in a real chromium. Until the first region can be
played; from the key J until the next region's picture and sound are there, with nothing made and with all made; requests and
bytes of an opening; frames of the page that came late (more than 34 ms after the one before) while nothing is done, while J
is held, while the strip is scrolled; what scripts hold after all regions once and twice (a few minutes; ``--no-through``
leaves it out). The ratios are those of the largest reel to the smallest.

``drift`` and ``page`` need a chromium, or its path in the variable CHROMIUM.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audition_drift import RATES, drift
from audition_page import page
from audition_reels import HITS, daemon, done, generated, make_media, make_reel

from foley_bridge.bridge.client import Client


def timed(times: int, do: Callable[[int], object]) -> list[float]:
    """Milliseconds that each takes."""
    taken = []
    for number in range(times):
        begin = time.perf_counter()
        do(number)
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


def row(what: str, taken: list[float]) -> dict[str, Any]:
    return {"what": what, "median_ms": statistics.median(taken), "p95_ms": sorted(taken)[int(0.95 * len(taken))]}


def retake(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_media(folder)
        with daemon(folder / "home") as endpoint, Client(endpoint) as client:
            alone = make_reel(folder, 1)
            generated(client, folder, alone, "warm")
            rows = [row("generate", timed(5, lambda number: generated(client, folder, alone, f"alone{number}")))]
            reel = generated(client, folder, make_reel(folder, args.regions), "reel")["job"]
            client.reel(reel)  # as whoever opens the page: the worker is started

            def asked(**what: Any) -> None:
                done(client, {"kind": "retake", "job": reel, "region": 1, **what})

            first = timed(1, lambda number: asked(hits_s=list(HITS)))
            moved = timed(args.times, lambda number: asked(hits_s=[hit + 0.004 * (number + 1) for hit in HITS]))
            more = timed(args.times, lambda number: asked(more=True))
            rows += [row("ping", timed(200, lambda number: client.ping())), row("the first retake", first)]
            rows += [row("retake, onsets moved", moved), row("retake, one more take", more)]
    by_name = {each["what"]: each["median_ms"] for each in rows}
    for each in rows:
        each["pings"] = each["median_ms"] / by_name["ping"]
        each["generates"] = each["median_ms"] / by_name["generate"]
    if args.json:
        print(json.dumps({"regions": args.regions, "rows": rows}))
        return
    for each in rows:
        print(
            f"{each['what']:24} {each['median_ms']:8.1f} ms, 95 % within {each['p95_ms']:8.1f} ms"
            f" = {each['pings']:7.1f} pings = {each['generates']:6.3f} of a generate"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parts = parser.add_subparsers(required=True)
    one = parts.add_parser("retake", help="submit to done of a retake")
    one.add_argument("--regions", type=int, default=500)
    one.add_argument("--times", type=int, default=50)
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=retake)
    one = parts.add_parser("drift", help="what is seen against what is heard")
    one.add_argument("--seconds", type=float, default=60.0)
    one.add_argument("--rates", nargs="+", choices=list(RATES), default=list(RATES), metavar="FPS")
    one.add_argument("--ppm", type=float, default=0.0)
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=drift)
    one = parts.add_parser("page", help="opening, stepping on, scrolling, memory of long reels")
    one.add_argument("--regions", type=int, nargs="+", default=[5, 50, 500], help="at least 5 each")
    one.add_argument("--rounds", type=int, default=10)
    one.add_argument("--through", action=argparse.BooleanOptionalAction, default=True)
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=page)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
