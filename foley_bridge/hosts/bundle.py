"""Several Lua modules in one file, for hosts whose Lua has no ``require``.

Ardour reads the header ``ardour{…}`` of a script and keeps of the rest nothing but the compiled function ``factory``: what that
function finds outside itself is lost. So a bundle is the header and a ``factory`` with everything inside it, modules first.
None of them runs before it is required: Ardour calls ``factory`` in a sandbox without ``io`` and ``os``, too, to try it.
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
        main: the script. One with a header ``ardour{…}`` defines ``factory``, and requires inside of what that gives.
        roots: folders of modules: ``require("foley.x")`` is ``foley/x.lua`` in the first of them that has it.

    Returns:
        The text: the header if there is one, a ``require`` that answers from inside, the modules, the rest of ``main``.

    Raises:
        HostError: a script cannot be read, a module is nowhere, or something is required whose name is not written out.
    """
    text = _read(main)
    header, rest = _split_header(text)
    found: dict[str, str] = {}
    wanted = _required(main, text)
    while wanted:
        name = wanted.pop(0)
        if name not in found:
            path = _path(name, main, roots)
            found[name] = _read(path)
            wanted += _required(path, found[name])
    modules = "".join(f"modules[{quoted(name)}] = function(...)\n{found[name]}\nend\n" for name in sorted(found))
    inside = f"{_REQUIRE}{modules}{rest}\n"
    if not header:
        return inside
    return f"{header}\nfunction factory(...)\n{_REQUIRE}{modules}local factory\n{rest}\nreturn factory(...)\nend\n"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").rstrip()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise HostError(f"{path}: the script cannot be read, {said}", "install foley-bridge again") from error


def _split_header(text: str) -> tuple[str, str]:
    """``ardour{…}`` with the comments before it, and what follows; the first is empty when the script does not begin so."""
    depth = 0
    for number, token in enumerate(tokens(text)):
        if number == 0 and (token.kind, token.text) != ("name", "ardour"):
            break
        if token.kind == "sign":
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(token.text, 0)
            if depth == 0:
                return text[: token.end], text[token.end :]
    return "", text


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
