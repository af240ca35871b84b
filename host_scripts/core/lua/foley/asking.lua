-- One question to the daemon through foley-call, as steps: asked, waited for, answered.

local call = require("foley.call")
local fault = require("foley.fault")
local starting = require("foley.starting")

local asking = {}

-- Asks a method of the daemon's, or of foley-call itself; gives the next step.
--
-- shown: what is shown while nothing more is known. answered: the step that takes the result. may_start: whether a daemon may be
-- started for it.
function asking.question(host, config, project, shown, answered, may_start)
  local self = {}
  local name, since, daemon = call.name(host), 0, nil

  function self.ask(method, params)
    since = call.now()
    call.launch(host, config, name, method, params)
    return self.wait
  end

  local function still()
    local job = call.progress(config, name)
    if not job and call.now() - since > 2 * call.PATIENCE_S then
      host.show(nil, "")
      call.clear(config, name)
      call.raise_silent(host, config)
    end
    local fraction, said = 0, shown
    if job then
      fraction, said = call.told(job)
    end
    if host.show(fraction, said) and job then -- it can be given up: who waits in vain ends by himself
      host.show(nil, "")
      call.clear(config, name)
      return nil
    end
    return self.wait
  end

  -- Looks for the reply.
  function self.wait()
    local reply = call.reply(config, name)
    if not reply then
      return still()
    end
    host.show(nil, "")
    if not reply.ok and may_start and not daemon and starting.wanted(host, reply) then
      daemon = starting.launch(host, config, project)
      return self.start
    end
    call.clear(config, name)
    if not reply.ok then
      fault.raise(call.refused(host, reply))
    end
    return answered(reply.result)
  end

  -- Waits for the daemon, then asks it the same.
  function self.start()
    local state = daemon()
    if state == "waiting" then
      return self.start
    end
    host.show(nil, "")
    if state == "stopped" then
      call.clear(config, name)
      return nil
    end
    since = call.now()
    call.relaunch(host, config, name)
    return self.wait
  end

  return self
end

return asking
