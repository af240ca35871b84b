-- Takes on our tracks. The takes of one place lie as regions on top of each other, and all but one are muted: so they can be seen
-- side by side in Ardour's own way (Track > Layers > Stacked) and heard with its own mute, with or without these scripts. A track
-- has two channels: Ardour gives both what a file with one has, so a take is as loud in the mix as its file is.

local fault = require("foley.fault")
local ledger = require("ardour.ledger")
local list = require("foley.list")
local session = require("ardour.session")
local time = require("foley.time")

local takes = {}

local steps = 0 -- of undo, made by this script

-- Whether a track of this name is ours, and which: 1 for Foley, 2 for Foley 2.
function takes.lane(name)
  local number = name == "Foley" and 1 or math.tointeger(tonumber(string.match(name, "^Foley ([1-9]%d*)$")))
  return (number ~= 1 or name == "Foley") and number or nil
end

local function own_routes(of)
  local found = {}
  for route in of:get_tracks():iter() do
    if takes.lane(route:name()) and route:data_type():to_string() == "audio" then
      found[#found + 1] = route
    end
  end
  return list.sorted(found, function(route) return takes.lane(route:name()) end)
end

-- The regions of a track as places: what lies alone, and the takes that lie together.
local function places(held, route)
  local found, by_clip = {}, {}
  for region in route:to_track():playlist():region_list():iter() do
    local known = ledger.of(held, region)
    if not known then
      found[#found + 1] = {regions = {region}}
    else
      local place = by_clip[known.clip]
      if not place then
        place = {known = known, regions = {}, numbers = {}}
        by_clip[known.clip] = place
        found[#found + 1] = place
      end
      table.insert(place.regions, region)
      table.insert(place.numbers, known.number)
    end
  end
  return found
end

-- The one region that sounds, and its number; nil when it is none or several.
local function sounding(place)
  local found
  for index, region in ipairs(place.regions) do
    if not region:muted() then
      if found then
        return nil
      end
      found = index
    end
  end
  return place.regions[found], place.numbers[found]
end

local function seen(of, held, place)
  if not place.known then
    local clip = session.clip(of, place.regions[1])
    clip.id, clip.ours = ledger.id(place.regions[1]), false
    return clip
  end
  local region, number = sounding(place)
  local clip = session.clip(of, region or place.regions[1])
  local listed = {}
  for index, short in ipairs(place.known.takes) do
    listed[index] = ledger.long(of, short)
  end
  local sound = region and held.sounds[ledger.file(region)]
  return {
    id = place.known.clip, name = clip.name, start = clip.start, duration = clip.duration, ours = true,
    region = place.known.region, key = place.known.key, chosen = number or 0,
    path = sound and ledger.long(of, sound), offset = session.frames(of, (region or place.regions[1]):start():samples()),
    takes = #place.regions == #listed and listed or {}, -- a take that was deleted by hand is told by its absence
  }
end

-- As the contract has it. Tracks without clips are left out: Ardour's Lua cannot remove one, and undo does not.
function takes.own_tracks(of)
  local held, found = ledger.read(of), {}
  for _, route in ipairs(own_routes(of)) do
    local clips = {}
    for _, place in ipairs(places(held, route)) do
      clips[#clips + 1] = seen(of, held, place)
    end
    if #clips > 0 then
      found[#found + 1] = {name = route:name(), locked = false, clips = list.sorted(clips, function(clip) return clip.start end)}
    end
  end
  return found
end

-- Playlist and regions of one of our clips, by its id.
local function find(of, held, id)
  for _, route in ipairs(own_routes(of)) do
    for _, place in ipairs(places(held, route)) do
      if place.known and place.known.clip == id then
        return place, route
      end
    end
  end
  fault.raise("a clip of ours is not there any more", "Try again.")
end

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
  for _, route in ipairs(own_routes(of)) do
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
    unlocked(find(of, held, clip.id))
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
      local place, route = find(of, held, clip.id)
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
  local place, route = find(of, held, clip.id)
  unlocked(place, route)
  local now = sounding(place)
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

-- Ids of our clips of which a region is in a list of Ardour's, and those at a sample.
function takes.among(of, regions)
  local held, found, seen_ids = ledger.read(of), {}, {}
  for region in regions:iter() do
    local known = ledger.of(held, region)
    if known and not seen_ids[known.clip] then
      seen_ids[known.clip] = true
      found[#found + 1] = known.clip
    end
  end
  return found
end

function takes.at(of, sample)
  local found = {}
  for _, route in ipairs(own_routes(of)) do
    local there = route:to_track():playlist():regions_at(Temporal.timepos_t(sample))
    for _, id in ipairs(takes.among(of, there)) do
      found[#found + 1] = id
    end
  end
  return found
end

return takes
