-- What each action file runs: finds the core beside the scripts (installed) or beside their folder (a checkout, ReaPack), and
-- does the action of that name.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])foley_reaper[/\\]")
local roots = {"?.lua", "core/lua/?.lua", "../core/lua/?.lua"}
for index, root in ipairs(roots) do
  roots[index] = folder .. root
end
package.path = table.concat(roots, ";") .. ";" .. package.path

return function(name, ...)
  local arguments = table.pack(...)
  local good, err = pcall(function()
    local host = require("foley_reaper.host")(folder)
    local act = require("foley.actions")[name]
    -- in a coroutine and from the timer: an action may read for several ticks, and REAPER adds no undo point of its own
    local work = coroutine.create(function()
      act(host, table.unpack(arguments, 1, arguments.n))
    end)
    host.later(function()
      local well, why = coroutine.resume(work)
      if not well then
        error(why, 0)
      end
      return coroutine.status(work) ~= "dead"
    end)
  end)
  if not good then
    reaper.ShowMessageBox(type(err) == "table" and err.message or tostring(err), "Foley", 0)
  end
end
