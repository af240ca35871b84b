-- @noindex
-- Clear foley in region: takes our items out of the selected regions.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("clear")
