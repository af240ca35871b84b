"""Which files a timeline's media references mean: URLs, Windows and POSIX paths, relative ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import opentimelineio as otio

_ABSOLUTE = re.compile(r"(?i)file:/|/|[A-Z]:[\\/]|\\\\")


def local_path(url: str, base: Path) -> Path | None:
    """The file that a media reference means: file:// URL, Windows or POSIX path, absolute or from ``base``.

    None when it is not a local file at all (http and the like, or nothing).
    """
    if not url.strip():
        return None
    if url.lower().startswith("file:"):
        rest = url[5:]
        if rest.startswith("//"):
            host, slash, tail = rest[2:].partition("/")
            rest = slash + tail if host.lower() in ("", "localhost") else f"//{host}{slash}{tail}"
            if re.match(r"[A-Za-z]:$", host):  # file://C:/clip.mov, as some programs write it
                rest = f"{host}{slash}{tail}"
        choices = [unquote(rest), rest]
    elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", url):
        return None
    else:
        choices = [url, unquote(url)]
    paths = [_from_base(choice, base) for choice in choices]
    return next((path for path in paths if _exists(path)), paths[0])


def _from_base(text: str, base: Path) -> Path:
    text = re.sub(r"^/+(?=[A-Za-z]:[\\/])", "", text)
    return Path(text) if re.match(r"[A-Za-z]:[\\/]|\\\\", text) else base / text


def is_file(path: Path) -> bool:
    """Whether a file lies there; a name that the system does not even look up (too long, a zero inside) is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def references(timeline: otio.schema.Timeline) -> list[Any]:
    """All media references of a timeline's clips, unused ones too."""
    clips = timeline.find_clips()
    return [reference for clip in clips for reference in clip.media_references().values()]


def make_absolute(timeline: otio.schema.Timeline, base: Path) -> None:
    """Make relative paths absolute; they start from ``base``."""
    for reference in references(timeline):
        if isinstance(reference, otio.schema.ExternalReference):
            path = local_path(reference.target_url or "", base)
            if path is not None and not _ABSOLUTE.match(reference.target_url):
                reference.target_url = str(path)
        elif isinstance(reference, otio.schema.ImageSequenceReference):
            path = local_path(reference.target_url_base or ".", base)
            if path is not None and not _ABSOLUTE.match(reference.target_url_base):
                reference.target_url_base = str(path)


def as_url(target: str) -> str:
    """An absolute path as a file:// URL; anything else as it is."""
    if re.match(r"[A-Za-z]:[\\/]", target):
        return "file:///" + quote(target.replace("\\", "/"), safe="/:")
    return "file://" + quote(target) if target.startswith("/") else target
