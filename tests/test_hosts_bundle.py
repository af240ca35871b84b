"""A bundle is one Lua file that does what the script and its modules do, under the rules that Ardour has for scripts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import lupa.lua53
import lupa.lua54
import pytest

from foley_bridge.errors import HostError
from foley_bridge.hosts.bundle import bundle
from foley_bridge.hosts.lua import quoted

RUNTIMES = [lupa.lua53.LuaRuntime, lupa.lua54.LuaRuntime]
LUAC = [found for name in ("luac5.3", "luac5.4", "luac") if (found := shutil.which(name))]

MAIN = """\
-- Lays the takes in.
ardour {
  ["type"] = "EditorAction", name = "Foley: generate", author = "}",  -- a brace in a string
  description = [[ 'ardour' } ]],
}

function signals() return "function factory(" end

function factory(params)
  local step = "generate"
  return function()
    local run = require("foley.run")
    return run.now(step, params)
  end
end

function icon() return "icon" end
"""
RUN = """\
-- require("foley.nothing") in a comment, and "require('foley.nothing')" in a string
local M = {said = 'require("foley.nothing")'}
local time = require "foley.time"
local host = require('adapter')
loads = (loads or 0) + 1
function M.now(step, params) return step .. " at " .. time.now() .. " in " .. host.name .. ": " .. tostring(params) end
return M"""
TIME = 'local again = require("adapter")\nreturn {now = function() return again.at end} -- no line after this one'


@pytest.fixture
def script(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A script, the core's folder and the adapter's."""
    core, own = tmp_path / "core", tmp_path / "ardour"
    (core / "foley").mkdir(parents=True)
    own.mkdir()
    (core / "foley" / "run.lua").write_text(RUN, "utf-8")
    (core / "foley" / "time.lua").write_text(TIME, "utf-8")
    (core / "foley" / "unused.lua").write_text("this is no Lua", "utf-8")
    (own / "adapter.lua").write_text('adapters = (adapters or 0) + 1\nreturn {name = "Ardour ü", at = 48}', "utf-8")
    main = own / "generate.lua"
    main.write_text(MAIN, "utf-8")
    return main, core, own


def as_ardour(runtime: Any, text: str, params: object) -> tuple[Any, Any]:
    """What Ardour does with a script: reads the header, keeps the bytecode of ``factory``, tries it in a sandbox, calls it.

    Returns the header and what the action gives.
    """
    scanner = runtime()
    scanner.execute("function ardour(entry) header = entry end require = nil")
    scanner.execute(text)
    keeper = runtime(encoding=None)
    keeper.execute(b"function ardour() end require = nil")
    keeper.execute(text.encode())
    dumped = keeper.eval(b"string.dump(factory, true)")
    sandbox = runtime(encoding=None)
    sandbox.execute(b"require, io, os = nil, nil, nil")
    sandbox.globals()[b"dumped"] = dumped
    sandbox.execute(b"load(dumped, nil, nil, _ENV)({})")
    real = runtime(encoding=None)
    real.execute(b"require = nil")
    real.globals()[b"dumped"], real.globals()[b"params"] = dumped, params
    real.execute(b"action = load(dumped)(params)")
    real.execute(b"first = action() second = action()")
    assert real.globals()[b"first"] == real.globals()[b"second"]
    assert (real.globals()[b"loads"], real.globals()[b"adapters"]) == (1, 1)
    return scanner.globals().header, real.globals()[b"first"]


@pytest.mark.parametrize("runtime", RUNTIMES, ids=["5.3", "5.4"])
def test_the_action_works_from_its_bytecode_alone_and_each_module_runs_once(
    script: tuple[Path, Path, Path], runtime: Any
) -> None:
    main, core, own = script
    header, said = as_ardour(runtime, bundle(main, core, own), b"params")
    assert (header.type, header.name, header.author) == ("EditorAction", "Foley: generate", "}")
    assert said.decode() == "generate at 48 in Ardour ü: params"


def test_the_header_comes_first_and_the_other_functions_stay_outside(script: tuple[Path, Path, Path]) -> None:
    text = bundle(script[0], *script[1:])
    assert text.startswith(MAIN[: MAIN.index("  local step")])
    assert "unused" not in text
    lua = lupa.lua53.LuaRuntime()
    lua.execute("function ardour() end")
    lua.execute(text)
    assert (lua.eval("signals()"), lua.eval("icon()")) == ("function factory(", "icon")


def test_a_header_without_a_factory_is_refused(script: tuple[Path, Path, Path]) -> None:
    script[0].write_text('ardour { name = "x" } -- function factory()', "utf-8")
    with pytest.raises(HostError, match="no function factory"):
        bundle(script[0], *script[1:])


@pytest.mark.parametrize("runtime", RUNTIMES, ids=["5.3", "5.4"])
def test_a_script_without_a_header_runs_as_it_stands(script: tuple[Path, Path, Path], runtime: Any) -> None:
    main, core, own = script
    main.write_text('return require("foley.run").now("now", ...)', "utf-8")
    lua = runtime()
    lua.execute("require = nil")
    assert lua.execute(bundle(main, core, own)) == "now at 48 in Ardour ü: nil"


@pytest.mark.skipif(not LUAC, reason="no luac is installed")
def test_the_bundle_compiles(script: tuple[Path, Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "bundle.lua"
    out.write_text(bundle(script[0], *script[1:]), "utf-8")
    for luac in LUAC:
        assert subprocess.run([luac, "-p", str(out)], capture_output=True, check=False).returncode == 0


def test_the_first_folder_that_has_a_module_gives_it(script: tuple[Path, Path, Path]) -> None:
    main, core, own = script
    (core / "adapter.lua").write_text("return {name = 'core', at = 1}", "utf-8")
    assert "name = 'core'" in bundle(main, core, own)
    assert "name = 'core'" not in bundle(main, own, core)


def test_a_module_that_is_nowhere_is_named(script: tuple[Path, Path, Path]) -> None:
    main, core, own = script
    (own / "adapter.lua").unlink()
    with pytest.raises(HostError, match="no Lua module adapter") as caught:
        bundle(main, core, own)
    assert str(core) in caught.value.message


@pytest.mark.parametrize(
    "line", ["require(name)", 'pcall(require, "foley.run")', 'require("foley." .. name)', "local r = require"]
)
def test_a_name_that_is_not_written_out_is_refused_with_its_line(script: tuple[Path, Path, Path], line: str) -> None:
    main, core, own = script
    main.write_text(f"local a\n\n{line}\n", "utf-8")
    with pytest.raises(HostError, match=r"generate\.lua:3"):
        bundle(main, core, own)


@pytest.mark.parametrize("text", ["plain", 'a"b\\c', "C:\\Foley\\new", "ü\n\t\0\x7f]]", "", "%s \\u{41}"])
def test_a_quoted_text_is_read_as_it_was(text: str) -> None:
    for runtime in RUNTIMES:
        assert runtime(encoding=None).eval(quoted(text).encode()) == text.encode()
