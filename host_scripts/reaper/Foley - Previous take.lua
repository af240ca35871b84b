-- @noindex
-- Previous take: makes the take before sound.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("previous_take")
