"""Text out of files: bytes of unstated encoding made letters, and letters made fit to keep, show and search.

Tags that say no encoding are UTF-8, Windows' Latin-1 (cp1252) or the old Macintosh's (Mac Roman). UTF-8 can be told from the
others; between those two, the one decides whose letters stand where letters belong.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 4000  # characters kept of one text
_COMMON = frozenset("äöüÄÖÜßéèêëÉàâáåÅçñÑíîïóòôøúùûæÆ")
_CASE_STEP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[\s_]+")


def decode(raw: bytes) -> str:
    """The text of bytes that do not say how they are encoded; never fails. Ends at the first NUL, unless it is UTF-16."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace").split("\0", 1)[0]
    raw = raw.split(b"\0", 1)[0].removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return best_of(raw.decode("cp1252", "replace"), raw.decode("mac_roman"))


def best_of(windows: str, mac: str) -> str:
    """Of two readings of the same bytes the likelier one; the first when they are equally likely."""
    return mac if _likelihood(mac) > _likelihood(windows) else windows


def clean(text: str, longest: int = LONGEST) -> str:
    """One line of printable text: composed letters, single blanks, not longer than ``longest``."""
    if text.isascii() and text.isprintable() and "  " not in text and text == text.strip() and len(text) <= longest:
        return text
    text = text[: 4 * longest].encode("utf-8", "replace").decode("utf-8")
    text = "".join(letter if letter.isprintable() else " " for letter in unicodedata.normalize("NFC", text))
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    return text[:longest].rsplit(" ", 1)[0]


def words(name: str) -> str:
    """A file's or a folder's name as words: ``MetalHit_03-close`` is "Metal Hit 03 close"."""
    return clean(re.sub(r"[\W_]+", " ", _CASE_STEP.sub(" ", name)))


def spaced(name: str) -> str:
    """A name with its words apart, other signs kept: ``MetalHit-Big`` is "Metal Hit-Big"."""
    return clean(_BETWEEN_WORDS.sub(" ", _CASE_STEP.sub(" ", name)))


def _likelihood(text: str) -> float:
    """Adds up how well each letter beyond ASCII stands where it stands."""
    total = 0.0
    for at, letter in enumerate(text):
        if letter < "\x80":
            continue
        before = text[at - 1 : at] if at else ""
        after = text[at + 1 : at + 2]
        if letter.isalpha() and letter not in "ƒıﬁﬂªº":
            misplaced = letter.isupper() and before.islower()
            total += -1 if misplaced else 1 if letter in _COMMON else 0.5
        elif letter in "’‘“”":
            total += 1 if before.isalnum() or after.isalnum() else 0
        elif letter in "–—…©®™°×½\xa0«»€£":
            total += 0.5
        else:
            total -= 1
    return total
