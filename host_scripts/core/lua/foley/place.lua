-- Laying a plan into the project, reading back what is really there, and taking it back when that is not what was meant.

local check = require("foley.check")
local fault = require("foley.fault")
local list = require("foley.list")
local plan = require("foley.plan")

local place = {}

local MOST_NOTES = 5 -- in a message

-- The first few of many sentences.
local function some(faults)
  local more = #faults > 3 and "; and " .. (#faults - 3) .. " more" or ""
  return table.concat(faults, "; ", 1, math.min(3, #faults)) .. more .. "."
end

-- Raises what went wrong, and whether our tracks are as they were; the error's unlaid says that this is told.
local function refuse(host, project, before, said)
  local read, own = pcall(host.own_tracks)
  local left = read and check.same(host.grid, project, before, own) or {fault.readable(own)}
  if #left == 0 then
    error({message = said .. "\nNothing was laid; the project is as it was.", hint = "", unlaid = true}, 0)
  end
  local message = said .. "\nThe project is NOT as it was: " .. some(left)
  error({message = message, hint = "Take that back by hand: " .. host.undo_hint .. ".", unlaid = true}, 0)
end

-- Places a plan and makes sure of it. Raises when it did not come out as planned: what was done is taken back then, and the
-- message says whether that worked.
function place.lay(host, project, planned, before)
  local good, receipt = pcall(host.place, planned)
  if not good then
    refuse(host, project, before, fault.readable(receipt))
  end
  local function read_back()
    return check.placed(host.grid, project, planned, before, host.own_tracks())
  end
  local read, wrong = pcall(function()
    local found = read_back()
    if #found == 0 and host.settle then
      host.settle()
      found = read_back()
    end
    return found
  end)
  wrong = read and wrong or {fault.readable(wrong)}
  if #wrong == 0 then
    return
  end
  local said = host.name .. " did not do what it was asked to: " .. some(wrong)
  local back, why = pcall(function()
    host.take_back(receipt)
    if host.settle then
      host.settle()
    end
  end)
  if not back then
    said = said .. "\nTaking it back failed: " .. fault.readable(why)
  end
  refuse(host, project, before, said)
end

local function without_sound(silent)
  return list.count(#silent, "region") .. " without sound, as chosen."
end

local function success(host, adds, silent)
  local takes, seen, tracks, said = 0, {}, {}, {}
  for _, add in ipairs(adds) do
    takes = takes + #add.takes
    if not seen[add.track] then
      seen[add.track] = true
      tracks[#tracks + 1] = add.track
    end
  end
  table.sort(tracks)
  if #adds > 0 then
    local where = "track" .. (#tracks == 1 and "" or "s") .. " " .. table.concat(tracks, ", ")
    said[1] = list.count(#adds, "region") .. " done, " .. list.count(takes, "take") .. " laid on " .. where .. "."
  end
  if #silent > 0 then
    said[#said + 1] = without_sound(silent)
  end
  said[#said + 1] = "Undo: " .. host.undo_hint
  return table.concat(said, " ")
end

-- What a person should know of what was laid, the first few sentences.
local function notes_of(result, adds)
  local notes = {}
  for _, note in ipairs(result.notes or {}) do
    notes[#notes + 1] = note
  end
  for _, region in ipairs(result.regions) do
    for _, note in ipairs(list.find(adds, "region", region.id) and region.notes or {}) do
      notes[#notes + 1] = "'" .. region.name .. "': " .. note
    end
  end
  if #notes > MOST_NOTES then
    notes[MOST_NOTES + 1] = (#notes - MOST_NOTES) .. " more are in the report"
  end
  return table.move(notes, 1, math.min(#notes, MOST_NOTES + 1), 1, {})
end

-- done: what place_result gives, without the message; notes may be missing.
local function outcome(message, done, notes)
  local lines = {message}
  if #done.refused > 0 then
    lines[2] = "Not done:"
  end
  for _, each in ipairs(done.refused) do
    lines[#lines + 1] = "- " .. each.message
  end
  if notes and #notes > 0 then
    lines[#lines + 1] = "Good to know:"
  end
  for _, note in ipairs(notes or {}) do
    lines[#lines + 1] = "- " .. note
  end
  done.laid, done.cleared, done.again = done.laid or {}, done.cleared or {}, done.again or false
  done.ok, done.message = #done.laid + #done.cleared > 0, table.concat(lines, "\n")
  return done
end

-- Plans a result (docs/json.md, generate), places it, reads it back. asked: the ranges as they were when sound was asked for;
-- key: the request's idempotency key.
--
-- Gives ok: it was done, and is really so; message: for the user; laid: ids of the regions that have their takes; cleared: of those
-- where an editor wants no sound, and no clip of ours lies now; refused: {region, message} of those that were left out; again: the
-- same result can be laid yet, when what was in its way is gone.
function place.place_result(host, result, asked, key)
  local refused, silent, planned = {}, {}, nil
  local good, err = pcall(function()
    local project, ranges, before = host.project(), host.ranges(), host.own_tracks()
    planned, refused, silent = plan.make(host.grid, project, result, before, ranges, asked, key or "")
    if planned then
      place.lay(host, project, planned, before)
    end
  end)
  if not good then
    local said = fault.readable(err)
    if type(err) ~= "table" or not err.unlaid then
      said = said .. "\nNothing was changed."
    end
    return outcome(said, {refused = refused, again = not (type(err) == "table" and err.stale or false)})
  elseif not planned then
    local said = "Nothing was laid, and nothing was changed."
    if #silent > 0 then
      said = without_sound(silent) .. " Nothing was changed."
    end
    return outcome(said, {refused = refused, cleared = silent})
  end
  local laid = {}
  for index, add in ipairs(planned.add) do
    laid[index] = add.region
  end
  local done = {laid = laid, cleared = silent, refused = refused}
  return outcome(success(host, planned.add, silent), done, notes_of(result, planned.add))
end

return place
