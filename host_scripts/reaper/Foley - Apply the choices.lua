-- @noindex
-- Apply the choices: lays in what was sent back last from the audition page.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("apply_choices")
