-- The session as the core sees it: rate and times, marked ranges, points, the picture, the audio tracks that are not ours.

local all = require("ardour.all")
local fault = require("foley.fault")
local list = require("foley.list")
local path = require("foley.path")
local saved = require("ardour.saved")
local time = require("foley.time")

local session = {}

-- Session > Properties > Timecode, as exact fractions.
local RATES = {TC23976 = "24000/1001", TC24 = "24/1", TC24976 = "25000/1001", TC25 = "25/1", TC2997 = "30000/1001",
  TC2997DF = "30000/1001", TC30 = "30/1", TC5994 = "60000/1001", TC60 = "60/1"}
local DROP_30 = 9 -- its format is there without a name

-- The rate of a session's timecode.
function session.rate(of)
  local format = of:cfg():get_timecode_format()
  for name, rate in pairs(RATES) do
    if Timecode.TimecodeFormat[name] == format then
      return rate
    end
  end
  if format == DROP_30 then
    return "30/1"
  end
  -- 29.97000 is left: just that in Ardour, where all others take it for 30000/1001
  fault.raise("the session's timecode runs at a rate that others do not have",
    "Choose another in Session > Properties > Timecode; 29.97 for NTSC.")
end

-- The frame of a sample, and the sample of a frame.
function session.frames(of, samples)
  return time.frames_at_sample(samples, session.rate(of), of:nominal_sample_rate())
end

function session.samples(of, frames)
  return time.samples(frames, session.rate(of), of:nominal_sample_rate())
end

local function start(of)
  local offset = math.tointeger(of:cfg():get_timecode_offset()) or 0
  if not of:cfg():get_timecode_offset_negative() then -- "negative" is what is taken off a timecode to find its place
    offset = -offset
  end
  -- a timeline that begins before 00:00:00:00 has no label for that which others would read
  return math.max(0, time.floor(session.frames(of, offset) + 0.5))
end

function session.project(of)
  if math.abs(of:cfg():get_video_pullup()) > 1e-9 then
    fault.raise("the session is pulled up or down", "Set Session > Properties > Timecode > Pull-up/down to none and try again.")
  end
  local stop = math.tointeger(of:current_end_sample()) or 0
  return {
    id = path.join(of:path(), of:snap_name() .. ".ardour"),
    name = of:name(),
    folder = of:path(),
    rate = session.rate(of),
    start = start(of),
    length = stop > 0 and time.ceil(session.frames(of, stop)) or nil,
    sample_rate = math.tointeger(of:nominal_sample_rate()),
  }
end

local function is_plain(location)
  return not (location:is_auto_loop() or location:is_auto_punch() or location:is_session_range() or location:is_cd_marker()
    or location:is_cue_marker())
end

-- Every marked range with what Ardour has for it: {id, text, start, stop, location}, in time order.
function session.locations(of)
  local written = saved.elements(saved.inside(saved.xml(of), "Locations"), "Location")
  local found = {}
  for index, location in ipairs(all(of:locations():list())) do
    local known = written[index]
    if not known or known.name ~= location:name() then
      fault.raise("Ardour saved other markers than it has", "Please report this, with the version of Ardour.")
    end
    if location:is_range_marker() and is_plain(location) then
      found[#found + 1] = {id = known.id, text = location:name(), location = location,
        start = session.frames(of, location:start():samples()), stop = session.frames(of, location:_end():samples())}
    end
  end
  return list.sorted(found, function(each) return each.start end)
end

-- Every marker without length.
function session.points(of)
  local found = {}
  for _, location in ipairs(all(of:locations():list())) do
    if location:is_mark() and is_plain(location) then
      found[#found + 1] = {text = location:name(), at = session.frames(of, location:start():samples())}
    end
  end
  return list.sorted(found, function(each) return each.at end)
end

-- A region as a clip of the contract.
function session.clip(of, region)
  local source = region:source(0)
  local file = not source:isnil() and source:to_filesource()
  local first = region:position():samples()
  local start_at = session.frames(of, first)
  return {
    name = region:name(),
    path = file and not file:isnil() and file:path() or nil,
    start = start_at,
    duration = session.frames(of, first + region:length():samples()) - start_at,
    source_start_s = region:start():samples() / of:nominal_sample_rate(),
    enabled = not region:muted(),
  }
end

-- Tracks whose clips do not overlap, from a track whose regions may lie in layers.
local function unlayered(of, track, found)
  local lanes, regions = {}, all(track:to_track():playlist():region_list())
  for _, region in ipairs(list.sorted(regions, function(each) return each:layer() end)) do
    local clip = session.clip(of, region)
    local function free(lane)
      for _, other in ipairs(lane.clips) do
        if other.start < clip.start + clip.duration and clip.start < other.start + other.duration then
          return false
        end
      end
      return true
    end
    local number = 1
    while lanes[number] and not free(lanes[number]) do
      number = number + 1
    end
    lanes[number] = lanes[number] or {kind = "audio", name = track:name(), enabled = not track:muted(), clips = {}}
    table.insert(lanes[number].clips, clip)
  end
  for _, lane in ipairs(lanes) do
    found[#found + 1] = lane
  end
end

-- The movie of Ardour's video timeline; nil when there is none. Ardour does not say how long it is: to the end of what is there.
local function picture(of, stop)
  local video = saved.elements(saved.inside(saved.xml(of), "Extra"), "Videotimeline")[1]
  local name = video and video.Filename
  if not name or name == "" then
    return nil
  end
  local is_whole = string.sub(name, 1, 1) == "/" or path.is_windows(name)
  local whole = is_whole and name or path.join(of:path(), "videofiles", name)
  local offset = math.tointeger(tonumber(video.VideoOffset or 0)) or 0
  local at = session.frames(of, math.max(0, offset))
  if stop <= at then
    return nil
  end
  local clip = {name = path.name(whole), path = whole, start = at, duration = stop - at, enabled = true,
    source_start_s = math.max(0, -offset) / of:nominal_sample_rate()}
  return {kind = "video", name = "Video", enabled = true, clips = {clip}}
end

-- Every track but ours: the picture, then the audio tracks.
function session.tracks(of, is_ours)
  local found = {}
  local stop = session.project(of).length or 0
  for _, location in ipairs(all(of:locations():list())) do
    stop = math.max(stop, time.ceil(session.frames(of, location:_end():samples())))
  end
  found[1] = picture(of, stop)
  for _, track in ipairs(all(of:get_tracks())) do
    if track:data_type():to_string() == "audio" and not is_ours(track:name()) then
      unlayered(of, track, found)
    end
  end
  return found
end

return session
