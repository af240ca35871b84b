-- One generate from start to report, as steps: collect, wait, end. Each can be done again: it goes by what is on disk.
--
-- A run that was launched is noted beside the work files until it is placed. So a host that was closed in the middle finds it
-- again: the same request takes up the same job, whose takes may be there already. Whoever looks after a run says so every few
-- seconds, and leaves it alone when somebody else does.

local call = require("foley.call")
local fault = require("foley.fault")
local json = require("foley.json")
local list = require("foley.list")
local notes = require("foley.notes")
local path = require("foley.path")
local place = require("foley.place")
local starting = require("foley.starting")
local task = require("foley.task")
local text = require("foley.text")
local timeline = require("foley.timeline")
local waiting = require("foley.waiting")

local run = {}

run.CLOSED = "The takes are being laid in. Was the editor closed before that was done, and are they to be laid in again?"
run.SELECT = "Select the marked ranges that are to get sound, and try again."
run.place_result = place.place_result

-- The project. Raises when it was never saved, so that there is no folder for takes.
function run.saved(host)
  local project = host.project()
  if not project.folder or project.folder == "" then
    fault.raise("this project has not been saved yet, so there is no folder for its takes", "Save it, and try again.")
  end
  return project
end

local function takes_are_there(reply)
  for _, region in ipairs(reply.result.result.regions) do
    for _, take in ipairs(region.takes) do
      if not call.is_file(take.path) then
        return false
      end
    end
  end
  return true
end

-- The ranges that are to get sound, as a note of a run keeps them.
local function chosen(host, which)
  local regions = list.filter(host.ranges(), function(each) return text.is_region(each.text) end)
  if #regions == 0 then
    local said = "there is no region to fill: no marked range has a name that begins with FOLEY"
    fault.raise(said, host.mark_hint or 'Mark a range and name it, such as "FOLEY footsteps".')
  end
  if which == "selected" then
    regions = list.filter(regions, function(each) return each.selected end)
    if #regions == 0 then
      fault.raise("no region is selected", host.select_hint or run.SELECT)
    end
  end
  local asked = json.list()
  for index, each in ipairs(regions) do
    asked[index] = {id = each.id, text = each.text, start = each.start, stop = each.stop}
  end
  return asked
end

-- A run of one project, as a table of steps. which: "all" or "selected".
local function new(host, which)
  local self = {}
  local watch = notes.owner(host, "pending")
  local config, project, pending, daemon
  local since, cancelled = 0, false

  local function launched()
    watch.take(config, project, pending)
    since = call.now()
    return self.wait
  end

  local function drop(note)
    notes.drop(config, project, "pending", note.run)
  end

  -- Lays the takes in. What was in the way can be cleared, and the same run taken up again.
  local function lay(reply)
    local result = reply.result.result
    pcall(notes.keep, config, project, "pending", pending, true) -- if not, the last heartbeat is there
    local outcome = place.place_result(host, result, pending.asked, pending.key)
    if outcome.again then
      pcall(notes.leave, config, project, "pending", pending) -- what was in the way is to be told
    else
      drop(pending)
    end
    if outcome.ok then
      waiting.stop(config, project) -- of a reel that is not the last any more
      local last = {run = pending.run, job = reply.result.job.job, asked = pending.asked, report = result.report}
      local noted, why = pcall(notes.write, config, project, "last", last)
      if not noted then
        outcome.message = outcome.message .. "\nThe report cannot be opened from here: " .. fault.readable(why)
      end
    end
    return outcome
  end

  -- Whether a run of before is taken up. If not it is out of the way: laid, or dropped.
  local function goes_on(before, request)
    if notes.looked_after(before) then
      fault.raise("sound for this project is being made already", "Wait for it, or cancel it: Progress / Cancel.")
    end
    local reply = call.reply(config, before.run)
    local ready = reply and reply.ok and takes_are_there(reply)
    local here = call.is_file(call.work_file(config, before.run, ".json"))
    here = here and not call.is_file(call.work_file(config, before.run, ".cancel"))
    if before.request == request and here and (ready or not reply) then
      pending = before
      return true
    end
    if ready and host.ask("Sound made earlier for this project was not laid in. Lay it in first?") then
      pending = before
      pending.owner = watch.name
      local outcome = lay(reply)
      if outcome.again then
        fault.raise(outcome.message)
      end
      host.say(outcome.message)
    end
    if not reply then -- somebody may still follow the job: it is to end
      call.cancel(config, before.run)
      call.forget(call.project_file(config, "pending", project))
    else
      drop(before)
    end
    return false
  end

  local function stopped()
    host.show(nil, "")
    drop(pending)
    host.say("Cancelled. Nothing was changed.")
    return nil
  end

  -- Whether this run is still looked after here.
  local function mine()
    return watch.mine(config, project, pending)
  end

  -- What is asked for; the run of before when that asked for the same.
  function self.collect()
    config, project = call.config(host), run.saved(host)
    local asked = chosen(host, which)
    local params = {
      kind = "generate",
      options = host.options or {},
      timeline = {inline = timeline.build(project, host.tracks(), asked, host.points()), base = text.clean(project.folder)},
      sample_rate = project.sample_rate or 48000,
    }
    local request = call.digest(call.encode(params))
    local before = notes.read(config, project, "pending")
    if before and goes_on(before, request) then
      return self.go_on
    end
    waiting.before_another(host, config, project)
    local name = call.name(host)
    local key = name .. "-" .. string.sub(call.digest(project.id), 1, 8)
    pending = {run = name, key = key, request = request, asked = asked}
    local folder = path.join(project.folder, "Foley", name)
    params.key, params.media_dir = key, folder
    params.out, params.report = path.join(folder, "takes.otio"), path.join(folder, "report.html")
    if host.poke then
      local poke = host.poke
      params.poke = {port = poke.port, address = poke.address, arguments = json.list(poke.arguments)}
    end
    call.launch(host, config, name, "submit", params)
    return launched()
  end

  -- The run that is not yet placed, wherever it stands.
  function self.find()
    config, project = call.config(host), host.project()
    pending = notes.read(config, project, "pending")
    if not pending or notes.looked_after(pending) then
      return nil
    end
    return self.go_on
  end

  -- Takes up a run: its reply may be there; if not, the same request is sent again, which gives the same job.
  function self.go_on()
    if not call.reply(config, pending.run) then
      call.relaunch(host, config, pending.run)
    end
    return launched()
  end

  -- Looks for the reply; shows how far the job is.
  function self.wait()
    if not mine() then
      host.show(nil, "")
      return nil
    elseif call.reply(config, pending.run) then
      host.show(nil, "")
      return self.finish
    end
    local job = call.progress(config, pending.run)
    if not job and call.now() - since > call.PATIENCE_S then
      drop(pending)
      call.raise_silent(host, config)
    end
    local fraction, said = call.told(job)
    if host.show(fraction, said) and not cancelled then
      cancelled, since = true, call.now()
      call.cancel(config, pending.run)
    end
    if cancelled and call.now() - since > call.PATIENCE_S then
      drop(pending)
      fault.raise("the run was cancelled; the daemon has not confirmed it", "Nothing was changed.")
    end
    return self.wait
  end

  -- Places what came, or says what went wrong.
  function self.finish()
    local reply = call.reply(config, pending.run)
    if not reply then -- a foley-call that was started since has cleared it away, and will write its own
      return self.wait
    end
    local kind = reply.error and reply.error.kind
    if kind == "Cancelled" or call.is_file(call.work_file(config, pending.run, ".cancel")) then
      return stopped()
    elseif reply.ok then
      if host.project().id ~= project.id then -- opened meanwhile; the takes wait for theirs
        notes.leave(config, project, "pending", pending)
        local said = "the takes for project '" .. project.name .. "' are ready, and another project is open now"
        fault.raise(said, "Open it again, and go on with Progress / Cancel.")
      end
      host.say(lay(reply).message)
      return nil
    end
    if not daemon and starting.wanted(host, reply) then
      daemon = starting.launch(host, config, project)
      return self.start
    end
    drop(pending)
    fault.raise(call.refused(host, reply))
  end

  -- Waits for the daemon, then asks it the same.
  function self.start()
    if not mine() then
      return nil
    end
    local good, state = pcall(daemon)
    if not good then
      drop(pending)
      error(state, 0)
    elseif state == "stopped" then
      return stopped()
    elseif state == "waiting" then
      return self.start
    end
    call.relaunch(host, config, pending.run)
    return launched()
  end

  return self
end

-- Generates into all regions, or the selected ones (which is "all" or "selected").
function run.generate(host, which)
  task.start(host, new(host, which).collect)
end

-- Goes on with the run of this project that is not yet placed, if there is one and nobody looks after it.
function run.take_up(host)
  task.start(host, new(host, "all").find)
end

return run
