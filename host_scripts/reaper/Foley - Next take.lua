-- @noindex
-- Next take: makes the next take of the selected item sound.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("next_take")
