-- REAPER as the core knows it: the contract's table (docs/host_scripts.md), put together.

local api = require("foley_reaper.api")
local fault = require("foley.fault")
local own = require("foley_reaper.own")
local placing = require("foley_reaper.placing")
local process = require("foley_reaper.process")
local project = require("foley_reaper.project")
local reading = require("foley_reaper.reading")
local window = require("foley_reaper.window")

local EVERY_S = 0.1

-- Calls tick from REAPER's timer: every tenth of a second, and at once when it only ran out of calls.
local function later(tick)
  local due = 0
  local function turn()
    if api.suspended or reaper.time_precise() >= due then
      api.tick()
      local good, more = pcall(tick)
      if not good then
        window.show(nil)
        window.say(fault.readable(more))
        return
      elseif not more then
        return
      end
      due = reaper.time_precise() + EVERY_S
    end
    reaper.defer(turn)
  end
  reaper.defer(turn)
end

-- What the daemon sends to REAPER's own OSC port when a job has ended, as Foley - Set up wrote it down; nothing before that.
local function poke()
  local port = math.tointeger(tonumber(reaper.GetExtState("foley_bridge", "osc_port")))
  local action = reaper.GetExtState("foley_bridge", "place_action")
  if port and action ~= "" then
    return {port = port, address = "/action/" .. action}
  end
  return nil
end

-- folder: where the scripts lie, with a slash at its end.
return function(folder)
  return {
    name = "REAPER",
    grid = "samples",
    options = {handles = "0.5"}, -- so that fades are REAPER's own, and an item can be dragged out
    config = folder .. "foley_bridge.json",
    poke = poke(),
    mark_hint = 'Select a time range, press Shift+R, and name the region, such as "FOLEY footsteps".',
    select_hint = "Put the edit cursor into a region, or a time selection over several, and try again.",
    undo_hint = "Edit > Undo",
    version = "REAPER " .. reaper.GetAppVersion() .. ", " .. reaper.GetOS(),
    project = project.project,
    ranges = project.ranges,
    points = project.points,
    tracks = reading.tracks,
    own_tracks = own.tracks,
    place = api.whole(placing.place),
    take_back = api.whole(placing.take_back),
    choose = api.whole(placing.choose),
    write_text = api.whole(project.write_text),
    chosen_clip = own.chosen_clip,
    chosen_takes = own.chosen_takes,
    say = window.say,
    ask = window.ask,
    ask_text = window.ask_text,
    show = window.show,
    later = later,
    lives_on = true,
    launch = process.launch,
    open = process.open,
  }
end
