"""Both cores of the host scripts, so that tests can ask each the same: Lua through lupa, Python as it is."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

CORE = Path(__file__).resolve().parents[2] / "host_scripts" / "core"
sys.path.insert(0, str(CORE / "python"))

LUAS = ("lua53", "lua54")


class LuaCore:
    """The Lua core in one Lua of its own. What goes in and out of ``call`` are values of JSON."""

    def __init__(self, version: str) -> None:
        self.runtime = importlib.import_module(f"lupa.{version}").LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self.runtime.execute(f'package.path = "{(CORE / "lua").as_posix()}/?.lua"'.encode())
        self._call = self.runtime.eval(
            b"""function(module, name, arguments)
              local json, fault = require("foley.json"), require("foley.fault")
              local results = table.pack(pcall(function()
                return require("foley." .. module)[name](table.unpack(json.decode(arguments)))
              end))
              if not results[1] then
                return json.encode({error = fault.readable(results[2])})
              end
              local given = json.list()
              for index = 2, results.n do
                given[index - 1] = results[index] == nil and json.null or results[index]
              end
              return json.encode({given = given})
            end"""
        )

    def call(self, module: str, name: str, *arguments: Any) -> Any:
        """What a function gives, a list when it gives several values; raises ValueError with what a person would read."""
        told = json.loads(self._call(module.encode(), name.encode(), json.dumps(arguments).encode()))
        if "error" in told:
            raise ValueError(told["error"])
        given = told["given"]
        return given[0] if len(given) == 1 else given or None


class PythonCore:
    """The Python core, asked in the same way."""

    def call(self, module: str, name: str, *arguments: Any) -> Any:
        """As ``LuaCore.call``."""
        fault = importlib.import_module("foley_host.fault")
        try:
            given = getattr(importlib.import_module(f"foley_host.{module}"), name)(*arguments)
        except Exception as error:
            raise ValueError(fault.readable(error)) from error
        return json.loads(json.dumps(given))
