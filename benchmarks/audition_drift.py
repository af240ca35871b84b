"""What is seen against what is heard in the audition page's player, in a real browser, for a minute.

On the player's own bench (``tests/browser/player_bench.py``) a witness notes the frames that are presented and the samples that
come out, which say from where in the take they are; nothing that the player thinks is asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("tests", "tests/browser")]

from player_bench import Bench, bench, offsets_ms, until, witness  # noqa: E402
from playwright.sync_api import Browser  # noqa: E402
from system_chromium import ADVICE, chromium_path, launched  # noqa: E402

RATES = {"23.976": Fraction(24000, 1001), "25": Fraction(25), "29.97": Fraction(30000, 1001), "60": Fraction(60)}
LOOP_S = 8.0
SPARE_S = 5.0
"""How much longer than what is watched a window is that does not turn meanwhile."""
SETTLED_MS = 1500
LATE_MS = 34
# A sound card whose clock is not the system's, as far as a page can tell one.
OWN_CLOCK = """(ppm) => {
  const told = AudioContext.prototype.getOutputTimestamp;
  let from = null;
  AudioContext.prototype.getOutputTimestamp = function () {
    const { contextTime, performanceTime } = told.call(this);
    from ??= contextTime;
    return { contextTime: contextTime + ((contextTime - from) * ppm) / 1e6, performanceTime };
  };
}"""


@dataclass(frozen=True)
class Drift:
    """Of what was watched once, in ms; later pictures are negative.

    Attributes:
        fifths: median offset of each fifth.
        slope_ms_min: of the straight line nearest to all offsets.
        worst: the offset farthest from 0.
        within: the share of presented frames no farther than a frame of the picture.
        late: the share of the page's frames that came more than LATE_MS after the one before: the machine's part.
    """

    rate: str
    loop_s: float
    ppm: float
    presented: int
    fifths: list[float]
    drift_ms: float
    slope_ms_min: float
    within: float
    worst_ms: float
    late: float


def watched(browser: Browser, stand: Bench, name: str, *, loop_s: float, seconds: float, ppm: float) -> Drift:
    """A window's loop for some seconds."""
    rate = RATES[name]
    window = stand.window(f"drift{name}-{loop_s:.0f}", rate=rate, seconds=loop_s, takes=1)
    page = browser.new_page()
    try:
        stand.open(page)
        if ppm:
            page.evaluate(OWN_CLOCK, ppm)
        page.evaluate("window => player.load(window)", window.told)
        page.get_by_role("button", name="play").click()
        until(page, "player.playing && player.drift.samples > 0")
        page.wait_for_timeout(SETTLED_MS)
        seen = witness(page, seconds)
    finally:
        page.close()
    at_ms, offsets = offsets_ms(seen, window, take=0)
    fifths = [float(np.median(part)) for part in np.array_split(offsets, 5)]
    return Drift(
        rate=name,
        loop_s=loop_s,
        ppm=ppm,
        presented=len(offsets),
        fifths=fifths,
        drift_ms=fifths[-1] - fifths[0],
        slope_ms_min=float(np.polyfit(at_ms / 60_000, offsets, 1)[0]),
        within=float(np.mean(np.abs(offsets) <= 1000 / float(rate))),
        worst_ms=float(offsets[np.abs(offsets).argmax()]),
        late=float(np.mean(np.diff(at_ms) > LATE_MS)),
    )


def drift(args: argparse.Namespace) -> None:
    path = chromium_path()
    if path is None:
        sys.exit(ADVICE)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as stand, launched(path) as browser:
        for name in args.rates:
            for loop_s in (LOOP_S, args.seconds + SPARE_S):
                made = watched(browser, stand, name, loop_s=loop_s, seconds=args.seconds, ppm=args.ppm)
                rows.append(vars(made))
                if not args.json:
                    print(line(made), flush=True)
    if args.json:
        print(json.dumps({"seconds": args.seconds, "rows": rows}))


def line(of: Drift) -> str:
    fifths = " ".join(f"{each:+6.1f}" for each in of.fifths)
    return (
        f"{of.rate:>6} fps, loop of {of.loop_s:4.0f} s: fifths {fifths} ms, drift {of.drift_ms:+5.1f} ms, "
        f"{of.slope_ms_min:+6.2f} ms/min, {of.within:6.1%} within a frame, worst {of.worst_ms:+6.0f} ms, "
        f"{of.presented} presented, {of.late:.1%} late"
    )
