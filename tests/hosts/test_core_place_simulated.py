"""When a host fails to take a placing back, the cores say so; and a Lua host may take its time."""

from __future__ import annotations

from typing import Any

import pytest
from cores import LUAS, LuaCore
from foley_host import HostError, run
from scenarios import located, materials, scenarios
from simulated_plain import Host

Json = dict[str, Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """One in which nothing is wrong, with clips of ours to be replaced."""
    media = tmp_path_factory.mktemp("media")
    materials(media)
    good = (each for each in scenarios(500, 2) if not each["faults"])
    heard = (each for each in good if all(region["takes"] for region in each["result"]["regions"]))
    return next(located(each, media) for each in heard if any(track["name"] == "Foley" for track in each["tracks"]))


class Loses(Host):
    """Drops the first clip of every plan, and takes nothing back."""

    def place(self, plan: Json) -> Any:
        return super().place({**plan, "add": plan["add"][1:]})

    def take_back(self, receipt: Any) -> None:
        pass


class Refuses(Loses):
    """The same, and says that it cannot."""

    def take_back(self, receipt: Any) -> None:
        raise HostError("the Edit page is not open", "Open it.")


class Breaks(Host):
    """Raises in the middle of a plan, with half of it done: against what adapters promise."""

    def place(self, plan: Json) -> Any:
        super().place({**plan, "add": plan["add"][:1]})
        raise ValueError("nobody foresaw this")


class Silent(Host):
    """Cannot be read any more once something was laid."""

    def place(self, plan: Json) -> Any:
        self.laid = True
        return super().place(plan)

    def own_tracks(self) -> list[Json]:
        if getattr(self, "laid", False):
            raise HostError("the tracks cannot be read", "Open the project again.")
        return super().own_tracks()


@pytest.mark.parametrize("lua", [None, *LUAS])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Loses, "is not on track 'Foley'"),
        (Refuses, "Taking it back failed: the Edit page is not open\nOpen it."),
        (Breaks, "nobody foresaw this\nPlease report this"),
        (Silent, "the tracks cannot be read\nOpen the project again."),
    ],
)
def test_a_project_that_is_not_as_it_was_is_called_so(world: Json, kind: type[Host], said: str, lua: str | None) -> None:
    place = LuaCore(lua).place_result if lua else run.place_result
    outcome = place(kind(world), world["result"], world["asked"], world["key"])
    assert not outcome["ok"] and outcome["laid"] == []
    assert said in outcome["message"]
    assert "The project is NOT as it was: " in outcome["message"]
    assert outcome["message"].splitlines()[-1] == "Take that back by hand: Edit > Undo."


@pytest.mark.parametrize("lua", [None, *LUAS])
def test_a_host_that_cannot_be_read_before_is_left_alone(world: Json, lua: str | None) -> None:
    host = Silent(world)
    host.laid = True
    before = host.dump()
    place = LuaCore(lua).place_result if lua else run.place_result
    outcome = place(host, world["result"], world["asked"], world["key"])
    assert outcome["message"] == "the tracks cannot be read\nOpen the project again.\nNothing was changed."
    assert outcome["again"] and host.dump() == before


@pytest.mark.parametrize("lua", LUAS)
def test_a_lua_host_that_yields_goes_on_at_the_next_tick(lua: str) -> None:
    core = LuaCore(lua)
    told = core.runtime.eval(
        b"""function()
          local task = require("foley.task")
          local log, ticks = {}, 0
          local host = {show = function() end, say = function(message) log[#log + 1] = message end}
          host.ranges = function()
            for number = 1, 3 do
              log[#log + 1] = "range " .. number
              coroutine.yield()
            end
            return "read"
          end
          host.later = function(tick)
            repeat ticks = ticks + 1 until not tick()
          end
          task.start(host, function()
            local good, given = pcall(host.ranges)
            log[#log + 1] = given
            return function()
              log[#log + 1] = "next step"
              error({message = "it ends", hint = "do nothing"}, 0)
            end
          end)
          return table.concat(log, ", "), ticks
        end"""
    )()
    assert told == (b"range 1, range 2, range 3, read, next step, it ends\nDo nothing", 5)
