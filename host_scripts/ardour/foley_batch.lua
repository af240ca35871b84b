-- Generates into all regions of a session without a window, saves it, and says what was laid:
--
--   ardour7-lua foley_batch.lua SESSION.ardour
--
-- A daemon must be running (foley-bridge serve). The session must not be open in Ardour meanwhile.

local here = string.match(debug.getinfo(1, "S").source, "^@(.*/)") or "./"
package.path = here .. "?.lua;" .. here .. "../core/lua/?.lua;" .. package.path

local actions = require("foley.actions")
local fault = require("foley.fault")
local host = require("ardour.host")

local function open(whole)
  local folder, name = string.match(whole or "", "^(.*)/([^/]*)%.ardour$")
  local file = folder and io.open(whole, "rb")
  if not file then
    fault.raise(tostring(whole) .. " is no session", "Name the file SESSION.ardour, with its folder.")
  end
  local sample_rate = math.tointeger(tonumber(string.match(file:read(4096), 'sample%-rate="(%d+)"')))
  file:close()
  AudioEngine:set_backend("None (Dummy)", "", "")
  AudioEngine:set_sample_rate(sample_rate)
  local session = load_session(folder, name)
  if not session then
    fault.raise(whole .. " cannot be opened", "Open it in Ardour to see why.")
  end
end

local good, err = pcall(function() -- an error that is no text, uncaught, ends Ardour with a crash
  open(arg[1])
  local adapter = host.without_window()
  actions.generate(adapter, "all")
  sleep(1) -- or new tracks are saved without connections, and are silent
  Session:save_state("", false, false, false, false, false)
  close_session()
end)
if not good then
  print(fault.readable(err))
end
quit()
