-- @noindex
-- Generate into regions: asks for sound in every region whose name begins with FOLEY, and lays the takes in.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("generate", "all")
