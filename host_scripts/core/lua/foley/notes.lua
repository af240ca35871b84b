-- What is kept of a project between two scripts, beside the work files: a note of each kind, as JSON.
--
-- "pending" is the run that is not yet placed, "last" the run placed last, "waiting" says that somebody waits for what the audition
-- page sends back. Whoever looks after something says so in its note every few seconds, and leaves alone what another looks after.

local call = require("foley.call")

local notes = {}

local BEAT_S = 5 -- how often he who looks after something says so
local GONE_S = 20 -- without that: he is gone
local PLACING_S = 600 -- the same while takes are laid, when he can say nothing
local MISSES = 3 -- Windows may refuse a file that somebody else looks at; then it is not gone yet
local FIELDS = {
  pending = {"run", "key", "owner", "alive", "request", "asked"},
  last = {"run"},
  waiting = {"run", "job", "owner", "alive"},
}

-- A note; nil when there is none. One that means nothing is forgotten.
function notes.read(config, project, kind)
  local whole = call.project_file(config, kind, project)
  local good, found = pcall(call.read_json, whole)
  if good and found then
    for _, name in ipairs(FIELDS[kind]) do
      good = good and found[name] ~= nil
    end
  end
  if not good then -- damaged, or of another version
    call.forget(whole)
    return nil
  end
  return found
end

-- Writes a note as it is.
function notes.write(config, project, kind, note)
  call.write_json(call.project_file(config, kind, project), note)
end

-- Notes something, that somebody looks after it, and whether he is laying it in, when he cannot say more.
function notes.keep(config, project, kind, note, placing)
  note.alive, note.placing = call.now(), placing or false
  notes.write(config, project, kind, note)
end

-- Notes something for whoever takes it up next.
function notes.leave(config, project, kind, note)
  note.alive, note.placing = 0, false
  notes.write(config, project, kind, note)
end

-- Forgets a note, and the work files of its run; takes and reports stay.
function notes.drop(config, project, kind, run)
  call.forget(call.project_file(config, kind, project))
  call.clear(config, run)
end

-- Whether somebody looks after what is noted.
function notes.looked_after(note)
  return math.abs(call.now() - note.alive) < (note.placing and PLACING_S or GONE_S)
end

-- Who looks after a note of some kind.
function notes.owner(host, kind)
  local owner = {name = call.name(host)}
  local beat, missed = 0, 0

  -- Looks after a note from now on.
  function owner.take(config, project, note)
    note.owner = owner.name
    notes.keep(config, project, kind, note)
    beat = call.now()
  end

  -- Whether it is still looked after here, and nobody took it over or put an end to it; says so now and then.
  function owner.mine(config, project, note)
    local kept = notes.read(config, project, kind)
    if not kept then
      missed = missed + 1
      return missed < MISSES
    end
    missed = 0
    if kept.run ~= note.run or kept.owner ~= owner.name then
      return false
    end
    if call.now() - beat >= BEAT_S and pcall(notes.keep, config, project, kind, note) then -- once later does as well
      beat = call.now()
    end
    return true
  end

  return owner
end

return notes
