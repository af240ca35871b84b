-- The audition page (docs/audition.md): opens it on the reel of the last run, and lays in at once what it sent back last.

local asking = require("foley.asking")
local call = require("foley.call")
local fault = require("foley.fault")
local json = require("foley.json")
local notes = require("foley.notes")
local task = require("foley.task")
local waiting = require("foley.waiting")

local audition = {}

local COME_BACK = "The audition page is open. When you have sent the choices back, come here again: Apply the choices."

-- The config, the project, and the note of its last run, which made a reel.
local function reel(host)
  local config, project = call.config(host), host.project()
  local last = notes.read(config, project, "last")
  if not last then
    fault.raise("nothing was laid into this project yet, so there is nothing to choose from", "Generate first.")
  elseif not last.job then
    fault.raise("the takes of this project were laid by an older version of foley_bridge", "Generate again.")
  end
  return config, project, last
end

-- Opens the page, and lays in what it sends back, where the host lets a script wait for that.
function audition.open_page(host)
  task.start(host, function()
    local config, project, last = reel(host)
    local function answered(link)
      host.open(link.url)
      if host.lives_on then
        return waiting.begin(host, config, project, last)
      end
      host.say(COME_BACK)
      return nil
    end
    local question = asking.question(host, config, project, "Opening the audition page", answered, true)
    return question.ask("audition", {job = last.job})
  end)
end

-- Lays in what was sent back last, be it for the second time; when it is just being made, waits for it.
function audition.apply_choices(host)
  task.start(host, function()
    local config, project, last = reel(host)
    local function answered(given)
      if not given.result then
        fault.raise("nothing was sent back from the audition page yet", "Send the choices back there first.")
      end
      return waiting.lay_at_once(host, config, project, last, given)
    end
    local question = asking.question(host, config, project, "Asking for the choices", answered, true)
    return question.ask("choices", {job = last.job, applied = json.null, timeout_s = 0})
  end)
end

return audition
