"""REAPER projects as text: every byte comes back, words are read as REAPER quotes them, and what is hostile is refused."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.adapters.rpp_file import (
    MAX_BYTES,
    MAX_NESTING,
    Chunk,
    decimal,
    number,
    parse,
    quoted,
    readable,
    whole,
    with_word,
    words,
)

KEYS = st.sampled_from(["NAME", "POSITION", "FILE", "MARKER", "|a note", "AAAA//8=", "0.5", "E 480 90 3c 60"])
TEXTS = st.text(st.characters(exclude_characters="\r\n\x00"), max_size=12)
ENDS = st.sampled_from([b"\n", b"\r\n"])
STRAY = st.sampled_from([b"", b"\xff\xfe", b"caf\xe9", "ü\u2028".encode()])


@st.composite
def chunk_bytes(draw: st.DrawFn, depth: int = 3) -> bytes:
    """The inside of a chunk: lines of words, stray bytes, empty lines, further chunks; line ends may differ."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        end, blanks = draw(ENDS), b" " * draw(st.integers(0, 6)) + draw(st.sampled_from([b"", b"\t"]))
        if depth and draw(st.booleans()):
            head = blanks + b"<" + draw(st.sampled_from([b"TRACK", b"ITEM {X}", b'VST "a > b"', b"SOURCE WAVE", b"X 0 0"]))
            parts.append(head + end + draw(chunk_bytes(depth - 1)) + blanks + b">" + end)
        else:
            said = [draw(KEYS), *(quoted(text) for text in draw(st.lists(TEXTS, max_size=3)))]
            parts.append(blanks + " ".join(said).encode("utf-8", "surrogatepass") + draw(STRAY) + end)
            parts.append(draw(st.sampled_from([b"", end])))
    return b"".join(parts)


@given(
    chunk_bytes(),
    ENDS,
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\n  "]),
    st.sampled_from([b"", b"\n", b"\r\nleft over\n> <\n"]),
)
@settings(max_examples=300)
def test_any_project_is_written_back_byte_for_byte(inside: bytes, end: bytes, before: bytes, after: bytes) -> None:
    data = before + b'<REAPER_PROJECT 0.1 "7.0/x64" 0' + end + inside + b">" + after
    assert parse(data).data() == data


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_are_written_back_or_refused(noise: bytes) -> None:
    for data in (noise, b"<REAPER_PROJECT\n" + noise + b"\n>\n"):
        try:
            project = parse(data)
        except TimelineError:
            continue
        assert project.data() == data


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_words_come_back_from_a_line_as_they_went_in(said: list[str]) -> None:
    line = "  NAME " + " ".join(map(quoted, said)) + "\r\n"
    held = [text.replace("`", "'") if all(quote in text for quote in "\"'`") else text for text in said]
    assert words(line) == ["NAME", *held]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  NAME Drums\n", ["NAME", "Drums"]),
        ('NAME "two words" 1', ["NAME", "two words", "1"]),
        ("NAME 'say \"hi\"'", ["NAME", 'say "hi"']),
        ('NAME `it\'s "so"`\r\n', ["NAME", 'it\'s "so"']),
        ("NAME dog's", ["NAME", "dog's"]),
        ('NAME ""', ["NAME", ""]),
        ('NAME "no end', ["NAME", "no end"]),
        ("\t<SOURCE WAVE\n", ["SOURCE", "WAVE"]),
        ("  \n", []),
        ("NAME Größe\u2028x", ["NAME", "Größe\u2028x"]),
    ],
)
def test_lines_are_read_in_words(line: str, said: list[str]) -> None:
    assert words(line) == said


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ('a "b"', "'a \"b\"'"),
        ("it's", '"it\'s"'),
        ('it\'s "so"', '`it\'s "so"`'),
        ("all '\"` three", "`all '\"' three`"),
        ("line\nbreak", '"line break"'),
        ("<chunk", '"<chunk"'),
        ("# 1", '"# 1"'),
    ],
)
def test_words_are_quoted_as_reaper_does(text: str, stands: str) -> None:
    assert quoted(text) == stands


def test_one_word_changes_and_the_rest_of_its_line_does_not() -> None:
    line = "\t  PLAYRATE   1  1 'x y'\t0.0025 \r\n"
    assert with_word(line, 1, "2") == "\t  PLAYRATE   2  1 'x y'\t0.0025 \r\n"
    assert with_word(line, 3, "z") == "\t  PLAYRATE   1  1 z\t0.0025 \r\n"
    assert with_word("  NAME\r\n", 1, "a b") == '  NAME "a b"\r\n'


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("3.00300000000000", Fraction(3003, 1000)),
        ("-0.5", Fraction(-1, 2)),
        ("1e-05", Fraction(1e-05)),
        ("", Fraction(7)),
        ("0", Fraction(0)),
    ],
)
def test_numbers_are_read_exactly_as_written(word: str, value: Fraction) -> None:
    assert number(word, Fraction(7)) == value


@pytest.mark.parametrize("word", ["x", "nan", "inf", "1e999999999", "9" * 400, "1_000_000_000_000_0", "--1", "0x10"])
def test_what_is_no_number_is_refused_by_name(word: str) -> None:
    with pytest.raises(TimelineError, match=re.escape(word[:20])):
        number(word)


@given(st.fractions(min_value=-(10**6), max_value=10**6))
def test_a_written_number_is_the_same_to_a_billionth(value: Fraction) -> None:
    text = decimal(value)
    assert re.fullmatch(r"-?\d+(\.\d*[1-9])?", text) and abs(number(text) - value) < Fraction(1, 10**9)


def test_whole_numbers_lose_what_follows_the_point() -> None:
    assert (whole("3.9"), whole("-3.9"), whole("", 5)) == (3, -3, 5)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a REAPER project"),
        (b"<NOT_REAPER\n>\n", "not a REAPER project"),
        (b"<REAPER_PROJECTS\n>\n", "not a REAPER project"),
        (b"<REAPER_PROJECT 0.1\n  <TRACK\n    NAME a\n  >\n", "ends in the middle: <REAPER_PROJECT"),
        (b"<REAPER_PROJECT 0.1\n  <TRACK\n    <ITEM\n", "<ITEM in <TRACK in <REAPER_PROJECT"),
        (b"<REAPER_PROJECT\n" + b"<A\n" * MAX_NESTING + b">\n" * (MAX_NESTING + 1), "nested deeper than 256"),
        (b"<REAPER_PROJECT\n" + b"x" * MAX_BYTES, "over 64 MB"),
    ],
)
def test_a_broken_project_is_refused_with_its_reason(data: bytes, said: str) -> None:
    with pytest.raises(TimelineError, match=re.escape(said)):
        parse(data)


def test_chunks_nested_as_deep_as_allowed_are_read_and_written() -> None:
    data = b"<REAPER_PROJECT\n" + b"<A\n" * (MAX_NESTING - 1) + b">\n" * MAX_NESTING
    assert parse(data).data() == data


def test_chunks_and_lines_are_found_by_their_first_word_alone() -> None:
    root = parse(
        b'<REAPER_PROJECT\n  NAMES x\n  NAME "a"\n  <TRACKS\n  >\n  <TRACK {1}\n  >\n  NAME b\n  <TRACK\n  >\n>\n'
    ).root
    assert root.line("NAME") == '  NAME "a"\n' and root.line("NAM") is None
    assert [chunk.head for chunk in root.chunks("TRACK")] == ["  <TRACK {1}\n", "  <TRACK\n"]
    assert isinstance(root.inside[2], Chunk) and root.inside[2].name == "TRACKS"


def test_stray_bytes_become_replacement_characters_for_others() -> None:
    assert readable(b"caf\xe9 \x00".decode("utf-8", "surrogateescape")) == "caf\ufffd \ufffd"
