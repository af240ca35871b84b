"""A browser that runs, and a reel behind a real daemon and its page, for the tests of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from panel_reels import PanelReel, make_reel
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from serving import Serving, serving

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 30_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's chromium, without a window. A page may make no sound before its user did something, as anywhere."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no chromium here: install one, or name it in the variable CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser's profile of its own."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """An empty tab. A test fails when a script of the page did."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"{error.message}\n{error.stack}"))
    yield page
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def panel_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A daemon with a library and a page of its own."""
    home = tmp_path_factory.mktemp("panel") / "home"
    with serving(home, "--library", home / "library", "--panel", "127.0.0.1:0") as running:
        yield running


@pytest.fixture
def new_reel(panel_daemon: Serving, tmp_path: Path) -> Callable[[str], PanelReel]:
    """Makes a reel that nobody else chooses in."""
    return lambda name="reel": make_reel(panel_daemon, tmp_path / name)


@pytest.fixture(scope="session")
def panel_reel(panel_daemon: Serving, tmp_path_factory: pytest.TempPathFactory) -> PanelReel:
    """A reel of four regions (see ``panel_reels.timeline``) that tests share: what one chooses the next one sees."""
    return make_reel(panel_daemon, tmp_path_factory.mktemp("shared") / "reel")
