"""A request is wholly right or refused by the name of the field: the rules of docs/protocol.md, one by one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bridge_oracle import follows_the_protocol
from hypothesis import given
from hypothesis import strategies as st

from foley_bridge.bridge import params, protocol, wire
from foley_bridge.bridge.params import Wait
from foley_bridge.bridge.protocol import read_request, request_id
from foley_bridge.errors import RequestError
from foley_bridge.jobs import names

DOCS = Path(__file__).resolve().parents[1] / "docs" / "protocol.md"
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)]
SUBMIT = {"kind": "generate", "timeline": {"path": "/p/cut.otio"}, "out": "/p/out.otio", "media_dir": "/p/takes"}


def submit(**other: Any) -> dict[str, Any]:
    return wire.request("1", "submit", {**SUBMIT, **other})


def retake(**other: Any) -> dict[str, Any]:
    return wire.request("1", "submit", {"kind": "retake", "job": "a", "region": 1, **other})


def apply(**other: Any) -> dict[str, Any]:
    return wire.request("1", "submit", {"kind": "apply", "job": "a", **other})


def encoded(header: Any) -> bytes:
    return header if isinstance(header, bytes) else json.dumps(header).encode()


def refused(header: Any, *, payload: bool = False) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read_request(encoded(header), payload=payload)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return caught.value


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["method"])
def test_every_example_of_the_page_is_accepted_as_it_stands(example: dict[str, Any]) -> None:
    request = read_request(encoded(example), payload=False)
    assert (request.id, request.method) == (example["id"], example["method"])
    assert json.loads(json.dumps(request.params.plain())) == example.get("params", {})


def test_the_page_has_an_example_of_every_method_and_of_no_other() -> None:
    assert {example["method"] for example in EXAMPLES} == set(protocol.METHODS)


@pytest.mark.parametrize(
    ("field", "header"),
    [
        ("foley_bridge", {"id": "1", "method": "ping"}),
        ("foley_bridge", {"foley_bridge": 2, "id": "1", "method": "fly", "more": 1}),
        ("foley_bridge", {"foley_bridge": True, "id": "1", "method": "ping"}),
        ("foley_bridge", {"foley_bridge": 1.0, "id": "1", "method": "ping"}),
        ("foley_bridge", {"foley_bridge": "1", "id": "1", "method": "ping"}),
        ("foley_bridge", b'{"foley_bridge":1,"id":"1","method":"ping","foley_bridge":1}'),
        ("id", {"foley_bridge": 1, "method": "ping"}),
        ("id", {"foley_bridge": 1, "id": 7, "method": "ping"}),
        ("id", {"foley_bridge": 1, "id": "", "method": "ping"}),
        ("id", {"foley_bridge": 1, "id": "x" * 129, "method": "ping"}),
        ("id", b'{"foley_bridge":1,"id":"1","method":"ping","id":"2"}'),
        ("method", {"foley_bridge": 1, "id": "1"}),
        ("method", {"foley_bridge": 1, "id": "1", "method": "fly"}),
        ("method", {"foley_bridge": 1, "id": "1", "method": ["ping"]}),
        ("params", {"foley_bridge": 1, "id": "1", "method": "ping", "params": None}),
        ("params", {"foley_bridge": 1, "id": "1", "method": "ping", "params": []}),
        ("params.loud", {"foley_bridge": 1, "id": "1", "method": "ping", "params": {"loud": 1}}),
        ("colour", {"foley_bridge": 1, "id": "1", "method": "ping", "colour": 1}),
        ("params.kind", submit(kind=1)),
        ("params.kind", submit(kind="spot")),
        ("params.kind", submit(kind="bake")),
        ("params.key", submit(key=None)),
        ("params.key", submit(key="")),
        ("params.key", submit(key="k" * 201)),
        ("params.key", submit(key="a\nb")),
        ("params.key", submit(key="\u202ekey")),
        ("params.timeline", submit(timeline="/p/cut.otio")),
        ("params.timeline", submit(timeline={})),
        ("params.timeline", submit(timeline={"path": "/p", "payload": 0})),
        ("params.timeline.path", submit(timeline={"path": 3})),
        ("params.timeline.path", submit(timeline={"path": ""})),
        ("params.timeline.path", submit(timeline={"path": "p" * 4097})),
        ("params.timeline.path", b'{"foley_bridge":1,"id":"1","method":"submit","params":{"timeline":{"path":"/a","path":"/b"},'
         b'"kind":"generate","out":"/o","media_dir":"/m"}}'),
        ("params.timeline.base", submit(timeline={"path": "/p", "base": "/b"})),
        ("params.timeline.payload", submit(timeline={"payload": 0})),
        ("params.timeline.payload", submit(timeline={"payload": 1})),
        ("params.timeline.payload", submit(timeline={"payload": False})),
        ("params.timeline.pth", submit(timeline={"path": "/p", "pth": 1})),
        ("params.out", submit(out=None)),
        ("params.media_dir", wire.request("1", "submit", {k: v for k, v in SUBMIT.items() if k != "media_dir"})),
        ("params.options", submit(options={str(n): "1" for n in range(65)})),
        ("params.options", submit(options=[])),
        ("params.options.takes", submit(options={"takes": 3})),
        ("params.options.like", submit(options={"like": "x" * 4097})),
        ("params.options.nest", submit(options={"nest": {"deep": [1]}})),
        ("params.regions", submit(regions=["0-1"] * 10_001)),
        ("params.regions[1]", submit(regions=["0-1", None])),
        ("params.sample_rate", submit(sample_rate=48000.0)),
        ("params.sample_rate", submit(sample_rate=7999)),
        ("params.sample_rate", submit(sample_rate=10**30)),
        ("params.takes_as_tracks", submit(takes_as_tracks=1)),
        ("params.preview", submit(preview=False)),
        ("params.job", wire.request("1", "status", {"job": ""})),
        ("params.timeout_s", wire.request("1", "wait", {"job": "a", "timeout_s": -1})),
        ("params.timeout_s", wire.request("1", "wait", {"job": "a", "timeout_s": 3601})),
        ("params.timeout_s", wire.request("1", "wait", {"job": "a", "timeout_s": "5"})),
        ("params.timeout_s", b'{"foley_bridge":1,"id":"1","method":"wait","params":{"job":"a","timeout_s":1e999}}'),
        ("params.timeline", wire.request("1", "result", {"job": "a", "timeline": "yes"})),
        ("params.states", wire.request("1", "jobs", {"states": []})),
        ("params.states[0]", wire.request("1", "jobs", {"states": ["asleep"]})),
        ("params.limit", wire.request("1", "jobs", {"limit": 0})),
        ("params.limit", wire.request("1", "jobs", {"limit": 1001})),
        ("params.region", retake(region=0)),
        ("params.region", wire.request("1", "submit", {"kind": "retake", "job": "a"})),
        ("params.job", wire.request("1", "submit", {"kind": "retake", "region": 1})),
        ("params.job", wire.request("1", "submit", {"kind": "apply"})),
        ("params.timeline", retake(timeline={"path": "/p"})),
        ("params.of", retake(of={})),
        ("params.known", retake(known={})),
        ("params.reel", retake(reel="a")),
        ("params.hits_s", retake(hits_s=[])),
        ("params.hits_s", retake(hits_s=[1, 1])),
        ("params.hits_s", retake(hits_s=[2, 1])),
        ("params.hits_s[0]", retake(hits_s=[-1])),
        ("params.hits_s[1]", retake(hits_s=[0, None])),
        ("params.hits_s[0]", retake(hits_s=[8 * 24 * 3600])),
        ("params.hits_s", retake(hits_s=list(range(10_001)))),
        ("params.options.takes", retake(options={"takes": 2})),
        ("params.more", retake(more="yes")),
        ("params.like_take", retake(like_take="A" * 64)),
        ("params.like_take", retake(like_take="a" * 64 + "\n")),
        ("params.words", retake(words="w" * 4097)),
        ("params.key", retake(key="a\nb")),
        ("params.poke", retake(poke=None)),
        ("params.undecided", apply(undecided="all")),
        ("params.revision", apply(revision=3)),
        ("params.timeline.payload", apply(timeline={"payload": 0})),
        ("params.timeline.path", apply(timeline={"path": ""})),
        ("params.out", apply(out=None)),
        ("params.force", apply(force=1)),
        ("params.poke.address", apply(poke={"port": 8000, "address": "none"})),
        ("params.job", wire.request("1", "audition", {"job": ""})),
        ("params.limit", wire.request("1", "reels", {"limit": 1001})),
        ("params.job", wire.request("1", "reel", {})),
        ("params.after", wire.request("1", "choices", {"job": "a", "after": -1})),
        ("params.after", wire.request("1", "choices", {"job": "a", "after": None})),
        ("params.applied", wire.request("1", "choices", {"job": "a", "applied": 3})),
        ("params.timeout_s", wire.request("1", "choices", {"job": "a", "timeout_s": 3601})),
        ("params.words", wire.request("1", "library.search", {"words": ""})),
        ("params.words", wire.request("1", "library.search", {"ucs": "DOORS"})),
        ("params.like", wire.request("1", "library.search", {"like": ""})),
        ("params.like", wire.request("1", "library.search", {"like": None})),
        ("params.like", wire.request("1", "library.search", {"like": "lib:a", "picture": {"path": "/a"}})),
        ("params.picture", wire.request("1", "library.search", {"picture": "/a"})),
        ("params.picture.path", wire.request("1", "library.search", {"words": "a", "picture": {}})),
        ("params.picture.path", wire.request("1", "library.search", {"picture": {"start_s": 1}})),
        ("params.picture.path", wire.request("1", "library.search", {"picture": {"path": ["/a"]}})),
        ("params.picture.start_s", wire.request("1", "library.search", {"picture": {"path": "/a", "start_s": -1}})),
        ("params.picture.duration_s", wire.request("1", "library.search", {"picture": {"path": "/a", "duration_s": 0}})),
        ("params.picture.duration_s", wire.request("1", "library.search", {"picture": {"path": "/a", "duration_s": None}})),
        ("params.picture.job", wire.request("1", "library.search", {"picture": {"path": "/a", "job": "b", "region": 1}})),
        ("params.picture.region", wire.request("1", "library.search", {"picture": {"job": "b"}})),
        ("params.picture.region", wire.request("1", "library.search", {"picture": {"job": "b", "region": 0}})),
        ("params.picture.frame", wire.request("1", "library.search", {"picture": {"path": "/a", "frame": 1}})),
        ("params.length_s", wire.request("1", "library.search", {"words": "a", "length_s": [1]})),
        ("params.length_s", wire.request("1", "library.search", {"words": "a", "length_s": [2, 1]})),
        ("params.length_s[1]", wire.request("1", "library.search", {"words": "a", "length_s": [None, -1]})),
        ("header", b""),
        ("header", b"{"),
        ("header", b"[]"),
        ("header", b"\xff\xfe"),
        ("header", b'\xef\xbb\xbf{"foley_bridge":1,"id":"1","method":"ping"}'),
        ("header", b'{"foley_bridge":1,"id":"1","method":"ping"} x'),
        ("header", b'{"foley_bridge":1,"id":"1","method":"wait","params":{"job":"a","timeout_s":NaN}}'),
        ("header", b'{"foley_bridge":1,"id":"\\ud800","method":"ping"}'),
        ("header", b'{"foley_bridge":1,"id":"1","method":"ping","params":' + b"[" * 100_000),
        ("header", b" " * (wire.HEADER_LIMIT + 1)),
        ("params", b'{"foley_bridge":1,"id":"1","method":"ping","params":{"a":' + b"9" * 5000 + b'},"params":{}}'),
        ("params", b'{"foley_bridge":1,"id":"1","method":"ping","params":' + b"[" * 50 + b"]" * 50 + b',"params":{}}'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_the_name_of_the_field(field: str, header: Any) -> None:
    assert refused(header).message.startswith((f"{field}:", f"{field} is missing"))
    assert not follows_the_protocol([encoded(header)])


def test_no_depth_of_nesting_is_more_than_it_bears() -> None:
    for depth in range(1, 1200, 7):
        nested = b"[" * depth + b"]" * depth
        refused(b'{"foley_bridge":1,"id":"1","method":"ping","params":' + nested + b',"params":{}}')


def test_an_unknown_method_is_answered_with_those_there_are_and_an_unknown_field_with_its_neighbour() -> None:
    assert all(method in refused(wire.request("1", "fly")).hint for method in protocol.METHODS)
    assert "exemplar" in refused(submit(exampler="/x.wav")).hint


def test_another_version_is_told_which_one_is_spoken_whatever_else_it_says() -> None:
    assert "1" in refused({"foley_bridge": 7, "id": "1", "frames": [1, 2]}).hint


def test_a_payload_goes_with_a_timeline_that_names_it_and_with_nothing_else() -> None:
    inline = submit(timeline={"payload": 0, "base": "/p"})
    assert read_request(encoded(inline), payload=True).params.plain()["timeline"] == {"payload": 0, "base": "/p"}
    assert refused(submit(), payload=True).message.startswith("payload:")
    assert refused(wire.request("1", "ping"), payload=True).message.startswith("payload:")


def test_what_a_default_says_anyway_makes_the_same_request() -> None:
    spelled_out = submit(exemplar=None, options={}, regions=[], sample_rate=48000, takes_as_tracks=False, preview=None)
    one, other = (read_request(encoded(header), payload=False).params.plain() for header in (submit(), spelled_out))
    assert one == other == SUBMIT


def test_the_id_of_a_refused_request_is_given_back_when_it_can_be_read() -> None:
    assert request_id(b'{"foley_bridge":9,"id":"mine","what":[1]}') == "mine"
    for unreadable in (b"", b"{", b'{"id":5}', b'{"id":""}', b'{"id":"' + b"x" * 129 + b'"}', b'{"id":"\xff"}', b"[" * 100_000):
        assert request_id(unreadable) is None


def test_a_clients_words_come_back_short_and_on_one_line() -> None:
    error = refused(wire.request("1", "fly\n\x1b[31m" + "y" * 4000))
    assert "\\n" in error.message
    assert "\x1b" not in error.message
    assert len(error.message) < 200


def test_a_waiting_time_may_be_a_whole_number_and_is_a_minute_otherwise() -> None:
    asked, unasked = (
        read_request(encoded(wire.request("1", "wait", params)), payload=False).params
        for params in ({"job": "a", "timeout_s": 3}, {"job": "a"})
    )
    assert isinstance(asked, Wait)
    assert isinstance(unasked, Wait)
    assert (asked.timeout_s, unasked.timeout_s) == (3, 60)


def test_the_protocol_knows_the_states_that_jobs_have() -> None:
    assert set(params.State.__args__) == set(names.STATES)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({name for kind in protocol.METHODS.values() for name in kind.__struct_fields__} | {"path", "payload", "more"})


@given(
    example=st.sampled_from(EXAMPLES),
    changes=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=2),
    removed=st.sets(st.sampled_from(FIELDS), max_size=1),
    payload=st.booleans(),
)
def test_whatever_stands_in_the_fields_is_judged_as_the_page_says(
    example: dict[str, Any], changes: dict[str, Any], removed: set[str], payload: bool
) -> None:
    params = {name: value for name, value in {**example.get("params", {}), **changes}.items() if name not in removed}
    header = encoded({**example, "params": params})
    try:
        read_request(header, payload=payload)
        accepted = True
    except RequestError:
        accepted = False
    assert accepted == follows_the_protocol([header, b"{}"] if payload else [header])
