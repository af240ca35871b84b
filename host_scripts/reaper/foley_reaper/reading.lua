-- The project's tracks as the contract wants them: clips that do not overlap, each a stretch of one media file.
--
-- An item may loop its media, begin before it or outlast it; its source may be a section of another, or backwards. What a track
-- layers becomes several tracks, a later item above an earlier one. A lower-numbered track hides those below it, so the last
-- track comes first.

local api = require("foley_reaper.api")
local media = require("foley_reaper.media")
local own = require("foley_reaper.own")
local project = require("foley_reaper.project")
local time = require("foley.time")

local reading = {}

local function is_muted(track)
  while track do
    if api.GetMediaTrackInfo_Value(track, "B_MUTE") ~= 0 then
      return true
    end
    track = api.GetParentTrack(track)
  end
  return false
end

-- Adds the clips of an item to lists[kind].
local function add_item(lists, item, has_lanes, rate)
  local take = api.GetActiveTake(item)
  local source = take and api.GetMediaItemTake_Source(take)
  local file = source and media.of(source)
  if not file or file.silent then
    return
  end
  local speed = api.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
  local heard = api.GetMediaItemInfo_Value(item, "B_MUTE") == 0
  if heard and has_lanes then
    heard = api.GetMediaItemInfo_Value(item, "C_LANEPLAYS") > 0
  end
  local name = api.GetTakeName(take)
  local list = media.stretches(
    api.GetMediaItemInfo_Value(item, "D_POSITION"),
    api.GetMediaItemInfo_Value(item, "D_LENGTH"),
    api.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS"),
    speed,
    file.length,
    api.GetMediaItemInfo_Value(item, "B_LOOPSRC") ~= 0
  )
  for _, stretch in ipairs(list) do
    local first, direction = file.at(stretch.from, stretch.duration * speed)
    local start = time.frames_at(stretch.start, rate)
    table.insert(lists[file.kind], {
      name = name,
      path = file.path,
      start = start,
      duration = time.whole(time.frames_at(stretch.start + stretch.duration, rate) - start),
      source_start_s = first,
      media_duration_s = file.file_length > 0 and file.file_length or nil,
      speed = speed * direction,
      enabled = heard,
    })
  end
end

-- Clips laid out on as many lanes as they need, lowest first.
local function lanes(clips)
  table.sort(clips, function(one, other)
    return one.start < other.start
  end)
  local list = {}
  for _, clip in ipairs(clips) do
    local lane = 1
    while list[lane] and time.whole(clip.start - list[lane].stop) < 0 do
      lane = lane + 1
    end
    list[lane] = list[lane] or {}
    table.insert(list[lane], clip)
    list[lane].stop = clip.start + clip.duration
  end
  return list
end

function reading.tracks()
  return api.steady(function()
    local rate, list = project.rate(), {}
    for index = api.CountTracks(api.project) - 1, 0, -1 do
      local track = api.GetTrack(api.project, index)
      if not own.mark(track) then
        local _, name = api.GetTrackName(track)
        local clips = {video = {}, audio = {}}
        local has_lanes = api.GetMediaTrackInfo_Value(track, "I_FREEMODE") == 2
        for number = 0, api.CountTrackMediaItems(track) - 1 do
          add_item(clips, api.GetTrackMediaItem(track, number), has_lanes, rate)
        end
        local enabled = not is_muted(track)
        for _, kind in ipairs({"video", "audio"}) do
          for _, lane in ipairs(lanes(clips[kind])) do
            lane.stop = nil
            list[#list + 1] = {kind = kind, name = name, enabled = enabled, clips = lane}
          end
        end
      end
    end
    return list
  end)
end

return reading
