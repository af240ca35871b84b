-- Media behind an item: which file a source comes down to, and which stretches of it an item plays.

local api = require("foley_reaper.api")

local media = {}

local MOST_LOOPS = 1000 -- an item that repeats more often than that is no picture
local NEARLY_NOTHING = 1e-9 -- seconds
local PICTURES = {avi = 1, m2ts = 1, m4v = 1, mkv = 1, mov = 1, mp4 = 1, mpeg = 1, mpg = 1, mxf = 1, ogv = 1, webm = 1, wmv = 1}
local SOUNDS = {aac = 1, ac3 = 1, flac = 1, m4a = 1, mka = 1, mp2 = 1, mp3 = 1, ogg = 1, opus = 1, wav = 1, wma = 1}
local SILENT = {CLICK = 1, LTC = 1, MIDI = 1, MIDIPOOL = 1, RPP_PROJECT = 1, TIMECODE = 1}

-- The path of the file behind a source.
function media.path(source)
  local parent = api.GetMediaSourceParent(source)
  while parent do
    source, parent = parent, api.GetMediaSourceParent(parent)
  end
  return api.GetMediaSourceFileName(source)
end

-- The file behind a source, and how a time in the source becomes one in the file: {path, kind, length, at(position, length)},
-- where at gives where a stretch begins in the file and its direction, 1 or -1.
function media.of(source)
  local maps = {}
  local length = api.GetMediaSourceLength(source)
  local parent = api.GetMediaSourceParent(source)
  while parent do
    local known, offset, section, backwards = api.PCM_Source_GetSectionInfo(source)
    if known then
      maps[#maps + 1] = {offset = offset, length = section, backwards = backwards}
    end
    source, parent = parent, api.GetMediaSourceParent(parent)
  end
  local path = api.GetMediaSourceFileName(source)
  local kind = api.GetMediaSourceType(source)
  local ending = string.lower(string.match(path, "%.(%w+)$") or "")
  local pictures = (kind == "VIDEO" and not SOUNDS[ending]) or PICTURES[ending] ~= nil
  return {
    path = path,
    kind = pictures and "video" or "audio",
    silent = path == "" or SILENT[kind] ~= nil,
    length = length,
    file_length = #maps > 0 and api.GetMediaSourceLength(source) or length,
    at = function(position, span)
      local direction = 1
      for _, map in ipairs(maps) do
        if map.backwards then
          position = map.length - position - span
          direction = -direction
        end
        position = position + map.offset
      end
      return position, direction
    end,
  }
end

-- The stretches of its media that an item plays, in seconds: {start, duration, from}; from is a time of the source.
function media.stretches(position, duration, from, speed, media_length, loops)
  if media_length <= 0 then
    return {{start = position, duration = duration, from = from}}
  end
  if not loops or duration * speed / media_length > MOST_LOOPS then
    local late = math.max(0, -from / speed)
    local heard = math.min(duration, (media_length - from) / speed) - late
    return heard > 0 and {{start = position + late, duration = heard, from = from + late * speed}} or {}
  end
  local list, at = {}, 0
  from = from % media_length
  while at < duration do
    local span = math.min((media_length - from) / speed, duration - at)
    if span > NEARLY_NOTHING then
      list[#list + 1] = {start = position + at, duration = span, from = from}
    end
    at, from = at + math.max(span, NEARLY_NOTHING), 0
  end
  return list
end

return media
