"""A simulated REAPER with a small project in it, and its adapter to ask: what the tests of the adapter share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reaper_model import Item, Marker, Project, Source, Take, Track
from reaper_simulated import Reaper

SCRIPTS = Path(__file__).resolve().parents[2] / "host_scripts"

_ADAPTER = """
package.path = "{scripts}/reaper/?.lua;{scripts}/core/lua/?.lua"
local json, fault = require("foley.json"), require("foley.fault")
host = require("foley_reaper.host")("{folder}/")
local receipts = {{}}
function ask(name, arguments)
  local values = json.decode(arguments)
  for index, value in ipairs(values) do
    if value == json.null then
      values[index] = nil
    end
  end
  if name == "take_back" then
    values = {{receipts[values[1]]}}
  end
  local given = table.pack(pcall(host[name], table.unpack(values)))
  if not given[1] then
    return json.encode({{error = fault.readable(given[2])}})
  elseif name == "place" then
    receipts[#receipts + 1] = given[2]
    given[2] = #receipts
  end
  return json.encode({{given = given[2] == nil and json.null or given[2]}})
end
reaper.defer(function() end)
"""


class Bench:
    """``reaper`` and its ``project``, and an adapter that was loaded when the project was as it is now."""

    def __init__(self, project: Project, folder: Path, **options: Any) -> None:
        project.begin()
        self.project, self.folder = project, folder
        self.reaper = Reaper(project, folder, **options)
        self.load()

    def load(self) -> None:
        script = self.folder / "adapter.lua"
        script.write_text(_ADAPTER.format(scripts=SCRIPTS.as_posix(), folder=self.folder.as_posix()), "utf-8")
        self.script = self.reaper.run(script)

    def ask(self, name: str, *arguments: Any) -> Any:
        """What a function of the adapter gives; ValueError with what a person would read."""
        told: dict[str, Any] = {}
        call = self.script.lua.globals().ask
        self.reaper._turn(lambda: told.update(json.loads(call(name, json.dumps(arguments)))))
        if "error" in told:
            raise ValueError(told["error"])
        return told["given"]

    def poke(self) -> Any:
        """The adapter's field of that name."""
        return json.loads(self.script.lua.execute('return require("foley.json").encode(host.poke)'))


def item(path: Path | str, position: float, length: float, *, name: str = "", **values: float) -> Item:
    """An item of one take; values by REAPER's names, those of the take too."""
    take = Take(Source(str(path)), name or Path(path).name)
    made = Item(takes=[take])
    made.values |= {"D_POSITION": position, "D_LENGTH": length, "B_LOOPSRC": 0.0}
    for key, value in values.items():
        (take.values if key in take.values else made.values)[key] = value
    return made


def region(start: float, end: float, name: str, number: int = 1) -> Marker:
    return Marker(start, end, name, number)


def take(path: Path | str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A take of a plan."""
    plain = {"offset": 0, "label": f"take {number}", "score": 0.5, "seed": number, "fade_in_s": 0, "fade_out_s": 0.01}
    return {"path": str(path), **plain, "sample_rate": 48000, "channels": 1, **more}


def plan(region_id: str, start: float, stop: float, *takes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A plan of one region that begins and ends on whole frames; ``trim`` says otherwise."""
    add = {"track": "Foley", "region": region_id, "text": "wood", "key": "key-1", "start": start, "duration": stop - start}
    add |= {"trim": {"start": start, "stop": stop}, "chosen": 1, "takes": list(takes)} | more
    return {"label": "Foley: generate into 1 region", "remove": [], "add": [add]}


def all_items(project: Project) -> Iterator[tuple[Track, Item]]:
    for track in project.state.tracks:
        for each in track.items:
            yield track, each
