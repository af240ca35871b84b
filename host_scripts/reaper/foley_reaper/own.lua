-- What is ours in the project: tracks and items that carry our mark, in REAPER's own extension data (P_EXT), which is saved
-- with the project, copied with an item, and undone with it.
--
-- A track's mark is the name that the core knows it by, so a user may rename it. An item's says whose region it is, and where
-- it was laid, a take's from where in its file: a copy that somebody took elsewhere has our mark and another GUID, and is no
-- longer ours.

local api = require("foley_reaper.api")
local fault = require("foley.fault")
local media = require("foley_reaper.media")
local project = require("foley_reaper.project")
local time = require("foley.time")

local own = {}

local MARK = "P_EXT:foley_bridge"
local SAME_S = 0.0001 -- what a project file's digits may lose, and less than a hand can drag

-- Values by name as one text that a project file can hold, whatever quotes are in them, and back.
local function written(values)
  local parts = {}
  for name, value in pairs(values) do
    local text = tostring(value)
    if type(value) == "number" then
      text = string.gsub(string.format("%.17g", value), ",", ".") -- some systems' numbers have a comma
    end
    parts[#parts + 1] = name .. "=" .. string.gsub(text, "[^%w%-._]", function(char)
      return string.format("%%%02X", string.byte(char))
    end)
  end
  table.sort(parts)
  return table.concat(parts, "&")
end

local function values_of(text)
  local values = {}
  for name, value in string.gmatch(text, "([%w_]+)=([^&]*)") do
    values[name] = string.gsub(value, "%%(%x%x)", function(code)
      return string.char(tonumber(code, 16))
    end)
  end
  return values
end

-- Marks a track, an item, a take.
function own.mark_track(track, name)
  reaper.GetSetMediaTrackInfo_String(track, MARK, name, true)
end

function own.mark_item(item, values)
  reaper.GetSetMediaItemInfo_String(item, MARK, written(values), true)
end

function own.mark_take(take, values)
  reaper.GetSetMediaItemTakeInfo_String(take, MARK, written(values), true)
end

-- The mark of a track; nothing when it is not ours.
function own.mark(track)
  local _, name = api.GetSetMediaTrackInfo_String(track, MARK, "", false)
  return name ~= "" and name or nil
end

-- What is known of a take of ours.
function own.of_take(take)
  local _, text = api.GetSetMediaItemTakeInfo_String(take, MARK, "", false)
  return values_of(text)
end

local function guid_of(item)
  local _, guid = api.GetSetMediaItemInfo_String(item, "GUID", "", false)
  return guid
end

-- Our tracks, in order of their names: {track, name, guid}. A duplicate of one gets the next free name.
function own.list()
  local found, used = {}, {}
  for index = 0, api.CountTracks(api.project) - 1 do
    local track = api.GetTrack(api.project, index)
    local name = own.mark(track)
    if name then
      local number = tonumber(string.match(name, "(%d+)$")) or 1
      while used[number] do
        number = number + 1
      end
      used[number] = true
      local _, guid = api.GetSetMediaTrackInfo_String(track, "GUID", "", false)
      found[#found + 1] = {track = track, number = number, name = number == 1 and "Foley" or "Foley " .. number, guid = guid}
    end
  end
  table.sort(found, function(one, other)
    return one.number < other.number
  end)
  return found
end

-- Whether a track's controls are locked: only its state says so, before its first item.
local function is_locked(track)
  local _, state = api.GetTrackStateChunk(track, "", false)
  return string.find(string.match(state, "^(.-)\n%s*<ITEM") or state, "\n%s*LOCK 1") ~= nil
end

local function source_path(take)
  local source = take and api.GetMediaItemTake_Source(take)
  return source and media.path(source) or ""
end

-- Whether a take of the item plays its file at the moments at which it was laid to: splitting and trimming keep that, and a copy
-- that was dragged, however little, does not.
local function plays_as_laid(item, laid_at, position)
  for number = 1, api.CountTakes(item) do
    local take = api.GetTake(item, number - 1)
    local from = tonumber(own.of_take(take).from or "")
    if from then
      local played = (position - laid_at) * api.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
      if math.abs(from + played - api.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")) < SAME_S then
        return true
      end
    end
  end
  return false
end

-- Whether an item with these marks is ours: the one that was laid, or what was split off it. A project that foley_bridge wrote
-- as a file says no item: there all with a mark are.
local function is_ours(item, values, guid, start, stop)
  if not values.region or not values.item or values.item == guid then
    return values.region ~= nil
  end
  local first, last = tonumber(values.start or ""), tonumber(values.stop or "")
  return first ~= nil and last ~= nil and start < last and first < stop and plays_as_laid(item, first, start)
end

-- The item as the contract's clip.
local function clip_of(item, rate)
  local guid = guid_of(item)
  local _, text = api.GetSetMediaItemInfo_String(item, MARK, "", false)
  local values = values_of(text)
  local position, length = api.GetMediaItemInfo_Value(item, "D_POSITION"), api.GetMediaItemInfo_Value(item, "D_LENGTH")
  local active = api.GetActiveTake(item)
  local start = time.frames_at(position, rate)
  local clip = {
    id = guid,
    name = active and api.GetTakeName(active) or "",
    start = start,
    duration = time.whole(time.frames_at(position + length, rate) - start),
    ours = is_ours(item, values, guid, position, position + length),
  }
  if clip.ours then
    clip.region, clip.key = values.region, values.key
    clip.chosen = math.floor(api.GetMediaItemInfo_Value(item, "I_CURTAKE")) + 1
    clip.takes = {}
    for number = 1, api.CountTakes(item) do
      clip.takes[number] = source_path(api.GetTake(item, number - 1))
    end
    clip.path = clip.takes[clip.chosen] or ""
    clip.offset = active and time.frames_at(api.GetMediaItemTakeInfo_Value(active, "D_STARTOFFS"), rate) or 0
  end
  return clip
end

function own.tracks()
  return api.steady(function()
    local rate, list = project.rate(), {}
    for _, each in ipairs(own.list()) do
      local clips = {}
      for index = 0, api.CountTrackMediaItems(each.track) - 1 do
        clips[#clips + 1] = clip_of(api.GetTrackMediaItem(each.track, index), rate)
      end
      list[#list + 1] = {name = each.name, locked = is_locked(each.track), clips = clips}
    end
    return list
  end)
end

-- Every item on our tracks by its GUID: {item, track, track_guid}.
function own.index()
  local found = {}
  for _, each in ipairs(own.list()) do
    for index = 0, api.CountTrackMediaItems(each.track) - 1 do
      local item = api.GetTrackMediaItem(each.track, index)
      found[guid_of(item)] = {item = item, track = each.track, track_guid = each.guid}
    end
  end
  return found
end

-- Our items that are selected; when none is, those under the edit cursor.
function own.chosen_takes()
  return api.steady(function()
    local cursor, rate, picked, under = api.GetCursorPositionEx(api.project), project.rate(), {}, {}
    for _, each in ipairs(own.list()) do
      for index = 0, api.CountTrackMediaItems(each.track) - 1 do
        local item = api.GetTrackMediaItem(each.track, index)
        if api.GetMediaItemInfo_Value(item, "B_UISEL") ~= 0 then
          picked[#picked + 1] = item
        end
        local position = api.GetMediaItemInfo_Value(item, "D_POSITION")
        if position <= cursor and cursor < position + api.GetMediaItemInfo_Value(item, "D_LENGTH") then
          under[#under + 1] = item
        end
      end
    end
    local ids = {}
    for _, item in ipairs(#picked > 0 and picked or under) do
      local clip = clip_of(item, rate)
      if clip.ours then
        ids[#ids + 1] = clip.id
      end
    end
    return ids
  end)
end

-- The first item that the user has selected.
function own.chosen_clip()
  return api.steady(function()
    local item = api.GetSelectedMediaItem(api.project, 0)
    local take = item and api.GetActiveTake(item)
    local source = take and api.GetMediaItemTake_Source(take)
    if not source then
      return nil
    end
    local rate, file = project.rate(), media.of(source)
    local position, length = api.GetMediaItemInfo_Value(item, "D_POSITION"), api.GetMediaItemInfo_Value(item, "D_LENGTH")
    local from = api.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
    return {
      name = api.GetTakeName(take),
      path = file.path,
      start = time.frames_at(position, rate),
      duration = time.frames_at(length, rate),
      source_start_s = (file.at(from, length * api.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE"))),
    }
  end)
end

-- Raises when an item must not be touched.
function own.must_be_free(item, what)
  if api.GetMediaItemInfo_Value(item, "C_LOCK") % 2 == 1 then
    fault.raise("the item '" .. what .. "' is locked", "Unlock it (Item settings > Lock) and try again.")
  end
end

return own
