-- The project's clock and its marks: rate, start, regions, markers. REAPER counts seconds from the project's first sample,
-- whatever its start time is, so that is timeline 0; marks are known by their GUIDs, since their index changes when one is
-- moved.

local api = require("foley_reaper.api")
local fault = require("foley.fault")
local time = require("foley.time")

local project = {}

local NEAR = 1e-6 -- seconds: marks that touch do not overlap

local function reduced(num, den)
  local a, b = num, den
  while b ~= 0 do
    a, b = b, a % b
  end
  return den == a and tostring(num // a) or (num // a) .. "/" .. (den // a)
end

-- The exact fraction that a number of frames per second stands for: 23.976 is 24000/1001.
local function exact(fps)
  local nearest = math.floor(fps + 0.5)
  if math.abs(fps - nearest) < 1e-6 then
    return tostring(nearest)
  end
  local counted = math.ceil(fps)
  if math.abs(fps - counted * 1000 / 1001) < 0.0055 then
    return reduced(counted * 1000, 1001)
  end
  return reduced(math.floor(fps * 1000 + 0.5), 1000)
end

function project.rate()
  local fps = api.TimeMap_curFrameRate(api.project)
  return exact(fps)
end

local function sample_rate()
  if api.GetSetProjectInfo(api.project, "PROJECT_SRATE_USE", 0, false) ~= 0 then
    return math.floor(api.GetSetProjectInfo(api.project, "PROJECT_SRATE", 0, false) + 0.5)
  end
  local known, rate = api.GetAudioDeviceInfo("SRATE")
  return known and math.tointeger(tonumber(rate)) or 48000
end

local function file()
  for index = 0, math.huge do
    local tab, path = api.EnumProjects(index)
    if not tab then
      fault.raise("the project was closed", "Open it again and run the action again.")
    elseif tab == api.project then
      return path or ""
    end
  end
end

-- REAPER's timeline has no end of its own, so it gives no length: it is as long as what lies on it.
function project.project()
  return api.steady(function()
    local rate = project.rate()
    local path = file()
    local folder, name = string.match(path, "^(.*)[/\\]([^/\\]*)$")
    return {
      id = path,
      name = name and string.gsub(name, "%.[rR][pP][pP]$", "") or "untitled",
      folder = folder,
      rate = rate,
      start = math.floor(time.frames_at(api.GetProjectTimeOffset(api.project, false), rate) + 0.5),
      sample_rate = sample_rate(),
    }
  end)
end

-- Every marker and region, in REAPER's order: {index, guid, is_region, position, stop, name, color}.
local function marks()
  local found = {}
  for index = 0, api.CountProjectMarkers(api.project) - 1 do
    local there, is_region, position, stop, name, _, color = api.EnumProjectMarkers3(api.project, index)
    local known, guid = api.GetSetProjectInfo_String(api.project, "MARKER_GUID:" .. index, "", false)
    if there == 0 or not known or guid == "" then
      fault.raise("REAPER gives no GUIDs of regions", "Use REAPER 6.30 or newer.")
    end
    local mark = {index = index, guid = guid, is_region = is_region, position = position, stop = stop, name = name, color = color}
    found[#found + 1] = mark
  end
  return found
end

-- What says which regions are selected: the time selection, or the edit cursor when there is none.
local function selected()
  local first, last = api.GetSet_LoopTimeRange2(api.project, false, false, 0, 0, false)
  if last > first then
    return function(start, stop)
      return start < last - NEAR and first < stop - NEAR
    end
  end
  local cursor = api.GetCursorPositionEx(api.project)
  return function(start, stop)
    return start <= cursor + NEAR and cursor < stop - NEAR
  end
end

function project.ranges()
  return api.steady(function()
    local rate, is_selected, list = project.rate(), selected(), {}
    for _, mark in ipairs(marks()) do
      if mark.is_region then
        list[#list + 1] = {
          id = mark.guid,
          text = mark.name,
          start = time.frames_at(mark.position, rate),
          stop = time.frames_at(mark.stop, rate),
          selected = is_selected(mark.position, mark.stop),
        }
      end
    end
    return list
  end)
end

function project.points()
  return api.steady(function()
    local rate, list = project.rate(), {}
    for _, mark in ipairs(marks()) do
      if not mark.is_region then
        list[#list + 1] = {text = mark.name, at = time.frames_at(mark.position, rate)}
      end
    end
    return list
  end)
end

function project.write_text(guid, text)
  for _, mark in ipairs(api.steady(marks)) do
    if mark.guid == guid then
      reaper.Undo_BeginBlock2(api.project)
      local done = reaper.SetProjectMarkerByIndex2(
        api.project, mark.index, true, mark.position, mark.stop, -1, text, mark.color, text == "" and 1 or 0
      )
      reaper.Undo_EndBlock2(api.project, "Foley: name region", done and -1 or 0)
      if done then
        return
      end
    end
  end
  fault.raise("the region to be named is not there", "Mark it again.")
end

return project
