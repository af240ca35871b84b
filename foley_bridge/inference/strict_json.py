"""JSON from strangers: one reading of it, bounded, and nothing in it that two readers could take in two ways."""

from __future__ import annotations

import json
import math
from typing import Any

MOST_BYTES = 1 << 20
DEEPEST = 16
MOST_DIGITS = 18


def strict_json(data: bytes) -> dict[str, Any]:
    """The object that the bytes are.

    Raises:
        ValueError: it is too large, no JSON, no object, nested too deeply, names a key twice, has a number that is none, or
            text that cannot be shown; says what.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MB")
    try:
        said = json.loads(
            data.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite, parse_int=_small
        )
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise ValueError("it is no JSON object")
    _look_over(said)
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return made


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _small(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{text[:40]} is too large a number")
    return int(text)


def _look_over(said: dict[str, Any]) -> None:
    """Without recursion: depth, and texts, which must be fit for a terminal."""
    level: list[Any] = [said]
    for _ in range(DEEPEST):
        inner = []
        for value in level:
            parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else [value]
            for part in parts:
                if isinstance(part, dict | list):
                    inner.append(part)
                elif isinstance(part, str) and not part.replace("\n", "").replace("\t", "").isprintable():
                    raise ValueError(f"{part[:40]!a} has characters that cannot be shown")
        level = inner
    if level:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
