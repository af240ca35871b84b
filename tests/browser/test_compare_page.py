"""The page that two packs are judged on, in a real browser, from a file: it plays, keeps what was judged, and saves it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from foley_export.comparison.blind import Key
from foley_export.comparison.compare import compare
from foley_export.comparison.reveal import reveal
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1] / "export"))
from colour_reels import make_material

pytestmark = pytest.mark.browser


def test_it_is_judged_by_keys_and_what_is_saved_reveals_the_winner(page: Page, tmp_path: Path) -> None:
    material = make_material(tmp_path / "material")
    folder = tmp_path / "comparison"
    compare((material.right, material.wrong), [material.reel], material.sounds, folder, top=2, seed=1)
    page.goto((folder / "compare.html").as_uri())
    for region in Key.read(folder).regions:
        page.keyboard.press("j")
        page.keyboard.press("a")
        page.wait_for_selector("section:focus .playing[data-side=left]")
        page.keyboard.press("d")
        page.wait_for_selector("section:focus .playing[data-side=right]")
        page.wait_for_selector(".playing", state="detached", timeout=15_000)  # heard to its end
        page.keyboard.press("1" if region.left == "a" else "3")
    page.reload()
    assert page.inner_text("#done") == "3 of 3 judged"
    with page.expect_download() as saved:
        page.click("#save")
    saved.value.save_as(tmp_path / "judgements.json")
    assert reveal(folder, tmp_path / "judgements.json").wins == {"a": 3, "b": 0}
