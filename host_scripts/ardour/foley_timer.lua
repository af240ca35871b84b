ardour {
  ["type"] = "EditorHook",
  name = "Foley: Timer",
  author = "foley_bridge",
  description = [[Waits for sound in the background, and lays it in when it is ready. Without it the actions wait themselves.]]
}

function signals()
  return LuaSignal.Set():add({[LuaSignal.LuaTimerDS] = true})
end

function factory()
  local tick
  return function()
    if not io or not os.forkexec then
      return
    end
    tick = tick or require("ardour.action").hook()
    tick()
  end
end
