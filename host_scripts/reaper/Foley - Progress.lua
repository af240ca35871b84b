-- @noindex
-- Progress: shows how far a run is, and offers to cancel it.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("progress")
