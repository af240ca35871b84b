"""Objects as a script of a simulated Resolve has them.

They are opaque and new each time, as those of another process are. Every name seems to be there (hasattr is always true); to
call one that the version's API does not have, or with another number of arguments, raises, and so does one not simulated.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from resolve_api import functions
from resolve_world import Folder, Item, Media, Project, Timeline, World

CHANGES = ("Add", "Append", "Create", "Delete", "Import", "Move", "Save", "Set", "Update")
MODELS: dict[str, type] = {}  # by the kind of object: its functions, which take the world, what the object names, and arguments


class Simulation(Exception):
    """A script did what Resolve's API does not have, or what this simulator does not know."""


class Remote:
    """A scripting object: a name for something that lives in Resolve's own process."""

    __slots__ = ("_kind", "_state", "_world")

    def __init__(self, kind: str, world: World, state: Any) -> None:
        for name, value in (("_kind", kind), ("_world", world), ("_state", state)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise Simulation(f"{self._kind}.{name} cannot be set")

    def __dir__(self) -> list[str]:
        return sorted(functions(self._kind, self._world.version))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given, **named: self._call(name, given, named)

    def _call(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        world, kind = self._world, self._kind
        forms = functions(kind, world.version).get(name)
        if forms is None:
            raise Simulation(f"{kind} has no function {name} in version {'.'.join(map(str, world.version))}")
        if named or not any(fewest <= len(given) <= most for fewest, most in forms):
            raise Simulation(f"{kind}.{name} takes {forms} arguments, in order: not {given} {named}")
        function = getattr(MODELS[kind], name, None)
        if function is None:
            raise Simulation(f"{kind}.{name} is not simulated")
        world.calls += 1
        changes = name.startswith(CHANGES)
        if world.closed or (changes and world.fault("Resolve is closed")):
            world.closed = True
            return None
        if changes and world.fault("a call raises"):
            raise ConnectionError("the connection was lost")
        if changes and world.fault("another timeline is opened"):
            world.project.current = world.project.timelines[-1]
        if changes and world.fault("a dialog is open"):
            return False
        if not there(world, self._state):
            return None
        result = function(world, self._state, *[arrived(value) for value in given])
        if changes:
            world.journal.append(f"{kind}.{name}")
        return sent(world, result)


def there(world: World, state: object) -> bool:
    """Whether what an object names still exists."""
    if isinstance(state, Item):
        return any(state is item for timeline in world.project.timelines for track in timeline.tracks for item in track.items)
    if isinstance(state, Media):
        return any(state is media for folder in world.project.root.all_folders() for media in folder.clips)
    if isinstance(state, Folder):
        return any(state is folder for folder in world.project.root.all_folders())
    return True


def arrived(value: Any) -> Any:
    """An argument, on the other side."""
    if isinstance(value, Remote):
        return value._state
    if isinstance(value, dict):
        return {name: arrived(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [arrived(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise Simulation(f"a {type(value).__name__} does not travel to Resolve")


def sent(world: World, value: Any) -> Any:
    """A result, on this side: things become objects, everything else a copy."""
    kinds = {Project: "Project", Folder: "Folder", Media: "MediaPoolItem", Timeline: "Timeline", Item: "TimelineItem"}
    if type(value) in kinds:
        return Remote(kinds[type(value)], world, value)
    if isinstance(value, Remote):
        return value
    if isinstance(value, list):
        return [sent(world, inner) for inner in value]
    return copy.deepcopy(value)
