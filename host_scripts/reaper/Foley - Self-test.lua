-- @noindex
-- Self-test: places sounds of its own, reads them back, takes them out, and writes what it saw.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("self_test")
