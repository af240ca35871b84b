-- What each menu entry does. Every one ends with a message, except where the user sees or hears at once what was done.

local asking = require("foley.asking")
local audition = require("foley.audition")
local call = require("foley.call")
local fault = require("foley.fault")
local list = require("foley.list")
local notes = require("foley.notes")
local place = require("foley.place")
local plan = require("foley.plan")
local run = require("foley.run")
local selftest = require("foley.selftest")
local takes = require("foley.takes")
local task = require("foley.task")
local text = require("foley.text")
local waiting = require("foley.waiting")

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

-- Lets the next take sound, in the clips selected or under the cursor; after the last comes the first.
function actions.next_take(host)
  guarded(host, function() takes.step(host, 1) end)
end

-- Lets the take before sound.
function actions.previous_take(host)
  guarded(host, function() takes.step(host, -1) end)
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

-- The same of what the audition page sends back.
local function progress_of_waiting(host, config, project)
  local note = notes.read(config, project, "waiting")
  if not note then
    fault.raise("no sound is being made for this project")
  elseif not notes.looked_after(note) then
    waiting.take_up(host)
  elseif host.ask("What the audition page sends back is waited for. Stop waiting?") then
    waiting.stop(config, project)
  end
end

-- Shows the run of this project, and offers to cancel it, or to take it up when nobody waits for it.
function actions.progress(host)
  guarded(host, function()
    local config, project = call.config(host), host.project()
    local pending = notes.read(config, project, "pending")
    if not pending then
      progress_of_waiting(host, config, project)
    elseif pending.placing and notes.looked_after(pending) then
      if host.ask(run.CLOSED) then
        notes.leave(config, project, "pending", pending)
        run.take_up(host)
      end
    elseif notes.looked_after(pending) then
      local fraction, said = call.told(call.progress(config, pending.run))
      if host.ask(math.floor(100 * fraction) .. " %: " .. said .. ". Cancel it?") then
        call.cancel(config, pending.run)
      end
    elseif host.ask("Sound asked for earlier was not laid in yet. Go on with it?") then
      run.take_up(host)
    end
  end)
end

-- Places what became ready or was sent back meanwhile; says nothing when there is nothing.
function actions.place_ready(host)
  guarded(host, function()
    local noted = notes.read(call.config(host), host.project(), "pending")
    local from = noted and run or waiting
    from.take_up(host)
  end)
end

-- Opens the audition page on the takes laid last; what it sends back is laid in.
function actions.audition(host)
  audition.open_page(host)
end

-- Lays in what the audition page sent back last.
function actions.apply_choices(host)
  audition.apply_choices(host)
end

-- Opens the page about the takes laid last.
function actions.open_report(host)
  guarded(host, function()
    local last = notes.read(call.config(host), host.project(), "last")
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
  task.start(host, function()
    local config = call.config(host)
    local function answered(found)
      host.say(diagnosis(config, found))
      return nil
    end
    return asking.question(host, config, {}, "Asking the doctor", answered, false).ask("doctor", {})
  end)
end

return actions
