-- What each menu entry does. Every one ends with a message, except where the user sees or hears at once what was done.

local call = require("foley.call")
local fault = require("foley.fault")
local list = require("foley.list")
local path = require("foley.path")
local place = require("foley.place")
local plan = require("foley.plan")
local run = require("foley.run")
local selftest = require("foley.selftest")
local task = require("foley.task")
local text = require("foley.text")

local actions = {}

-- Does something in a step of its own; whatever goes wrong is a message.
local function guarded(host, act)
  local good, err = pcall(act)
  if not good then
    host.say(fault.readable(err))
  end
end

local function selected(host, ranges)
  local found = list.filter(ranges, function(each) return each.selected end)
  if #found == 0 then
    fault.raise("no region is selected", host.select_hint or run.SELECT)
  end
  return found
end

local function selected_regions(host)
  return selected(host, list.filter(host.ranges(), function(each) return text.is_region(each.text) end))
end

-- Writes new texts into ranges: a list of {id, text}.
local function write(host, new)
  for _, each in ipairs(new) do
    host.write_text(each.id, each.text)
  end
end

-- Generates into regions: "all" of them, or the "selected" ones.
function actions.generate(host, which)
  run.generate(host, which)
end

-- A region's text with other words, which are what is to decide: an example would otherwise come before them.
local function by_words(whole, typed)
  local new = text.with_words(whole, typed)
  if text.option(new, "engine") or text.option(new, "like") then
    new = text.with_option(new, "engine", "recommend")
  end
  return new
end

-- Asks for words, writes them into the selected regions, and generates there.
function actions.recommend(host)
  guarded(host, function()
    call.config(host)
    run.saved(host)
    local regions = selected_regions(host)
    local typed = host.ask_text("What should it sound like?", text.words(regions[1].text))
    if not typed or not string.find(typed, "%S") then
      return
    end
    local new = {}
    for index, each in ipairs(regions) do
      new[index] = {id = each.id, text = by_words(each.text, typed)}
    end
    write(host, new)
    run.generate(host, "selected")
  end)
end

-- What is there now of a clip: another take may be another clip, in the same place.
local function same_clips(host, clip)
  local found = {}
  for _, track in ipairs(host.own_tracks()) do
    for _, now in ipairs(track.clips) do
      if now.ours and now.region == clip.region and now.key == clip.key and now.start == clip.start then
        found[#found + 1] = now
      end
    end
  end
  return found
end

-- Whether a take is what sounds in a clip; where the host loses things on saving, also after that.
local function sounds(host, clip, number, file)
  local function there()
    local now = list.filter(same_clips(host, clip), function(each) return each.chosen == number end)
    return #now == 1 and path.same(now[1].path or "", file or "")
  end
  if there() and host.settle then
    host.settle()
  end
  return there()
end

-- Lets another take sound and makes sure of it; if it does not, the former one is to sound again.
local function choose(host, clip, number)
  local name = plan.described(clip.name, clip.start, host.project())
  local said = host.name .. " did not change to take " .. number .. " of " .. name
  host.choose(clip, number)
  local read, done = pcall(sounds, host, clip, number, clip.takes[number])
  if read and done then
    return
  elseif not read then
    said = said .. ": " .. fault.readable(done)
  end
  local good, back = pcall(function()
    for _, now in ipairs(same_clips(host, clip)) do
      host.choose(now, clip.chosen)
    end
    return sounds(host, clip, clip.chosen, clip.path)
  end)
  if good and back then
    fault.raise(said .. "\nThe former take sounds again.")
  elseif not good then
    said = said .. "\nTaking it back failed: " .. fault.readable(back)
  end
  said = said .. "\nThe former take does NOT sound again."
  fault.raise(said, "Look at the clip; take the change back: " .. host.undo_hint .. ".")
end

local function other_take(host, step)
  local wanted = {}
  for _, id in ipairs(host.chosen_takes()) do
    wanted[id] = true
  end
  local clips, several, locked = {}, {}, nil
  for _, track in ipairs(host.own_tracks()) do
    for _, clip in ipairs(track.clips) do
      if clip.ours and wanted[clip.id] then
        clips[#clips + 1] = clip
        several[#several + 1] = #clip.takes > 1 and clip or nil
        locked = locked or (track.locked and track.name or nil)
      end
    end
  end
  if #clips == 0 then
    fault.raise("no take is selected", "Select a clip on a Foley track, or put the cursor on it.")
  elseif locked then
    fault.raise("track '" .. locked .. "' is locked", "Unlock it and try again.")
  elseif #several == 0 then
    fault.raise("this region has one take only", "Write takes=3 into its name and generate again.")
  end
  for _, clip in ipairs(several) do
    choose(host, clip, (clip.chosen - 1 + step) % #clip.takes + 1)
  end
end

-- Lets the next take sound, in the clips selected or under the cursor; after the last comes the first.
function actions.next_take(host)
  guarded(host, function() other_take(host, 1) end)
end

-- Lets the take before sound.
function actions.previous_take(host)
  guarded(host, function() other_take(host, -1) end)
end

-- By its name only the part that the clip uses counts; by its path all of the file.
local function example_of(host, clip)
  local same = 0
  for _, track in ipairs(host.tracks()) do
    same = same + #list.filter(track.clips, function(each) return each.name == clip.name end)
  end
  return same == 1 and text.can_be_quoted(clip.name) and clip.name or clip.path
end

-- Writes the selected clip into the selected regions' text as what they should sound like.
function actions.use_as_example(host)
  guarded(host, function()
    local clip = host.chosen_clip()
    if not clip or not clip.path or clip.path == "" then
      fault.raise("no clip with a sound file is selected", "Select the clip that is to be the example.")
    end
    local regions = selected_regions(host)
    local value = example_of(host, clip)
    local new = {}
    for index, each in ipairs(regions) do
      new[index] = {id = each.id, text = text.with_option(each.text, "like", value)}
    end
    write(host, new)
    host.say("'" .. value .. "' is now the example of " .. list.count(#new, "region") .. ". Generate to hear it.")
  end)
end

-- Takes our clips out of the selected regions.
function actions.clear(host)
  guarded(host, function()
    local project, before = host.project(), host.own_tracks()
    local ids = {}
    for index, each in ipairs(selected(host, host.ranges())) do
      ids[index] = each.id
    end
    local clearing = plan.clearing(before, ids)
    if not clearing then
      fault.raise("there is no foley in the selected regions", "Select regions that have some.")
    end
    place.lay(host, project, clearing, before)
    local out = list.count(#clearing.remove, "clip")
    host.say(clearing.label .. ": " .. out .. " taken out. Undo: " .. host.undo_hint)
  end)
end

-- Shows the run of this project, and offers to cancel it, or to take it up when nobody waits for it.
function actions.progress(host)
  guarded(host, function()
    local config, project = call.config(host), host.project()
    local pending = call.pending(config, project)
    if not pending then
      fault.raise("no sound is being made for this project")
    end
    if pending.placing and run.looked_after(pending) then
      if host.ask(run.CLOSED) then
        call.leave(config, project, pending)
        run.take_up(host)
      end
    elseif run.looked_after(pending) then
      local fraction, said = run.told(call.progress(config, pending.run))
      if host.ask(math.floor(100 * fraction) .. " %: " .. said .. ". Cancel it?") then
        call.cancel(config, pending.run)
      end
    elseif host.ask("Sound asked for earlier was not laid in yet. Go on with it?") then
      run.take_up(host)
    end
  end)
end

-- Places what became ready meanwhile; says nothing when there is nothing.
function actions.place_ready(host)
  guarded(host, function() run.take_up(host) end)
end

-- Opens the page about the takes laid last.
function actions.open_report(host)
  guarded(host, function()
    local last = call.read_json(call.project_file(call.config(host), "last", host.project()))
    if not last or not last.report then
      fault.raise("nothing was laid into this project yet, so there is no report", "Generate first.")
    elseif not call.is_file(last.report) then
      fault.raise(last.report .. " is not there any more", "Generate again.")
    end
    host.open(last.report)
  end)
end

-- Places sounds of its own, reads them back, takes them out again, and writes what was seen into a file.
function actions.self_test(host)
  guarded(host, function() host.say(selftest.run(host)) end)
end

-- What the doctor found, what is wrong first.
local function diagnosis(config, found)
  local needed = "Everything that is needed is there (foley_bridge " .. tostring(config.version) .. ")."
  local lines, good = {found.ok and needed or "Not ready yet."}, {}
  for _, each in ipairs(found.checks) do
    local said = each.name .. ": " .. each.detail
    if each.ok then
      good[#good + 1] = said
    else
      local advice = each.advice or ""
      lines[#lines + 1] = "- " .. said .. (advice ~= "" and " > " or "") .. advice
    end
  end
  if #good > 0 then
    lines[#lines + 1] = "Good: " .. table.concat(good, "; ")
  end
  return table.concat(lines, "\n")
end

-- Asks foley-bridge's doctor, and says what it found.
function actions.check(host)
  local config, name, since
  local function wait()
    local reply = call.reply(config, name)
    if not reply and call.now() - since <= 2 * call.PATIENCE_S then
      host.show(0, "Asking the doctor")
      return wait
    end
    host.show(nil, "")
    call.clear(config, name)
    if not reply then
      call.raise_silent(host, config)
    elseif not reply.ok then
      fault.raise(call.refused(host, reply))
    end
    host.say(diagnosis(config, reply.result))
    return nil
  end
  task.start(host, function()
    config, name, since = call.config(host), call.name(host), call.now()
    call.launch(host, config, name, "doctor", {})
    return wait
  end)
end

return actions
