"""The listening study's page in a real browser, from a file: it plays, asks, remembers, and saves what Table 2 is made of."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytest.importorskip("foley_models", reason="the extra `models` is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from foley_models.analogy.study.answers import read
from foley_models.analogy.study.key import Key
from foley_models.analogy.study.making import make
from foley_models.analogy.study.table import Results
from study_kept import kept

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of four sets, the first of them practice."""
    base = tmp_path_factory.mktemp("study")
    make(kept(base / "kept", pairs=3), base / "study", sets=4, practice=1)
    return base / "study"


def opened(page: Page, folder: Path, participant: str | None = None) -> None:
    asked = f"?participant={participant}" if participant else ""
    page.goto((folder / "study" / "study.html").as_uri() + asked)


def state(page: Page, folder: Path) -> dict[str, Any]:
    kept_there: str = page.evaluate("name => localStorage.getItem(name)", f"foley-study-{Key.read(folder).id}")
    return dict(json.loads(kept_there))


def watch(page: Page, *keys: str) -> None:
    """Plays clips by their keys, each to its end."""
    names = {"e": "example", "a": "left", "d": "right"}
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_selector(f'figure.heard:not(.playing)[data-clip="{names[key]}"]')


def judge(page: Page, folder: Path, *, synchronised: str, material: str) -> None:
    """Judges the set that is shown, by keys: "base" or "other" for each question."""
    key, shown = Key.read(folder), state(page, folder)
    bases = {pair.clips[key.base] for pair in key.pairs}
    base_left = shown["sets"][shown["at"]]["left"] in bases
    watch(page, "e", "a", "d")
    page.keyboard.press("1" if (synchronised == "base") == base_left else "2")
    page.keyboard.press("3" if (material == "base") == base_left else "4")
    page.keyboard.press("Enter")


def test_a_participant_judges_by_keys_goes_on_after_a_reload_and_saves_what_was_said(
    page: Page, folder: Path, tmp_path: Path
) -> None:
    opened(page, folder, "worker-7")
    page.click("#start")
    expect(page.locator("#set-title")).to_have_text("Set 1 of 4, for practice")
    judge(page, folder, synchronised="base", material="base")
    expect(page.locator("#set-title")).to_have_text("Set 2 of 4")
    judge(page, folder, synchronised="other", material="base")
    page.keyboard.press("2")
    watch(page, "e")
    before = state(page, folder)
    page.reload()
    expect(page.locator("#set-title")).to_have_text("Set 3 of 4")
    assert state(page, folder) == before and before["at"] == 2
    expect(page.locator('fieldset[data-question="synchronised"] input[value="right"]')).to_be_checked()
    expect(page.locator('figure[data-clip="example"].heard')).to_have_count(1)
    judge(page, folder, synchronised="other", material="base")
    expect(page.locator("#next")).to_have_text("Finish")
    judge(page, folder, synchronised="other", material="base")
    expect(page.locator("#end")).to_be_visible()
    expect(page.locator("#another")).to_be_disabled()
    with page.expect_download() as saved:
        page.click("#save")
    assert saved.value.suggested_filename == "answers-worker-7.csv"
    saved.value.save_as(tmp_path / "answers.csv")
    key = Key.read(folder)
    found = Results.of(key.base, key.alternatives, read(key, [tmp_path / "answers.csv"]))
    assert (found.participants, found.counted, found.practice) == (1, 3, 1)
    for row in found.rows.values():
        assert row["synchronised"].count == row["synchronised"].of and row["material"].count == 0


def test_nothing_goes_on_before_all_is_watched_and_both_questions_are_answered(page: Page, folder: Path) -> None:
    opened(page, folder)
    page.click("#start")
    next_button, wanted = page.locator("#next"), page.locator("#wanted")
    expect(next_button).to_be_disabled()
    expect(wanted).to_have_text("Still to be watched to the end: example, left, right")
    page.keyboard.press("1")
    page.keyboard.press("4")
    watch(page, "e", "a")
    page.keyboard.press("Enter")
    expect(page.locator("#set-title")).to_have_text("Set 1 of 4, for practice")
    expect(wanted).to_have_text("Still to be watched to the end: right")
    page.get_by_role("button", name="Play right").click()
    expect(next_button).to_be_enabled()
    next_button.click()
    expect(page.locator("#set-title")).to_have_text("Set 2 of 4")
    expect(page.locator("fieldset input:checked")).to_have_count(0)
    expect(page.locator("figure.heard")).to_have_count(0)


def test_one_clip_plays_at_a_time_with_its_sound(page: Page, folder: Path) -> None:
    opened(page, folder)
    page.click("#start")
    for clip in ("example", "left", "right"):
        page.wait_for_function("clip => document.querySelector(`[data-clip=${clip}] video`).readyState >= 3", arg=clip)
    page.evaluate("() => document.querySelectorAll('video').forEach((video) => (video.loop = true))")
    page.keyboard.press("a")
    page.keyboard.press("d")
    page.wait_for_function("() => document.querySelector('figure[data-clip=right] video').currentTime > 0")
    expect(page.locator("figure.playing")).to_have_attribute("data-clip", "right")
    paused = page.evaluate("() => [...document.querySelectorAll('video')].map((video) => video.paused)")
    assert paused == [True, True, False]
    heard = "() => document.querySelector('figure[data-clip=right] video').webkitAudioDecodedByteCount"
    assert page.evaluate(heard) > 0
    page.keyboard.press("s")
    expect(page.locator("figure.playing")).to_have_count(0)


def test_participants_are_shown_pairs_systems_and_sides_by_chance(page: Page, folder: Path) -> None:
    key = Key.read(folder)
    systems = {clip: system for pair in key.pairs for system, clip in pair.clips.items()}
    orders, beside, base_left = set(), set(), set()
    for _ in range(12):
        opened(page, folder)
        page.click("#start")
        shown = state(page, folder)
        assert len(shown["sets"]) == 4 and len(shown["participant"]) == 12
        assert {each["example"] for each in shown["sets"][:3]} == {pair.example for pair in key.pairs}
        orders.add(tuple(each["example"] for each in shown["sets"]))
        for each in shown["sets"]:
            two = [systems[each["left"]], systems[each["right"]]]
            assert two.count(key.base) == 1
            base_left.add(two[0] == key.base)
            beside |= set(two) - {key.base}
        page.evaluate("() => localStorage.clear()")
    assert len(orders) > 3 and beside == set(key.alternatives) and base_left == {True, False}


def test_another_participant_begins_anew_after_the_answers_are_saved(page: Page, folder: Path) -> None:
    opened(page, folder)
    name = f"foley-study-{Key.read(folder).id}"
    page.click("#start")
    first = state(page, folder)
    answers = [{"synchronised": "left", "material": "right"}] * 4
    page.evaluate(
        "([name, text]) => localStorage.setItem(name, text)",
        [name, json.dumps({**first, "begun": True, "at": 4, "answers": answers})],
    )
    page.reload()
    with page.expect_download():
        page.click("#save")
    page.click("#another")
    expect(page.locator("#begin")).to_be_visible()
    other = state(page, folder)
    assert other["participant"] != first["participant"] and other["at"] == 0 and not other["answers"]


def test_the_page_asks_nothing_of_the_network(page: Page, folder: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, folder)
    page.click("#start")
    watch(page, "e")
    assert asked and all(url.startswith(("file:", "data:")) for url in asked)
