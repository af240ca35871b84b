"""Writes ``host_scripts/reaper/index.xml``, ReaPack's list of what to install: ``python tests/hosts/reaper_index.py``.

The files go where ``foley-bridge install-host reaper`` puts them, so that one may be used after the other: ``Scripts/Foley``,
which is the index's name. A package must lie in a category below it, so this one does, and its other files name their
places from there.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

SCRIPTS = Path(__file__).resolve().parents[2] / "host_scripts"
INDEX = SCRIPTS / "reaper" / "index.xml"
PACKAGE = SCRIPTS / "reaper" / "Foley - Set up.lua"
CATEGORY = "foley_reaper"
PUBLISHED = "https://raw.githubusercontent.com/foley-bridge/foley_bridge"
RELEASED = "2026-12-01T00:00:00Z"


def header() -> dict[str, str]:
    """The tags of the package's header; values of several lines keep them."""
    tags: dict[str, str] = {}
    name = ""
    for line in PACKAGE.read_text("utf-8").splitlines():
        tag = re.fullmatch(r"-- @(\w+) ?(.*)", line)
        if tag:
            name = tag[1]
            tags[name] = tag[2]
        elif name and line.startswith("--   "):
            tags[name] += "\n" + line[5:]
        elif line != "--":
            break
    return tags


def sources() -> list[tuple[Path, str, bool]]:
    """Every file of the package, the place it gets from the category's folder, whether it is an action."""
    made = [(path, f"../{path.name}", True) for path in sorted((SCRIPTS / "reaper").glob("Foley - *.lua"))]
    made += [(path, path.name, False) for path in sorted((SCRIPTS / "reaper" / CATEGORY).glob("*.lua"))]
    made += [(path, f"../foley/{path.name}", False) for path in sorted((SCRIPTS / "core/lua/foley").glob("*.lua"))]
    return made


def text() -> str:
    tags = header()
    version = tags["version"]
    lines = []
    for path, place, is_action in sources():
        url = f"{PUBLISHED}/v{version}/host_scripts/{quote(path.relative_to(SCRIPTS).as_posix())}"
        main = ' main="main"' if is_action else ""
        lines.append(f"        <source file={quoteattr(place)}{main}>{escape(url)}</source>\n")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<index version="1" name="Foley">\n'
        f"  <category name={quoteattr(CATEGORY)}>\n"
        f'    <reapack name={quoteattr(PACKAGE.name)} type="script" desc={quoteattr(tags["description"])}>\n'
        f'      <version name="{version}" author={quoteattr(tags["author"])} time="{RELEASED}">\n'
        f"{''.join(lines)}"
        f"        <changelog>{escape(tags['changelog'].strip())}</changelog>\n"
        "      </version>\n"
        "    </reapack>\n"
        "  </category>\n"
        "</index>\n"
    )


if __name__ == "__main__":
    INDEX.write_text(text(), "utf-8")
