-- What a menu entry runs. Ardour removes a script that ends with an error, so none does.

local actions = require("foley.actions")
local fault = require("foley.fault")
local host = require("ardour.host")
local timer = require("ardour.timer")
local window = require("ardour.window")

local LASTING = {
  generate = true,
  recommend = true,
  progress = true,
  place_ready = true,
  audition = true,
  apply_choices = true,
  check = true,
}

local action = {}

local function guarded(act)
  if not io or not os.forkexec then
    window.say("Ardour keeps Lua scripts from reading files and starting programs.\n"
      .. "Turn off 'Sandbox all Lua scripts' in Ardour's preferences, and try again.")
    return
  end
  local good, err = pcall(act)
  if not good then
    window.show(nil)
    window.say(fault.readable(err))
  end
end

-- An entry of the menu.
function action.run(name, argument)
  guarded(function()
    local adapter = host.with_window()
    if not LASTING[name] or not timer.order(adapter, name, argument) then
      actions[name](adapter, argument)
    end
  end)
end

-- What the hook calls, again and again.
function action.hook()
  return timer.hook(host.with_timer, function(adapter, name, argument)
    actions[name](adapter, argument)
  end)
end

return action
