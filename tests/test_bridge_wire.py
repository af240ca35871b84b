"""The wire: what is let through as a message, and what is refused by name."""

from __future__ import annotations

import json

import pytest

from foley_bridge.bridge import wire
from foley_bridge.errors import InternalError, JobError, RequestError


def refused(data: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        wire.decode([data])
    return caught.value.message


def test_what_is_encoded_is_decoded() -> None:
    header = wire.request(
        "7", "submit", {"kind": "generate", "out": "/projekte/Müller/schnitt_👣.otio", "takes": [1, 2.5, None, True]}
    )
    assert wire.decode(wire.encode(header)) == (header, None)
    assert wire.decode(wire.encode(header, b"\x00payload")) == (header, b"\x00payload")


def test_an_empty_payload_is_a_payload() -> None:
    assert wire.decode(wire.encode(wire.request("1", "ping"), b""))[1] == b""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"ping"', "not a JSON object"),
        (b'{"foley_bridge": 1', "not JSON"),
        (b'{"id": 1} {}', "not JSON"),
        (b'{"id": "\xff"}', "not UTF-8: byte 8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"id": NaN}', "NaN is not a finite number"),
        (b'{"id": -Infinity}', "-Infinity is not a finite number"),
        (b'{"id": 1e999}', "1e999 is not a finite number"),
        (b'{"id": ' + b"9" * 5000 + b"}", "the message's header"),
        (b'{"id": 1, "id": 2}', "'id' stands there twice"),
        (b'{"params": {"out": "a", "x": 1, "out": "b"}}', "'out' stands there twice"),
        (b'{"a": 1, "\\u0061": 2}', "'a' stands there twice"),
        (b'{"id": "\\ud800"}', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "nested too deeply"),
        (b"[" * 500_000, "nested too deeply"),
    ],
)
def test_what_is_no_message_is_refused_by_name(data: bytes, said: str) -> None:
    if len(data) > wire.HEADER_LIMIT:
        with pytest.raises(RequestError, match=said):
            wire.decode([data], header_limit=len(data))
    else:
        assert said in refused(data)


def test_an_escaped_character_outside_the_basic_plane_is_text() -> None:
    assert wire.decode([b'{"id": "\\ud83d\\udc63"}'])[0] == {"id": "👣"}


def test_a_header_is_at_most_a_megabyte() -> None:
    fits = wire.encode({"id": "x" * (wire.HEADER_LIMIT - len('{"id":""}'))})
    assert len(fits[0]) == wire.HEADER_LIMIT
    wire.decode(fits)
    assert "more than 1 MB" in refused(fits[0] + b" ")


@pytest.mark.parametrize("frames", [[], [b"{}", b"", b""]])
def test_a_message_has_one_or_two_frames(frames: list[bytes]) -> None:
    with pytest.raises(RequestError, match=f"{len(frames)} frames"):
        wire.decode(frames)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, "\ud800", object()])
def test_what_is_not_json_is_not_sent(value: object) -> None:
    with pytest.raises(RequestError):
        wire.encode(wire.request("1", "submit", {"value": value}))


def test_an_error_comes_through_unchanged() -> None:
    error = JobError("reel1.otio: region 'steps' names no example", "give like=")
    travelled = json.loads(wire.encode(wire.refusal("1", error))[0])["error"]
    back = wire.error_from(travelled)
    assert (type(back), back.message, back.hint) == (JobError, error.message, error.hint)


@pytest.mark.parametrize("kind", ["InternalError", "NoSuchError", "FoleyError.__init__", "annotations", None, 3])
def test_an_error_of_an_unknown_kind_is_an_internal_one(kind: object) -> None:
    back = wire.error_from({"kind": kind, "message": "m", "hint": "h"})
    assert isinstance(back, InternalError)
    assert (back.message, back.hint) == ("m", "h")


@pytest.mark.parametrize("found", [None, "boom", []])
def test_an_error_that_is_no_object_is_an_error_all_the_same(found: object) -> None:
    assert wire.error_from(found).message
