-- @noindex
-- Generate into selected region: the same for the regions under the time selection, or under the edit cursor.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("generate", "selected")
