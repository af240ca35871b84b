"""The rules of docs/protocol.md for a request, written a second time and in another way: the judge of what the daemon accepts.

Works on what the standard library's JSON reader makes of the bytes, and shares nothing with ``foley_bridge.bridge.protocol``.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

Check = Callable[[Any], bool]


def text(shortest: int, longest: int) -> Check:
    return lambda value: isinstance(value, str) and shortest <= len(value) <= longest


def whole(lowest: int, highest: int) -> Check:
    return lambda value: type(value) is int and lowest <= value <= highest


def number(lowest: float, highest: float) -> Check:
    return lambda value: type(value) in (int, float) and lowest <= value <= highest


def either(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def nothing(value: Any) -> bool:
    return value is None


def boolean(value: Any) -> bool:
    return type(value) is bool


def list_of(check: Check, shortest: int, longest: int) -> Check:
    return lambda value: isinstance(value, list) and shortest <= len(value) <= longest and all(map(check, value))


def key(value: Any) -> bool:
    return text(1, 200)(value) and value.isprintable()


def name(value: Any) -> bool:
    return text(1, 128)(value) and value.isprintable()


def options(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= 64 and all(text(1, 128)(k) and text(0, 4096)(v) for k, v in value.items())


def timeline(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if set(value) == {"path"}:
        return path(value["path"])
    inline = set(value) - {"base"} == {"payload"} and type(value["payload"]) is int and value["payload"] == 0
    return inline and path(value.get("base", "/"))


def poke(value: Any) -> bool:
    if not isinstance(value, dict) or not {"port", "address"} <= set(value) <= {"port", "address", "arguments"}:
        return False
    names = value["address"].split("/") if text(1, 500)(value["address"]) else []
    allowed = set(map(chr, range(33, 127))) - set("#*,?[]{}")
    named = len(names) > 1 and names[0] == "" and all(name and set(name) <= allowed for name in names[1:])
    strings = list_of(lambda one: text(0, 500)(one) and "\0" not in one, 0, 16)
    return named and whole(1024, 65535)(value["port"]) and strings(value.get("arguments", []))


def length(value: Any) -> bool:
    limit = either(nothing, number(0, math.inf))
    if not (isinstance(value, list) and len(value) == 2 and all(map(limit, value))):
        return False
    return None in value or value[0] <= value[1]


def shown(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if "path" not in value:
        return set(value) == {"job", "region"} and job(value["job"]) and region(value["region"])
    at, lasts = value.get("start_s", 0), value.get("duration_s", 1)
    stretch = number(0, 7 * 24 * 3600)(at) and number(0, 7 * 24 * 3600)(lasts) and lasts > 0
    return set(value) <= {"path", "start_s", "duration_s"} and path(value["path"]) and stretch


def rising(value: Any) -> bool:
    inside = list_of(number(0, 7 * 24 * 3600), 1, 10_000)(value)
    return inside and all(early < late for early, late in itertools.pairwise(value))


def take(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def path_only(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"path"} and path(value["path"])


path = text(1, 4096)
job = text(1, 200)
region = whole(1, 2**31)
revision = whole(0, 2**53)
states = {"queued", "running", "done", "failed", "cancelled"}

# method: (needed, optional)
RULES: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "ping": ({}, {}),
    "capabilities": ({}, {}),
    "submit": (
        {"kind": lambda value: value == "generate", "timeline": timeline, "out": path, "media_dir": path},
        {
            "key": key,
            "exemplar": either(nothing, path),
            "options": options,
            "regions": list_of(text(0, 4096), 0, 10_000),
            "sample_rate": whole(8000, 384_000),
            "takes_as_tracks": boolean,
            "hits_as_markers": boolean,
            "preview": either(nothing, path),
            "report": either(nothing, path),
            "shape": either(nothing, lambda value: value == "resolve"),
            "poke": poke,
        },
    ),
    "status": ({"job": job}, {}),
    "wait": ({"job": job}, {"timeout_s": number(0, 3600)}),
    "result": ({"job": job}, {"timeline": boolean}),
    "cancel": ({"job": job}, {}),
    "jobs": (
        {},
        {"states": list_of(lambda value: isinstance(value, str) and value in states, 1, 5), "limit": whole(1, 1000)},
    ),
    "audition": ({}, {"job": either(nothing, job)}),
    "reels": ({}, {"limit": whole(1, 1000)}),
    "reel": ({"job": job}, {}),
    "choose": (
        {"job": job, "region": region, "base": revision, "choice": lambda value: isinstance(value, dict), "by": name},
        {},
    ),
    "choices": (
        {"job": job},
        {"after": revision, "applied": either(nothing, job), "timeout_s": number(0, 3600)},
    ),
    "library.search": (
        {},
        {
            "words": text(0, 1000),
            "picture": shown,
            "like": path,
            "ucs": text(1, 64),
            "length_s": length,
            "channels": whole(1, 64),
            "limit": whole(1, 500),
        },
    ),
}
SUBMITS: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "retake": (
        {"kind": text(6, 6), "job": job, "region": region},
        {
            "key": key,
            "poke": poke,
            "hits_s": rising,
            "options": options,
            "words": text(0, 4096),
            "more": boolean,
            "like_take": take,
        },
    ),
    "apply": (
        {"kind": text(5, 5), "job": job},
        {
            "key": key,
            "poke": poke,
            "out": path,
            "timeline": path_only,
            "preview": path,
            "report": path,
            "undecided": lambda value: value in ("best", "none"),
            "takes_as_tracks": boolean,
            "force": boolean,
        },
    ),
}


class _Wrong(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Wrong("doubled")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise _Wrong(name)


def _finite(digits: str) -> float:
    if not math.isfinite(float(digits)):
        raise _Wrong("not finite")
    return float(digits)


def follows_the_protocol(frames: Sequence[bytes]) -> bool:
    """Whether a message (its delimiter, if any, taken off) is a request that a daemon may accept."""
    if len(frames) not in (1, 2) or len(frames[0]) > 1 << 20 or sum(map(len, frames)) > 64 << 20:
        return False
    try:
        said = json.loads(
            frames[0].decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite
        )
        json.dumps(said, ensure_ascii=False).encode("utf-8")  # half surrogate pairs are no text
    except (_Wrong, ValueError, RecursionError):
        return False
    if not isinstance(said, dict) or not {"foley_bridge", "id", "method"} <= set(said) <= {
        "foley_bridge",
        "id",
        "method",
        "params",
    }:
        return False
    if type(said["foley_bridge"]) is not int or said["foley_bridge"] != 1 or not text(1, 128)(said["id"]):
        return False
    method, params = said["method"], said.get("params", {})
    if not isinstance(method, str) or method not in RULES or not isinstance(params, dict):
        return False
    kind = params.get("kind")
    of_kind = SUBMITS.get(kind) if method == "submit" and isinstance(kind, str) else None
    needed, optional = of_kind or RULES[method]
    if not set(needed) <= set(params) <= set(needed) | set(optional):
        return False
    if not all({**needed, **optional}[name](value) for name, value in params.items()):
        return False
    if method == "library.search" and ("picture" in params) + ("like" in params) + bool(params.get("words")) == 0:
        return False
    if method == "library.search" and {"picture", "like"} <= set(params):
        return False
    inline = method == "submit" and "payload" in params.get("timeline", ())
    return inline == (len(frames) == 2)
