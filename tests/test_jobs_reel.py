"""A reel from the records of its jobs: takes in order, choices, what was applied; and what is asked of it, made whole."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pythonosc.osc_message import OscMessage
from reel_records import REQUEST, add_apply, add_reel, add_retake, region, result, take, take_id

from foley_bridge.bridge.osc_listeners import answer
from foley_bridge.errors import JobError
from foley_bridge.jobs.choice_rows import FIRST, SETTLED_AT_FIRST
from foley_bridge.jobs.followups import expand
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import ADDED
from foley_bridge.jobs.reel import find_reel, list_reels, newest_apply, newest_reel, opened_json, reel_json, region_of
from foley_bridge.jobs.roots import ANYWHERE, Roots
from foley_bridge.jobs.view import JobView

FAILED = 3


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """With a reel of three regions, the last of which could not be done."""
    opened = Journal(tmp_path / "journal.sqlite")
    takes = [take(name) for name in ("a", "b")]
    add_reel(opened, "reel", [region(1, takes), region(2, [take("c")]), region(FAILED, [], failed=True)], key="the key")
    yield opened
    opened.close()


def told(journal: Journal, reel: str = "reel") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(reel_json(journal, reel))
    return found


def takes_of(reel: dict[str, Any], number: int) -> list[tuple[str, str]]:
    """Each take's file and who made it; its id is that of its bytes."""
    takes = reel["regions"][number - 1]["takes"]
    assert [each["id"] for each in takes] == [each["sha256"] for each in takes]
    return [(each["path"].rpartition("\\")[2].removesuffix(".wav"), each["made"]) for each in takes]


def test_a_reel_is_its_result_and_request_with_what_became_of_it(journal: Journal) -> None:
    reel = told(journal)
    result = journal.get("reel").result
    assert result is not None
    assert {name: reel[name] for name in ("timeline", "out", "out_sha256", "notes")} == {
        name: result[name] for name in ("timeline", "out", "out_sha256", "notes")
    }
    assert (reel["job"], reel["title"], reel["revision"]) == ("reel", "cut", 0)
    assert (reel["media_dir"], reel["sample_rate"]) == (REQUEST["media_dir"], 48_000)
    assert (reel["opened"], reel["applied"], reel["retaking"]) == (None, [], [])
    for number, (region_, before) in enumerate(zip(reel["regions"], result["regions"], strict=True), start=1):
        assert {name: region_[name] for name in before if name != "takes"} == {k: v for k, v in before.items() if k != "takes"}
        assert (region_["number"], region_["choice"]) == (number, FIRST)
    assert takes_of(reel, 1) == [("a", "generate"), ("b", "generate")]


def test_takes_made_since_come_after_those_of_the_reel_in_the_order_they_were_done(journal: Journal) -> None:
    add_retake(journal, "begun first", "reel", 1, [], end=False)
    add_retake(journal, "more", "reel", 1, [take("b"), take("d")])  # the same bytes as one that is there
    add_retake(journal, "other region", "reel", 2, [take("a")])
    journal.finish("begun first", "done", result={"regions": [region(1, [take("d"), take("e")])]}, swept=True)
    add_retake(journal, "failed", "reel", 1, [], end=False)
    journal.finish("failed", "failed", error={"kind": "JobError", "message": "m", "hint": ""}, swept=True)
    reel = told(journal)
    assert takes_of(reel, 1) == [("a", "generate"), ("b", "generate"), ("d", "more"), ("e", "begun first")]
    assert takes_of(reel, 2) == [("c", "generate"), ("a", "other region")]  # another region's take is a take of its own
    for number in (1, 2):
        alone, rate = region_of(journal, "reel", number)
        assert (alone["takes"], rate) == (reel["regions"][number - 1]["takes"], 25)


def test_retakes_that_go_on_and_what_was_applied_are_told(journal: Journal) -> None:
    add_retake(journal, "waits", "reel", 2, [], end=False)
    add_retake(journal, "runs", "reel", 1, [], end=False)
    journal.start("runs")
    add_apply(journal, "first", "reel", state="done", revision=1)
    add_apply(journal, "broken", "reel", state="failed", error="no room", revision=2, out="P:\\elsewhere.otio")
    add_apply(journal, "now", "reel", revision=3)
    add_reel(journal, "other", [region(1, [])])
    add_apply(journal, "another's", "other", state="done")
    reel = told(journal)
    assert reel["retaking"] == [
        {"job": "waits", "region": 2, "state": "queued"},
        {"job": "runs", "region": 1, "state": "running"},
    ]
    assert [(each["job"], each["state"], each["revision"], each["out"]) for each in reel["applied"]] == [
        ("now", "queued", 3, REQUEST["out"]),
        ("broken", "failed", 2, "P:\\elsewhere.otio"),
        ("first", "done", 1, REQUEST["out"]),
    ]
    assert [each["error"] and each["error"]["message"] for each in reel["applied"]] == [None, "no room", None]


def test_choices_stand_in_their_regions_and_in_the_list_of_reels(journal: Journal) -> None:
    settled = {**SETTLED_AT_FIRST, "note": "ü"}
    journal.choices.write("reel", 2, 0, {**settled, "state": "chosen", "take": take_id("c")}, "Ada")
    journal.choices.write("reel", 2, 1, {**settled, "state": "rejected"}, "Bob")
    journal.choices.write("reel", 1, 0, {**settled, "state": "chosen", "take": take_id("b")}, "Ada")
    reel = told(journal)
    assert [(each["choice"]["state"], each["choice"]["revision"], each["choice"]["by"]) for each in reel["regions"]] == [
        ("chosen", 1, "Ada"),
        ("rejected", 2, "Bob"),
        ("proposed", 0, None),
    ]
    assert reel["revision"] == 3
    add_reel(journal, "inline", [region(1, [])], timeline={"payload": 0}, out="/a/b/spotted.v2.otio")
    journal.add("runs", "generate", REQUEST)
    listed = list_reels(journal, 10)
    assert [(each["job"], each["title"]) for each in listed] == [("inline", "spotted.v2"), ("reel", "cut")]
    assert [listed[1][name] for name in ("regions", "chosen", "rejected")] == [3, 1, 1]
    assert listed[1]["finished"] == journal.get("reel").finished_s
    assert list_reels(journal, 1) == listed[:1]
    assert newest_reel(journal) == "inline"


def test_what_the_newest_apply_could_not_do_is_told_by_region(journal: Journal) -> None:
    done, failed = region(1, [take("a")]), region(2, [], failed=True)
    add_apply(journal, "before", "reel", state="done", regions=[region(1, [], failed=True), failed])
    add_apply(journal, "sent", "reel", state="done", regions=[done, failed])
    newest, before = told(journal)["applied"]
    (missed,) = newest["failed"]
    assert (missed["region"], missed["error"]["message"], missed["error"]["hint"]) == (2, "no such example", "name one")
    assert before["failed"] == []
    add_apply(journal, "later", "reel")
    assert [each["failed"] for each in told(journal)["applied"]] == [[], [], []]


def test_a_region_counts_as_failed_until_something_else_becomes_of_it(journal: Journal) -> None:
    add_reel(journal, "more", [region(1, [take("a")]), *(region(number, [], failed=True) for number in (2, 3, 4, 5))])

    def failed() -> int:
        return next(each["failed"] for each in list_reels(journal, 10) if each["job"] == "more")

    assert failed() == 4
    settled = {**SETTLED_AT_FIRST, "note": "which door?"}
    journal.choices.write("more", 2, 0, settled, "Ada")
    assert failed() == 4
    journal.choices.write("more", 2, 1, {**settled, "state": "rejected"}, "Ada")
    add_retake(journal, "again", "more", 3, [take("b")])
    assert failed() == 2
    journal.choices.write("more", 2, 2, settled, "Ada")
    assert failed() == 3


def test_a_reel_is_called_as_its_timeline_calls_itself(journal: Journal) -> None:
    journal.add("named", "generate", REQUEST)
    whole = result([region(1, [])])
    journal.finish("named", "done", result={**whole, "timeline": {**whole["timeline"], "name": "Kettle, act two"}}, swept=True)
    assert told(journal, "named")["title"] == list_reels(journal, 1)[0]["title"] == "Kettle, act two"


def test_only_a_generate_that_is_done_is_a_reel(journal: Journal) -> None:
    assert find_reel(journal, "the key").id == "reel"
    journal.add("runs", "generate", REQUEST)
    add_apply(journal, "sent", "reel", state="done")
    for name, why in (
        ("runs", "job runs is queued"),
        ("sent", "job sent is an apply, not a reel"),
        ("none", "no job 'none'"),
    ):
        with pytest.raises(JobError, match=why):
            find_reel(journal, name)
    for number in (4, 2**31):
        with pytest.raises(JobError, match=f"reel reel has no region {number}"):
            region_of(journal, "reel", number)


def test_the_newest_apply_is_the_newest_that_is_done(journal: Journal) -> None:
    assert newest_apply(journal, "reel") is None
    add_apply(journal, "1", "reel", state="failed", error="e")
    assert newest_apply(journal, "reel") == "1"
    add_apply(journal, "2", "reel", state="done")
    add_apply(journal, "3", "reel", state="done")
    add_apply(journal, "4", "reel", state="failed", error="e")
    add_apply(journal, "5", "reel")
    assert newest_apply(journal, "reel") == "3"


def test_a_kept_timeline_is_told_with_the_folder_its_relative_paths_start_from(tmp_path: Path) -> None:
    kept, cut = tmp_path / "kept.otio", tmp_path / "reel" / "cut.otio"
    assert opened_json(kept, {"timeline": {"path": str(cut)}}, ANYWHERE) is None
    kept.touch()
    mapped = Roots(maps=(("P:\\", tmp_path),))
    folder = str(tmp_path / "reel")
    for named, roots, base in (
        ({"path": str(cut)}, ANYWHERE, folder),
        ({"path": "P:\\reel\\cut.otio"}, mapped, folder),
        ({"path": str(tmp_path / "reel" / "cut.otiod")}, ANYWHERE, str(tmp_path / "reel" / "cut.otiod")),
        ({"payload": 0, "base": "P:\\reel"}, mapped, folder),
        ({"payload": 0}, mapped, None),
    ):
        assert opened_json(kept, {"timeline": named}, roots) == {"path": str(kept), "base": base}
    assert opened_json(kept, {"timeline": {"path": str(cut)}}, Roots(media=(tmp_path / "other",))) is None


def test_osc_tells_of_a_retake_though_it_wrote_no_timeline(journal: Journal) -> None:
    add_retake(journal, "more", "reel", 1, [take("d")])
    said = OscMessage(answer(JobView(journal.get("more")), ANYWHERE))
    assert (said.address, said.params) == ("/foley/done", ["more", "", "", 1, 0])


# --- what is asked of a reel ---


def test_a_retake_knows_its_region_and_its_reels_request(journal: Journal) -> None:
    add_retake(journal, "more", "reel", 1, [take("d")])
    asked = {"kind": "retake", "job": "the key", "region": 1, "like_take": take_id("d"), "more": True}
    whole, payload = expand(asked, journal)
    assert payload is None
    assert {name: whole[name] for name in asked} == asked
    assert set(whole) - set(asked) <= set(ADDED)
    assert (whole["reel"], whole["of"]) == ("reel", {**REQUEST, "key": "the key"})
    known = whole["known"]
    assert [each["id"] for each in known["takes"]] == [take_id(name) for name in "abd"]
    assert [(each["seed"], each["source"]["file"]) for each in known["takes"]] == [(1, "a.wav"), (1, "b.wav"), (1, "d.wav")]
    assert (known["engine"], known["tapped"], known["reliable"], len(known["onsets"])) == ("transfer", False, True, 5)
    assert "seen" not in known  # of an hour it is long, and an editor asks often


def test_an_apply_freezes_the_reel_as_it_is_told(journal: Journal) -> None:
    journal.choices.write("reel", 1, 0, {**SETTLED_AT_FIRST, "note": "then"}, "Ada")
    asked = {"kind": "apply", "job": "reel"}
    whole, payload = expand(asked, journal)
    before = reel_json(journal, "reel")
    assert payload == before
    journal.choices.write("reel", 1, 1, {**SETTLED_AT_FIRST, "note": "later"}, "Ada")
    assert json.loads(payload)["regions"][0]["choice"]["note"] == "then"
    assert whole == {**asked, "reel": "reel", "of": journal.get("reel").request, "revision": 1}


def test_a_region_that_failed_is_as_the_first_retake_that_mends_it_made_it(journal: Journal) -> None:
    whole, _ = expand({"kind": "retake", "job": "reel", "region": FAILED, "words": "kettle"}, journal)
    assert (whole["known"]["engine"], whole["known"]["takes"]) == ("", [])
    for job, name in (("mends", "d"), ("more", "e")):
        journal.add(job, "retake", whole)
        made = {**region(FAILED, [take(name)]), "engine": "recommend", "notes": [job]}
        journal.finish(job, "done", result={**result([made]), "out": None, "out_sha256": None}, swept=True)
    told = json.loads(reel_json(journal, "reel"))["regions"][FAILED - 1]
    assert told == region_of(journal, "reel", FAILED)[0]
    assert (told["error"], told["engine"], told["notes"], len(told["seen"])) == (None, "recommend", ["mends"], 9)
    assert [(each["id"], each["made"]) for each in told["takes"]] == [(take_id("d"), "mends"), (take_id("e"), "more")]
    again, _ = expand({"kind": "retake", "job": "reel", "region": FAILED}, journal)
    assert again["known"]["engine"] == "recommend"


def test_takes_say_which_onsets_they_were_made_for(journal: Journal) -> None:
    whole, _ = expand({"kind": "retake", "job": "reel", "region": 1, "hits_s": [0.5, 1.25]}, journal)
    journal.add("moved", "retake", whole)
    onsets = [{"time_s": at, "confidence": 1.0, "strength": 1.0} for at in (0.5, 1.25)]
    made = {**region(1, [take("d")]), "onsets": onsets}
    journal.finish("moved", "done", result={**result([made]), "out": None, "out_sha256": None}, swept=True)
    told, _ = region_of(journal, "reel", 1)
    assert told["takes"][0]["for_s"] == [onset["time_s"] for onset in told["onsets"]]
    assert told["takes"][-1]["for_s"] == [0.5, 1.25]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"job": "nobody"}, "no job 'nobody'"),
        ({"job": "runs"}, "job runs is queued"),
        ({"region": 4}, "has no region 4"),
        ({"like_take": take_id("c")}, "like_take: region 1 has no such take"),
    ],
)
def test_what_a_reel_has_not_is_refused(journal: Journal, asked: dict[str, Any], why: str) -> None:
    journal.add("runs", "generate", REQUEST)
    with pytest.raises(JobError, match=why):
        expand({"kind": "retake", "job": "reel", "region": 1, **asked}, journal)


def test_a_key_belongs_to_what_the_client_sent_though_the_reel_went_on(journal: Journal) -> None:
    for kind in ("retake", "apply"):
        asked = {"kind": kind, "job": "reel", "key": f"k {kind}", **({"region": 1} if kind == "retake" else {})}
        whole, payload = expand(asked, journal)
        digest = None if payload is None else hashlib.sha256(payload).hexdigest()
        first = journal.add(f"first {kind}", kind, whole, key=asked["key"], payload=digest)
        assert (first.reel, first.region) == ("reel", asked.get("region"))
        journal.choices.write("reel", 2, 0 if kind == "retake" else 1, {**SETTLED_AT_FIRST, "note": kind}, "Ada")
        add_retake(journal, f"meanwhile {kind}", "reel", 1, [take(f"new {kind}")])
        later, payload = expand(asked, journal)
        assert later != whole
        again = journal.add("second", kind, later, key=asked["key"], payload=payload and hashlib.sha256(payload).hexdigest())
        assert journal.add("third", kind, asked, key=asked["key"]).id == again.id == first.id
        for other in ({**later, "words": "other"}, {**later, "job": "the key"}):
            with pytest.raises(JobError, match=f"key 'k {kind}' belongs to job first {kind}"):
                journal.add("fourth", kind, other, key=asked["key"])


# --- large ones ---


def test_a_reel_of_500_regions_is_a_few_megabytes_and_is_read_while_others_write(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    try:
        add_reel(journal, "big", [region(n, [take(f"{n} {k}") for k in range(3)]) for n in range(1, 501)])
        text = reel_json(journal, "big")
        assert 1.5e6 < len(text) < 4e6
        assert [each["number"] for each in json.loads(text)["regions"]] == list(range(1, 501))
        holding, written = threading.Event(), threading.Event()

        def read_for_long() -> None:
            with journal.database.snapshot() as db:
                db.execute("SELECT count(*) FROM choices").fetchone()
                holding.set()
                assert written.wait(60)
                seen.append(db.execute("SELECT count(*) FROM choices").fetchone()[0])

        seen: list[int] = []
        reader = threading.Thread(target=read_for_long)
        reader.start()
        assert holding.wait(60)
        journal.choices.write("big", 1, 0, {**SETTLED_AT_FIRST, "note": "meanwhile"}, "Ada")  # waits for no reader
        assert journal.choices.since("big", 0).choices[1]["note"] == "meanwhile"
        written.set()
        reader.join()
        assert seen == [0]  # who reads sees one moment
    finally:
        journal.close()
