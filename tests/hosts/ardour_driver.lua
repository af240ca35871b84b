-- Runs inside ardour7-lua: ASKED.json says what to do, TOLD.json is what came of it. Values of JSON; see ardour_bench.py.
--
-- Worlds (scenarios.py) are set up one after the other in one session, each on tracks taken from a few spare ones, since Ardour's
-- Lua cannot remove a track. After each the session is saved under a name of its own, for others to read.

local all = require("ardour.all")
local fault = require("foley.fault")
local host = require("ardour.host")
local import = require("ardour.import")
local json = require("foley.json")
local ledger = require("ardour.ledger")
local list = require("foley.list")
local run = require("foley.run")
local session = require("ardour.session")
local takes = require("ardour.takes")

local FORMATS = {["24000/1001"] = "TC23976", ["24/1"] = "TC24", ["25/1"] = "TC25", ["30000/1001"] = "TC2997", ["30/1"] = "TC30",
  ["60000/1001"] = "TC5994"}
local SPARE = 6

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return json.decode(text)
end

local function at(of, frames)
  return Temporal.timepos_t(session.samples(of, frames))
end

local function add_range(of, each)
  local made = of:locations():add_range(at(of, each.start), at(of, each.stop))
  made:set_name(each.text)
  return made
end

local function wiped(of)
  for _, location in ipairs(all(of:locations():list())) do
    if location:is_range_marker() and not location:is_session_range() then
      of:locations():remove(location)
    end
  end
  local tracks = {}
  for _, route in ipairs(all(of:get_tracks())) do
    local playlist = route:to_track():playlist()
    for _, region in ipairs(all(playlist:region_list())) do
      playlist:remove_region(region)
    end
    tracks[#tracks + 1] = route
    route:set_name("spare " .. #tracks)
  end
  return tracks
end

local function lay_foreign(of, held, playlist, clip, wholes)
  local region = ARDOUR.RegionFactory.clone_region(wholes[clip.path], true, false)
  local first, offset = session.samples(of, clip.start), session.samples(of, clip.offset)
  region:set_name(clip.name)
  region:set_length(Temporal.timecnt_t(session.samples(of, clip.start + clip.duration) - first))
  region:set_start(Temporal.timepos_t(offset))
  playlist:add_region(region, Temporal.timepos_t(first), 1, false, 0, 0, false)
end

local function renamed(value, ids, key)
  if type(value) == "table" then
    for name, each in pairs(value) do
      value[name] = renamed(each, ids, name)
    end
  elseif (key == "id" or key == "region") and ids[value] then
    return ids[value]
  end
  return value
end

-- The misbehaviour that a world asks for, in the two calls of Ardour that placing rests on.
local function misbehave(world)
  local plain, calls, at_call = takes.api.add, 0, math.min(world.fault_at + 1, world.adds)
  function takes.api.add(playlist, region, position)
    calls = calls + 1
    local now = calls == at_call
    if now and list.find(world.named, "fault", "error_midway") then
      fault.raise("Ardour stopped answering", "Try again.")
    elseif not (now and list.find(world.named, "fault", "append_dropped")) then
      plain(playlist, region, position)
    end
  end
  return function() takes.api.add = plain end
end

local function world_done(of, world, number, wholes)
  local tracks = wiped(of)
  of:cfg():set_timecode_format(Timecode.TimecodeFormat[FORMATS[world.project.rate]])
  of:cfg():set_timecode_offset(session.samples(of, world.project.start))
  of:cfg():set_timecode_offset_negative(true)
  for _, each in ipairs(world.asked) do
    add_range(of, each)
  end
  local adapter = host.without_window()
  local asked, ids = adapter.ranges(), {}
  for index, each in ipairs(list.sorted(world.asked, function(range) return range.start end)) do
    ids[each.id] = asked[index].id
  end
  renamed(world, ids)
  local held = ledger.read(of)
  for index, track in ipairs(world.tracks) do
    tracks[index]:set_name(track.name)
    for _, clip in ipairs(track.clips) do
      if not clip.ours then
        lay_foreign(of, held, tracks[index]:to_track():playlist(), clip, wholes)
      end
    end
  end
  if #world.before.add > 0 then
    adapter.place(renamed(world.before, ids))
  end
  for _, each in ipairs(session.locations(of)) do
    local now = list.find(world.ranges, "id", each.id)
    if not now then
      of:locations():remove(each.location)
    elseif now.text ~= each.text then
      each.location:set_name(now.text)
    end
    if now and session.samples(of, now.stop) ~= session.samples(of, each.stop) then
      each.location:set_end(at(of, now.stop), false)
    end
  end
  local well_again = misbehave(world)
  local outcome = run.place_result(adapter, world.result, asked, world.key)
  well_again()
  of:save_state("world-" .. number, false, false, false, false, false)
  return {outcome = outcome, ids = ids}
end

local jobs = {}

function jobs.worlds(of, asked)
  for number = 1, SPARE do
    of:new_audio_track(2, 2, nil, 1, "spare " .. number, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
  end
  local held = ledger.read(of)
  local wholes
  wholes, of = import.without_window(of, held, asked.sounds)
  for whole, region in pairs(wholes) do
    held.sounds[ledger.file(region)] = ledger.short(of, whole)
  end
  ledger.write(of, held)
  local told = json.list()
  for number, world in ipairs(asked.worlds) do
    told[number] = world_done(of, world, number, wholes)
  end
  return told
end

-- A session to work on: tracks with clips (name, path, at and length in samples), ranges and marks (text, start, stop in samples).
function jobs.session(of, asked)
  of:cfg():set_timecode_format(Timecode.TimecodeFormat[asked.format])
  of:cfg():set_timecode_offset(asked.offset)
  of:cfg():set_timecode_offset_negative(true)
  for _, each in ipairs(asked.ranges) do
    of:locations():add_range(Temporal.timepos_t(each.start), Temporal.timepos_t(each.stop)):set_name(each.text)
  end
  local sounds = {}
  for _, track in ipairs(asked.tracks) do
    of:new_audio_track(2, 2, nil, 1, track.name, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
    for _, clip in ipairs(track.clips) do
      sounds[#sounds + 1] = clip.path
    end
  end
  sleep(1) -- or the tracks are saved without connections, and are silent
  local wholes
  wholes, of = import.without_window(of, {sounds = {}, regions = {}}, sounds)
  for _, track in ipairs(asked.tracks) do
    local playlist = of:route_by_name(track.name):to_track():playlist()
    for _, clip in ipairs(track.clips) do
      local region = ARDOUR.RegionFactory.clone_region(wholes[clip.path], true, false)
      region:set_name(clip.name)
      region:set_length(Temporal.timecnt_t(clip.length))
      playlist:add_region(region, Temporal.timepos_t(clip.at), 1, false, 0, 0, false)
    end
  end
  of:save_state("", false, false, false, false, false)
  return true
end

-- What is said when the text of a range is to change that was deleted meanwhile.
function jobs.rename_deleted(of)
  local adapter = host.without_window()
  of:locations():add_range(Temporal.timepos_t(48000), Temporal.timepos_t(96000)):set_name("FOLEY door")
  local range = list.find(session.locations(of), "text", "FOLEY door")
  of:locations():remove(range.location)
  local _, err = pcall(adapter.write_text, range.id, "FOLEY bell")
  return fault.readable(err)
end

-- The mix, into a WAV file, from 0 for so many samples.
function jobs.export(of, asked)
  sleep(1)
  local export = of:simple_export()
  export:set_preset(asked.preset) -- the default one is at 44.1 kHz
  export:set_folder(asked.into)
  export:set_name(asked.file)
  export:set_range(0, asked.samples)
  return export:run_export()
end

local asked = read(arg[1])
AudioEngine:set_backend("None (Dummy)", "", "")
AudioEngine:set_sample_rate(asked.sample_rate)
local good, told = pcall(function() -- an error that is no text, uncaught, ends Ardour with a crash
  local of = asked.create and create_session(asked.session, asked.name, asked.sample_rate)
    or load_session(asked.session, asked.name)
  return jobs[asked.job](of, asked)
end)
if good then
  local file = assert(io.open(asked.told .. ".part", "wb"))
  file:write(json.encode({told = told}))
  file:close()
  os.rename(asked.told .. ".part", asked.told)
else
  print(fault.readable(told))
end
close_session()
quit()
