"""A choice is read strictly, settled, kept whole with its past, and never written over one that its editor has not seen."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reel_records import RATE, add_apply, add_reel, add_retake, region, take, take_id

from foley_bridge.errors import ConflictError, RequestError
from foley_bridge.jobs.choices import check
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.reel import reel_json, region_of
from foley_bridge.jobs.tables import VERSION

ONE, TWO, SILENT = take_id("one"), take_id("two"), take_id("silent")
TAKES = [take("one"), take("two", peak_dbfs=-0.05), take("silent", peak_dbfs=None)]
REGION: dict[str, Any] = {**region(2, TAKES), "takes": [{**each, "id": each["sha256"]} for each in TAKES]}  # 4 to 8 s
SETTLED = {"state": "proposed", "take": None, "edits": {}, "onsets_s": None, "sensitivity": None, "reason": "", "note": ""}


def settled(**choice: Any) -> dict[str, Any]:
    return check({"state": "chosen", "take": ONE, **choice}, REGION, RATE)


def edited(**edit: Any) -> dict[str, float]:
    found: dict[str, float] = settled(edits={ONE: edit})["edits"][ONE]
    return found


# --- what a choice may be ---


def test_what_is_left_out_is_settled_and_an_edit_has_all_its_numbers() -> None:
    assert check({"state": "proposed"}, REGION, RATE) == SETTLED
    assert settled(edits={TWO: {"nudge_frames": -2}}) == {
        **SETTLED,
        "state": "chosen",
        "take": ONE,
        "edits": {TWO: {"level_db": 0.0, "nudge_frames": -2, "nudge_ms": 0.0, "fade_in_s": 0.0, "fade_out_s": 0.0}},
    }


def test_what_was_told_can_be_sent_back() -> None:
    assert settled(revision=7, at_s=1.5, by="Ada") == settled()
    assert settled(reason=None, note=None, edits=None) == settled()


def test_an_edit_that_changes_nothing_is_no_edit() -> None:
    assert settled(edits={ONE: {}, TWO: {"level_db": -0.0, "nudge_ms": 0}}) == settled()


def test_the_bounds_themselves_are_allowed() -> None:
    assert edited(level_db=-60)["level_db"] == -60
    assert edited(level_db=2.9)["level_db"] == 2.9  # its peak is at -3 dBFS
    assert settled(edits={SILENT: {"level_db": 24}})["edits"][SILENT]["level_db"] == 24
    assert edited(nudge_frames=250)["nudge_frames"] == 250  # 10 s at 25 frames a second
    assert edited(nudge_frames=275, nudge_ms=-1000)["nudge_ms"] == -1000
    assert edited(fade_in_s=1.5, fade_out_s=2.5)["fade_out_s"] == 2.5
    assert settled(onsets_s=[4, 6.25, 8])["onsets_s"] == [4.0, 6.25, 8.0]
    assert settled(onsets_s=[])["onsets_s"] == []
    assert [settled(sensitivity=share)["sensitivity"] for share in (0, 1)] == [0.0, 1.0]
    assert settled(reason="r" * 500, note="zwei\tZeilen\nü€\U0001f600")["note"] == "zwei\tZeilen\nü€\U0001f600"


def test_a_take_that_is_too_loud_already_can_still_be_moved_and_turned_down() -> None:
    both = settled(edits={TWO: {"nudge_ms": 3, "level_db": -1}})["edits"][TWO]
    assert (both["nudge_ms"], both["level_db"]) == (3.0, -1.0)


def test_the_nudge_is_counted_at_the_exact_rate() -> None:
    edit = {"edits": {ONE: {"nudge_frames": 239, "nudge_ms": 31.7}}}
    assert check({"state": "chosen", "take": ONE, **edit}, REGION, Fraction(24000, 1001))["edits"]  # 9.999992 s
    edit = {"edits": {ONE: {"nudge_frames": 239, "nudge_ms": 31.8}}}
    with pytest.raises(RequestError, match="nudge_ms: the whole nudge is more than 10 s"):
        check({"state": "chosen", "take": ONE, **edit}, REGION, Fraction(24000, 1001))


@pytest.mark.parametrize(
    ("field", "choice"),
    [
        ("choice.state", {"state": None}),
        ("choice.state", {"state": "picked"}),
        ("choice.state", {"state": ["chosen"]}),
        ("choice.take", {"take": None}),
        ("choice.take", {"take": take_id("another region's")}),
        ("choice.take", {"take": 3}),
        ("choice.take", {"state": "rejected", "take": "x"}),
        ("choice.'colour'", {"colour": 1}),
        ("choice.edits", {"edits": []}),
        (f"choice.edits.{ONE[:12]}", {"edits": {ONE: 3}}),
        ("choice.edits.nobody", {"edits": {"nobody": {}}}),
        ("level_db", {"edits": {ONE: {"level_db": 24.1}}}),
        ("level_db", {"edits": {ONE: {"level_db": 2.91}}}),
        ("level_db", {"edits": {TWO: {"level_db": 0.01}}}),
        ("level_db", {"edits": {ONE: {"level_db": -60.5}}}),
        ("level_db", {"edits": {ONE: {"level_db": "1"}}}),
        ("level_db", {"edits": {ONE: {"level_db": True}}}),
        ("level_db", {"edits": {ONE: {"level_db": float("nan")}}}),
        ("level_db", {"edits": {ONE: {"level_db": None}}}),
        ("nudge_frames", {"edits": {ONE: {"nudge_frames": 1.0}}}),
        ("nudge_frames", {"edits": {ONE: {"nudge_frames": 251}}}),
        ("nudge_frames", {"edits": {ONE: {"nudge_frames": -(10**30)}}}),
        ("nudge_ms", {"edits": {ONE: {"nudge_frames": 250, "nudge_ms": 0.1}}}),
        ("nudge_ms", {"edits": {ONE: {"nudge_ms": 1e308}}}),
        ("nudge_ms", {"edits": {ONE: {"nudge_ms": 10**400}}}),
        ("fade_in_s", {"edits": {ONE: {"fade_in_s": -0.001}}}),
        ("fade_out_s", {"edits": {ONE: {"fade_in_s": 2, "fade_out_s": 2.1}}}),
        ("'speed'", {"edits": {ONE: {"speed": 2}}}),
        ("choice.onsets_s", {"onsets_s": {}}),
        ("choice.onsets_s", {"onsets_s": [4.0] * 10_001}),
        ("choice.onsets_s[0]", {"onsets_s": [3.99]}),
        ("choice.onsets_s[1]", {"onsets_s": [5, 8.01]}),
        ("choice.onsets_s[1]", {"onsets_s": [5, 5]}),
        ("choice.onsets_s[0]", {"onsets_s": ["5"]}),
        ("choice.sensitivity", {"sensitivity": 1.01}),
        ("choice.reason", {"reason": "r" * 501}),
        ("choice.reason", {"reason": 5}),
        ("choice.note", {"note": "n" * 4097}),
        ("choice.note", {"note": "what no XML holds: \x0b"}),
        ("choice.note", {"note": "half a pair: \ud800"}),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(field: str, choice: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as error:
        settled(**choice)
    assert field in error.value.message.partition(": ")[0]
    assert error.value.hint
    error.value.message.encode()  # it can be told


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from([ONE, TWO, "chosen", 5.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([ONE, "level_db", "nudge_ms", "x"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*SETTLED, "by", "x"]), ANYTHING, max_size=5))
def test_whatever_is_said_is_settled_once_and_for_all_or_refused(choice: dict[str, Any]) -> None:
    try:
        once = check(choice, REGION, RATE)
    except RequestError:
        return
    assert check(once, REGION, RATE) == once == json.loads(json.dumps(once, allow_nan=False))
    assert set(once) == set(SETTLED)
    assert all(len(edit) == 5 for edit in once["edits"].values())


# --- how it is kept ---


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    add_reel(opened, "reel", [region(1, TAKES), region(2, TAKES)])
    yield opened
    opened.close()


def said(**choice: Any) -> dict[str, Any]:
    return {**SETTLED, **choice}


def test_revisions_count_for_the_region_and_for_the_reel(journal: Journal) -> None:
    first = journal.choices.write("reel", 2, 0, said(note="a"), "Ada")
    second = journal.choices.write("reel", 1, 0, said(note="b"), "Bob")
    third = journal.choices.write("reel", 2, 1, said(note="c"), "Bob")
    assert [each.revision for each in (first, second, third)] == [1, 2, 3]
    assert [each.choice["revision"] for each in (first, second, third)] == [1, 1, 2]
    assert third.choice == {**said(note="c"), "revision": 2, "at_s": third.choice["at_s"], "by": "Bob"}
    assert list(journal.choices.since("reel", 0).choices.items()) == [(1, second.choice), (2, third.choice)]
    assert journal.choices.since("reel", 2).choices == {2: third.choice}
    assert journal.choices.since("reel", 3).choices == {}
    assert journal.choices.since("another", 0).revision == 0


def test_a_choice_made_on_an_older_one_changes_nothing(journal: Journal) -> None:
    newest = journal.choices.write("reel", 1, 0, said(note="a"), "Ada")
    for base in (0, 2):
        with pytest.raises(ConflictError, match=r"region 1: 'Ada' has chosen since \(revision 1; yours was made on [02]\)"):
            journal.choices.write("reel", 1, base, said(note="b"), "Bob")
    assert journal.choices.since("reel", 0).choices == {1: newest.choice}
    with pytest.raises(ConflictError, match="nobody has chosen yet"):
        journal.choices.write("reel", 2, 1, said(note="b"), "Bob")


def test_what_is_there_already_can_be_sent_again_on_any_base_and_is_not_written_twice(journal: Journal) -> None:
    edits = {ONE: {"level_db": -3.0, "nudge_frames": 0, "nudge_ms": 0.1, "fade_in_s": 0.0, "fade_out_s": 0.0}}
    first = journal.choices.write("reel", 1, 0, said(note="a", edits=edits, onsets_s=[0.1, 0.3]), "Ada")
    for base in (0, 1, 5):
        again = journal.choices.write("reel", 1, base, said(note="a", edits=edits, onsets_s=[0.1, 0.3]), "Ada's lost reply")
        assert again == first
    assert journal.choices.write("reel", 2, 0, said(), "Ada").choice["revision"] == 0  # as it was proposed
    assert journal.choices.revision("reel") == 1


def test_the_whole_past_of_a_region_stays_and_goes_with_its_job(journal: Journal, tmp_path: Path) -> None:
    for number in range(5):
        journal.choices.write("reel", 1, number, said(note=f"{number}"), "Ada")
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        past = db.execute("SELECT number, revision, editor, text FROM choices ORDER BY number").fetchall()
    db.close()
    assert [(number, revision, editor, json.loads(text)["note"]) for number, revision, editor, text in past] == [
        (number + 1, number + 1, "Ada", f"{number}") for number in range(5)
    ]
    add_reel(journal, "newer", [region(1, TAKES)])
    journal.choices.write("newer", 1, 0, said(note="mine"), "Ada")
    add_retake(journal, "of the reel", "reel", 1, [take("new")])
    add_retake(journal, "goes on", "reel", 1, [], end=False)
    add_retake(journal, "of the newer", "newer", 1, [take("new")])
    add_apply(journal, "sent", "newer", state="failed")
    assert journal.prune(2) == []
    assert journal.prune(1) == ["reel", "of the reel"]
    assert {each.id for each in journal.list()} == {"newer", "of the newer", "sent", "goes on"}
    assert [each["made"] for each in json.loads(reel_json(journal, "newer"))["regions"][0]["takes"]][-1] == "of the newer"
    assert journal.choices.since("reel", 0).choices == {}
    assert journal.choices.since("newer", 0).choices[1]["note"] == "mine"


def test_the_revision_told_is_that_of_the_choices_told_while_others_go_on_choosing(journal: Journal) -> None:
    def choose_on() -> None:
        for number in range(300):
            journal.choices.write("reel", 1, number, said(note=f"{number}"), "Ada")

    writer = threading.Thread(target=choose_on)
    writer.start()
    try:
        while writer.is_alive():
            since = journal.choices.since("reel", 0)  # of one region, so that its revisions are the reel's
            assert since.revision == (since.choices[1]["revision"] if since.choices else 0)
            after = journal.choices.since("reel", since.revision)
            assert after.choices or after.revision == since.revision
    finally:
        writer.join()


def test_a_choice_that_was_answered_outlives_its_daemon(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    script = (
        "import os, signal, sys; from pathlib import Path; from foley_bridge.jobs.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        f"journal.choices.write('reel', 1, 0, {said(note='kept')!r}, 'Ada')\n"
        "print('written', flush=True)\n"
        "signal.raise_signal(signal.SIGTERM if os.name == 'nt' else signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "journal.sqlite")], capture_output=True, text=True)
    assert done.stdout == "written\n", done.stderr
    if os.name != "nt":
        assert done.returncode == -signal.SIGKILL
    again = Journal(tmp_path / "journal.sqlite")
    try:
        assert again.choices.since("reel", 0).choices[1]["note"] == "kept"
        with pytest.raises(ConflictError):
            again.choices.write("reel", 1, 0, said(note="other"), "Bob")
    finally:
        again.close()


def test_a_journal_of_version_2_is_read_on_and_can_be_chosen_in(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    db = sqlite3.connect(path)
    db.executescript((Path(__file__).parent / "journal_version_2.sql").read_text("utf-8"))
    db.close()
    journal = Journal(path)
    try:
        assert [(each.id, each.state, each.reel, each.region) for each in journal.list()] == [
            ("waits", "queued", None, None),
            ("old", "done", None, None),
        ]
        assert list(journal.pokes()) == ["old"]
        assert journal.find_key("k") is not None
        reel = json.loads(reel_json(journal, "old"))
        assert (reel["title"], reel["regions"][0]["number"], reel["regions"][0]["takes"][0]["id"]) == ("a", 1, "a" * 64)
        assert reel["regions"][0]["seen"] == []  # what results of its time do not say
        chosen, rate = region_of(journal, "old", 1)
        settled_ = check({"state": "chosen", "take": "a" * 64, "edits": {"a" * 64: {"level_db": 1}}}, chosen, rate)
        assert journal.choices.write("old", 1, 0, settled_, "Ada").revision == 1
        add_retake(journal, "more", "old", 1, [take("new")])
        add_apply(journal, "sent", "old", state="done", revision=1)
        assert [each["job"] for each in json.loads(reel_json(journal, "old"))["applied"]] == ["sent"]
    finally:
        journal.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,) == (3,)
    db.close()
