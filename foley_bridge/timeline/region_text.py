"""A region's text taken apart into free words and ``name=value`` options; what the options mean is ``options.py``'s.

Imports nothing heavy, so that the daemon can use it.

Quoting: a word, or an option's value, may be wrapped in single or double quotes. A quote opens only at the start of a word
or of a value, and closes only before a space or the end, so ``dog's bark`` and ``'it's here.wav'`` need no escaping; a
backslash is an ordinary character everywhere, so Windows paths survive.
"""

from __future__ import annotations

import re

from foley_bridge.errors import TimelineError

_OPTION = re.compile(r"([A-Za-z][\w-]*)=")
_END = re.compile(r"\s|$")


def split_region_text(text: str) -> tuple[list[str], dict[str, str]]:
    """The free words, and the options' values by name, both in order and without their quotes; names are in small letters.

    Raises:
        TimelineError: an open quote, an option given twice, or a space before ``=``.
    """
    words: list[str] = []
    options: dict[str, str] = {}
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        option = _OPTION.match(text, position)
        token, position = _token(text, option.end() if option else position)
        if not option:
            if token.startswith("="):
                raise TimelineError(f"there is a space before {token!r}", "write options as name=value, without spaces")
            words.append(token)
            continue
        name = option[1].lower()
        if name in options:
            raise TimelineError(f"option {name}= is given twice")
        options[name] = token
    return words, options


def _token(text: str, start: int) -> tuple[str, int]:
    """The word or value that begins at ``start``, without its quotes, and where it ends."""
    if start < len(text) and text[start] in "\"'":
        closing = re.compile(re.escape(text[start]) + r"(?=\s|$)").search(text, start + 1)
        if not closing:
            raise TimelineError(f"the quote {text[start:]} is not closed")
        return text[start + 1 : closing.start()], closing.end()
    end = _END.search(text, start)
    assert end is not None  # "$" always matches
    return text[start : end.start()], end.start()
