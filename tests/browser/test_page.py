"""The audition page itself: names of its controls, what fits on a screen, whom it asks."""

from __future__ import annotations

from typing import Any

import pytest
from page_hands import FAILED, METAL, Hands
from panel_reels import PanelReel
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SMALL = """() => [...document.querySelectorAll('button, input, textarea, .overview')].flatMap((one) => {
  if (!one.offsetParent) return [];
  const { top, bottom } = (one.closest('label') ?? one).getBoundingClientRect();
  const more = one.matches('.overview') ? -parseFloat(getComputedStyle(one, '::before').top) : 0;
  return bottom - top + more < 43.5 ? [`${one.className || one.id || one.textContent}: ${bottom - top + more}`] : [];
})"""
"""Controls in sight that are lower than a finger is thick."""


def controls(page: Page) -> list[dict[str, Any]]:
    """What a screen reader is told of every control in sight."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    wanted = {
        "button",
        "slider",
        "textbox",
        "searchbox",
        "checkbox",
        "switch",
        "radio",
        "tab",
        "link",
        "spinbutton",
        "combobox",
    }
    found = [node for node in nodes if not node["ignored"] and node["role"]["value"] in wanted]
    return [{"role": node["role"]["value"], "name": node.get("name", {}).get("value", "")} for node in found]


def test_every_control_has_a_name(hands: Hands) -> None:
    seen = controls(hands.page)
    hands.press("/")
    hands.page.get_by_role("button", name="Use metal hits 1 as a take").wait_for()
    seen += controls(hands.page)
    hands.press("Escape", "r")
    seen += controls(hands.page)
    hands.press("Escape", "Control+Enter")
    seen += controls(hands.page)
    hands.press("Escape", "?")
    seen += controls(hands.page)
    hands.press("Escape")
    hands.go(FAILED)
    seen += controls(hands.page)
    assert {each["role"] for each in seen} >= {"button", "slider", "textbox", "searchbox", "switch", "radio", "tab"}
    assert [each for each in seen if not each["name"].strip()] == []


def test_the_help_sheet_has_every_key_of_the_contract(hands: Hands) -> None:
    hands.press("?")
    sheet = hands.page.get_by_role("dialog", name="Keys")
    keys = set(sheet.locator("kbd").all_inner_texts())
    assert keys >= set("JKNBCRUATEFMGS,.−=[]/?") | {"Space", "←", "→", "1", "9", "Enter", "Delete", "Ctrl+Z", "Ctrl+Enter"}
    hands.press("Escape")
    assert not sheet.is_visible()


def test_a_failed_region_says_why_and_has_no_take_to_choose(hands: Hands) -> None:
    hands.go(FAILED)
    assert "nothing.wav" in hands.page.locator(".message.bad").inner_text()
    before = hands.choice(FAILED)
    hands.press("c")
    assert "no take to choose" in str(hands.tell("() => document.getElementById('live').textContent"))
    assert hands.choice(FAILED) == before


def test_nothing_is_asked_of_anybody_else_and_the_console_stays_quiet(page: Page, page_reel: PanelReel) -> None:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    hands = Hands(page, page_reel.link).open()
    hands.press("Space")
    hands.until("() => foley.player.drift.samples > 3")
    for _ in range(3):
        hands.press("j")
        hands.until("() => foley.detail && !foley.loading")
    hands.page.goto(page_reel.link.partition("/reel/")[0] + "/")
    hands.page.get_by_role("link").first.wait_for()
    token = page_reel.link.partition("/reel/")[0]
    assert [url for url in asked if not url.startswith((token, "blob:"))] == []
    assert said == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (768, 1024)])
def test_everything_fits_on_one_screen(hands: Hands, width: int, height: int) -> None:
    hands.page.set_viewport_size({"width": width, "height": height})
    hands.page.wait_for_timeout(300)
    over = hands.tell(
        "() => [document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
    )
    assert over == [0, 0]
    for name in ("#choose", "#reject", "#play", "#send", "#sensitivity"):
        box = hands.page.locator(name).bounding_box()
        assert box is not None, name
        assert (
            box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= width + 1 and box["y"] + box["height"] <= height + 1
        ), name
    lanes = hands.page.locator("#lanes").bounding_box()
    assert lanes is not None and lanes["y"] + lanes["height"] <= height + 1


def test_what_changes_with_every_frame_is_not_read_aloud(hands: Hands) -> None:
    session = hands.page.context.new_cdp_session(hands.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    live = {
        node.get("name", {}).get("value", ""): each["value"]["value"]
        for node in nodes
        for each in node.get("properties", [])
        if each["name"] == "live" and node["role"]["value"] == "status"
    }
    assert live.get("Timecode", "off") == "off"
    assert [words for words, how in live.items() if how != "off"] == [""], "only what is announced"


def test_tabs_are_gone_through_with_the_arrows(hands: Hands) -> None:
    hands.page.get_by_role("tab", name="Adjust").focus()
    at_s = hands.tell("() => foley.player.time_s")
    hands.press("ArrowRight")
    assert hands.page.get_by_role("tab", name="Library").get_attribute("aria-selected") == "true"
    assert hands.page.get_by_role("tabpanel", name="Library").is_visible()
    assert hands.tell("() => document.activeElement.textContent") == "Library"
    assert hands.tell("() => foley.player.time_s") == at_s


def test_a_dialog_closes_when_one_presses_beside_it_and_not_on_its_edge(hands: Hands) -> None:
    hands.press("r")
    dialog = hands.page.get_by_role("dialog", name="Why not?")
    box = dialog.bounding_box()
    assert box is not None
    hands.page.mouse.click(box["x"] + 6, box["y"] + 6)
    assert dialog.is_visible()
    hands.page.mouse.move(box["x"] + 60, box["y"] + 6)
    hands.page.mouse.down()
    hands.page.mouse.move(box["x"] - 60, box["y"] + 6)
    hands.page.mouse.up()
    assert dialog.is_visible(), "what was only dragged out of it"
    hands.page.mouse.click(box["x"] - 60, box["y"] + 6)
    assert not dialog.is_visible()


def test_a_failed_sending_says_so_in_the_dialog_and_a_conflict_of_pages_is_not_written_over(hands: Hands) -> None:
    hands.tell("() => { foley.store.stop(); }")
    hands.choose(METAL, {"state": "rejected"})
    hands.press("2", "c")
    hands.page.get_by_role("button", name="Use mine").wait_for()
    hands.press("Control+Enter", "Enter")
    dialog = hands.page.get_by_role("dialog", name="Send the choices back")
    dialog.get_by_role("alert").wait_for()
    assert "say first which of the two holds" in dialog.inner_text()
    assert not dialog.get_by_role("button", name="Write over it").is_visible()
    assert hands.told()["applied"] == []


def test_for_fingers_nothing_is_smaller_than_44_pixels(chromium: Browser, page_reel: PanelReel) -> None:
    context = chromium.new_context(viewport={"width": 1024, "height": 768}, has_touch=True, is_mobile=True)
    hands = Hands(context.new_page(), page_reel.link).open()
    assert hands.tell("() => matchMedia('(pointer: coarse)').matches")
    hands.until("() => document.querySelectorAll('.handle').length > 2")
    small = hands.tell(SMALL)
    hands.page.get_by_role("button", name="Adjust").tap()
    small += hands.tell(SMALL)
    context.close()
    assert small == []
