"""Hostile timelines and region texts: none brings the program down, and none is accepted that cannot be used.

The documents, and what is done with them, are ``timeline_fuzz.py``'s, which runs in processes of its own: their death is a
failure.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from job_materials import clicks, marker, save, span, timeline_of
from opentimelineio.opentime import RationalTime
from timeline_fuzz import TEXTS

from foley_bridge.errors import JobError, TimelineError
from foley_bridge.jobs.cues import settle
from foley_bridge.jobs.opening import open_request
from foley_bridge.jobs.request import GenerateRequest
from foley_bridge.jobs.sight import BLIND
from foley_bridge.timeline.options import CHANNELS, DETECTORS, ENGINES, HITS, PARSERS, Options, parse_region_text
from foley_bridge.timeline.picture import picture_under
from foley_bridge.timeline.regions import parse_region

SCRIPT = Path(__file__).with_name("timeline_fuzz.py")
CHUNK = 2_500
PATIENCE_S = 3_000


def take_in(seed: int, first: int, last: int, *options: str) -> Counter[str]:
    """Documents of a seed through ``timeline_fuzz.py``; how many went which way."""
    command = [sys.executable, "-P", str(SCRIPT), str(seed), str(first), str(last), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    *_, before, told = ["", *done.stdout.splitlines()]
    assert done.returncode in (0, 1), (
        f"the program died ({done.returncode}) of document {told} of seed {seed}: {done.stderr[-3000:]}"
    )
    assert done.returncode == 0, done.stderr[-6000:]
    assert int(before) == last - 1
    return Counter(json.loads(told))


def check(told: Counter[str], count: int) -> None:
    """All were judged, without a fault, and enough of them came far enough to be a test."""
    assert told["faults"] == 0
    assert sum(told[way] for way in told if way.startswith(("refused", "accepted"))) == count
    assert told["accepted"] > count / 10 and told["refused opening"] > count / 10, told
    print(dict(told))


def test_mutated_documents_are_refused_by_name_or_used_to_the_end() -> None:
    check(take_in(11, 0, 1_000), 1_000)


def test_mutated_documents_read_with_a_child_process_each_go_the_same_ways() -> None:
    own, warm = take_in(12, 0, 20, "--own-child"), take_in(12, 0, 20)
    own.pop("child died")
    warm.pop("child died")
    assert own == warm


@pytest.mark.nightly
def test_very_many_mutated_documents_are_refused_by_name_or_used_to_the_end() -> None:
    count = 100_000
    with ThreadPoolExecutor(2) as both:
        parts = both.map(lambda first: take_in(13, first, first + CHUNK), range(0, count, CHUNK))
        check(sum(parts, Counter()), count)


@pytest.mark.nightly
def test_many_mutated_documents_read_with_a_child_process_each() -> None:
    check(take_in(14, 0, 1_000, "--own-child"), 1_000)


# --- what the documents brought to light ---


@pytest.mark.parametrize("url", ["a" * 5000, "/" + "d/" * 3000, "a\0b.mov", "%00"])
def test_media_whose_name_no_system_takes_is_missing_media(url: str, tmp_path: Path) -> None:
    timeline = timeline_of(Path("/x.mov"), 50, 25)
    timeline.tracks[0][0].media_reference.target_url = url
    picture = picture_under(timeline, Fraction(0), Fraction(1), lambda path: None, base=tmp_path)
    assert [span.media.kind for span in picture.spans if span.media] == ["missing"]
    pictures = otio.schema.ImageSequenceReference(
        url.replace("\0", ""), "f", ".png", 1, 1, 25.0, 4, available_range=span(0, 50, 25)
    )
    timeline.tracks[0][0].media_reference = pictures
    picture = picture_under(timeline, Fraction(0), Fraction(1), lambda path: None, base=tmp_path)
    assert [span.media.kind for span in picture.spans if span.media] == ["missing"]


@pytest.mark.parametrize("like", ["a" * 5000, "~nobody.here/x.wav", "a\0b"])
def test_an_example_whose_name_no_system_takes_is_refused_by_name(like: str, tmp_path: Path) -> None:
    timeline = timeline_of(Path("/x.mov"), 50, 25, marker("FOLEY door", 0, 10, 25))
    path = save(timeline, tmp_path / "a.otio")
    request = GenerateRequest(path, tmp_path / "b.otio", tmp_path, clicks(tmp_path / "k.wav"), options={"like": like})
    with pytest.raises(JobError, match="region 'door': like="):
        settle(open_request(path, ()), request, BLIND)


@pytest.mark.parametrize(("value", "rate"), [(-1e308, 1e-300), (1e308, 24), (-1e18, 24), (1e-3, 5e-324)])
def test_times_beyond_all_measure_are_refused_rather_than_calculated_with(value: float, rate: float, tmp_path: Path) -> None:
    timeline = timeline_of(Path("/x.mov"), 50, 25, marker("FOLEY door", 0, 10, 25))
    timeline.tracks[0].append(otio.schema.Gap(source_range=span(0, 0, 25)))
    timeline.tracks[0][1].source_range = otio.opentime.TimeRange(RationalTime(0, 25), RationalTime(value, rate))
    with pytest.raises(TimelineError, match=r"thousands of years|is not a rate"):
        open_request(save(timeline, tmp_path / "a.otio"), ())


def test_a_speed_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    timeline = timeline_of(Path("/x.mov"), 50, 25, marker("FOLEY door", 0, 10, 25))
    timeline.tracks[0][0].effects.append(otio.schema.LinearTimeWarp(time_scalar=1e300))
    with pytest.raises(TimelineError, match="clip 'shot' has a speed of 1e\\+300"):
        open_request(save(timeline, tmp_path / "a.otio"), ())


@pytest.mark.parametrize("told", [None, True, 5, "0.5", {"a": 1}, [float("nan"), "x", None, [1]], RationalTime(1, 24)])
def test_true_onsets_that_are_none_are_left_out(told: object, tmp_path: Path) -> None:
    timeline = timeline_of(Path("/x.mov"), 50, 25, marker("FOLEY door", 0, 10, 25))
    timeline.tracks.markers[0].metadata["foley_bridge"] = {"truth_s": told}
    (region,) = open_request(save(timeline, tmp_path / "a.otio"), ()).regions
    assert region.truth_s == ()


# --- region texts ---

PLAIN = """
    1 0 -1 64 65 007 1.5 1e3 nan inf 0x10 ١٢ ² 99999999999999999999 -70 0.0001 .5 5. . - + −1 12f -1f 40ms 1s 600 601 -60
    00:00:01:12 00:01:00;00 1:30 yes no maybe mono stereo both auto markers transfer recommend FOLYFeet DOORWood foley
    '' "" 'a "it's" 'open a'b = == C:\\a\\b.wav lib:1 ~x
"""
VALUES = (*PLAIN.split(), "'a b'", "'/a/b c.wav'", "\0", "\ud800", "x" * 3000)
NAMES = (*PARSERS, "TAKES", "Like", "takess", "take", "ta-kes", "1takes", "_", "é", "FOLEY", "HIT", "")
RATES = (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(1000, 999), Fraction(999))


def region_text(dice: random.Random) -> str:
    """Words and options, most of them nearly right."""
    tokens = []
    for _ in range(dice.choice([0, 1, 1, 2, 2, 3, 8])):
        kind = dice.random()
        if kind < 0.7:
            tokens.append(f"{dice.choice(NAMES)}={dice.choice(VALUES)}")
        else:
            tokens.append(dice.choice([*VALUES, *TEXTS, "footsteps", "gravel"]))
    text = dice.choice(["FOLEY ", "foley:", "", "FOLEY\t"]) + dice.choice([" ", "  ", "\n", "\u3000", ""]).join(tokens)
    for _ in range(dice.choice([0, 0, 0, 1, 3])):
        at = dice.randrange(len(text) + 1)
        text = (
            text[:at]
            + dice.choice(["", "=", "'", '"', " ", "\0", "-", ":", ";", "9", "\u202e"])
            + text[at + dice.randrange(2) :]
        )
    return text


def allowed(options: Options, rate: Fraction) -> bool:
    """Whether every value is one that docs/timeline.md allows."""
    bounds = {
        "takes": (1, 64),
        "seed": (0, 2**63 - 1),
        "level": (-70, 0),
        "handles": (0, 600),
        "fade": (0, 600),
        "tail": (0, 600),
        "sensitivity": (0, 1),
        "offset": (-60, 60),
    }
    lists = {"engine": ENGINES, "channels": CHANNELS, "hits": HITS, "detector": DETECTORS, "retime": (True, False)}
    for name, value in asdict(options).items():
        if value is None:
            continue
        if name in bounds and not bounds[name][0] <= value <= bounds[name][1]:
            return False
        if name in lists and value not in lists[name]:
            return False
        if name == "ucs" and not (value.isascii() and value.isalnum()):
            return False
        if name == "like" and not value.strip():
            return False
    return True


def read_texts(count: int, seed: int) -> None:
    dice = random.Random(seed)
    accepted = refused = placed = 0
    for _ in range(count):
        text, rate = region_text(dice), dice.choice(RATES)
        try:
            words, options = parse_region_text(text, rate)
        except TimelineError as error:
            assert error.message, text
            refused += 1
        else:
            assert allowed(options, rate), (text, options)
            assert words == " ".join(words.split(" "))
            accepted += 1
        ends = [
            dice.choice(["0", "1", "2.5", "12f", "00:00:01:00", "-1", "1e5", "9" * 30, "", "١", "5-", "–"]) for _ in range(2)
        ]
        try:
            region = parse_region(f"{ends[0]}{dice.choice(['-', '–', ' - ', ''])}{ends[1]} {text}", rate, Fraction(10))
        except TimelineError as error:
            assert error.message, text
        else:
            assert 0 <= region.start < region.end <= 10, (text, region)
            placed += 1
    assert accepted > count / 10 and refused > count / 4 and placed > count / 50, (accepted, refused, placed)


def test_mutated_region_texts_are_read_within_their_bounds_or_refused() -> None:
    read_texts(3_000, seed=21)


@pytest.mark.nightly
def test_very_many_mutated_region_texts_are_read_within_their_bounds_or_refused() -> None:
    read_texts(100_000, seed=22)
