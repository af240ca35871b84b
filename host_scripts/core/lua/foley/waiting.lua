-- What the audition page sends back: waited for beside everything else, and laid in when it is there.
--
-- One foley-call of a project waits (docs/protocol.md, --follow of choices); the host looks from its own timer whether it has
-- answered. A note says who looks, so that only one does, and so that a host which was closed finds it again.

local call = require("foley.call")
local fault = require("foley.fault")
local json = require("foley.json")
local notes = require("foley.notes")
local place = require("foley.place")
local task = require("foley.task")

local waiting = {}

waiting.SILENT_S = 60 -- foley-call says every few seconds that it waits; without that it is gone
local AWAY = "What the audition page sends back is not waited for any more: "
local AGAIN = "Open the audition page again, or choose Apply the choices."
local LAYING = "Choices are being laid in"
local FIRST = "Choices that the audition page sent back were not laid in. Lay them in first?"

-- Lays in what was sent back. last: the note of the run whose reel it is; given: the result of a job of kind apply, and its job.
function waiting.lay(host, config, project, last, given)
  local outcome = place.place_result(host, given.result, last.asked, given.job.key or given.job.job)
  if not outcome.again then
    last.applied = given.job.job
    pcall(notes.write, config, project, "last", last) -- if not, it would be laid in once more
  end
  return outcome
end

-- Puts an end to the waiting. Who waits sees it by his note, foley-call by its request.
function waiting.stop(config, project)
  local note = notes.read(config, project, "waiting")
  if note then
    notes.drop(config, project, "waiting", note.run)
  end
end

-- Who waits, as a table of steps.
local function new(host, config, project)
  local self = {}
  local owner = notes.owner(host, "waiting")
  local note, since, looked = nil, 0, 0

  -- Has foley-call wait for what is sent back after a job of kind apply.
  local function await(job, applied)
    local name = call.name(host)
    call.launch(host, config, name, "choices", {job = job, applied = applied or json.null})
    since, looked, note = call.now(), call.now(), {run = name, job = job, applied = applied}
    owner.take(config, project, note)
    return self.look
  end

  -- Goes on with what somebody waited for who is gone.
  function self.take_over(found)
    if not host.lives_on and not call.reply(config, found.run) then
      waiting.stop(config, project)
      return nil
    end
    since, looked, note = 0, call.now(), found -- a foley-call that is gone is seen at once
    owner.take(config, project, note)
    return self.look
  end

  function self.begin(last)
    local found = notes.read(config, project, "waiting")
    if found and found.job == last.job then
      if notes.looked_after(found) then
        return nil
      end
      local reply = call.reply(config, found.run)
      if not reply or reply.ok then
        return self.take_over(found) -- else it gave up, such as when the daemon ended
      end
    end
    waiting.stop(config, project)
    return await(last.job, last.applied)
  end

  -- Looks whether something came, once a second: this goes on for hours.
  function self.look()
    local now = call.now()
    if now == looked then
      return self.look
    elseif now - looked > waiting.SILENT_S then -- this machine slept, and so did foley-call
      since = now
    end
    looked = now
    if not owner.mine(config, project, note) then
      return nil
    elseif call.reply(config, note.run) then
      return self.answered
    end
    local said = call.progress(config, note.run)
    local asked = call.is_file(call.work_file(config, note.run, ".json")) -- if not, an end was put to it
    if asked and now - math.max(since, said and said.at_s or 0) > waiting.SILENT_S then
      since = now
      call.relaunch(host, config, note.run)
    end
    return self.look
  end

  -- Lays in what was sent back, and says meanwhile that this is going on; gives what to say of it.
  local function lay(last, given)
    pcall(notes.keep, config, project, "waiting", note, true) -- if not, the last heartbeat is there
    return waiting.lay(host, config, project, last, given).message
  end

  -- Lays in what came. Gives whether to wait on, after which job, and what to say.
  local function take(last, reply)
    if reply.ok then
      local job = reply.result.job.job
      if last.applied == job then
        return true, job, "" -- Apply the choices was quicker
      end
      return true, job, lay(last, reply.result)
    end
    local refused = fault.told(call.refused(host, reply))
    local job = call.progress(config, note.run)
    if job and job.state == "failed" then
      return true, note.applied, "The choices could not be applied: " .. refused
    end
    return false, nil, reply.error and reply.error.kind == "Cancelled" and "" or AWAY .. refused .. "\n" .. AGAIN
  end

  -- Whether the project is the one that is open; there may be none.
  local function is_open()
    local good, open = pcall(host.project)
    return good and open.id == project.id
  end

  -- Waits for what comes after a job of kind apply, where the host lets a script do that, and says something.
  local function go_on(waits, applied, message)
    local step
    if not waits or not host.lives_on then
      waiting.stop(config, project)
    else
      call.clear(config, note.run)
      local good, given = pcall(await, note.job, applied)
      step = good and given or nil
      if not good then
        waiting.stop(config, project)
        message = message .. "\n" .. AWAY .. fault.readable(given)
      end
    end
    if message ~= "" then
      host.say(message)
    end
    return step
  end

  -- Lays in what came, says what became of it, and waits for more.
  function self.answered()
    local reply = call.reply(config, note.run)
    if not owner.mine(config, project, note) then
      return nil
    elseif not reply then -- a foley-call that was started since has cleared it away, and will write its own
      return self.look
    elseif not is_open() then
      notes.leave(config, project, "waiting", note)
      local said = "choices for project '" .. project.name .. "' were sent back, and it is not the one that is open now"
      fault.raise(said, "Open it again, and choose Place what is ready.")
    end
    local last = notes.read(config, project, "last")
    if not last or last.job ~= note.job then
      waiting.stop(config, project)
      return nil
    end
    return go_on(take(last, reply))
  end

  -- Lays in what was sent back last, see lay_at_once.
  function self.at_once(before, given)
    local found, job = notes.read(config, project, "waiting"), given.job.job
    if found and found.placing and notes.looked_after(found) then
      if not host.show(0, LAYING) then
        return function() return self.at_once(before, given) end
      end
      host.show(nil, "")
      return nil
    end
    host.show(nil, "")
    local last = notes.read(config, project, "last") or before
    if last.job ~= before.job then
      fault.raise("sound was generated anew meanwhile", "Open the audition page again.")
    elseif last.applied == job and job ~= before.applied then
      return nil -- he has laid it in
    elseif not found or found.job ~= last.job then
      host.say(waiting.lay(host, config, project, last, given).message)
      return nil
    end
    note = found
    owner.take(config, project, note)
    return go_on(true, job, lay(last, given))
  end

  return self
end

-- Waits for what comes back from the reel of the last run, unless somebody does. Gives the next step.
function waiting.begin(host, config, project, last)
  return new(host, config, project).begin(last)
end

-- Lays in what was sent back last. before: the note of the run whose reel it is, as it was when this was asked for; given: the result
-- of a job of kind apply, and its job. Gives the next step: he who waits ends what he is laying in, and is relieved. Raises when there
-- is another reel since.
function waiting.lay_at_once(host, config, project, before, given)
  return new(host, config, project).at_once(before, given)
end

-- Goes on waiting where nobody does any more, and lays in what came meanwhile.
function waiting.take_up(host)
  task.start(host, function()
    local config, project = call.config(host), host.project()
    local note = notes.read(config, project, "waiting")
    if not note or notes.looked_after(note) then
      return nil
    end
    return new(host, config, project).take_over(note)
  end)
end

-- There is going to be another reel: what was sent back and not laid in can be before; raises when it cannot be laid in. (The waiting
-- ends with the other.)
function waiting.before_another(host, config, project)
  local note = notes.read(config, project, "waiting")
  if not note then
    return
  end
  local last, reply = notes.read(config, project, "last"), call.reply(config, note.run)
  if last and reply and reply.ok and not notes.looked_after(note) and host.ask(FIRST) then
    local outcome = waiting.lay(host, config, project, last, reply.result)
    if outcome.again then
      fault.raise(outcome.message)
    end
    waiting.stop(config, project)
    host.say(outcome.message)
  end
end

return waiting
