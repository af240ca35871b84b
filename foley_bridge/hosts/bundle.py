"""Several Lua modules in one file, for hosts whose Lua has no ``require``.

Ardour reads the header ``ardour{…}`` of a script and keeps of the rest nothing but single functions, compiled: what its
``factory`` finds outside itself is lost. So a bundle is the script with the modules inside of ``factory``. None of them runs
before it is required: Ardour calls ``factory`` in a sandbox without ``io`` and ``os``, too, to try it.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from foley_bridge.errors import HostError
from foley_bridge.hosts.lua import Token, quoted, tokens

_REQUIRE = """\
local modules, loaded = {}, {}
local function require(name)
  if loaded[name] == nil then
    local chunk = modules[name] or error("there is no module " .. tostring(name))
    local gave = chunk(name)
    loaded[name] = gave == nil and true or gave
  end
  return loaded[name]
end
"""


def bundle(main: Path, *roots: Path) -> str:
    """One Lua file that needs no other.

    Args:
        main: the script. One with a header ``ardour{…}`` defines ``factory``, and requires only inside of what that gives.
        roots: folders of modules: ``require("foley.x")`` is ``foley/x.lua`` in the first of them that has it.

    Returns:
        The text of ``main`` with the modules, and a ``require`` that answers with them, in ``factory``; or before everything.

    Raises:
        HostError: a script cannot be read, a module is nowhere, or something is required whose name is not written out.
    """
    text = _read(main)
    inside = _place_inside(main, text)
    found: dict[str, str] = {}
    wanted = _required(main, text)
    while wanted:
        name = wanted.pop(0)
        if name not in found:
            path = _path(name, main, roots)
            found[name] = _read(path)
            wanted += _required(path, found[name])
    modules = "".join(f"modules[{quoted(name)}] = function(...)\n{found[name]}\nend\n" for name in sorted(found))
    return f"{text[:inside]}\n{_REQUIRE}{modules}{text[inside:]}\n" if inside else f"{_REQUIRE}{modules}{text}\n"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").rstrip()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise HostError(f"{path}: the script cannot be read, {said}", "install foley-bridge again") from error


def _place_inside(main: Path, text: str) -> int:
    """Where the body of ``factory`` begins in a script with a header ``ardour{…}``; 0 in one without.

    Raises:
        HostError: there is a header, and no ``factory``.
    """
    found = list(tokens(text))
    if not found or (found[0].kind, found[0].text) != ("name", "ardour"):
        return 0
    for place, token in enumerate(found[:-2]):
        if token.kind == "name" and [each.text for each in found[place : place + 3]] == ["function", "factory", "("]:
            return next(each.end for each in found[place + 3 :] if each.text == ")")
    raise HostError(f"{main}: has no function factory", "install foley-bridge again")


def _required(path: Path, text: str) -> list[str]:
    """Names of the modules that a script requires."""
    end = Token("sign", "", 0, 0)
    found = [*tokens(text), end, end, end]
    names = []
    for place, (before, token) in enumerate(pairwise([end, *found])):
        if (token.kind, token.text) != ("name", "require") or before.text in (".", ":"):
            continue
        opens = found[place + 1].text == "("
        after = found[place + 1 + opens]
        if after.kind != "string" or (opens and found[place + 3].text != ")"):
            line = text.count("\n", 0, token.start) + 1
            raise HostError(f"{path}:{line}: what is required is not written out", 'write require("name")')
        names.append(after.text)
    return names


def _path(name: str, main: Path, roots: tuple[Path, ...]) -> Path:
    for root in roots:
        path = root.joinpath(*name.split(".")).with_suffix(".lua")
        if path.is_file():
            return path
    where = ", ".join(str(root) for root in roots)
    raise HostError(f"{main.name}: there is no Lua module {name} in {where}", "install foley-bridge again")
