"""A REAPER for tests: its Lua functions over a model of a project, ticked by hand. It is not REAPER.

It follows what REAPER documents (docs/hosts.md says where each fact was read), and where that leaves a choice it takes the
one that is hardest on scripts: every handle dies with undo, an index is only an index, a call that is wrong by one argument
or type raises, a function that is not modelled does not exist. Each script runs in a Lua state of its own, as in REAPER.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lupa.lua54 as lupa
from reaper_api import GFX, GFX_FIELDS, REAPER
from reaper_functions import Functions, Misuse
from reaper_model import Item, Project, Source, Take, Track
from reaper_program import Program, Script, Window

KINDS = {"t": (Track, "MediaTrack"), "m": (Item, "MediaItem"), "k": (Take, "MediaItem_Take"), "s": (Source, "PCM_source")}
OF_SCRIPTS = ("defer", "runloop", "atexit")  # what these do depends on the script that calls
TICK_S = 1 / 30


class Dead(RuntimeError):
    """A handle was used whose object is gone: REAPER says so in an error that a script may catch."""


class Handle:
    """What a script holds instead of an object: good for being passed on and compared, and for nothing else."""

    __slots__ = ("generation", "project", "target")

    def __init__(self, target: Any, project: Project) -> None:
        self.target, self.project, self.generation = target, project, project.generation


class Reaper(Functions, Program):
    """A running REAPER with one project open. ``system`` is what GetOS says."""

    def __init__(self, project: Project, resources: Path, *, system: str = "Other") -> None:
        super().__init__(resources, system)
        self.front = project
        self.projects = [project]
        self.loose: set[Source] = set()
        self.commands: list[int] = []
        self.refresh = 0
        self.scripts: list[Script] = []
        self.calls: list[str] = []  # in this tick
        self.most_calls = 0  # in any tick in which the project was not changed
        self.misuses: list[str] = []
        self.counts: dict[str, int] = {}  # of calls, by function
        self.faults: dict[tuple[str, int], Any] = {}  # (function, which call of it) → what it gives instead of doing anything
        self.after: dict[tuple[str, int], Callable[[], Any]] = {}  # what happens after such a call
        self.between: deque[Callable[[], Any]] = deque()  # what the user does before the ticks to come, one each
        self._handles: dict[Any, Handle] = {}

    # --- from outside ---

    def run(self, path: Path) -> Script:
        """Run an action as if its menu entry was chosen; what it defers comes with the ticks."""
        lua = lupa.LuaRuntime(unpack_returned_tuples=True, attribute_filter=_no_attributes, register_eval=False)
        script = Script(path, lua)
        self.scripts.append(script)
        self._install(script)
        project = self.front
        self._turn(lambda: lua.globals().dofile(str(path)))
        if not script.deferred:  # REAPER makes an undo point of its own for a script that never defers
            project.remember(f"ReaScript: {path.stem}")
        return script

    def tick(self) -> bool:
        """Let REAPER's timer fire once; false when no script waits for it."""
        if self.between:
            self.between.popleft()()
        due, self.queue = self.queue, deque()
        self.clock += TICK_S
        for script, number in due:
            self._turn(functools.partial(script.go, number))
        waiting = {id(script) for script, _ in self.queue}
        for script in [script for script in self.scripts if id(script) not in waiting]:
            self.scripts.remove(script)
            for number in script.at_exit:
                script.go(number)
        return bool(self.queue)

    def close(self) -> None:
        """REAPER goes, without saving: its scripts end where they are. What they started lives on."""
        self.queue.clear()
        self.scripts.clear()

    def osc(self, address: str) -> Script:
        """An OSC message that triggers an action by its name, as the default patterns have it (``t/action/@``)."""
        assert address.startswith("/action/_"), address
        return self.run(Path(self.actions[self._NamedCommandLookup(address.removeprefix("/action/"))]))

    def window(self) -> Window | None:
        """The ``gfx`` window that is open, of whichever script."""
        return next((script.window for script in self.scripts if script.window is not None and script.window.open), None)

    def _turn(self, work: Callable[[], Any]) -> None:
        """Let a script do what it does within one tick, and see that it left nothing open."""
        self.calls = []
        work()
        assert not self.misuses, self.misuses
        assert self.refresh == 0, "PreventUIRefresh was not given back"
        assert not any(project.depth for project in self.projects), "an undo block was left open"
        if not any(name.startswith("Undo_") for name in self.calls):
            self.most_calls = max(self.most_calls, len(self.calls))

    # --- the tables ---

    def _install(self, script: Script) -> None:
        lua = script.lua
        functions = lua.table_from({name: self._function(script, name, sign) for name, sign in REAPER.items()})
        drawing = lua.table_from({name: self._function(script, f"gfx_{name}", sign) for name, sign in GFX.items()})
        script.fields = lua.table_from(dict.fromkeys(GFX_FIELDS, 0) | {"texth": 14})
        script.go = lua.execute(_TABLES)(functions, drawing, script.fields)

    def _function(self, script: Script, name: str, signature: str) -> Callable[..., Any]:
        takes, gives = (_letters(part) for part in signature.split("->"))
        method = getattr(self, f"_{name}", None)
        bound = (script,) if name in OF_SCRIPTS or name.startswith("gfx_") else ()

        def call(*given: Any) -> Any:
            try:
                if method is None:
                    raise Misuse("it is not modelled")
                if not sum(not optional for _, optional in takes) <= len(given) <= len(takes):
                    raise Misuse(f"it takes {len(takes)} arguments, not {len(given)}")
                values = [self._in(name, number, *each) for number, each in enumerate(zip(takes, given, strict=False), 1)]
                return self._out(name, gives, self._called(name, method, (*bound, *values)))
            except Dead:
                raise
            except Exception as error:
                self.misuses.append(f"{name}: {error}")
                raise

        return call

    def _called(self, name: str, method: Callable[..., Any], values: tuple[Any, ...]) -> Any:
        if not name.startswith("gfx_"):
            self.calls.append(name)
        self.counts[name] = self.counts.get(name, 0) + 1
        which = (name, self.counts[name])
        result = self.faults[which] if which in self.faults else method(*values)
        if which in self.after:
            self.after[which]()
        return result

    def _in(self, name: str, number: int, letter: tuple[str, bool], value: Any) -> Any:
        """An argument as the model has it."""
        kind, optional = letter
        if kind == "p" and value in (None, 0):
            return self.front
        if kind == "*" or (value is None and optional):
            return value
        if kind in KINDS or kind == "p":
            expected, called = KINDS.get(kind, (Project, "ReaProject"))
            if isinstance(value, Handle) and isinstance(value.target, expected) and self._alive(value):
                return value.target
            raise Dead(f"bad argument #{number} to '{name}' ({called} expected)")
        if kind == "i" and isinstance(value, float) and value.is_integer():
            value = int(value)
        plain = not isinstance(value, bool)
        right, called = {
            "z": (isinstance(value, str), "string"),
            "i": (isinstance(value, int) and plain, "integer"),
            "n": (isinstance(value, (int, float)) and plain, "number"),
            "b": (isinstance(value, bool), "boolean"),
            "f": (isinstance(value, int) and plain, "function"),  # by its number: see _TABLES
        }[kind]
        if not right:
            raise Misuse(f"argument {number} is no {called}: {value!r}")
        return float(value) if kind == "n" else value

    def _out(self, name: str, gives: list[tuple[str, bool]], result: Any) -> Any:
        """What a method gives as a script gets it."""
        values = result if isinstance(result, tuple) else (result,) if gives else ()
        assert len(values) == len(gives), f"it gives {len(gives)} values, not {values!r}"
        made = [self._handle(value) if kind in "tmksp" else value for value, (kind, _) in zip(values, gives, strict=True)]
        return made[0] if len(made) == 1 else tuple(made)

    def _handle(self, target: Any) -> Handle | None:
        """The same for the same object, so that scripts may compare them."""
        if target is None:
            return None
        if target not in self._handles:
            self._handles[target] = Handle(target, target if isinstance(target, Project) else self._home(target) or self.front)
        return self._handles[target]

    def _alive(self, handle: Handle) -> bool:
        target = handle.target
        if isinstance(target, Project):
            return target in self.projects
        if target in self.loose:
            return True
        return handle.generation == handle.project.generation and handle.project.place_of(target) is not None

    def _ValidatePtr2(self, project: Project, pointer: Any, kind: str) -> bool:
        expected = {"ReaProject*": Project} | {f"{called}*": model for model, called in KINDS.values()}
        return isinstance(pointer, Handle) and isinstance(pointer.target, expected[kind]) and self._alive(pointer)


def _letters(part: str) -> list[tuple[str, bool]]:
    return [(letter, part[at + 1 : at + 2] == "?") for at, letter in enumerate(part) if letter != "?"]


def _no_attributes(target: Any, name: Any, setting: bool) -> Any:
    raise AttributeError("a handle has nothing inside")


_TABLES = """
return function(functions, drawing, fields)
  -- functions stay in Lua, and Python knows their numbers: it must not hold what belongs to a coroutine that may be gone
  local kept, count = {}, 0
  for _, name in ipairs({"defer", "runloop", "atexit"}) do
    local call = functions[name]
    functions[name] = function(given, ...)
      if type(given) ~= "function" then
        return call("no function", ...)
      end
      count = count + 1
      kept[count] = given
      return call(count, ...)
    end
  end
  reaper = setmetatable({}, {
    __index = function(_, name) return functions[name] end,
    __newindex = function() error("the table reaper is not for writing") end,
  })
  gfx = setmetatable({}, {
    __index = function(_, name)
      if drawing[name] == nil and fields[name] == nil then
        error("gfx has no " .. tostring(name))
      end
      return drawing[name] or fields[name]
    end,
    __newindex = function(_, name, value)
      if fields[name] == nil then
        error("gfx has no " .. tostring(name))
      end
      fields[name] = value
    end,
  })
  python = nil
  return function(number)
    local given = kept[number]
    kept[number] = nil
    given()
  end
end
"""
