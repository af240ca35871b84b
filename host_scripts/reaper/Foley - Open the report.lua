-- @noindex
-- Open the report: opens the page of the last run in the browser.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/action.lua")("open_report")
