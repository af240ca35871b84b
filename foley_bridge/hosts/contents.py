"""What a host gets: its scripts, the core beside them, each file's place under the host's folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from foley_bridge.errors import HostError
from foley_bridge.hosts.bundle import bundle
from foley_bridge.hosts.lua import quoted, tokens

BASE = {
    "reaper": PurePosixPath("Scripts/Foley"),
    "resolve": PurePosixPath("Fusion/foley_bridge"),
    "blender": PurePosixPath("scripts/addons/foley_bridge_addon"),
    "ardour": PurePosixPath("scripts"),
}
"""Under the host's folder: where ``foley_bridge.json`` lies, and what the scripts need beside it."""
RESOLVE_MENU = PurePosixPath("Fusion/Scripts/Utility/Foley")
_NOT_SHIPPED = {".md", ".xml", ".pyc"}
_WHERE = re.compile(r"^(?P<name>[ \t]*(?:local )?FOLEY_BRIDGE = )(?:None|nil)\b.*\binstall-host\b.*$", re.MULTILINE)

Files = Mapping[PurePosixPath, bytes]
"""By their place under the host's folder."""


def source() -> Path:
    """The folder ``host_scripts``: of the wheel, or of the checkout.

    Raises:
        HostError: it is not there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_host_scripts", package.parent / "host_scripts"):
        if folder.is_dir():
            return folder
    hint = "install foley-bridge again, from its folder: pip install --force-reinstall ."
    raise HostError("the host scripts are not there", hint)


def contents(host: str, scripts: Path, root: Path) -> Files:
    """The files of a host, without the config.

    Args:
        host: which.
        scripts: as ``source`` gives it.
        root: the host's folder: scripts that cannot find out where they are have it written into them.

    Raises:
        HostError: they cannot be read, or there are none.
    """
    base = BASE[host]
    made: dict[PurePosixPath, bytes] = {}
    try:
        if host == "reaper":
            made |= _tree(scripts / "reaper", base) | _tree(scripts / "core" / "lua", base)
        elif host == "blender":
            made |= _tree(scripts / "blender" / "foley_bridge_addon", base)
            made |= _tree(scripts / "core" / "python", base)
        elif host == "resolve":
            made |= _tree(scripts / "resolve", base) | _tree(scripts / "core" / "python", base)
            menu = [path for path in made if path.parent == base / "Foley"]
            made |= {RESOLVE_MENU / path.name: _told(made.pop(path).decode(), root / base).encode() for path in menu}
        else:
            roots = (scripts / "ardour", scripts / "core" / "lua")
            for path in sorted((scripts / "ardour").glob("*.lua")):
                if _has_header(path.read_text("utf-8")):
                    made[base / path.name] = _told(bundle(path, *roots), root / base).encode()
    except (OSError, ValueError) as error:
        raise HostError(f"{scripts}: the host scripts cannot be read, {error}", "install foley-bridge again") from error
    if not made:
        raise HostError(f"{scripts}: there are no scripts for {host}", "install foley-bridge again")
    return made


def _tree(folder: Path, to: PurePosixPath) -> dict[PurePosixPath, bytes]:
    return {to / PurePosixPath(path.relative_to(folder).as_posix()): path.read_bytes() for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
        if path.is_file() and path.suffix not in _NOT_SHIPPED and not hidden:
            yield path


def _has_header(text: str) -> bool:
    first = next(iter(tokens(text)), None)
    return first is not None and first.text == "ardour"


def _told(text: str, base: Path) -> str:
    """A script with the folder written into it that it cannot find out: in its line ``FOLEY_BRIDGE = None``, or ``nil``."""

    def line(match: re.Match[str]) -> str:
        return match["name"] + (quoted(str(base)) if "nil" in match[0].split("=")[1].split()[:1] else repr(str(base)))

    return _WHERE.sub(line, text)
