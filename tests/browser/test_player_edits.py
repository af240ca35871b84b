"""An edit as the page makes it heard, against the file that the daemon writes of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from player_bench import Bench, bench
from playwright.sync_api import Page
from test_jobs_retouch import take_of

from foley_bridge.jobs.retouch import NUMBERS, nudge_samples, retouch
from foley_bridge.timeline.time import samples_of

pytestmark = pytest.mark.browser

STEP = 2.0**-23
SAMPLE_RATES = (44100, 48000, 96000)
RATES = ("24000/1001", "24", "25", "30000/1001", "60")
EDITS: list[dict[str, float]] = [
    {"level_db": -3.7},
    {"nudge_frames": 3},
    {"nudge_frames": -2, "nudge_ms": 7.3},
    {"fade_in_s": 0.25, "fade_out_s": 0.777},
    {"level_db": -60, "nudge_ms": -0.1, "fade_in_s": 1, "fade_out_s": 1},
    {"nudge_ms": 9999.5},
]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


def settled(edit: dict[str, float]) -> dict[str, Any]:
    return dict.fromkeys(NUMBERS, 0) | edit


EDITED = """async ({ url, edit, rate, sampleRate, first, end }) => {
  const bytes = await (await fetch(url)).arrayBuffer();
  const buffer = await new OfflineAudioContext(1, 1, sampleRate).decodeAudioData(bytes);
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, k) => buffer.getChannelData(k));
  return edits.edited(channels, edit, { rate, sampleRate, first, end }).map((samples) => {
    let text = "";
    const bytes = new Uint8Array(samples.buffer);
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(text);
  });
}"""


@pytest.mark.parametrize(
    ("rate", "sample_rate", "channels", "handles"),
    [("24000/1001", 48000, 1, Fraction(1, 2)), ("25", 44100, 2, Fraction(0)), ("30000/1001", 96000, 1, Fraction(0))],
)
def test_what_is_heard_of_an_edit_is_what_is_written_to_one_step_of_24_bits(
    stand: Bench, page: Page, tmp_path: Path, rate: str, sample_rate: int, channels: int, handles: Fraction
) -> None:
    take = take_of(tmp_path, Fraction(rate), channels=channels, handles=handles, sample_rate=sample_rate)
    (stand.folder / "take.wav").write_bytes(take.path.read_bytes())
    begins = samples_of(take.start - take.handle, sample_rate)
    first, end = (samples_of(time, sample_rate) - begins for time in (take.start, take.start + take.duration))
    stand.open(page)
    for number, said in enumerate(EDITS):
        edit = settled(said)
        written = tmp_path / f"{number}.wav"
        retouch(take, edit, written, rate=Fraction(rate))
        expected, _ = soundfile.read(written, dtype="float64", always_2d=True)
        asked = {"url": "/media/take.wav", "edit": edit, "rate": rate, "sampleRate": sample_rate, "first": first, "end": end}
        heard = [np.frombuffer(base64.b64decode(one), np.float32) for one in page.evaluate(EDITED, asked)]
        assert len(heard) == channels
        assert np.abs(np.stack(heard, axis=1) - expected).max() <= STEP, said
        assert expected.any() or said == {"nudge_ms": 9999.5}


def test_a_nudge_is_as_many_samples_as_in_the_file(stand: Bench, page: Page) -> None:
    random = np.random.default_rng(5)
    edits = [{"nudge_frames": int(frames), "nudge_ms": 0} for frames in range(-9, 10)]  # halves of samples at 24 and 44 100
    for digits in (0, 1, 2, 3, 7):
        edits += [
            {"nudge_frames": int(random.integers(-99, 99)), "nudge_ms": round(float(random.uniform(-4000, 4000)), digits)}
            for _ in range(40)
        ]
    edits += [{"nudge_frames": 0, "nudge_ms": small} for small in (1e-7, -2.5e-10, 0.03125, 1e-5)]
    cases = [(edit, rate, sample_rate) for edit in edits for rate in RATES for sample_rate in SAMPLE_RATES]
    stand.open(page)
    told = page.evaluate("cases => JSON.parse(cases).map((one) => edits.nudgeSamples(...one))", json.dumps(cases))
    assert told == [nudge_samples(settled(edit), Fraction(rate), sample_rate) for edit, rate, sample_rate in cases]


def test_a_time_on_a_frame_is_the_sample_that_the_daemon_takes_for_it(stand: Bench, page: Page) -> None:
    random = np.random.default_rng(6)
    frames = [*range(50), *(int(frame) for frame in random.integers(0, 24 * 3600 * 60, 500))]
    cases = [(frame, rate, sample_rate) for frame in frames for rate in RATES for sample_rate in SAMPLE_RATES]
    asked = [(float(frame / Fraction(rate)), rate, sample_rate) for frame, rate, sample_rate in cases]
    stand.open(page)
    told = page.evaluate("cases => JSON.parse(cases).map((one) => edits.sampleOf(...one))", json.dumps(asked))
    assert told == [samples_of(frame / Fraction(rate), sample_rate) for frame, rate, sample_rate in cases]


@pytest.mark.parametrize(
    ("number", "exact"),
    [
        (23.976023976023978, "24000,1001"),
        (23.98, "24000,1001"),
        (29.97, "30000,1001"),
        (59.94, "60000,1001"),
        (25, "25,1"),
        (24.0, "24,1"),
    ],
)
def test_a_rate_told_as_a_number_is_the_exact_fraction(stand: Bench, page: Page, number: float, exact: str) -> None:
    stand.open(page)
    assert page.evaluate("number => edits.exactRate(number).join()", number) == exact
