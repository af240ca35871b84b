"""Both cores of the host scripts, so that tests can ask each the same: Lua through lupa, Python as it is."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

CORE = Path(__file__).resolve().parents[2] / "host_scripts" / "core"

FUNCTIONS = (
    *("project", "ranges", "points", "tracks", "own_tracks", "place", "take_back", "settle", "choose", "write_text"),
    *("chosen_clip", "chosen_takes", "say", "ask", "ask_text", "show", "open", "launch"),
)
STRICT = b"""
  local function refuse(_, name) error("the core uses a global '" .. tostring(name) .. "'", 2) end
  setmetatable(_G, {__index = refuse, __newindex = refuse})
"""
LUAS = ("lua53", "lua54")


class LuaCore:
    """The Lua core in one Lua of its own. What goes in and out of ``call`` are values of JSON."""

    def __init__(self, version: str) -> None:
        self.runtime = importlib.import_module(f"lupa.{version}").LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self.runtime.execute(f'package.path = "{(CORE / "lua").as_posix()}/?.lua"'.encode())
        self.runtime.execute(STRICT)
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

    def host(self, host: Any) -> Any:
        """A Python host as the Lua core takes it: a table whose functions pass values of JSON."""
        receipts: list[Any] = []

        def ask(name: bytes, arguments: bytes) -> bytes:
            values = json.loads(arguments)
            try:
                if name == b"take_back":
                    values = [receipts[values[0]]]
                given = getattr(host, name.decode())(*values)
            except Exception as error:
                if hasattr(error, "hint"):
                    return json.dumps({"error": {"message": str(error), "hint": error.hint}}).encode()
                return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
            if name == b"place":
                receipts.append(given)
                given = len(receipts) - 1
            return json.dumps({"given": given}).encode()

        make = self.runtime.eval(
            b"""function(ask, later, fields, names)
              local json = require("foley.json")
              local host = json.decode(fields)
              for _, name in ipairs(json.decode(names)) do
                host[name] = function(...)
                  local arguments = json.list(table.pack(...))
                  for index = 1, arguments.n do
                    if arguments[index] == nil then arguments[index] = json.null end
                  end
                  arguments.n = nil
                  local told = json.decode(ask(name, json.encode(arguments)))
                  if told.error then
                    error(told.error, 0)
                  end
                  return told.given
                end
              end
              host.later = later
              return host
            end"""
        )
        fields = {name: getattr(host, name) for name in ("name", "grid", "options", "undo_hint", "config", "lives_on")}
        return make(ask, host.later, json.dumps(fields).encode(), json.dumps(FUNCTIONS).encode())

    def act(self, host: Any, action: str, *arguments: str) -> None:
        """An action of this core, with a Python host."""
        actions = self.runtime.eval(b"(require('foley.actions'))")
        actions[action.encode()](self.host(host), *(argument.encode() for argument in arguments))

    def set(self, module: str, name: str, value: int) -> None:
        """Set a module's number."""
        self.runtime.execute(f'require("foley.{module}").{name} = {value}'.encode())

    def place_result(self, host: Any, result: Any, asked: Any, key: str) -> Any:
        """``run.place_result`` of this core in a Python host."""
        place = self.runtime.eval(
            b"""function(host, arguments)
              local json = require("foley.json")
              local outcome = require("foley.run").place_result(host, table.unpack(json.decode(arguments)))
              json.list(outcome.laid)
              json.list(outcome.cleared)
              json.list(outcome.refused)
              return json.encode(outcome)
            end"""
        )
        return json.loads(place(self.host(host), json.dumps([result, asked, key]).encode()))


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

    def act(self, host: Any, action: str, *arguments: str) -> None:
        """As ``LuaCore.act``."""
        getattr(importlib.import_module("foley_host.actions"), action)(host, *arguments)

    def set(self, module: str, name: str, value: int) -> None:
        """As ``LuaCore.set``."""
        setattr(importlib.import_module(f"foley_host.{module}"), name, value)
