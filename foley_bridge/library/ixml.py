"""The words in an iXML chunk: ASWG and UCS fields, Soundminer's and other librarians' <USER>, Steinberg's attributes, the rest.

The document may be broken in the usual ways: another encoding than it says, junk behind its end, a bare ``&``. One that
declares entities of its own is not read at all.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from foley_bridge.library.tags import Words, fields_from
from foley_bridge.library.text import decode

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d+|#x[0-9A-Fa-f]+|\w+);)")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_words(chunk: bytes) -> list[Words]:
    """What each part of the document says, the most trusted first: USER, ASWG, Steinberg, then iXML's own notes."""
    root = _parsed(chunk)
    if root is None:
        return []
    steinberg = [
        (attribute.findtext("NAME") or "", attribute.findtext("VALUE") or "") for attribute in root.iterfind("STEINBERG//ATTR")
    ]
    parts = [
        _children(root, "USER"),
        _children(root, "ASWG"),
        steinberg,
        [*_children(root, "BEXT"), *((each.tag, each.text or "") for each in root if each.tag in ("NOTE", "PROJECT"))],
    ]
    return [words for part in parts if (words := fields_from(part))]


def _parsed(chunk: bytes) -> ElementTree.Element | None:
    text = _NOT_XML.sub("", _DECLARATION.sub("", decode(chunk.lstrip(b"\0 \t\r\n"))))
    end = text.rfind(">")
    text = _BARE_AMPERSAND.sub("&amp;", text[: end + 1])
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        return None
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None


def _children(root: ElementTree.Element, name: str) -> list[tuple[str, str]]:
    return [(each.tag, each.text or "") for part in root.iterfind(name) for each in part]
