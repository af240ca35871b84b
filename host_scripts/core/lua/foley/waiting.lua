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
    since, note = call.now(), {run = name, job = job, applied = applied}
    owner.take(config, project, note)
    return self.look
  end

  -- Goes on with what somebody waited for who is gone.
  function self.take_over(found)
    if not host.lives_on and not call.reply(config, found.run) then
      waiting.stop(config, project)
      return nil
    end
    since, note = call.now(), found
    owner.take(config, project, note)
    return self.look
  end

  function self.begin(last)
    local found = notes.read(config, project, "waiting")
    if found and found.job == last.job then
      return not notes.looked_after(found) and self.take_over(found) or nil
    end
    waiting.stop(config, project)
    return await(last.job, last.applied)
  end

  -- Looks whether something came, once a second: this goes on for hours.
  function self.look()
    if call.now() == looked then
      return self.look
    end
    looked = call.now()
    if not owner.mine(config, project, note) then
      return nil
    elseif call.reply(config, note.run) then
      return self.answered
    end
    local said = call.progress(config, note.run)
    if looked - math.max(since, said and said.at_s or 0) > waiting.SILENT_S then
      since = looked
      call.relaunch(host, config, note.run)
    end
    return self.look
  end

  -- Lays in what came. Gives whether to wait on, after which job, and what to say.
  local function take(last, reply)
    if reply.ok then
      local job = reply.result.job.job
      if last.applied == job then
        return true, job, "" -- Apply the choices was quicker
      end
      pcall(notes.keep, config, project, "waiting", note, true) -- if not, the last heartbeat is there
      return true, job, waiting.lay(host, config, project, last, reply.result).message
    end
    local refused = fault.told(call.refused(host, reply))
    local job = call.progress(config, note.run)
    if job and job.state == "failed" then
      return true, note.applied, "The choices could not be applied: " .. refused
    end
    return false, nil, reply.error and reply.error.kind == "Cancelled" and "" or AWAY .. refused .. "\n" .. AGAIN
  end

  -- Lays in what came, says what became of it, and waits for more.
  function self.answered()
    local reply = call.reply(config, note.run)
    if not reply then -- a foley-call that was started since has cleared it away, and will write its own
      return self.look
    elseif host.project().id ~= project.id then
      notes.leave(config, project, "waiting", note)
      local said = "choices for project '" .. project.name .. "' were sent back, and another project is open now"
      fault.raise(said, "Open it again, and choose Place what is ready.")
    end
    local last = notes.read(config, project, "last")
    if not last or last.job ~= note.job then
      waiting.stop(config, project)
      return nil
    end
    local goes_on, applied, message = take(last, reply)
    local step
    if not goes_on or not host.lives_on then
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

  return self
end

-- Waits for what comes back from the reel of the last run, unless somebody does. Gives the next step.
function waiting.begin(host, config, project, last)
  return new(host, config, project).begin(last)
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

-- Puts an end to the waiting: there is going to be another reel. What was sent back and not laid in can be before; raises when it
-- cannot be laid in.
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
    host.say(outcome.message)
  end
  waiting.stop(config, project)
end

return waiting
