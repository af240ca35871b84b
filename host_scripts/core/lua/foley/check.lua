-- What is really on our tracks against what should be there, as sentences; none is good.

local list = require("foley.list")
local path = require("foley.path")
local plan = require("foley.plan")
local time = require("foley.time")

local check = {}

local OURS = {"region", "key", "chosen"}

local function shown(value)
  return value == nil and "nothing" or tostring(value)
end

local function number(frames)
  return string.format("%.10g", time.whole(frames))
end

local function called(clip, project)
  return "the clip " .. plan.described(clip.text or clip.name, clip.start, project)
end

-- Whether two times are one on this host: the same frame, or a sample apart at most where times are samples.
function check.near(grid, project, one, other)
  if grid ~= "samples" then
    return time.whole(one - other) == 0
  end
  local num, den = time.exact(project.rate)
  return math.abs(one - other) <= 1.01 * num / (den * plan.sample_rate(project))
end

-- Whether two clips can be the same one: of the same region, or of the same name where they are not ours.
local function kin(clip, other)
  if clip.ours ~= other.ours then
    return false
  elseif clip.ours then
    return clip.region == other.region
  end
  return clip.name == other.name
end

local function other_takes(clip, other)
  if #clip.takes ~= #other.takes then
    return "has " .. #other.takes .. " takes, not " .. #clip.takes
  end
  for index, take in ipairs(clip.takes) do
    if not path.same(take, other.takes[index]) then
      return "has other takes"
    end
  end
  return nil
end

-- How a clip that is there differs from the one that should be, in words that follow its name.
local function unlike(grid, project, clip, other)
  local faults = {}
  local function note(...)
    faults[#faults + 1] = table.concat({...})
  end
  local stop, other_stop = clip.start + clip.duration, other.start + other.duration
  if not check.near(grid, project, clip.start, other.start) then
    note("begins at frame ", number(other.start), ", not ", number(clip.start))
  end
  if not check.near(grid, project, stop, other_stop) then
    note("ends at frame ", number(other_stop), ", not ", number(stop))
  end
  if not clip.ours then
    return faults
  end
  for _, field in ipairs(OURS) do
    if clip[field] ~= other[field] then
      note("has ", field, " ", shown(other[field]), ", not ", shown(clip[field]))
    end
  end
  if not path.same(clip.path or "", other.path or "") then
    note("plays ", shown(other.path), ", not ", shown(clip.path))
  end
  if not check.near(grid, project, clip.offset, other.offset) then
    note("plays its file from frame ", number(other.offset), ", not ", number(clip.offset))
  end
  faults[#faults + 1] = other_takes(clip, other)
  return faults
end

-- The clip of some that is most like one, its index, and how it differs; nil when none can be it.
local function most_like(grid, project, clip, clips)
  local best, best_index, least
  for index, other in ipairs(clips) do
    if kin(clip, other) then
      local faults = unlike(grid, project, clip, other)
      if not least or #faults < #least then
        best, best_index, least = other, index, faults
      end
    end
  end
  return best, best_index, least
end

local function differences_of_track(grid, project, expected, now, faults)
  local left = table.move(now.clips, 1, #now.clips, 1, {})
  local where = " on track '" .. expected.name .. "'"
  for _, clip in ipairs(expected.clips) do
    local found, index, unlikes = most_like(grid, project, clip, left)
    if found then
      table.remove(left, index)
      for _, each in ipairs(unlikes) do
        faults[#faults + 1] = called(clip, project) .. where .. " " .. each
      end
    else
      faults[#faults + 1] = called(clip, project) .. " is not" .. where
    end
  end
  for _, clip in ipairs(left) do
    faults[#faults + 1] = called(clip, project) .. where .. " should not be there"
  end
end

-- How our tracks differ from what they should be; both as own_tracks() gives them.
function check.same(grid, project, expected, after)
  local faults = {}
  for _, track in ipairs(expected) do
    local now = list.find(after, "name", track.name)
    if not now then
      faults[#faults + 1] = "track '" .. track.name .. "' is not there"
    else
      if (now.locked or false) ~= (track.locked or false) then
        faults[#faults + 1] = "track '" .. track.name .. "' is " .. (now.locked and "" or "not ") .. "locked"
      end
      differences_of_track(grid, project, track, now, faults)
    end
  end
  for _, track in ipairs(after) do
    if not list.find(expected, "name", track.name) then
      faults[#faults + 1] = "track '" .. track.name .. "' was not there before"
    end
  end
  return faults
end

local function expected_of(grid, add)
  local start, stop = plan.extent(grid, add)
  local chosen = add.takes[add.chosen]
  local paths = {}
  for index, take in ipairs(add.takes) do
    paths[index] = take.path
  end
  return {
    start = start,
    duration = stop - start,
    ours = true,
    region = add.region,
    key = add.key,
    path = chosen.path,
    offset = chosen.offset + (start - add.start),
    chosen = add.chosen,
    takes = paths,
    text = add.text,
  }
end

-- What is wrong after a plan was placed. before, after: own_tracks().
function check.placed(grid, project, planned, before, after)
  local expected = {}
  for index, track in ipairs(before) do
    local kept = list.filter(track.clips, function(clip) return not list.find(planned.remove, "id", clip.id) end)
    expected[index] = {name = track.name, locked = track.locked, clips = kept}
  end
  for _, add in ipairs(planned.add) do
    local track = list.find(expected, "name", add.track)
    if not track then
      track = {name = add.track, locked = false, clips = {}}
      table.insert(expected, track)
    end
    table.insert(track.clips, expected_of(grid, add))
  end
  expected = list.filter(expected, function(track) -- one emptied may go or stay
    return #track.clips > 0 or list.find(after, "name", track.name) ~= nil
  end)
  return check.same(grid, project, expected, after)
end

return check
