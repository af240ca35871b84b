-- What to take away and what to lay where, settled before anything is touched.
--
-- Our clips of the same regions are replaced, or only taken away where an editor wants no sound. A take that would overlap another
-- of ours goes to the next of our tracks; somebody else's clip in its way, a locked track, or a file that is missing or too short
-- stops everything.

local fault = require("foley.fault")
local list = require("foley.list")
local text = require("foley.text")
local time = require("foley.time")
local wav = require("foley.wav")

local plan = {}

local TRACK = "Foley"
-- The project's; hosts with a frame grid need not know one.
function plan.sample_rate(project)
  return project.sample_rate or 48000
end

-- A region by its text and timecode.
function plan.described(name, start, project)
  return "'" .. name .. "' at " .. time.timecode(start, project.rate, project.start)
end

-- Where an added clip begins and ends on this host: cut to the region where it has sample time.
function plan.extent(grid, add)
  if grid == "samples" then
    return add.trim.start, add.trim.stop
  end
  return add.start, add.start + add.duration
end

local function label(verb, count)
  return "Foley: " .. verb .. " " .. list.count(count, "region")
end

local function unlike(one, other)
  local num, den = time.exact(one)
  local other_num, other_den = time.exact(other)
  return num * other_den ~= other_num * den
end

-- Whether an editor wants no sound in a region: he rejected it, or left it undecided and those are to get none.
local function is_silent(region)
  return #region.takes == 0 and region.choice ~= nil
end

-- Why a region of the result is not laid ("" when it is), and the range as it was asked.
local function left_out(region, ranges, asked, project)
  local was = region.id and list.find(asked, "id", region.id)
  if not was then
    local name = plan.described(region.text, region.start.value, project)
    return "region " .. name .. " is not one that was asked for", nil
  end
  local name = plan.described(was.text, was.start, project)
  if region.error then
    local hint = region.error.hint or ""
    return region.error.message .. (hint ~= "" and ". " or "") .. hint, was
  end
  local now = list.find(ranges, "id", was.id)
  if not now then
    return "region " .. name .. " is gone", was
  elseif is_silent(region) then -- wherever it lies now, and whatever it says
    return "", was
  elseif time.whole(now.start - was.start) ~= 0 or time.whole(now.stop - was.stop) ~= 0 then
    return "region " .. name .. " was moved meanwhile: generate again", was
  elseif now.text ~= was.text then
    return "region " .. name .. " now says '" .. now.text .. "': generate again", was
  elseif #region.takes == 0 then
    return "region " .. name .. " got no take", was
  end
  return "", was
end

local function take_of(project, take, number, trim)
  local rate = project.rate
  local held = wav.held(take.path)
  local offset = take.handle.value
  local first, last = take.start.value - offset, take.start.value + take.duration.value
  local needed = time.samples(last, rate, held.sample_rate) - time.samples(first, rate, held.sample_rate)
  if held.frames < needed - 1 then -- the daemon and this count may round a half apart
    fault.raise_stale(take.path .. " is too short: " .. held.frames .. " samples of " .. needed)
  end
  local onset
  for _, at_s in ipairs(take.onsets_s) do
    local at = time.frames_at(at_s, rate)
    if trim.start <= at and at < trim.stop and (not onset or at < onset) then
      onset = at
    end
  end
  return {
    path = take.path,
    offset = offset,
    label = string.format("take %d, score %.2f", number, take.score),
    score = take.score,
    seed = take.seed,
    onset = onset,
    fade_in_s = take.fade_in_s or 0,
    fade_out_s = take.fade_out_s or 0,
    sample_rate = held.sample_rate,
    channels = held.channels,
  }
end

local function add_of(project, region, was, key)
  local start, duration = region.takes[1].start.value, region.takes[1].duration.value
  local stop = start + duration
  if time.ceil(was.stop) == stop then
    stop = was.stop
  end
  local trim = {start = math.max(start, was.start), stop = stop}
  local takes = {}
  for number, take in ipairs(region.takes) do
    if take.start.value ~= start or take.duration.value ~= duration then
      fault.raise_stale(take.path .. " does not lie where the other takes of its region lie")
    end
    takes[number] = take_of(project, take, number, trim)
  end
  local words = text.words(was.text)
  return {
    track = TRACK,
    region = was.id,
    text = words ~= "" and words or region.name,
    key = key,
    start = start,
    duration = duration,
    trim = trim,
    chosen = 1,
    takes = takes,
  }
end

local function refuse_locked(track)
  fault.raise("track '" .. track.name .. "' is locked", "Unlock it and try again.")
end

-- Our clips of some regions (a set of ids), which are to go. Raises when they lie on a locked track.
local function removed(own, regions)
  local gone = {}
  for _, track in ipairs(own) do
    for _, clip in ipairs(track.clips) do
      if clip.ours and regions[clip.region] then
        if track.locked then
          refuse_locked(track)
        end
        gone[#gone + 1] = clip
      end
    end
  end
  return gone
end

local function refuse_in_the_way(track, add, start, stop, dust, project)
  if track.locked then
    refuse_locked(track)
  end
  for _, clip in ipairs(track.clips) do
    if not clip.ours and clip.start < stop - dust and start < clip.start + clip.duration - dust then
      local there = plan.described(clip.name, clip.start, project)
      local said = "the clip " .. there .. " on track '" .. track.name .. "' is in the way of region '" .. add.text .. "'"
      fault.raise(said, "Move it to another track and try again.")
    end
  end
end

local function is_taken(spans, start, stop, dust)
  for _, span in ipairs(spans or {}) do
    if span[1] < stop - dust and start < span[2] - dust then
      return true
    end
  end
  return false
end

-- Gives each added clip the first of our tracks on which nothing of ours is in its way.
local function into_lanes(grid, project, own, adds, regions)
  local num, den = time.exact(project.rate)
  local dust = num / (den * plan.sample_rate(project)) -- a sample, in frames
  local taken = {}
  for _, track in ipairs(own) do
    taken[track.name] = {}
    for _, clip in ipairs(track.clips) do
      if clip.ours and not regions[clip.region] then
        table.insert(taken[track.name], {clip.start, clip.start + clip.duration})
      end
    end
  end
  for _, add in ipairs(adds) do
    local start, stop = plan.extent(grid, add)
    local name, number = TRACK, 1
    while is_taken(taken[name], start, stop, dust) do
      number = number + 1
      name = TRACK .. " " .. number
    end
    local track = list.find(own, "name", name)
    if track then
      refuse_in_the_way(track, add, start, stop, dust, project)
    end
    taken[name] = taken[name] or {}
    table.insert(taken[name], {start, stop})
    add.track = name
  end
end

local function refuse_twins(own)
  local seen = {}
  for _, track in ipairs(own) do
    if seen[track.name] then
      fault.raise("there are two tracks named '" .. track.name .. "'", "Give one of them another name and try again.")
    end
    seen[track.name] = true
  end
end

-- The plan for a result, nil when there is nothing to do; a list of {region, message} for the regions that are left out; and ids of
-- those that are to be silent: they are to have no clip of ours. Raises for what stops everything.
--
-- grid: the host's. result: docs/json.md, generate. own: our tracks as they are now. ranges: as they are now. asked: as they were
-- when sound was asked for. key: the request's.
function plan.make(grid, project, result, own, ranges, asked, key)
  if unlike(result.timeline.rate, project.rate) then
    local said = "the project runs at " .. project.rate .. " frames per second now; it was " .. result.timeline.rate
    fault.raise_stale(said)
  end
  refuse_twins(own)
  local adds, refused, silent, regions, chosen = {}, {}, {}, {}, false
  for _, region in ipairs(result.regions) do
    local why, was = left_out(region, ranges, asked, project)
    chosen = chosen or region.choice ~= nil
    if why ~= "" then
      refused[#refused + 1] = {region = region.id, message = why}
    elseif is_silent(region) then
      silent[#silent + 1] = was.id
      regions[was.id] = true
    else
      adds[#adds + 1] = add_of(project, region, was, key)
      regions[was.id] = true
    end
  end
  adds = list.sorted(adds, function(add) return add.start end)
  local remove = removed(own, regions)
  if #adds == 0 and #remove == 0 then
    return nil, refused, silent
  end
  into_lanes(grid, project, own, adds, regions)
  local said = label(chosen and "lay the choices for" or "generate into", #adds + #silent)
  return {label = said, remove = remove, add = adds}, refused, silent
end

-- The plan that takes our clips of these regions (a list of ids) away; nil when there are none. Raises when they are locked.
function plan.clearing(own, ids)
  local regions, cleared, count = {}, {}, 0
  for _, id in ipairs(ids) do
    regions[id] = true
  end
  local remove = removed(own, regions)
  for _, clip in ipairs(remove) do
    count = count + (cleared[clip.region] and 0 or 1)
    cleared[clip.region] = true
  end
  if #remove == 0 then
    return nil
  end
  return {label = label("clear", count), remove = remove, add = {}}
end

return plan
