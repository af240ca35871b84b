"""What a region's text says."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.options import PARSERS, Options, is_region_text, parse_option, parse_region_text

F = Fraction


def _parsed(text: str) -> tuple[str, Options]:
    return parse_region_text(text, F(24))


def test_every_option_is_read() -> None:
    words, options = _parsed(
        "FOLEY footsteps gravel engine=transfer like='my clip.wav' takes=3 seed=7 level=-23LUFS handles=12f fade=0.25 tail=1s "
        "channels=stereo retime=no ucs=FOLYFeet pin=k3v7q2mdx5ab,H2ZT ban=lib:aaaa hits=auto detector=Network sensitivity=0.3 "
        "offset=-1f"
    )
    assert words == "footsteps gravel"
    assert options == Options(
        engine="transfer",
        like="my clip.wav",
        takes=3,
        seed=7,
        level=-23.0,
        handles=F(1, 2),
        fade=F(1, 4),
        tail=F(1),
        channels="stereo",
        retime=False,
        ucs="FOLYFeet",
        pin=("k3v7q2mdx5ab", "h2zt"),
        ban=("aaaa",),
        hits="auto",
        detector="network",
        sensitivity=0.3,
        offset=F(-1, 24),
    )


def test_library_ids_are_named_once_each_however_they_are_written() -> None:
    assert _parsed("FOLEY door PIN='K3V7, lib:h2zt,k3v7,LIB:k3v7'")[1].pin == ("k3v7", "h2zt")


@pytest.mark.parametrize("text", ["FOLEY", "foley door", "Foley: door", "  FOLEY\tdoor", "foley takes=2"])
def test_foley_as_the_first_word_asks_for_sound(text: str) -> None:
    assert is_region_text(text)


@pytest.mark.parametrize("text", ["", "FOLEYS", "my FOLEY", "FOLEY_1", "FOLEY-1", "HIT", "foley=1"])
def test_anything_else_does_not(text: str) -> None:
    assert not is_region_text(text)


@pytest.mark.parametrize(
    ("text", "like"),
    [
        (r'like="C:\My Sounds\new\door.wav"', r"C:\My Sounds\new\door.wav"),
        (r"like='C:\Sounds\' takes=2", "C:\\Sounds\\"),
        (r"like=C:\Sounds\door.wav", r"C:\Sounds\door.wav"),
        ("like='it's here.wav'", "it's here.wav"),
        ("like=\"say 'when'.wav\"", "say 'when'.wav"),
        ("like=a=b.wav", "a=b.wav"),
    ],
)
def test_paths_survive_quoting_unharmed(text: str, like: str) -> None:
    assert _parsed("FOLEY " + text)[1].like == like


def test_free_words_keep_apostrophes_and_quoted_options_are_words() -> None:
    assert _parsed('FOLEY dog\'s bark "takes=3"') == ("dog's bark takes=3", Options())


def test_names_and_listed_values_may_be_in_capitals_as_edls_write_them() -> None:
    assert _parsed("FOLEY DOOR ENGINE=TRANSFER TAKES=2 RETIME=NO")[1] == Options(engine="transfer", takes=2, retime=False)


@pytest.mark.parametrize(("text", "seconds"), [("20", F(1, 50)), ("-40ms", F(-1, 25)), ("-1f", F(-1, 24)), ("0.5s", F(1, 2))])
def test_a_plain_offset_is_milliseconds(text: str, seconds: Fraction) -> None:
    assert _parsed(f"FOLEY offset={text}")[1].offset == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tkaes=3", "unknown option 'tkaes'.*did you mean takes="),
        ("colour=red", "unknown option 'colour'.*options are engine"),
        ("takes=0", "takes= cannot be '0'.*1 to 64"),
        ("takes=65", "takes= cannot be '65'.*1 to 64"),
        ("takes=2.5", "takes= cannot be"),
        ("seed=-1", "seed= cannot be '-1'"),
        ("level=3", "level= cannot be '3'.*-70 to 0"),
        ("level=-71", "level= cannot be"),
        ("level=loud", "level= cannot be"),
        ("handles=-1f", "handles= cannot be"),
        ("fade=1parsec", "fade= cannot be"),
        ("tail=601", "tail= cannot be"),
        ("channels=5.1", "channels= cannot be '5.1'.*mono, stereo, source"),
        ("engine=transfr", "engine= cannot be.*did you mean transfer"),
        ("retime=maybe", "retime= cannot be.*yes or no"),
        ("ucs=foot-steps", "ucs= cannot be.*CatID"),
        ("pin=abc", "pin= cannot be 'abc'.*four letters"),
        ("ban=door.wav", "ban= cannot be 'door.wav'.*library ids"),
        ("pin=abcd,,efgh", "pin= cannot be"),
        ("ban=lib:", "ban= cannot be"),
        (f"pin={','.join('abcd' + str(n) for n in range(65))}", "pin= cannot be.*up to 64"),
        ("hits=often", "hits= cannot be.*auto, markers"),
        ("sensitivity=1.01", "sensitivity= cannot be.*0 to 1"),
        ("sensitivity=nan", "sensitivity= cannot be"),
        ("offset=2min", "offset= cannot be"),
        ("like=", "like= has no value"),
        ("like=''", "like= has no value"),
        ("takes = 3", "space before '='"),
        ("takes=1 TAKES=2", "takes= is given twice"),
        ('like="open', "not closed"),
    ],
)
def test_a_bad_option_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(TimelineError, match=said):
        _parsed("FOLEY steps " + text)


def test_defaults_fill_only_what_is_not_named() -> None:
    assert Options(takes=2, retime=False).over(Options(takes=5, seed=9, retime=True)) == Options(takes=2, seed=9, retime=False)


@given(st.text(max_size=60))
def test_no_text_ends_in_anything_but_an_answer_or_a_clear_error(text: str) -> None:
    try:
        words, options = _parsed(text)
    except TimelineError as error:
        assert error.message
    else:
        assert isinstance(words, str) and isinstance(options, Options)


@given(st.sampled_from(sorted(PARSERS)), st.text(max_size=20))
def test_no_value_ends_in_anything_but_an_answer_or_a_clear_error(name: str, value: str) -> None:
    try:
        assert parse_option(name, value, F(24)) is not None
    except TimelineError as error:
        assert name in error.message
