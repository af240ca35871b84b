-- @description Foley: sound for marked regions, in sync with the picture
-- @version 0.1.0
-- @author foley_bridge
-- @about
--   # Foley
--
--   Mark regions `FOLEY words` over picture and run *Foley - Generate into regions*: the takes come in as items with takes, in
--   sync, in one undo step. Everything runs on your own machine, in the foley_bridge daemon: install it first, then run
--   `foley-bridge install-host reaper` in a terminal.
-- @changelog
--   First release
-- @provides
--   [main] Foley - *.lua
--   [nomain] foley_reaper/*.lua
--   [nomain] ../core/lua/foley/*.lua

-- Set up: puts every Foley action into the action list, and asks for REAPER's OSC port.

local folder = string.match(debug.getinfo(1, "S").source, "^@?(.*[/\\])")
dofile(folder .. "foley_reaper/setup.lua")(folder)
