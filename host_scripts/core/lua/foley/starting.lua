-- A daemon is started where none answers: the user is asked, and it is waited for.

local call = require("foley.call")
local fault = require("foley.fault")
local json = require("foley.json")

local starting = {}

-- Whether nobody answered, and the user wants a daemon to be started.
function starting.wanted(host, reply)
  if not reply.error or reply.error.kind ~= "BridgeError" then
    return false
  end
  local message = call.refused(host, reply)
  if string.find(message, "another version", 1, true) then -- there is one, and a second would not help
    return false
  end
  return host.ask("The foley_bridge daemon does not answer (" .. message .. "). Start it?")
end

-- A daemon that may write beside the project, on its way. Gives a function that looks for it: "up" when it answers, "stopped" when
-- the user does not want to wait any more, else "waiting"; raises when it does not start.
function starting.launch(host, config, project)
  local name, since = call.name(host), call.now()
  call.launch(host, config, name, "start", {allow = json.list({project.folder})})
  return function()
    local reply = call.reply(config, name)
    if not reply and call.now() - since <= 2 * call.PATIENCE_S then
      return host.show(0, "Starting the daemon") and "stopped" or "waiting"
    end
    call.clear(config, name)
    if not reply then
      call.raise_silent(host, config)
    elseif not reply.ok then
      fault.raise(call.refused(host, reply))
    end
    return "up"
  end
end

return starting
