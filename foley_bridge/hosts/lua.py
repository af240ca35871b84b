"""Just enough of Lua's grammar to find things in a script: names, punctuation and strings, without comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<comment>--\[(?P<c>=*)\[.*?\](?P=c)\] | --[^\n]*)
    | (?P<long>\[(?P<l>=*)\[(?P<inside>.*?)\](?P=l)\])
    | (?P<quoted>"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')
    | (?P<name>[A-Za-z_]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<sign>[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """``kind`` is ``name``, ``string`` (``text`` is then what stands inside, escapes as written) or ``sign`` (one character);
    ``start`` and ``end`` say where it stands in the script."""

    kind: str
    text: str
    start: int
    end: int


def tokens(script: str) -> Iterator[Token]:
    """The tokens of a script, in order; numbers and comments are left out."""
    for match in _TOKEN.finditer(script):
        kind = str(match.lastgroup)
        if match["long"] is not None:
            yield Token("string", match["inside"], *match.span())
        elif match["quoted"] is not None:
            yield Token("string", match["quoted"][1:-1], *match.span())
        elif kind in ("name", "sign"):
            yield Token(kind, match[0], *match.span())


def quoted(text: str) -> str:
    """A Lua string that says ``text``, whatever is in it; readable where it can be."""
    escaped = "".join(
        rf"\u{{{ord(letter):x}}}" if ord(letter) < 32 or ord(letter) == 127 else "\\" + letter if letter in '\\"' else letter
        for letter in text
    )
    return f'"{escaped}"'
