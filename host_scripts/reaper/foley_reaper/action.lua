-- What each action file runs: finds the core beside the scripts (installed) or beside their folder (a checkout, ReaPack), and does
-- the action of that name.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])foley_reaper[/\\]")
local roots = {"?.lua", "core/lua/?.lua", "../core/lua/?.lua"}
for index, root in ipairs(roots) do
  roots[index] = folder .. root
end
package.path = table.concat(roots, ";") .. ";" .. package.path

return function(name, ...)
  reaper.defer(function() end) -- or REAPER adds an undo point of its own for this script
  local good, err = pcall(function(...)
    local host = require("foley_reaper.host")(folder)
    require("foley.actions")[name](host, ...)
  end, ...)
  if not good then
    local said = type(err) == "table" and err.message and err.message .. "\n" .. (err.hint or "") or tostring(err)
    reaper.ShowMessageBox(said, "Foley", 0)
  end
end
