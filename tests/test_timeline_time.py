"""Exact rates, sample positions over a whole day, and timecode."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.time import (
    ceil_frame,
    exact_rate,
    floor_frame,
    nominal_rate,
    parse_time,
    parse_timecode,
    rational,
    samples_of,
    seconds_of,
    snapped,
    time_json,
    timecode,
)

F = Fraction
DAY = 86400
NAMED = {
    "14.96": F(374, 25),
    "15": F(15),
    "21.5": F(43, 2),
    "23.976": F(24000, 1001),
    "24": F(24),
    "25": F(25),
    "29.97": F(30000, 1001),
    "30": F(30),
    "50": F(50),
    "59.94": F(60000, 1001),
}
RATES = st.sampled_from(list(NAMED.values()))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        *NAMED.items(),
        ("23.98", F(24000, 1001)),
        ("47.952", F(48000, 1001)),
        ("119.88", F(120000, 1001)),
        ("24000/1001", F(24000, 1001)),
        ("29.97003", F(30000, 1001)),
        ("12.5", F(25, 2)),
        ("29.98", F(1499, 50)),
    ],
)
def test_every_way_to_write_a_rate_gives_the_exact_fraction(text: str, rate: Fraction) -> None:
    assert exact_rate(text) == rate
    if "/" not in text:
        assert exact_rate(float(text)) == rate


@pytest.mark.parametrize("number", [8, 12, 15, 24, 30, 48, 60, 72, 90, 120, 240])
def test_ntsc_rates_survive_as_floats_and_as_decimals_of_any_length(number: int) -> None:
    rate = F(number * 1000, 1001)
    assert exact_rate(float(rate)) == rate
    assert snapped(float(rate)) is None
    for places in range(2, 16):
        assert exact_rate(f"{float(rate):.{places}f}") == rate
        assert exact_rate(round(float(rate), places)) == rate


def test_other_rates_are_not_bent_to_ntsc() -> None:
    assert exact_rate(float(F(359, 24))) == F(359, 24)
    assert exact_rate(48000.0) == 48000
    assert snapped("23.976") == "23.976 read as 24000/1001" and snapped(14.96) is None and snapped("25") is None


@pytest.mark.parametrize("bad", [0, -24, float("nan"), float("inf"), "", "fast", "24/0", "-24", True, None])
def test_what_is_no_rate_is_refused(bad: object) -> None:
    with pytest.raises(TimelineError, match="is not a rate"):
        exact_rate(bad)  # type: ignore[arg-type]


def _positions(rate: Fraction, frame: int, sample_rate: int) -> None:
    time = rational(F(frame) / rate, rate)
    assert int(time.value) == frame and exact_rate(time.rate) == rate
    # Independent: whole-number arithmetic, doubled so that the half rounds in the open; ties go to the even sample.
    twice, whole = divmod(2 * frame * rate.denominator * sample_rate + rate.numerator, 2 * rate.numerator)
    expected = twice - (1 if whole == 0 and twice % 2 else 0)
    assert samples_of(time, sample_rate) == samples_of(F(frame) / rate, sample_rate) == expected
    assert floor_frame(seconds_of(time), rate) == ceil_frame(seconds_of(time), rate) == frame


_WHERE = (RATES, st.integers(0, DAY * 60), st.sampled_from([44100, 48000, 96000]))


@given(*_WHERE)
def test_sample_positions_are_exact_over_a_whole_day(rate: Fraction, frame: int, sample_rate: int) -> None:
    _positions(rate, frame % int(DAY * rate), sample_rate)


@pytest.mark.nightly
@settings.get_profile("thorough")
@given(*_WHERE)
def test_sample_positions_are_exact_over_a_whole_day_2000_times(rate: Fraction, frame: int, sample_rate: int) -> None:
    _positions(rate, frame % int(DAY * rate), sample_rate)


def test_an_hour_at_23976_is_not_173_samples_off() -> None:
    assert samples_of(RationalTime(86400, 23.976), 48000) == 3_603_600 * 48


def test_times_that_rescaling_left_beside_a_whole_frame_are_wiped_clean() -> None:
    assert seconds_of(RationalTime(47.99999999999, 24)) == 2
    assert seconds_of(RationalTime(36.5, 24)) == F(73, 48)


def _labels(rate: Fraction, frame: int) -> None:
    frame %= int(DAY * rate)
    assert parse_timecode(timecode(F(frame) / rate, rate), rate) == frame
    if rate in (F(30000, 1001), F(60000, 1001)):
        label = timecode(F(frame) / rate, rate, drop=True)
        assert parse_timecode(label, rate) == frame
        # OTIO's own reading, an independent second opinion on drop-frame
        assert otio.opentime.to_timecode(RationalTime(frame, float(rate)), float(rate), True) == label


@given(RATES, st.integers(0, DAY * 60))
def test_timecode_there_and_back(rate: Fraction, frame: int) -> None:
    _labels(rate, frame)


@pytest.mark.nightly
@settings.get_profile("thorough")
@given(RATES, st.integers(0, DAY * 60))
def test_timecode_there_and_back_2000_times(rate: Fraction, frame: int) -> None:
    _labels(rate, frame)


@pytest.mark.parametrize("rate", [F(30000, 1001), F(60000, 1001)])
def test_every_minute_of_a_day_begins_with_the_right_drop_frame_label(rate: Fraction) -> None:
    base = nominal_rate(rate)
    count = 0  # frames since midnight, counted minute by minute
    for minute in range(1440):
        first = 0 if minute % 10 == 0 else base // 15
        label = f"{minute // 60:02d}:{minute % 60:02d}:00;{first:02d}"
        assert timecode(F(count) / rate, rate, drop=True) == label and parse_timecode(label, rate) == count
        if first:
            with pytest.raises(TimelineError, match="does not exist"):
                parse_timecode(f"{minute // 60:02d}:{minute % 60:02d}:00;{first - 1:02d}", rate)
        count += 60 * base - first
    assert count == {30: 2_589_408, 60: 5_178_816}[base]


@pytest.mark.parametrize(
    ("text", "rate", "said"),
    [
        ("00:01:00;00", F(30000, 1001), "does not exist"),
        ("00:01:00;02", F(25), "no drop-frame"),
        ("00:00:00;01", F(24000, 1001), "no drop-frame"),
        ("00:00:00:24", F(24), "frames go from 0 to 23"),
        ("00:00:00:15", F(374, 25), "frames go from 0 to 14"),
        ("00:60:00:00", F(24), "59"),
        ("1:2", F(24), "not timecode"),
    ],
)
def test_labels_that_do_not_exist_are_refused(text: str, rate: Fraction, said: str) -> None:
    with pytest.raises(TimelineError, match=said):
        parse_timecode(text, rate)


def test_fractional_rates_count_labels_by_the_next_whole_number() -> None:
    assert timecode(F(15) / F(374, 25), F(374, 25)) == "00:00:01:00"
    assert timecode(F(22) / F(43, 2), F(43, 2)) == "00:00:01:00"
    assert timecode(F(-1, 24), F(24)) == "-00:00:00:01"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.5", F(3, 2)),
        ("1.5s", F(3, 2)),
        ("12f", F(1, 2)),
        ("-1f", F(-1, 24)),
        ("40ms", F(1, 25)),
        ("00:00:01:12", F(3, 2)),
        ("0:01:30.5", F(181, 2)),
        ("1:30", F(90)),
        ("-00:00:01:12", F(-3, 2)),
        (" +2 s ", F(2)),
        (".25", F(1, 4)),
        ("−40ms", F(-1, 25)),
    ],
)
def test_times_as_people_write_them(text: str, seconds: Fraction) -> None:
    assert parse_time(text, F(24)) == seconds


def test_a_drop_frame_time_counts_frames() -> None:
    assert parse_time("00:01:00;02", F(30000, 1001)) == F(1800 * 1001, 30000)


@pytest.mark.parametrize("text", ["", "x", "1e5", "nan", "1:60", "--1", "12 frames 3", "1,5", "0x10"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(TimelineError):
        parse_time(text, F(24))


def test_times_in_json_carry_frame_rate_and_seconds() -> None:
    assert time_json(F(1001, 500), F(24000, 1001)) == {"value": 48, "rate": "24000/1001", "seconds": 2.002}
