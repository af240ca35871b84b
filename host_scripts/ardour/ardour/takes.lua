-- Laying takes, taking them out, letting another one sound: each one step of Ardour's undo.
--
-- A track of ours has two channels: Ardour gives both what a file with one has, so a take is as loud in the mix as its file is.

local fault = require("foley.fault")
local ledger = require("ardour.ledger")
local list = require("foley.list")
local own = require("ardour.own")
local session = require("ardour.session")

local takes = {}

local steps = 0 -- of undo, made by this script

-- Changes playlists and regions as one step of Ardour's undo, or not at all. what(edit) does it: edit.add(playlist, region, at),
-- edit.remove(playlist, region), edit.top(playlist, region), edit.set(region, change). Gives a receipt.
local function as_one_step(of, label, what)
  local playlists, regions, commands, back = {}, {}, {}, {}
  local edit = {}
  local function touch(playlist)
    local id = playlist:to_stateful():id():to_s()
    if not playlists[id] then
      playlist:to_stateful():clear_changes()
      playlists[id] = playlist
    end
  end
  function edit.remove(playlist, region)
    touch(playlist)
    local at = region:position()
    takes.api.remove(playlist, region)
    back[#back + 1] = function() takes.api.add(playlist, region, at) end
  end
  function edit.add(playlist, region, at)
    touch(playlist)
    takes.api.add(playlist, region, Temporal.timepos_t(at))
    back[#back + 1] = function() takes.api.remove(playlist, region) end
  end
  function edit.set(region, change)
    local id = ledger.id(region)
    if not regions[id] then
      region:to_stateful():clear_changes()
      regions[id] = region
    end
    change()
  end
  function edit.top(playlist, region)
    touch(playlist)
    region:raise_to_top()
  end
  of:begin_reversible_command(label)
  local good, err = pcall(what, edit)
  if not good then
    for index = #back, 1, -1 do
      pcall(back[index])
    end
    of:abort_reversible_command()
    error(err, 0)
  end
  for _, playlist in pairs(playlists) do
    commands[#commands + 1] = of:add_stateful_diff_command(playlist:to_statefuldestructible())
  end
  for _, region in pairs(regions) do
    commands[#commands + 1] = of:add_stateful_diff_command(region:to_statefuldestructible())
  end
  of:commit_reversible_command(nil)
  steps = steps + 1
  return {commands = commands, step = steps}
end

-- The two calls of Ardour that placing rests on.
takes.api = {}

function takes.api.add(playlist, region, at)
  playlist:add_region(region, at, 1, false, 0, 0, false)
end

function takes.api.remove(playlist, region)
  playlist:remove_region(region)
end

-- Our track of this name, made where it is not there.
local function track(of, name)
  for _, route in ipairs(own.routes(of)) do
    if route:name() == name then
      return route:to_track()
    end
  end
  if not of:route_by_name(name):isnil() then
    fault.raise("'" .. name .. "' is a bus or a MIDI track", "Rename it: takes are laid on an audio track of that name.")
  end
  local made = of:new_audio_track(2, 2, nil, 1, name, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
  if made:size() ~= 1 or made:front():name() ~= name then
    fault.raise("Ardour made no track '" .. name .. "'", "Make an audio track of that name and try again.")
  end
  return made:front():to_track()
end

local function fade(audio, seconds, sample_rate, set_length, set_active)
  audio[set_active](audio, seconds > 0)
  if seconds > 0 then
    audio[set_length](audio, math.floor(seconds * sample_rate + 0.5))
  end
end

-- A region that plays one take of an add, cut as the marked region is; not yet on a playlist.
local function region_of(of, add, number, whole)
  local take = add.takes[number]
  local file_at = session.samples(of, add.start - take.offset)
  local at, stop = session.samples(of, add.trim.start), session.samples(of, add.trim.stop)
  local made = ARDOUR.RegionFactory.clone_region(whole, true, false)
  local length = math.min(stop - at, whole:length():samples() - (at - file_at))
  if length < stop - at - 1 or at < file_at then
    fault.raise(take.path .. " is too short in this session", "Generate again.")
  end
  made:set_name(string.format("%s, take %d of %d", add.text, number, #add.takes))
  made:set_length(Temporal.timecnt_t(length)) -- first, or the start has no room to move
  made:set_start(Temporal.timepos_t(at - file_at))
  made:set_muted(number ~= add.chosen)
  if take.onset then -- what Ardour snaps to its grid: the first hit; counted from where the region lies, which is 0 so far
    made:set_sync_position(Temporal.timepos_t(session.samples(of, take.onset) - at))
  end
  local audio = made:to_audioregion()
  local sample_rate = of:nominal_sample_rate()
  fade(audio, take.fade_in_s, sample_rate, "set_fade_in_length", "set_fade_in_active")
  fade(audio, take.fade_out_s, sample_rate, "set_fade_out_length", "set_fade_out_active")
  return made, at, at - file_at
end

-- The regions of an add and what the ledger keeps of them; the chosen one comes last, so that it lies on top.
local function prepared(of, held, add, wholes)
  local made, clip = {}, nil
  local short = {}
  for number, take in ipairs(add.takes) do
    short[number] = ledger.short(of, take.path)
  end
  for number, take in ipairs(add.takes) do
    local region, at, from = region_of(of, add, number, wholes[take.path])
    clip = clip or ledger.id(region)
    held.sounds[ledger.file(region)] = short[number]
    held.regions[ledger.id(region) .. " " .. ledger.file(region)] = {clip = clip, region = add.region, key = add.key,
      number = number, takes = short, from = from}
    table.insert(made, number == add.chosen and #made + 1 or 1, {region = region, at = at})
  end
  return made
end

local function unlocked(place, route)
  for _, region in ipairs(place.regions) do
    if region:locked() then
      local said = "'" .. region:name() .. "' on track '" .. route:name() .. "' is locked"
      fault.raise(said, "Unlock it (Region > Position > Lock) and try again.")
    end
  end
end

local function not_recording(of)
  if of:actively_recording() then
    fault.raise("Ardour is recording", "Try again when it has stopped.")
  end
end

-- Does a plan. import(paths) gives the region of each whole file, and the session: it may be another one then, read anew.
function takes.place(of, plan, import)
  not_recording(of)
  local held = ledger.read(of)
  for _, clip in ipairs(plan.remove) do
    unlocked(own.find(of, held, clip.id))
  end
  local paths = {}
  for _, add in ipairs(plan.add) do
    for _, take in ipairs(add.takes) do
      paths[#paths + 1] = take.path
    end
  end
  local wholes
  wholes, of = import(of, held, paths)
  local laid = {}
  for index, add in ipairs(plan.add) do
    laid[index] = {playlist = track(of, add.track):playlist(), takes = prepared(of, held, add, wholes)}
  end
  if #laid > 0 then
    ledger.write(of, held)
  end
  return as_one_step(of, plan.label, function(edit)
    for _, clip in ipairs(plan.remove) do
      local place, route = own.find(of, held, clip.id)
      for _, region in ipairs(list.sorted(place.regions, function(each) return -each:layer() end)) do
        edit.remove(route:to_track():playlist(), region)
      end
    end
    for _, each in ipairs(laid) do
      for _, take in ipairs(each.takes) do
        edit.add(each.playlist, take.region, take.at)
      end
    end
  end)
end

-- How many of Ardour's latest undo steps have to go to take back the one of a receipt: nothing else runs while a script does.
function takes.steps_since(receipt)
  local count = steps - receipt.step + 1
  steps = receipt.step - 1
  return count
end

-- Takes back just the step of a receipt, where there is no window whose undo would.
function takes.undo(receipt)
  for index = #receipt.commands, 1, -1 do
    receipt.commands[index]:undo()
  end
end

-- Makes another take of a clip sound, where the one that sounds now lies, and cut as it is.
function takes.choose(of, clip, number)
  not_recording(of)
  local held = ledger.read(of)
  local place, route = own.find(of, held, clip.id)
  unlocked(place, route)
  local now = own.sounding(place)
  local wanted
  for index, region in ipairs(place.regions) do
    wanted = place.numbers[index] == number and region or wanted
  end
  if not wanted then
    fault.raise("take " .. number .. " is not there any more", "Undo its removal, or generate again.")
  end
  return as_one_step(of, string.format("Foley: take %d", number), function(edit)
    for _, region in ipairs(place.regions) do
      edit.set(region, function() region:set_muted(region ~= wanted) end)
    end
    if now and now ~= wanted then
      local was, will = ledger.of(held, now), ledger.of(held, wanted)
      edit.set(wanted, function()
        wanted:set_start(Temporal.timepos_t(0))
        wanted:set_length(now:length())
        wanted:set_start(Temporal.timepos_t(now:start():samples() - was.from + will.from))
        wanted:set_position(now:position())
      end)
    end
    edit.top(route:to_track():playlist(), wanted)
  end)
end

return takes
