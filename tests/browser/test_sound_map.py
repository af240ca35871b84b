"""The map of a library in a real browser, from a file: what lies under the pointer, the filter, the legend, and no scripts of
names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1]))
from mapped import CAT_IDS, SPACE, clusters, filled, sound

from foley_bridge.library.mapping.page import write_page
from foley_bridge.library.mapping.sound_map import make

pytestmark = pytest.mark.browser
HOSTILE = '</script><script>document.title="hit"</script><img src=x onerror="document.title=1"> door'


@pytest.fixture
def link(tmp_path: Path) -> str:
    vectors, of = clusters([30, 20, 10, 1], 0.1)
    sounds = [sound(f"s{number} take", CAT_IDS[each], seconds=2.5) for number, each in enumerate(of[:-1])]
    sounds.append(sound(HOSTILE, CAT_IDS[3], seconds=75))
    write_page(tmp_path / "map.html", make(filled(tmp_path / "library", sounds, vectors), SPACE, "tiny@1"))
    return (tmp_path / "map.html").as_uri()


def at_pixel(page: Page, name: str) -> tuple[float, float]:
    """Where the map, as it is first shown, draws a sound: worked out from the page's data alone."""
    data = json.loads(page.text_content("#data") or "")
    box = page.locator("#map").bounding_box()
    assert box is not None
    spans = {axis: (min(data[axis]), max(data[axis])) for axis in "xy"}
    sides = [(box["width"] - 48) / (spans["x"][1] - spans["x"][0]), (box["height"] - 48) / (spans["y"][1] - spans["y"][0])]
    sound = data["name"].index(name)
    px, py = ((data[axis][sound] - sum(spans[axis]) / 2) * min(sides) for axis in "xy")
    return box["x"] + box["width"] / 2 + px, box["y"] + box["height"] / 2 + py


def test_a_name_is_shown_as_it_is_and_does_nothing(page: Page, link: str) -> None:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(link)
    page.mouse.move(*at_pixel(page, HOSTILE))
    page.wait_for_selector("#tip:visible")
    assert page.inner_text("#tip b") == HOSTILE and "RAIN GLASS · RAINGlas" in page.inner_text("#tip")
    assert "1 min 15 s" in page.inner_text("#tip")
    page.mouse.down()
    page.mouse.up()
    assert page.inner_text("#sound-name") == HOSTILE
    page.fill("#find", "onerror")
    page.wait_for_selector("#matches button")
    assert page.inner_text("#matches") == HOSTILE and page.inner_text("#found") == "1 of 61"
    assert page.title() == "Sound map" and page.locator("img").count() == 0
    assert asked == [link] and said == []  # nothing else was asked for, and no policy was in the way


def test_filter_legend_zoom_and_moving_say_what_lies_under_the_pointer(page: Page, link: str) -> None:
    page.goto(link)
    place = at_pixel(page, "s3 take")
    page.mouse.move(*place)
    page.wait_for_selector("#tip:visible")
    assert page.inner_text("#tip b") == "s3 take" and "2.50 s" in page.inner_text("#tip")

    page.fill("#find", "feet take")  # a category's and the name's word; the sound under the pointer is a door
    expect(page.locator("#found")).to_have_text("20 of 61")
    page.mouse.move(place[0] + 1, place[1])
    page.wait_for_selector("#tip", state="hidden")
    page.fill("#find", "")
    expect(page.locator("#found")).to_have_text("")
    page.mouse.move(*place)
    page.wait_for_selector("#tip:visible")

    page.get_by_label("DOORS", exact=True).uncheck()
    page.mouse.move(place[0] + 1, place[1])
    page.wait_for_selector("#tip", state="hidden")
    page.click("#every")

    page.mouse.move(*place)
    page.mouse.wheel(0, -600)  # nearer, around the pointer
    page.mouse.move(place[0] + 1, place[1])
    page.wait_for_selector("#tip:visible")
    assert page.inner_text("#tip b") == "s3 take"
    page.mouse.down()
    page.mouse.move(place[0] + 101, place[1] + 60, steps=5)
    page.mouse.up()
    page.mouse.move(place[0] + 100, place[1] + 60)
    page.wait_for_function(
        "document.querySelector('#tip b')?.textContent === 's3 take' && !document.querySelector('#tip').hidden"
    )


def test_it_is_drawn_in_the_colours_of_the_legend_in_light_and_in_dark(page: Page, link: str) -> None:
    page.goto(link)
    x, y = at_pixel(page, HOSTILE)
    colours: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        drawn, legend = page.evaluate(
            """async ([x, y]) => {
              await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
              const map = document.getElementById("map"), box = map.getBoundingClientRect(), dense = window.devicePixelRatio;
              const shown = map.getContext("2d").getImageData((x - box.x) * dense, (y - box.y) * dense, 1, 1).data;
              const items = [...document.querySelectorAll("#legend li")];
              const own = (item) => [item.querySelector("label").textContent, item.style.getPropertyValue("--own")];
              return [[...shown.slice(0, 3)], Object.fromEntries(items.map(own))];
            }""",
            [x, y],
        )
        rgb = {name: [int(own[at : at + 2], 16) for at in (1, 3, 5)] for name, own in legend.items()}
        far = {name: sum(abs(one - other) for one, other in zip(own, drawn, strict=True)) for name, own in rgb.items()}
        assert min(far, key=lambda name: far[name]) == "RAIN" and far["RAIN"] < 120, (scheme, far)
        colours.append(legend["RAIN"])
    assert colours[0] != colours[1]
