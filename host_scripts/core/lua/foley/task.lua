-- Work in steps, one a tick of the host's own timer, so that the host never waits.
--
-- A step does a little, and gives the next step, itself to be called again, or nil at the end. Whatever goes wrong ends the work
-- with a message. Steps run inside a coroutine, where the host's Lua has them (Ardour's window has not): a function of the host that
-- has much to do may yield, and goes on at the next tick.

local fault = require("foley.fault")

local task = {}

-- Does the steps from first on, from the host's timer.
function task.start(host, first)
  local step, thread = first, nil
  host.later(function()
    local good, after
    if coroutine then
      thread = thread or coroutine.create(step)
      good, after = coroutine.resume(thread)
    else
      good, after = pcall(step)
    end
    if not good then
      host.show(nil, "")
      host.say(fault.readable(after))
      return false
    elseif thread and coroutine.status(thread) == "suspended" then
      return true
    end
    step, thread = after, nil
    return step ~= nil
  end)
end

return task
