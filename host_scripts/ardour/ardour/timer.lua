-- Work that lasts is done by the hook "Foley: Timer", which Ardour calls ten times a second: an action's own script ends with the
-- action. The two have no memory in common, so an action leaves an order in the work folder, and the hook says there that it is
-- alive. Where the hook is not set up, the action does the work itself, behind a window with its progress.

local call = require("foley.call")
local fault = require("foley.fault")

local timer = {}

local ALIVE_S = 2
local GONE_S = 6

local function file(config, kind, project)
  return call.project_file(config, "ardour-" .. kind, project)
end

-- Leaves an order for the hook; false when there is no hook to take it.
function timer.order(host, name, argument)
  local good, config = pcall(call.config, host)
  if not good then
    return false
  end
  local project = host.project()
  local alive = call.read_json(file(config, "timer", project))
  if not alive or call.now() - alive.alive > GONE_S then
    return false
  end
  call.write_json(file(config, "order", project), {name = name, argument = argument})
  return true
end

-- What the hook does: a function to be called with a host's making, again and again. make(later) gives a host whose later is this.
function timer.hook(make, do_action)
  local ticks, busy, alive = {}, false, 0
  local host, config, project

  local function later(tick)
    ticks[#ticks + 1] = tick
  end

  -- The state that lasts; nil until the scripts are installed whole.
  local function ready()
    if not config then
      host = make(later)
      local good, found = pcall(call.config, host)
      if not good then
        return false
      end
      config, project = found, host.project()
    end
    if call.now() - alive >= ALIVE_S then
      alive = call.now()
      call.write_json(file(config, "timer", project), {alive = alive})
    end
    return true
  end

  local function work()
    if not ready() then
      return
    end
    local order = call.read_json(file(config, "order", project))
    if order then
      call.forget(file(config, "order", project))
      do_action(host, order.name, order.argument)
    end
    local now = ticks
    ticks = {}
    for _, tick in ipairs(now) do
      if tick() then
        ticks[#ticks + 1] = tick
      end
    end
  end

  return function()
    if busy then -- a dialog of ours is open, and Ardour's timer runs on below it
      return
    end
    busy = true
    local good, err = pcall(work)
    busy = false
    if not good then
      ticks = {}
      host.say(fault.readable(err))
    end
  end
end

return timer
