"""A browser that runs, and a reel behind a real daemon and its page, for the tests of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from page_hands import Hands
from panel_reels import PanelReel, make_reel
from playwright.sync_api import Browser, BrowserContext, Page
from serving import Serving, serving
from system_chromium import ADVICE, SCREEN, chromium_path, launched

PATIENCE_MS = 30_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's."""
    path = chromium_path()
    if path is None:
        pytest.skip(ADVICE)
    with launched(path) as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser's profile of its own."""
    context = chromium.new_context(viewport=SCREEN)
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


@pytest.fixture(scope="session")
def page_reel(panel_daemon: Serving, tmp_path_factory: pytest.TempPathFactory) -> PanelReel:
    """The reel that the page's tests choose in; takes that one has made are there for the next."""
    return make_reel(panel_daemon, tmp_path_factory.mktemp("page") / "reel")


@pytest.fixture
def hands(page: Page, page_reel: PanelReel) -> Hands:
    """On its first region, as nobody has said anything about it."""
    return Hands(page, page_reel.link).open_untouched()
