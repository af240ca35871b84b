-- REAPER's functions, counted: while the project is read, no more than fifty of them are called between two ticks of its timer.
--
-- api.GetTrack(…) is reaper.GetTrack(…). When the budget is spent, the coroutine that reads is suspended until the next tick.
-- A reading that takes several ticks is begun anew when the project changed meanwhile, for then its handles may be dead.

local fault = require("foley.fault")

local api = {}

local BUDGET = 40 -- of fifty in all, less what the window and the timer need
local TRIES = 20
local calls = 0
local at_once = false

api.project = reaper.EnumProjects(-1) -- the tab that was in front when the action was chosen; it is this one for good
api.suspended = false -- whether something waits for the next tick

-- A tick begins.
function api.tick()
  calls, api.suspended = 0, false
end

local function counted(name)
  local call = reaper[name]
  return function(...)
    if calls >= BUDGET and not at_once and coroutine.isyieldable() then
      api.suspended = true
      coroutine.yield()
    end
    calls = calls + 1
    return call(...)
  end
end

setmetatable(api, {
  __index = function(_, name)
    local call = counted(name)
    rawset(api, name, call)
    return call
  end,
})

-- The same function, done within one tick: what changes the project must not stop in the middle.
function api.whole(change)
  return function(...)
    at_once = true
    local results = table.pack(pcall(change, ...))
    at_once = false
    if not results[1] then
      error(results[2], 0)
    end
    return table.unpack(results, 2, results.n)
  end
end

-- Whether the project is still open.
function api.is_open()
  return reaper.ValidatePtr2(nil, api.project, "ReaProject*")
end

local function change_count()
  calls = calls + 2
  if not api.is_open() then
    fault.raise("the project was closed", "Open it again and run the action again.")
  end
  return reaper.GetProjectStateChangeCount(api.project)
end

-- What read gives, from a project that did not change while it was read.
function api.steady(read)
  for _ = 1, TRIES do
    local before = change_count()
    local good, found = pcall(read)
    if change_count() == before then
      if good then
        return found
      end
      error(found, 0)
    end
  end
  fault.raise("the project keeps changing while it is read", "Stop editing for a moment and run the action again.")
end

return api
