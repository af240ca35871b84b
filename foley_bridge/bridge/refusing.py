"""How a request that cannot be read is refused: in a sentence that begins with the field's name."""

from __future__ import annotations

import re
from difflib import get_close_matches

import msgspec

from foley_bridge.errors import RequestError

SEE = "see docs/protocol.md"

_SAID = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_TYPES = {
    "`str`": "a string",
    "`int`": "an integer",
    "`float`": "a number",
    "`bool`": "true or false",
    "`object`": "an object",
    "`array`": "a list",
    "`null`": "null",
}


def explained(error: Exception, at: str, known: tuple[str, ...] = ()) -> RequestError:
    """msgspec's words with the field's name in front. ``at``: what it calls ``$``."""
    if isinstance(error, RecursionError):
        return RequestError(f"{at or 'header'}: nested too deeply", SEE)
    if not isinstance(error, msgspec.ValidationError):
        return RequestError(f"{at or 'header'}: {_small(str(error))}", "send one JSON object in UTF-8")
    said = _SAID.fullmatch(str(error))
    assert said is not None  # it matches anything
    field = (at + (said["path"] or "")).lstrip(".")
    what = said["what"]
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        close = get_close_matches(match[1], known, n=1)
        name = f"{field}.{shown(match[1], quoted=False)}".lstrip(".")
        return RequestError(f"{name}: there is no such field", f"did you mean {close[0]}?" if close else SEE)
    if match := re.fullmatch(r"Object missing required field `(.*)`", what):
        return RequestError(f"{field}.{match[1]}".lstrip(".") + ": is missing", SEE)
    for name, words in _TYPES.items():
        what = what.replace(name, words)
    return RequestError(f"{field or 'header'}: {_small(what)}", SEE)


def _small(text: str) -> str:
    """In the middle of a sentence: ``JSON`` stays as it is."""
    return shown(text if text[:2].isupper() else text[:1].lower() + text[1:], quoted=False)


def shown(text: str, *, quoted: bool = True) -> str:
    """A client's own words inside a message: cut short, on one line, every odd character escaped."""
    cut = text if len(text) <= 80 else text[:80] + "…"
    plain = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)
    return f"'{plain}'" if quoted else plain
