"""The report page: one file, laid out truthfully on each region's time axis, safe with any text."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
import soundfile

from foley_bridge.errors import MediaError
from foley_bridge.report import ReportRegion, ReportTake, page, write_report
from foley_bridge.report import sketch as sketches

RATE = 48000
VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = "FOLEY </script><img src=x onerror=alert(1)> \"'><b>&amp; {{ 7*7 }} </style>"


class Page(HTMLParser):
    """Every element with its attributes and text; fails on a wrong end tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[dict[str, Any]] = []
        self.open: list[dict[str, Any]] = []
        self.feed(text)
        self.close()
        assert not self.open, [element["tag"] for element in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        element = {"tag": tag, "text": "", **{name: value or "" for name, value in attrs}}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1]["tag"] == tag, (tag, [element["tag"] for element in self.open])
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element["text"] += data

    def having(self, tag: str, name: str = "") -> list[dict[str, Any]]:
        return [each for each in self.elements if each["tag"] == tag and (not name or name in each.get("class", "").split())]


def left(element: dict[str, Any]) -> float:
    style = dict(part.split(":", 1) for part in element["style"].split(";"))
    return float(style["left"].removesuffix("%"))


def write_take(path: Path, clicks_s: list[float], *, length_s: float, sample_rate: int = RATE, channels: int = 1) -> Path:
    """A WAV with a click of one sample and its decay at each time of the file."""
    samples = np.zeros((round(length_s * sample_rate), channels), np.float32)
    for at in clicks_s:
        first = round(at * sample_rate)
        tail = samples[first : first + sample_rate // 100]
        tail[:] = 0.5 * np.exp(-np.arange(len(tail)) / (sample_rate / 1000))[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, sample_rate, subtype="PCM_24")
    return path


def hits_region(folder: Path, **changes: Any) -> ReportRegion:
    """A region of 10-14 s; its take rings out to 15 s, has handles of 0.5 s, and hits at 11 and 13.5 s."""
    take = ReportTake(
        path=write_take(folder / "media" / "METLImpt_Rail hit_FB_1.wav", [1.5, 4.0], length_s=6.0),
        start_s=10.0, duration_s=5.0, handle_s=0.5, onsets_s=(11.0, 13.5), score=0.875, seed=42,
        source={"file": "rail.wav", "licence": "CC0-1.0"}, lufs=-21.34, peak_dbfs=-6.02, chosen=True,
    )  # fmt: skip
    shades = [(10 + at / 8, np.full((90, 160, 3), 4 * at, np.uint8)) for at in range(40)]
    fields: dict[str, Any] = {
        "name": "FOLEY rail", "text": "FOLEY rail hits", "start_s": 10.0, "end_s": 14.0, "engine": "transfer",
        "onsets": ((11.004, 0.9), (13.49, 0.5)), "thumbnails": shades, "takes": (take,),
        "motion": (np.linspace(10, 15, 150), np.linspace(0, 1, 150)), "sync_error_ms": {"median": 3.14, "worst": 10.0},
    }  # fmt: skip
    return ReportRegion(**(fields | changes))


def written(folder: Path, *regions: ReportRegion, **options: Any) -> str:
    path = folder / "report.html"
    write_report(path, **({"title": "Demo", "rate": Fraction(24), "regions": regions} | options))
    return path.read_text("utf-8")


def test_the_page_is_well_formed_and_asks_for_nothing_but_the_takes_beside_it(tmp_path: Path) -> None:
    text = written(tmp_path, hits_region(tmp_path))
    assert "http://" not in text and "https://" not in text and "@import" not in text
    parsed = Page(text)
    ids = [each["id"] for each in parsed.elements if "id" in each]
    assert len(ids) == len(set(ids))
    for element in parsed.elements:
        for name in ("src", "href"):
            address = element.get(name, "data:")
            if address.startswith("#"):
                assert address[1:] in ids
            elif not address.startswith("data:"):
                assert (tmp_path / unquote(address)).is_file(), address
    assert [unquote(each["href"]) for each in parsed.having("a")][1:] == ["media/METLImpt_Rail hit_FB_1.wav"]
    assert all(each["aria-label"] for each in parsed.having("audio"))
    assert all("alt" in each for each in parsed.having("img"))


def test_seen_onsets_and_placed_hits_lie_where_their_times_fall_on_the_axis(tmp_path: Path) -> None:
    parsed = Page(written(tmp_path, hits_region(tmp_path)))  # axis 10-15 s: the take rings out past the region's end
    assert [left(each) for each in parsed.having("i", "seen") if "data-time" in each] == pytest.approx([20.08, 69.8])
    assert [left(each) for each in parsed.having("i", "placed") if "data-time" in each] == pytest.approx([20, 70])
    first, second = (float(each["style"].split("opacity:")[1]) for each in parsed.having("i", "seen") if "data-time" in each)
    assert first > second  # surer onsets are drawn stronger
    (outside,) = parsed.having("i", "outside")
    assert outside["style"] == "right:0;width:20.0000%"


def test_the_waveform_and_the_spectrogram_show_a_hit_under_its_marker(tmp_path: Path) -> None:
    parsed = Page(written(tmp_path, hits_region(tmp_path)))
    (drawing,) = [each for each in parsed.having("svg") if each.get("style", "").startswith("left:0.0000%;width:100.0000%")]
    columns = int(drawing["viewbox"].split()[2])
    outline = next(each["d"] for each in parsed.having("path") if each["d"].count("H") == 2 * columns)
    points = [[int(number) for number in point.replace("H", " ").split()] for point in outline[1:-1].split("L")]
    high = np.array([y for _, y, _ in points[:columns]])
    loud = np.flatnonzero(high < 100)
    for hit_s in (11.0, 13.5):
        assert np.abs(loud / columns * 5 + 10 - hit_s).min() < 5 / columns
    assert len(loud) <= 4  # nothing else is that loud
    content = base64.b64decode(parsed.having("img")[0]["src"].split(",")[1])
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    light = image.sum(axis=(0, 2)).astype(float)
    assert image.shape == (sketches.MELS, columns, 3)
    for hit_s in (11.0, 13.5):
        around = slice(round((hit_s - 10.5) / 5 * columns), round((hit_s - 9.5) / 5 * columns))
        peak = (around.start + light[around].argmax()) / columns * 5 + 10
        assert peak == pytest.approx(hit_s, abs=0.012)  # half the analysis window


def test_an_embedded_take_is_the_clip_without_its_handles(tmp_path: Path) -> None:
    region = hits_region(tmp_path)
    (player,) = Page(written(tmp_path, region)).having("audio")
    kind, content = player["src"].split(",")
    assert kind == "data:audio/flac;base64"
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(content)))
    file, _ = soundfile.read(region.takes[0].path)
    assert rate == RATE and len(heard) == 5 * RATE
    np.testing.assert_allclose(heard, file[RATE // 2 : RATE // 2 + 5 * RATE], atol=1 / 32768)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    honest = Page(written(tmp_path, hits_region(tmp_path), title="Demo", notes=["x"], summary=[("a", "b")]))
    take = hits_region(tmp_path).takes[0]
    changed = ReportTake(**{**vars(take), "source": {HOSTILE: HOSTILE}})
    region = hits_region(tmp_path, name=HOSTILE, text=HOSTILE + "!", engine=HOSTILE, reason=HOSTILE, takes=(changed,))
    hostile = Page(written(tmp_path, region, title=HOSTILE, notes=[HOSTILE], summary=[(HOSTILE, HOSTILE)]))
    assert [each["tag"] for each in hostile.elements] == [each["tag"] for each in honest.elements]
    assert not any(name.startswith("on") for each in hostile.elements for name in each)
    assert hostile.having("h1")[0]["text"] == HOSTILE and hostile.having("h2")[0]["text"] == HOSTILE
    assert json.loads(next(each["text"] for each in hostile.having("script") if each.get("id") == "data"))


def test_a_long_take_is_linked_from_its_clip_start_and_not_carried_in_the_page(tmp_path: Path) -> None:
    path = write_take(tmp_path / "media" / "a#b?c 100%.wav", [1.0], length_s=63.0, sample_rate=8000)
    take = ReportTake(path=path, start_s=0.0, duration_s=61.0, handle_s=1.0)
    text = written(tmp_path, hits_region(tmp_path, start_s=0.0, end_s=61.0, takes=(take,)))
    (player,) = Page(text).having("audio")
    address, fragment = player["src"].split("#")
    assert unquote(address) == "media/a#b?c 100%.wav" and fragment == "t=1.000000,62.000000"
    assert "too long to carry" in text and "audio/flac" not in text
    article = Page(text).having("article")[0]
    assert (article["data-offset"], article["data-length"]) == ("1.0", "61.0")


def test_takes_beyond_the_pages_budget_are_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    region = hits_region(tmp_path)
    one = len(sketches.flac(region.takes[0].path, skip_s=0.5, duration_s=5.0))
    monkeypatch.setattr(page, "EMBED_BUDGET", 2 * one)
    players = Page(written(tmp_path, hits_region(tmp_path, takes=region.takes * 3))).having("audio")
    assert [each["src"].startswith("data:") for each in players] == [True, True, False]


def test_the_same_input_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    one, other = (written(tmp_path / name, hits_region(tmp_path / name)) for name in ("one", "other"))
    assert one == other


def test_times_are_shown_in_record_timecode_and_in_seconds(tmp_path: Path) -> None:
    text = written(
        tmp_path, hits_region(tmp_path), rate=Fraction(30000, 1001), drop=True, start_timecode_s=Fraction(107892 * 1001, 30000)
    )
    (words,) = Page(text).having("p", "range")
    assert "01:00:09;29 – 01:00:13;29" in words["text"] and "10.000 – 14.000 s" in words["text"]


def test_every_frame_of_the_strip_starts_at_its_own_time_and_the_strip_has_no_holes(tmp_path: Path) -> None:
    cells = Page(written(tmp_path, hits_region(tmp_path))).having("div", "frame")
    assert len(cells) == page.STRIP_FRAMES
    edge = 0.0
    for cell in cells:
        style = dict(part.split(":", 1) for part in cell["style"].split(";"))
        number = int(style["background-image"].removeprefix("var(--f").removesuffix(")"))
        assert float(style["left"][:-1]) == pytest.approx(100 * (number / 8) / 5, abs=1e-3) == pytest.approx(edge, abs=1e-3)
        edge = float(style["left"][:-1]) + float(style["width"][:-1])
    assert edge == pytest.approx(100, abs=1e-3)


def test_a_region_without_picture_onsets_or_takes_still_reads_well(tmp_path: Path) -> None:
    region = hits_region(
        tmp_path, takes=(), thumbnails=(), onsets=(), motion=None, sync_error_ms=None, reliable=False, reason="It is dark."
    )
    (verdict,) = Page(written(tmp_path, region)).having("p", "verdict")
    assert verdict["text"] == "No reliable onsets here. It is dark."


def test_a_silent_take_is_drawn_as_a_line(tmp_path: Path) -> None:
    silent = write_take(tmp_path / "silent.wav", [], length_s=1.0)
    take = ReportTake(path=silent, start_s=10.0, duration_s=1.0, peak_dbfs=float("-inf"))
    text = written(tmp_path, hits_region(tmp_path, takes=(take,)))
    assert "full height is silence" in text and "inf" not in Page(text).having("article")[0]["text"]


@pytest.mark.parametrize("length", [1, 63, 1200, 4799, 131072, 400001])
def test_the_envelope_holds_each_columns_extremes_whatever_the_block_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    samples = np.random.default_rng(length).uniform(-1, 1, (length, 2)).astype(np.float32)
    path = tmp_path / "noise.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    whole = sketches.sketch(path, skip_s=0, duration_s=length / RATE)
    columns = len(whole.low)
    assert 1 <= columns <= sketches.COLUMNS
    column = np.arange(length) * columns // length
    assert np.array_equal(np.unique(column), np.arange(columns))
    for number in range(columns):
        inside = samples[column == number]
        assert (whole.low[number], whole.high[number]) == (inside.min(), inside.max())
    monkeypatch.setattr(sketches, "BLOCK", 4097)
    pieces = sketches.sketch(path, skip_s=0, duration_s=length / RATE)
    np.testing.assert_array_equal(pieces.low, whole.low)
    np.testing.assert_allclose(pieces.mel, whole.mel, rtol=1e-3, atol=1e-6 * whole.mel.max())
    assert (whole.mel.max(axis=0) > 0).all()


def test_a_tone_lies_at_its_own_height_in_the_spectrogram(tmp_path: Path) -> None:
    for rate, hz in ((48000, 1000.0), (8000, 400.0), (96000, 5000.0)):
        path = tmp_path / "tone.wav"
        soundfile.write(path, 0.5 * np.sin(2 * np.pi * hz * np.arange(rate) / rate), rate)
        mel = sketches.sketch(path, skip_s=0, duration_s=1.0).mel
        height = (mel.sum(axis=1).argmax() + 0.5) / sketches.MELS
        assert height == pytest.approx(sketches.mel_height(hz, rate), abs=1.5 / sketches.MELS)


def test_an_hour_needs_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 60):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
            for minute in range(minutes):
                file.write(np.random.default_rng(minute).uniform(-0.1, 0.1, 60 * 8000))
        sketches.sketch(path, skip_s=0, duration_s=1.0)  # what is loaded once is not counted
        tracemalloc.start()
        sketches.sketch(path, skip_s=0, duration_s=60.0 * minutes)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= 1.2 * peaks[0]


def test_a_missing_or_truncated_take_is_named_and_no_page_appears(tmp_path: Path) -> None:
    region = hits_region(tmp_path)
    good = region.takes[0]
    text = tmp_path / "text.wav"
    text.write_text("not a sound")
    short = write_take(tmp_path / "short.wav", [], length_s=0.25)
    for bad in (tmp_path / "gone.wav", text, short):
        take = ReportTake(path=bad, start_s=10.0, duration_s=5.0, handle_s=good.handle_s)
        with pytest.raises(MediaError, match=bad.name):
            written(tmp_path, hits_region(tmp_path, takes=(good, take)))
    assert not list(tmp_path.glob("*.html")) and not list(tmp_path.glob(".*"))


def test_a_folder_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"report\.html") as caught:
        written(tmp_path / "nowhere")
    assert caught.value.hint
