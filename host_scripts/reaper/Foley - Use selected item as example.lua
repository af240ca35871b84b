-- @noindex
-- Use selected item as example: writes the selected item into the selected region's name, as what its sound should be like.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("use_as_example")
