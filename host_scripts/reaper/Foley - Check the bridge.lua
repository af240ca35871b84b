-- @noindex
-- Check the bridge: says whether the daemon can be reached, and what to do when not.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("check")
