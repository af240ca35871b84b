-- @noindex
-- Recommend by words: asks for words, writes them into the selected region's name, and generates.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("recommend")
