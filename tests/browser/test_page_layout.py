"""Where things stand on the audition page, measured in the browser: everything is there whole, nothing lies on anything else,
rows of takes line up and are drawn as they sound; and what is reached by key and by finger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from page_hands import GRAVEL, METAL, Hands
from panel_reels import PanelReel
from playwright.sync_api import Browser, ViewportSize

pytestmark = pytest.mark.browser

SCREENS = [(1440, 900), (1366, 768), (1920, 1080), (1024, 768), (768, 1024)]
TABLETS = SCREENS[3:]
MOST_STOPS = 25
TAKES = 11

AMISS = """() => {
  const all = [...document.querySelectorAll('#header, #picture, #region, #side, #lanes')].flatMap(part =>
    [...part.querySelectorAll('button, input, textarea, output, .done, .sent, h2')].filter(one => one.checkVisibility()
      && !one.closest('.handle, .takes, .sounds, .screen')));
  const name = one => `${one.id || one.getAttribute('aria-label') || one.className || one.textContent}`;
  const boxes = all.map(one => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width && box.height);
  const before = ({ left, top }) => left < -0.5 || top < -0.5;
  const beyond = ({ right, bottom }) => right > innerWidth + 0.5 || bottom > innerHeight + 0.5;
  const outside = boxes.filter(([, box]) => before(box) || beyond(box));
  const cut = boxes.filter(([one]) => one.matches('button, output, .done, .sent') && one.scrollWidth > one.clientWidth + 1);
  const panes = all.map(one => one.closest('.adjust')).filter(one => one && one.scrollHeight > one.clientHeight + 1);
  const over = [];
  boxes.forEach(([one, a], k) => boxes.slice(k + 1).forEach(([other, b]) => {
    if (one.contains(other) || other.contains(one)) return;
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 1) over.push(`${name(one)} and ${name(other)}`);
  }));
  const names = found => found.map(([one]) => name(one));
  return { outside: names(outside), cut: names(cut), over, scrolled: [...new Set(panes)].map(name) };
}"""
"""Controls that are not in sight whole, whose text is cut, or that lie on each other."""

WHOLE_ROWS = """() => {
  const list = document.querySelector('.takes').getBoundingClientRect();
  return [...document.querySelectorAll('.take')].map(one => one.getBoundingClientRect())
    .filter(box => box.top >= list.top - 0.5 && box.bottom <= list.bottom + 0.5).length;
}"""

DRAWN = """place => {
  const host = [...document.querySelectorAll('.take .wave > div')][place];
  const canvas = host?.shadowRoot?.querySelector('canvas');
  if (!canvas?.width) return 0;
  const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const inked = y => Array.from({ length: width }, (_, x) => data[4 * (y * width + x) + 3]).some(alpha => alpha > 60);
  return Array.from({ length: height }, (_, y) => y).filter(inked).length / height;
}"""
"""How much of its box a row's waveform fills, 0 to 1."""

SMALL = """() => [...document.querySelectorAll('button')].filter(one => one.checkVisibility()).filter(one => {
  const { width, height } = one.getBoundingClientRect();
  return width < 43.5 || height < 43.5;
}).map(one => one.textContent)"""
"""Buttons that are smaller than a finger."""

EDGES = """() => [...document.querySelectorAll('.take .wave')].map(one => {
  const { left, right } = one.getBoundingClientRect();
  return `${left} ${right}`;
})"""

LOUDEST = """() => {
  const peaks = foley.takes.map(take => foley.scale.of(take) * 10 ** (take.peak_dbfs / 20));
  return peaks.indexOf(Math.max(...peaks));
}"""

UNCOVERED = """() => {
  const box = document.querySelector('.progress.bad').getBoundingClientRect();
  return Boolean(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)?.closest('.progress'));
}"""

UNSURE = """() => {
  Object.assign(foley.detail, { reliable: false, reason: 'what moves here is too even', onsets: [], tapped: false });
  foley.say('region');
}"""

NOTHING: dict[str, list[str]] = {"outside": [], "cut": [], "over": [], "scrolled": []}


def resized(hands: Hands, width: int, height: int) -> None:
    hands.page.set_viewport_size(ViewportSize(width=width, height=height))
    hands.page.wait_for_timeout(200)


@pytest.fixture
def many(hands: Hands) -> Hands:
    """On a region of eleven takes or more."""
    if (missing := TAKES - hands.tell("() => foley.takes.length")) > 0:
        hands.retake(METAL, {"more": True, "options": {"takes": str(missing)}})
        hands.until("most => foley.takes.length >= most", TAKES)
    return hands


@pytest.fixture
def tablet(chromium: Browser, page_reel: PanelReel) -> Iterator[Hands]:
    context = chromium.new_context(viewport={"width": 1024, "height": 768}, has_touch=True, is_mobile=True)
    hands = Hands(context.new_page(), page_reel.link)
    hands.choose(GRAVEL, {"state": "proposed"}, by="the tests")
    yield hands.open(GRAVEL)
    context.close()


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_everything_stands_whole_beside_everything_else(hands: Hands, width: int, height: int) -> None:
    resized(hands, width, height)
    assert hands.tell(AMISS) == NOTHING
    hands.press("e", "Escape")
    hands.page.wait_for_timeout(100)
    assert hands.tell(AMISS) == NOTHING, "adjusting"
    hands.press("/")
    hands.page.get_by_role("button", name="Use metal hits 1 as a take").wait_for()
    assert hands.tell(AMISS) == NOTHING, "the library"


@pytest.mark.parametrize(("width", "height"), TABLETS)
def test_on_a_tablet_one_decides_from_every_tab_and_sees_what_was_decided_and_sent(
    tablet: Hands, width: int, height: int
) -> None:
    resized(tablet, width, height)
    for tab in (None, "Adjust", "Library"):
        if tab:
            tablet.page.get_by_role("tab" if tab == "Library" else "button", name=tab).tap()
        assert tablet.tell(AMISS) == NOTHING, tab
        assert tablet.page.locator("#choose").is_visible() and tablet.page.locator("#reject").is_visible()
        assert "decided" in tablet.page.locator(".done").inner_text() and tablet.page.locator(".done").is_visible()
        assert tablet.page.locator(".sent").is_visible()
        assert tablet.tell(SMALL) == []
    tablet.page.locator("#choose").tap()
    tablet.until("region => foley.store.regions.get(region).choice.state === 'chosen'", GRAVEL)


@pytest.mark.parametrize(("width", "height", "rows"), [(1440, 900, 5), (1366, 768, 3), (1920, 1080, 5), (1024, 768, 3)])
def test_takes_are_side_by_side(many: Hands, width: int, height: int, rows: int) -> None:
    resized(many, width, height)
    many.until("rows => document.querySelectorAll('.take').length >= rows", rows)
    assert many.tell(WHOLE_ROWS) >= rows


def test_waveforms_line_up_whatever_is_said_beside_them(many: Hands) -> None:
    many.press("2", "=", "c")
    many.until("() => document.querySelectorAll('.take .tag').length > 1")
    edges = many.tell(EDGES)
    assert len(edges) >= 5 and len(set(edges)) == 1


def test_waveforms_are_drawn_as_they_sound_and_taller_when_asked(hands: Hands) -> None:
    hands.go(GRAVEL)
    hands.until("() => document.querySelectorAll('.take .wave > div').length >= 2")
    loudest = hands.tell(LOUDEST)
    measure = f"least => ({DRAWN})({loudest}) >= least"
    hands.until(measure, 0.8)
    hands.press(str(loudest + 1), *["_"] * 6)
    hands.until(f"() => ({DRAWN})({loudest}) < 0.25")
    hands.press("v", "v", "v")
    hands.until(measure, 0.6)
    assert hands.page.get_by_role("button", name="Waveforms 8 times as tall").is_visible()
    hands.press("Shift+V", "Shift+V", "Shift+V")
    hands.until(f"() => ({DRAWN})({loudest}) < 0.25")
    assert hands.page.get_by_role("button", name="Waveforms 1 times as tall").is_visible()


def moved(hands: Hands, times: int) -> None:
    for _ in range(times):
        takes = hands.tell("() => foley.takes.length")
        hands.press("ArrowRight")
        hands.placed(takes)


def test_takes_of_onsets_that_were_moved_on_are_folded_away_and_there_when_asked_for(hands: Hands) -> None:
    hands.go(GRAVEL)
    hands.press("2")
    before = hands.page.locator(".take").count()
    hands.focus_handle(1)
    moved(hands, 4)
    takes = hands.tell("() => foley.takes.length")
    folded = hands.page.locator(".fold button")
    folded.wait_for()
    hidden = int(folded.inner_text().split()[0])
    assert hidden >= 2
    assert hands.page.locator(".take").count() == takes - hidden <= before + 2
    assert hands.page.locator(".take [aria-pressed=true]").count() == 1
    hands.until("() => document.querySelector('.take [aria-pressed=true]').ariaLabel.startsWith(`Take ${foley.takes.length},`)")
    folded.click()
    hands.until("takes => document.querySelectorAll('.take').length === takes", takes)
    folded.click()
    hands.until("left => document.querySelectorAll('.take').length === left", takes - hidden)
    early = hands.tell("() => foley.takes.indexOf(foley.rows.earlier[0]) + 1")
    hands.tell("place => foley.hearNumber(place)", early)
    hands.page.get_by_role("button", name=f"Take {early},").wait_for()
    hands.press("Escape", "c", "c")
    hands.tell("() => { foley.hearNumber(foley.takes.length); foley.hearNumber(1); }")
    hands.page.get_by_role("button", name=f"Take {early},").wait_for()


def test_a_take_that_was_heard_is_new_no_more(hands: Hands) -> None:
    hands.press("g")
    hands.until("() => !foley.placing.of(foley.number).busy && document.querySelectorAll('.tag.new').length > 0")
    hands.press("Space")
    hands.until("() => foley.player.playing")
    heard = ".take:has([aria-pressed=true]) .tag.new"
    hands.until("heard => !document.querySelector(heard)", heard)
    hands.press("Space")


def test_why_there_is_no_new_take_is_in_sight_and_told(many: Hands) -> None:
    resized(many, 1366, 768)
    many.tell("() => { document.querySelector('.takes').scrollTop = 0; foley.retakes.words('qqqxyzzy'); }")
    bad = many.page.locator(".progress.bad")
    bad.wait_for()
    assert many.tell(UNCOVERED)
    assert many.tell(AMISS) == NOTHING
    assert "No new take" in many.page.locator("#live").inner_text()
    bad.get_by_role("button", name="Close").click()
    bad.wait_for(state="hidden")


def test_onsets_are_gone_through_moved_and_taken_away_by_key(hands: Hands) -> None:
    onsets = hands.tell("() => foley.onsets.times")
    takes = hands.tell("() => foley.takes.length")
    for place in range(3):
        hands.press("o")
        hands.until("place => document.activeElement.ariaLabel?.startsWith(`Onset ${place} of`)", place + 1)
    assert hands.tell("() => foley.player.time_s") == pytest.approx(onsets[2], abs=0.05)
    hands.press("Shift+O")
    hands.until("() => document.activeElement.ariaLabel?.startsWith('Onset 2 of')")
    hands.press("ArrowRight")
    assert hands.placed(takes)["onsets_s"][1] == pytest.approx(onsets[1] + 1 / 24, abs=0.002)
    hands.press("Delete")
    hands.until("most => foley.onsets.times.length === most", len(onsets) - 1)
    hands.press("Escape")
    hands.until("() => document.activeElement === document.body")
    hands.press("ArrowRight")
    assert hands.tell("() => foley.onsets.times.length") == len(onsets) - 1


def test_takes_are_gone_through_by_key_and_the_tenth_has_a_number(many: Hands) -> None:
    place = "() => foley.takes.indexOf(foley.heard) + 1"
    many.press("1", "0")
    assert many.tell(place) == 10
    listed: list[int] = many.tell("() => foley.rows.listed.map(take => foley.takes.indexOf(take) + 1)")
    many.press("ArrowUp")
    assert many.tell(place) == listed[listed.index(10) - 1]
    many.press("ArrowDown")
    assert many.tell(place) == 10


def test_tab_reaches_the_onsets_soon(many: Hands) -> None:
    many.tell("() => document.activeElement.blur()")
    stops = 0
    while not many.tell("() => document.activeElement.matches('.handle')"):
        many.press("Tab")
        stops += 1
        assert stops <= MOST_STOPS
    many.press("Tab")
    assert not many.tell("() => document.activeElement.matches('.handle')"), "they are one stop"


def test_arrows_go_on_within_a_group(hands: Hands) -> None:
    hands.tell("() => document.querySelector('.counts [tabindex=\"0\"]').focus()")
    at_s = hands.tell("() => foley.player.time_s")
    hands.press("ArrowRight")
    assert hands.tell("() => document.activeElement.ariaLabel").startswith("Undecided")
    assert hands.tell("() => foley.player.time_s") == at_s


def between(hands: Hands) -> tuple[float, float]:
    """A point of the onsets' lane in the middle between its first two onsets."""
    box = hands.page.locator(".lane.onsets .field").bounding_box()
    assert box is not None
    x = hands.tell("() => foley.axis.x((foley.onsets.times[0] + foley.onsets.times[1]) / 2)")
    return box["x"] + x, box["y"] + box["height"] / 2


def test_two_taps_of_a_finger_add_an_onset(tablet: Hands) -> None:
    onsets = tablet.tell("() => foley.onsets.times")
    x, y = between(tablet)
    tablet.page.touchscreen.tap(x, y)
    tablet.page.touchscreen.tap(x, y)
    tablet.until("more => foley.onsets.times.length === more", len(onsets) + 1)
    assert tablet.tell("() => foley.onsets.times[1]") == pytest.approx((onsets[0] + onsets[1]) / 2, abs=0.02)


def test_a_double_click_adds_an_onset_and_selects_no_text(hands: Hands) -> None:
    onsets = hands.tell("() => foley.onsets.times")
    x, y = between(hands)
    hands.page.mouse.dblclick(x, y)
    hands.until("more => foley.onsets.times.length === more", len(onsets) + 1)
    assert hands.tell("() => getSelection().toString()") == ""


def test_what_was_seen_and_is_too_unsure_is_not_shown_as_used(hands: Hands) -> None:
    assert hands.page.locator(".sensitivity output").inner_text().endswith("seen")
    hands.tell(UNSURE)
    hands.until("() => document.querySelector('.sensitivity output').textContent.endsWith('none sure')")
    assert "what moves here is too even" in hands.page.locator(".lane.onsets .empty").inner_text()


def test_a_sound_of_the_library_fills_its_lane_and_is_drawn_taller_too(hands: Hands) -> None:
    hands.press("/")
    hands.page.get_by_role("button", name="Use metal hits 1 as a take").wait_for()
    hands.page.locator(".sound .listen").first.click()
    hands.until("() => foley.preview")
    drawn = DRAWN.replace(".take .wave > div", ".lane.wave .surfer > div")
    hands.until(f"() => {{ const part = ({drawn})(0); return part > 0.8 && part < 1; }}")
    hands.tell("() => document.activeElement.blur()")
    hands.press("v")
    hands.until(f"() => ({drawn})(0) === 1")
