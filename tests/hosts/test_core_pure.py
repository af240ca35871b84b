"""The two cores of the host scripts agree with each other, and with what foley_bridge makes of what they write."""

from __future__ import annotations

import json
import math
import re
import string
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cores import LUAS, LuaCore, PythonCore
from hypothesis import given
from hypothesis import strategies as st

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.media_paths import local_path
from foley_bridge.timeline.options import is_region_text
from foley_bridge.timeline.region_text import split_region_text
from foley_bridge.timeline.time import timecode

RATES = ("24/1", "25/1", "30/1", "24000/1001", "30000/1001", "60000/1001", "15/1", "374/25")
CORES: list[Any] = [PythonCore(), *map(LuaCore, LUAS)]


def asked(module: str, name: str, *arguments: Any) -> Any:
    """What all cores say, which must be the same; a ValueError where they refuse."""
    said = []
    for core in CORES:
        try:
            said.append(("gives", core.call(module, name, *arguments)))
        except ValueError as error:
            said.append(("refuses", str(error)))
    assert said[1:] == said[:1] * (len(said) - 1), (module, name, arguments)
    kind, value = said[0]
    if kind == "refuses":
        raise ValueError(value)
    return value


# --- time ---

frames = st.one_of(st.integers(0, 6_000_000), st.floats(0, 1_000_000), st.integers(0, 10**9).map(lambda n: n / 1024))


@given(st.integers(0, 6_000_000), st.sampled_from(RATES), st.sampled_from([44100, 48000, 96000, 192000]))
def test_a_whole_frame_falls_on_the_nearest_sample_and_comes_back(frame: int, rate: str, sample_rate: int) -> None:
    at = asked("time", "samples", frame, rate, sample_rate)
    assert at == math.floor(Fraction(frame) / Fraction(rate) * sample_rate + Fraction(1, 2))
    assert asked("time", "frames_at_sample", at, rate, sample_rate) == frame


@given(frames, st.sampled_from(RATES))
def test_any_time_falls_within_a_sample_of_its_place(time: float, rate: str) -> None:
    at = asked("time", "samples", time, rate, 48000)
    assert abs(at - Fraction(time) / Fraction(rate) * 48000) <= Fraction(6, 10)
    seconds = asked("time", "seconds", time, rate)
    assert seconds == pytest.approx(float(Fraction(time) / Fraction(rate)), rel=1e-12)
    assert asked("time", "frames_at", seconds, rate) == pytest.approx(time, rel=1e-12, abs=2e-6)
    assert asked("time", "floor", time) in (math.floor(time), round(time))
    assert asked("time", "ceil", time) in (math.ceil(time), round(time))


@given(st.integers(-100, 10_000_000), st.sampled_from(RATES), st.sampled_from([0, 86400, 900000]))
def test_timecode_is_the_one_of_the_daemon(frame: int, rate: str, start: int) -> None:
    expected = timecode(Fraction(frame + start) / Fraction(rate), Fraction(rate))
    assert asked("time", "timecode", frame, rate, start) == expected


@pytest.mark.parametrize("rate", ["", "0/1", "25/0", "23.976", "-25", "25/1/1", " 25"])
def test_what_is_no_rate_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="is not a frame rate"):
        asked("time", "exact", rate)


# --- a region's text ---

SPACES = " \t\n\u00a0\u3000\u2003\x1c"
texts = st.text(st.sampled_from("abLk=\"'\\:-_1é足" + SPACES), max_size=24)
region_texts = st.builds(lambda lead, rest: lead + rest, st.sampled_from(["FOLEY ", " foley: ", "Foley\u3000", ""]), texts)


def read(text: str) -> tuple[list[str], dict[str, str]] | None:
    """The words and options that the daemon sees after FOLEY; None where it refuses."""
    lead = text.lstrip()
    rest = lead[5:].removeprefix(":") if is_region_text(text) else text
    try:
        return split_region_text(rest)
    except TimelineError:
        return None


@given(region_texts)
def test_a_region_is_one_where_the_daemon_sees_one(text: str) -> None:
    assert asked("text", "is_region", text) == is_region_text(text)


@given(region_texts)
def test_words_are_those_that_the_daemon_reads(text: str) -> None:
    seen = read(text)
    if seen is None or not all(name.isascii() for name in seen[1]):
        return
    assert asked("text", "words", text) == " ".join(seen[0])
    for name, value in seen[1].items():
        assert asked("text", "option", text, name) == value


@given(region_texts, st.text(st.sampled_from("ab'\" é\u3000\\="), min_size=1, max_size=8))
def test_an_option_that_is_set_is_read_back_and_nothing_else_changes(text: str, value: str) -> None:
    seen = read(text)
    if seen is None or not all(name.isascii() for name in seen[1]):
        return
    try:
        changed = asked("text", "with_option", text, "like", value)
    except ValueError as error:
        assert "cannot be written" in str(error)
        assert value != value.strip() or {q for q in "\"'" if any(q + s in value for s in SPACES)} == {'"', "'"}
        return
    assert read(changed) == (seen[0], seen[1] | {"like": value})


@given(region_texts, texts)
def test_other_words_replace_words_and_leave_options(text: str, typed: str) -> None:
    seen, new = read(text), read(typed)
    if seen is None or new is None or not all(name.isascii() for name in [*seen[1], *new[1]]) or is_region_text(typed):
        return
    changed = asked("text", "with_words", text, typed)
    assert is_region_text(changed)
    assert read(changed) == (new[0], new[1] | {name: value for name, value in seen[1].items() if name not in new[1]})


def test_an_open_quote_is_named() -> None:
    with pytest.raises(ValueError, match='the quote "door is not closed'):
        asked("text", "words", 'FOLEY "door')


# --- paths ---


@pytest.mark.parametrize("name", ["plain.wav", "a b.wav", "50% #1?.wav", "ü 足.wav", "it's.mov", "back\\slash.wav", "c:d.wav"])
def test_a_path_comes_back_from_its_url(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    assert local_path(asked("path", "url", str(path)), Path("/elsewhere")) == path


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("C:\\My Sounds\\dör.wav", "file:///C:/My%20Sounds/d%C3%B6r.wav"),
        ("d:/a/b.mov", "file:///d:/a/b.mov"),
        ("\\\\server\\share\\a b.mov", "file://server/share/a%20b.mov"),
        ("\\\\?\\C:\\long\\x.wav", "file:///C:/long/x.wav"),
        ("\\\\?\\UNC\\server\\share\\x.wav", "file://server/share/x.wav"),
        ("media/x y.wav", "media/x y.wav"),
    ],
)
def test_windows_paths_become_urls_that_say_their_drive_or_server(path: str, url: str) -> None:
    assert asked("path", "url", path) == url


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("C:\\A\\b.wav", "c:/a/B.WAV", True),
        ("/A/b.wav", "/a/b.wav", False),
        ("/a/b.wav", "/a/b.wav", True),
        ("\\\\s\\x\\a.wav", "//s/x/a.wav", False),
        ("C:\\a.wav", "/a.wav", False),
    ],
)
def test_paths_are_the_same_as_their_system_says(one: str, other: str, same: bool) -> None:
    assert asked("path", "same", one, other) is same


@pytest.mark.parametrize(
    ("folder", "joined"),
    [("/p", "/p/Foley/r"), ("/p/", "/p/Foley/r"), ("C:\\p\\", "C:\\p\\Foley\\r"), ("C:/p", "C:/p/Foley/r"), ("/", "/Foley/r")],
)
def test_a_folder_keeps_its_slashes(folder: str, joined: str) -> None:
    assert asked("path", "join", folder, "Foley", "r") == joined


# --- JSON in Lua ---

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def without_nulls(value: Any) -> Any:
    """As Lua has it: a member that is null is none."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module", params=LUAS)
def again(request: pytest.FixtureRequest) -> Any:
    """A text of JSON read and written again by Lua; a ValueError where it is refused."""
    core = LuaCore(request.param)
    function = core.runtime.eval(
        b"""function(text)
          local json = require("foley.json")
          local good, value = pcall(json.decode, text)
          return good, good and json.encode(value) or value.message
        end"""
    )

    def ask(text: str | bytes) -> str:
        good, told = function(text.encode() if isinstance(text, str) else text)
        if not good:
            raise ValueError(told.decode("utf-8", "replace"))
        return str(told.decode())

    return ask


@given(value=values, escaped=st.booleans(), indent=st.sampled_from([None, 1]))
def test_lua_reads_and_writes_json_as_python_does(again: Any, value: Any, escaped: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    back = json.loads(again(text))
    assert back == without_nulls(value)
    assert json.dumps(back, sort_keys=True) == json.dumps(without_nulls(value), sort_keys=True)  # whole numbers stay whole


NOT_JSON = r"""
{ | [1,] | {"a":1,} | {a:1} | 01 | -01 | 1. | .5 | +1 | 1e | 1e999 | NaN | Infinity | - | nul | tru | 'a' | "\x" | "\u12"
"\ud800" | "\udc00" | "a | [1 2] | {"a" 1} | {"a":} | {"a":1 | 1 2 | [1
"""


@pytest.mark.parametrize("text", ["", " ", '"\n"', '"a\tb"', "\ufeff1", "[" * 2000, *re.split(r" \| |\n", NOT_JSON.strip())])
def test_lua_refuses_what_is_not_json(again: Any, text: str) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        again(text)


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"'])
def test_lua_refuses_what_is_not_utf8(again: Any, data: bytes) -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        again(data)


def test_lua_reads_a_large_timeline_at_once(again: Any) -> None:
    value = [{"name": string.ascii_letters, "at": [number / 7, number, True, None]} for number in range(20000)]
    assert json.loads(again(json.dumps(value))) == value


# --- names ---


@given(st.text())
def test_a_text_has_one_digest(text: str) -> None:
    value = 0xCBF29CE484222325  # FNV-1a
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    assert asked("call", "digest", text) == f"{value:016x}"
