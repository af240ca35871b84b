"""Hands on the audition page: opens a reel, looks into it, waits, and asks the panel what was saved."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from playwright.sync_api import Page

PATIENCE_S = 20
FRAME_S = 1 / 24
METAL, GRAVEL, WOOD, FAILED = 1, 2, 3, 4
"""The regions of ``panel_reels.timeline``."""

AUDIBLE = """() => {
  const { context, output } = foley.player;
  const listen = new AnalyserNode(context, { fftSize: 32768 });
  output.connect(listen);
  globalThis.loudest = 0;
  const piece = new Float32Array(listen.fftSize);
  globalThis.listening = setInterval(() => {
    listen.getFloatTimeDomainData(piece);
    for (const sample of piece) globalThis.loudest = Math.max(globalThis.loudest, Math.abs(sample));
  }, 100);
}"""
"""Listens to what comes out of the player: ``loudest`` is the highest sample so far."""


class Hands:
    """A page that is open, and the reel it shows.

    Args:
        page: a tab.
        link: of the reel's page.
    """

    def __init__(self, page: Page, link: str) -> None:
        self.page = page
        self.link = link
        base, _, self.job = link.rpartition("/reel/")
        self.api = f"{base}/api/reels/{self.job}"

    def open(self, region: int = 1) -> Hands:
        self.page.goto(f"{self.link}#{region}")
        self.until("() => globalThis.foley?.detail && !foley.loading")
        return self

    def open_untouched(self) -> Hands:
        """On the first region, as if nobody had said anything about any."""
        for region in (METAL, GRAVEL, WOOD):
            self.choose(region, {"state": "proposed"}, by="the tests")
        return self.open()

    def go(self, region: int) -> None:
        self.page.evaluate("number => foley.open(number)", region)
        self.until("number => foley.number === number && foley.detail && !foley.loading", region)

    def tell(self, expression: str, value: Any = None) -> Any:
        return self.page.evaluate(expression, value)

    def until(self, expression: str, value: Any = None) -> None:
        """Waits until it is true. (The browser's own way evaluates text, which the page's policy forbids.)"""
        ends = time.monotonic() + PATIENCE_S
        while not self.page.evaluate(expression, value):
            assert time.monotonic() < ends, f"never: {expression} {value or ''}"
            self.page.wait_for_timeout(20)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def focus_handle(self, place: int) -> None:
        """Gives an onset's handle the focus, as Tab does."""
        self.until("place => document.querySelectorAll('.handle').length > place", place)
        self.tell("place => document.querySelectorAll('.handle')[place].focus()", place)

    def told(self, path: str = "") -> dict[str, Any]:
        """What the panel answers, asked without the page."""
        with urllib.request.urlopen(self.api + path, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def settle(self) -> None:
        """Waits until everything chosen is saved."""
        self.page.wait_for_timeout(30)
        self.until("() => foley.store.saving.unsaved === 0")

    def choice(self, region: int) -> dict[str, Any]:
        """The choice as it stands in the journal."""
        self.settle()
        return self.told(f"/regions/{region}")["choice"]

    def choose(self, region: int, choice: dict[str, Any], *, by: str = "another page") -> dict[str, Any]:
        """Choose as another page would."""
        base = self.told(f"/regions/{region}")["choice"]["revision"]
        body = json.dumps({"base": base, "choice": choice, "by": by}).encode()
        asked = urllib.request.Request(
            f"{self.api}/regions/{region}/choice", body, {"Content-Type": "application/json"}, method="PUT"
        )
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def retake(self, region: int, body: dict[str, Any]) -> str:
        """Ask for takes as another page would."""
        text = json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.api}/regions/{region}/retakes", text, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            return json.load(answer)["job"]

    def placed(self, before: int) -> dict[str, Any]:
        """Waits for the take that a retake leads to, and returns it when it is heard. ``before``: how many takes there were."""
        self.until("() => !foley.placing.of(foley.number).busy")
        trouble = self.tell("() => foley.placing.of(foley.number).error?.message ?? null")
        assert trouble is None, trouble
        assert self.tell("() => foley.takes.length") > before
        self.until("() => foley.heard?.id === foley.takes.at(-1).id")
        return self.tell("() => foley.heard")
