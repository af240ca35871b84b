-- A test that a user can run in a real host and send back: places sounds of its own, and writes down what really happened.
--
-- Its sounds and its report lie in the work folder. What it lays it takes out again.

local call = require("foley.call")
local check = require("foley.check")
local fault = require("foley.fault")
local list = require("foley.list")
local path = require("foley.path")
local plan = require("foley.plan")
local time = require("foley.time")
local wav = require("foley.wav")

local selftest = {}

local REGIONS = {"selftest-1", "selftest-2"}
local SEND = "Please send this file to the makers of foley_bridge, whether all is well or not."

-- The report in the making.
local function report_of(host, config, name)
  local report = {failed = 0}
  local lines = {
    "foley_bridge self test in " .. host.name .. ", " .. name,
    "scripts: foley_bridge " .. tostring(config.version),
    host.version and "host: " .. host.version or nil,
  }

  function report.note(what, said)
    lines[#lines + 1] = "      " .. what .. ": " .. said
  end

  -- One step; gives whether it went well. act gives a list of what is wrong.
  function report.step(what, act)
    local good, faults = pcall(act)
    if not good then
      faults = {fault.readable(faults)}
    end
    lines[#lines + 1] = (#faults > 0 and "NOT ok " or "ok     ") .. what
    for _, each in ipairs(faults) do
      report.note("but", each)
    end
    report.failed = report.failed + (#faults > 0 and 1 or 0)
    return #faults == 0
  end

  -- Writes the report; gives what to say.
  function report.written()
    local whole = call.work_file(config, name, ".txt")
    local ended = report.failed > 0 and report.failed .. " steps failed." or "All is well."
    lines[#lines + 1] = ended
    call.write_text(whole, table.concat(lines, "\n") .. "\n" .. SEND .. "\n")
    return "Self test: " .. ended .. " The report is " .. whole .. ". " .. SEND
  end

  return report
end

local function sounds_of(config, project, name)
  local sounds = {}
  local rate = plan.sample_rate(project)
  for number = 1, 3 do
    local tone = {}
    for index = 0, 2 * rate - 1 do
      tone[index + 1] = 0.2 * math.sin(2 * math.pi * 220 * number * index / rate)
    end
    sounds[number] = call.work_file(config, name, "-" .. number .. ".wav")
    wav.write(sounds[number], tone, rate)
  end
  return sounds
end

local function end_of(own)
  local stop = 0
  for _, track in ipairs(own) do
    for _, clip in ipairs(track.clips) do
      stop = math.max(stop, clip.start + clip.duration)
    end
  end
  return stop
end

-- Two clips behind each other, beyond everything on our tracks; hosts with sample time get them off the frame grid.
local function plan_of(host, project, name, sounds)
  local free = time.ceil(end_of(host.own_tracks())) + 10
  local length = math.max(2, time.floor(time.frames_at(0.5, project.rate)))
  local adds = {}
  for number, region in ipairs(REGIONS) do
    local start = free + (number - 1) * (length + 3)
    local trim = {start = start, stop = start + length}
    if host.grid == "samples" then
      trim = {start = start + 0.25, stop = start + length - 0.5}
    end
    local takes = {}
    for take, sound in ipairs(sounds) do
      takes[take] = {path = sound, offset = 2, label = "take " .. take .. ", score 0.50", score = 0.5, seed = take,
        onset = start + 1, fade_in_s = 0, fade_out_s = 0.01, sample_rate = plan.sample_rate(project), channels = 1}
    end
    adds[number] = {track = "Foley", region = region, text = "self test", key = name, start = start, duration = length,
      trim = trim, chosen = 1, takes = takes}
  end
  return {label = "Foley: self test", remove = {}, add = adds}
end

local function ours_of(own, field, value)
  local found = {}
  for _, track in ipairs(own) do
    for _, clip in ipairs(track.clips) do
      if clip.ours and clip[field] == value then
        found[#found + 1] = clip
      end
    end
  end
  return found
end

-- What is done to the tracks, step by step; each gives what is wrong. laid: whether there is something to take out again.
local function steps_of(host, project, made)
  local steps, before, receipt = {laid = false}, nil, nil

  local function read_back()
    return check.placed(host.grid, project, made, before, host.own_tracks())
  end

  function steps.is_free()
    before = host.own_tracks()
    local locked = list.filter(before, function(track) return track.locked end)
    return locked[1] and {"track '" .. locked[1].name .. "' is locked"} or {}
  end

  function steps.lay()
    receipt = host.place(made)
    steps.laid = true
    return read_back()
  end

  function steps.save()
    host.settle()
    return read_back()
  end

  function steps.other_take()
    local clip = ours_of(host.own_tracks(), "key", made.add[1].key)[1]
    host.choose(clip, 2)
    local now = ours_of(host.own_tracks(), "region", clip.region)
    if #now ~= 1 or now[1].chosen ~= 2 or not path.same(now[1].path or "", clip.takes[2]) then
      return {"take 2 of " .. #clip.takes .. " was not chosen"}
    end
    host.choose(now[1], 1)
    return read_back()
  end

  function steps.take_back()
    host.take_back(receipt)
    return check.same(host.grid, project, before, host.own_tracks())
  end

  return steps
end

local function collect(host, report)
  local ranges, points, tracks, clips = host.ranges(), host.points(), host.tracks(), 0
  for _, track in ipairs(tracks) do
    clips = clips + #track.clips
  end
  report.note("found", string.format("%d ranges, %d points, %d tracks with %d clips", #ranges, #points, #tracks, clips))
  return {}
end

-- Does the test; gives the message to show.
function selftest.run(host)
  local config = call.config(host)
  local name = "selftest-" .. call.name(host)
  local report = report_of(host, config, name)
  local project = host.project()
  report.note("project", project.rate .. " fps, starts at " .. time.timecode(0, project.rate, project.start))
  local steps = steps_of(host, project, plan_of(host, project, name, sounds_of(config, project, name)))
  if report.step("the Foley tracks can be read", steps.is_free) then
    report.step("ranges, markers and tracks can be read", function() return collect(host, report) end)
    report.step("two clips with three takes are laid where they should be", steps.lay)
    if steps.laid then
      if host.settle then
        report.step("they are there after saving", steps.save)
      end
      report.step("another take can be chosen, and the first one again", steps.other_take)
      report.step("they can be taken out, and the tracks are as they were", steps.take_back)
    end
  end
  return report.written()
end

return selftest
