"""The audition page of reels of 5, 50 and 500 regions in a real browser, behind a real daemon and its panel.

Everything is asked of all three reels in turn, so that what else the machine does meets them alike.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from audition_reels import daemon, generated, make_media, make_row
from playwright.sync_api import Browser, Page

from foley_bridge.bridge.client import Client
from foley_bridge.bridge.places import PANEL_FOLDER

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from system_chromium import ADVICE, SCREEN, chromium_path, launched

WATCH = Path(__file__).with_suffix(".js")
PATIENCE_MS = 120_000
LATE_MS = 34
QUIET_MS = 1000
KEY_MS = 33
"""A held key comes again about so often."""
HELD, WHEELS, STILL_MS = 120, 120, 2000
STEPS = 4
"""As many as the shortest reel has after its first region."""


@dataclass
class Reel:
    """One reel, and what was seen of its page.

    Attributes:
        first_ms: the first time that it was opened at all.
        opened_ms, steps_ms: with nothing made yet: from the navigation, from the key, until picture and sound are there.
        again_ms: the same steps with everything made.
        requests, bytes: of an opening.
        late: share of the page's frames more than LATE_MS after the one before, by what was done.
        heap: after opening it, after all regions, after all of them again: see ``heap``.
    """

    regions: int
    link: str
    first_ms: float = 0.0
    opened_ms: list[float] = field(default_factory=list)
    steps_ms: list[float] = field(default_factory=list)
    again_ms: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    late: dict[str, float] = field(default_factory=dict)
    heap: list[dict[str, float]] = field(default_factory=list)


class Traffic:
    """Requests of a page and the bytes that came, counted below the page."""

    def __init__(self, page: Page) -> None:
        self.requests, self.bytes = 0, 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.dataReceived", self._came)

    def _sent(self, said: dict[str, Any]) -> None:
        self.requests += said["request"]["url"].startswith("http")

    def _came(self, said: dict[str, Any]) -> None:
        self.bytes += said["encodedDataLength"]


@contextlib.contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    """An empty tab of a profile of its own, watched from inside."""
    context = browser.new_context(viewport=SCREEN)
    context.add_init_script(path=WATCH)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def until(page: Page, told: str) -> None:
    """Waits until an expression is true; the page's policy forbids the browser's own way."""
    for _ in range(PATIENCE_MS // 10):
        if page.evaluate(told):
            return
        page.wait_for_timeout(10)
    sys.exit(f"never: {told}")


def open_page(page: Page, reel: Reel, number: int) -> float:
    """Milliseconds until the region can be played."""
    page.goto(f"{reel.link}#{number}")
    until(page, "watch.opened !== null")
    return float(page.evaluate("watch.opened"))


def steps(page: Page, count: int) -> list[float]:
    """Milliseconds from the key to what it leads to, one after the other."""
    page.evaluate("watch.steps.length = 0")
    for number in range(count):
        page.keyboard.press("j")
        until(page, f"watch.steps.length > {number}")
    return [float(each) for each in page.evaluate("watch.steps")]


def round_of(browser: Browser, reel: Reel, cache: Path, number: int) -> None:
    """Open it with nothing made, and step on; then the same with everything made."""
    shutil.rmtree(cache, ignore_errors=True)
    with tab(browser) as page:
        traffic = Traffic(page)
        opened = open_page(page, reel, number)
        reel.first_ms = reel.first_ms or opened
        page.wait_for_timeout(QUIET_MS)
        reel.opened_ms.append(opened)
        reel.requests.append(traffic.requests)
        reel.bytes.append(traffic.bytes)
        reel.steps_ms += steps(page, STEPS)
    with tab(browser) as page:
        open_page(page, reel, number)
        page.wait_for_timeout(QUIET_MS)
        reel.again_ms += steps(page, STEPS)


def late(page: Page) -> float:
    """Of the frames since it was last asked."""
    frames = page.evaluate("watch.frames.splice(0)")
    gaps = [after - before for before, after in itertools.pairwise(frames)]
    return sum(gap > LATE_MS for gap in gaps) / len(gaps)


def fluid(page: Page, reel: Reel) -> None:
    """Nothing is done, J and K are held, the strip is scrolled: there and back, as often as keys and wheel come."""
    open_page(page, reel, 1)
    page.wait_for_timeout(QUIET_MS)
    late(page)
    page.wait_for_timeout(STILL_MS)
    reel.late["still"] = late(page)
    legs = min(HELD, reel.regions - 1)
    for number in range(HELD):
        page.keyboard.down("j" if number // legs % 2 == 0 else "k")
        page.wait_for_timeout(KEY_MS)
    page.keyboard.up("j")
    reel.late["key held"] = late(page)
    until(page, "watch.there()")
    page.wait_for_timeout(QUIET_MS)
    strip = page.locator("#strip").bounding_box()
    assert strip is not None
    page.mouse.move(strip["x"] + strip["width"] / 2, strip["y"] + strip["height"] / 2)
    late(page)
    for number in range(WHEELS):
        page.mouse.wheel(0, 240 if number // (WHEELS // 4) % 2 == 0 else -240)
        page.wait_for_timeout(KEY_MS / 2)
    reel.late["strip scrolled"] = late(page)


def heap(browser: Browser, page: Page) -> dict[str, float]:
    """MB that scripts hold when what nobody needs is gone: objects, buffers behind them; nodes and listeners; and the memory of
    the page's process, what it shares aside."""
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(200)
    used, counted = session.send("Runtime.getHeapUsage"), session.send("Memory.getDOMCounters")
    session.detach()
    told = {
        "objects_mb": used["usedSize"] / 1e6,
        "buffers_mb": used.get("backingStorageSize", 0) / 1e6,
        "nodes": counted["nodes"],
        "listeners": counted["jsEventListeners"],
    }
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = [psutil.Process(each["id"]).memory_full_info().uss for each in processes if each["type"] == "renderer"]
    return {**told, "process_mb": max(sizes) / 1e6}


def all_through(browser: Browser, reel: Reel) -> None:
    """Every region, and every region again."""
    with tab(browser) as page:
        open_page(page, reel, 1)
        page.wait_for_timeout(QUIET_MS)
        reel.heap.append(heap(browser, page))
        for _ in range(2):
            page.evaluate("foley.open(1)")
            until(page, "foley.number === 1 && watch.there()")
            came = page.evaluate("count => watch.through(count)", reel.regions - 1)
            if came != reel.regions - 1:
                sys.exit(f"after region {came + 1} of {reel.regions} the next one did not come")
            page.wait_for_timeout(QUIET_MS)
            reel.heap.append(heap(browser, page))


def told(reel: Reel) -> dict[str, Any]:
    """Of one reel, medians and 95th percentiles."""
    rows: dict[str, Any] = {"regions": reel.regions, "first_ms": reel.first_ms}
    for name in ("opened_ms", "steps_ms", "again_ms"):
        taken = sorted(getattr(reel, name))
        rows[name] = {"median": statistics.median(taken), "p95": taken[int(0.95 * len(taken))], "count": len(taken)}
    rows["requests"], rows["bytes"] = statistics.median(reel.requests), statistics.median(reel.bytes)
    return {**rows, "late": reel.late, "heap": reel.heap}


def page(args: argparse.Namespace) -> None:
    path = chromium_path()
    if path is None:
        sys.exit(ADVICE)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_media(folder)
        with daemon(folder / "home") as endpoint, Client(endpoint) as client, launched(path) as browser:
            jobs = [generated(client, folder, make_row(folder, count), f"reel{count}")["job"] for count in args.regions]
            reels = [Reel(n, client.audition(job)["url"]) for n, job in zip(args.regions, jobs, strict=True)]
            for number in range(args.rounds):
                for reel in reels:
                    start = 1 + number * (reel.regions - 1 - STEPS) // max(1, args.rounds - 1)
                    round_of(browser, reel, folder / "home" / PANEL_FOLDER / "cache", start)
            for reel in reels:
                with tab(browser) as opened:
                    fluid(opened, reel)
                if not args.json:
                    show(told(reel))
            for reel in reels if args.through else ():
                all_through(browser, reel)
                if not args.json:
                    show_heap(reel)
    rows = [told(reel) for reel in reels]
    if args.json:
        print(json.dumps({"rounds": args.rounds, "reels": rows, "ratios": ratios(rows[-1], rows[0])}))
        return
    print(
        f"{rows[-1]['regions']} to {rows[0]['regions']} regions:",
        *(f"{k} {v:.2f}" for k, v in ratios(rows[-1], rows[0]).items()),
    )


def ratios(most: dict[str, Any], least: dict[str, Any]) -> dict[str, float]:
    """Of the largest reel to the smallest."""
    times = {name: most[name]["median"] / least[name]["median"] for name in ("opened_ms", "steps_ms", "again_ms")}
    return {**times, "requests": most["requests"] / least["requests"], "bytes": most["bytes"] / least["bytes"]}


def show(row: dict[str, Any]) -> None:
    head = f"{row['regions']} regions; first opening {row['first_ms']:.0f} ms, "
    print(f"{head}{row['requests']:.0f} requests, {row['bytes'] / 1e3:.0f} kB")
    for name, words in (("opened_ms", "opened"), ("steps_ms", "J, nothing made"), ("again_ms", "J, all made")):
        taken = row[name]
        print(f"  {words:16} {taken['median']:7.0f} ms, 95 % within {taken['p95']:7.0f} ms ({taken['count']})")
    print("  frames late:", ", ".join(f"{words} {share:.1%}" for words, share in row["late"].items()), flush=True)


def show_heap(reel: Reel) -> None:
    for after, held in zip(("opened", "all once", "all twice"), reel.heap, strict=True):
        print(
            f"{reel.regions} regions, {after:10}", ", ".join(f"{name} {value:.1f}" for name, value in held.items()), flush=True
        )
