-- The project as an OpenTimelineIO timeline that asks for sound in the ranges chosen.
--
-- Media ranges begin at 0, so that the time in a clip counts from the media's first picture, whatever timecode its file carries.
-- Ranges are markers of the stack that keep the range's id; points inside them named HIT go along.

local fault = require("foley.fault")
local json = require("foley.json")
local list = require("foley.list")
local path = require("foley.path")
local text = require("foley.text")
local time = require("foley.time")

local timeline = {}

local function time_of(frames, rate)
  local num, den = time.exact(rate)
  return {OTIO_SCHEMA = "RationalTime.1", value = frames + 0.0, rate = num / den}
end

local function range_of(start, duration, rate)
  return {OTIO_SCHEMA = "TimeRange.1", start_time = time_of(start, rate), duration = time_of(duration, rate)}
end

local function item(schema, name)
  return {OTIO_SCHEMA = schema, name = name, metadata = {}, source_range = json.null, effects = json.list(),
    markers = json.list(), enabled = true}
end

local function gap(duration, rate)
  local made = item("Gap.1", "")
  made.source_range = range_of(0, duration, rate)
  return made
end

local function media(clip, length, rate)
  if not clip.path or clip.path == "" then
    return {OTIO_SCHEMA = "MissingReference.1", name = text.clean(clip.name), metadata = {}, available_range = json.null}
  end
  return {
    OTIO_SCHEMA = "ExternalReference.1",
    name = text.clean(path.name(clip.path)),
    metadata = {},
    available_range = range_of(0, length, rate),
    target_url = text.clean(path.url(clip.path)),
  }
end

-- A clip from start on; what of it lies before the timeline is left out.
local function clip_of(clip, start, duration, rate)
  local speed = clip.speed or 1
  local first = time.frames_at(clip.source_start_s or 0, rate)
  if speed > 0 then
    first = time.whole(first + (start - clip.start) * speed)
  end
  local length = first + duration * math.abs(speed)
  if clip.media_duration_s then
    length = math.max(length, time.frames_at(clip.media_duration_s, rate))
  end
  local made = item("Clip.2", text.clean(clip.name))
  made.enabled = clip.enabled and true or false
  made.source_range = range_of(first, duration, rate)
  if speed ~= 1 then
    made.effects[1] = {OTIO_SCHEMA = "LinearTimeWarp.1", name = "", effect_name = "LinearTimeWarp", metadata = {},
      time_scalar = speed + 0.0}
  end
  made.media_references = {DEFAULT_MEDIA = media(clip, time.whole(length), rate)}
  made.active_media_reference_key = "DEFAULT_MEDIA"
  return made
end

local function track_of(track, rate)
  local made = item("Track.1", text.clean(track.name))
  made.kind = track.kind == "audio" and "Audio" or "Video"
  made.enabled = track.enabled and true or false
  made.children = json.list()
  local at, before = 0, ""
  for _, clip in ipairs(list.sorted(track.clips, function(clip) return clip.start end)) do
    local stop = time.whole(clip.start + clip.duration)
    if stop > 0 and clip.duration > 0 then -- something of it is in the timeline
      local start = math.max(0, time.whole(clip.start))
      local space = time.whole(start - at)
      if space < 0 then
        local said = "clips '" .. before .. "' and '" .. clip.name .. "' overlap on track '" .. track.name .. "'"
        fault.raise(said, "Move one of them to a track of its own.")
      elseif space > 0 then
        table.insert(made.children, gap(space, rate))
      end
      table.insert(made.children, clip_of(clip, start, time.whole(stop - start), rate))
      at, before = stop, clip.name
    end
  end
  return made
end

local function marker(name, start, duration, rate, metadata)
  return {
    OTIO_SCHEMA = "Marker.2",
    name = text.clean(name),
    comment = "",
    color = "GREEN",
    metadata = metadata,
    marked_range = range_of(time.whole(start), time.whole(duration), rate),
  }
end

local function markers_of(ranges, points, rate)
  local made = json.list()
  for _, each in ipairs(ranges) do
    made[#made + 1] = marker(each.text, each.start, each.stop - each.start, rate, {foley_bridge = {id = each.id}})
  end
  for _, point in ipairs(points) do
    local inside = false
    for _, each in ipairs(ranges) do
      inside = inside or (each.start <= point.at and point.at < each.stop)
    end
    if inside and text.begins_with(point.text, "HIT") then
      made[#made + 1] = marker(point.text, point.at, 0, rate, {})
    end
  end
  return made
end

-- The timeline as a table for JSON. project, tracks, ranges, points as an adapter gives them; ranges only those that are to get
-- sound. Raises when clips of one track overlap.
function timeline.build(project, tracks, ranges, points)
  local rate = project.rate
  local stack = item("Stack.1", "tracks")
  stack.children = json.list()
  local reach = 0
  for index, track in ipairs(tracks) do
    stack.children[index] = track_of(track, rate)
    for _, clip in ipairs(track.clips) do
      reach = math.max(reach, clip.start + clip.duration)
    end
  end
  if project.length and project.length > reach then
    local whole = item("Track.1", "length")
    whole.kind, whole.children = "Video", json.list({gap(project.length, rate)})
    table.insert(stack.children, whole)
  end
  stack.markers = markers_of(ranges, points, rate)
  return {
    OTIO_SCHEMA = "Timeline.1",
    name = text.clean(project.name),
    metadata = {},
    global_start_time = time_of(project.start or 0, rate),
    tracks = stack,
  }
end

return timeline
