-- Setting up: every script of the folder into the action list, and how the daemon can call REAPER when takes are ready.

local TITLE = "Foley"
local PLACE = "Place what is ready"
local ACTIONS = {
  "Generate into regions",
  "Generate into selected region",
  "Recommend by words",
  "Next take",
  "Previous take",
  "Use selected item as example",
  "Clear foley in region",
  "Progress",
  PLACE,
  "Open the audition page",
  "Apply the choices",
  "Open the report",
  "Check the bridge",
  "Self-test",
}
local MAIN_SECTION = 0

-- Gives the name that REAPER has for the action that places, and the scripts that it did not take.
local function register(folder)
  local place, left = nil, {}
  for index, action in ipairs(ACTIONS) do
    local id = reaper.AddRemoveReaScript(true, MAIN_SECTION, folder .. "Foley - " .. action .. ".lua", index == #ACTIONS)
    if id == 0 then
      left[#left + 1] = "Foley - " .. action
    elseif action == PLACE then
      place = reaper.ReverseNamedCommandLookup(id)
    end
  end
  return place, left
end

-- The port, or nothing when none is wanted; false when the answer is neither.
local function asked_port()
  local caption = "OSC port REAPER listens on (empty: none),extrawidth=60"
  local given, answer = reaper.GetUserInputs(TITLE, 1, caption, reaper.GetExtState("foley_bridge", "osc_port"))
  if not given or not string.find(answer, "%S") then
    return nil
  end
  local port = math.tointeger(tonumber(answer))
  return port and port > 0 and port < 65536 and port or false
end

return function(folder)
  reaper.defer(function() end) -- or REAPER adds an undo point of its own for this script
  local place, left = register(folder)
  local port = asked_port()
  local lines = {}
  if #left > 0 then
    lines[1] = "REAPER did not take these scripts: " .. table.concat(left, ", ") .. ". Run: foley-bridge install-host reaper"
  else
    lines[1] = "The Foley actions are in the action list (Actions > Show action list, search for Foley)."
  end
  if port == false then
    lines[2] = "A port is a number from 1 to 65535: run Foley - Set up again."
  elseif port and place then
    reaper.SetExtState("foley_bridge", "osc_port", tostring(port), true)
    reaper.SetExtState("foley_bridge", "place_action", "_" .. place, true)
    lines[2] = "When takes are ready, the daemon calls REAPER at port " .. port .. " of this machine."
  else
    reaper.SetExtState("foley_bridge", "osc_port", "", true)
    lines[2] = "Without an OSC port, takes that become ready after an action has ended wait for Foley - Place what is ready."
  end
  reaper.ShowMessageBox(table.concat(lines, "\n"), TITLE, 0)
end
