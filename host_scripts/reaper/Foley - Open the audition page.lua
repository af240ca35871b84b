-- @noindex
-- Open the audition page: hear the takes laid last against the picture, and choose; what you send back is laid in.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("audition")
