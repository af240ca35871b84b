-- Generates into all regions of a session without a window, saves it, and says what was laid:
--
--   ardour7-lua foley_batch.lua SESSION.ardour
--
-- A daemon must be running (foley-bridge serve). The session must not be open in Ardour meanwhile. Where nothing is laid, the
-- session is not saved, and the exit status is 1.

local here = string.match(debug.getinfo(1, "S").source, "^@(.*/)") or "./"
package.path = here .. "?.lua;" .. here .. "../core/lua/?.lua;" .. package.path

local actions = require("foley.actions")
local fault = require("foley.fault")
local host = require("ardour.host")

local function open(given)
  local whole = given and (string.find(given, "/", 1, true) and given or "./" .. given)
  local folder, name = string.match(whole or "", "^(.*)/([^/]*)%.ardour$")
  local file = folder and io.open(whole, "rb")
  local head = file and file:read(4096)
  if file then
    file:close()
  end
  local sample_rate = string.match(head or "", 'sample%-rate="(%d+)"')
  if not sample_rate then
    local said = given and given .. " is no session that Ardour saved" or "no session was named"
    fault.raise(said, "Name the file SESSION.ardour in the session's folder.")
  end
  AudioEngine:set_backend("None (Dummy)", "", "")
  AudioEngine:set_sample_rate(math.tointeger(tonumber(sample_rate)))
  local session = load_session(folder, name)
  if not session then
    fault.raise(whole .. " cannot be opened", "Open it in Ardour to see why.")
  end
end

-- A host without a window, and whether takes were laid in it and left there.
local function watched()
  local adapter, laid = host.without_window(), false
  local place, take_back = adapter.place, adapter.take_back
  function adapter.place(plan)
    local receipt = place(plan)
    laid = true
    return receipt
  end
  function adapter.take_back(receipt)
    laid = false
    take_back(receipt)
  end
  return adapter, function() return laid end
end

local good, done = pcall(function() -- an error that is no text, uncaught, ends Ardour with a crash
  open(arg[1])
  local adapter, laid = watched()
  actions.generate(adapter, "all")
  if laid() then
    sleep(1) -- or new tracks are saved without connections, and are silent
    if Session:save_state("", false, false, false, false, false) ~= 0 then
      fault.raise("Ardour cannot save " .. arg[1], "Make the folder writable; is the disk full?")
    end
  end
  close_session()
  return laid()
end)
if not good then
  print(fault.readable(done))
end
if not (good and done) then
  os.exit(1)
end
quit()
