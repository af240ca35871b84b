-- Ardour's window: messages, questions, progress, the selection.

local all = require("ardour.all")
local own = require("ardour.own")
local path = require("foley.path")
local session = require("ardour.session")
local takes = require("ardour.takes")

local window = {}

local TITLE = "Foley"

function window.say(message)
  LuaDialog.Message(TITLE, message, LuaDialog.MessageType.Info, LuaDialog.ButtonType.Close):run()
end

function window.ask(question)
  local asked = LuaDialog.Message(TITLE, question, LuaDialog.MessageType.Question, LuaDialog.ButtonType.Yes_No)
  return asked:run() == LuaDialog.Response.Yes
end

function window.ask_text(question, text)
  local given = LuaDialog.Dialog(TITLE, {{type = "entry", key = "text", title = question, default = text or ""}}):run()
  return given and given.text
end

-- Progress: a window of Ardour's that is drawn, and lets the rest be drawn, each time it is told how far things are.

local shown, fraction_now, text_now

function window.show(fraction, text)
  if not fraction then
    if shown then
      shown:done()
    end
    shown, fraction_now, text_now = nil, nil, nil
    return false
  end
  shown = shown or LuaDialog.ProgressWindow(TITLE, true)
  fraction_now, text_now = fraction, text or ""
  shown:progress(fraction_now, text_now)
  return shown:canceled()
end

-- Ticks to the end, and keeps Ardour drawing, playing and its timers running meanwhile: an action's script may not live on.
function window.later(tick)
  local going = tick()
  while going do
    for _ = 1, 5 do
      window.show(fraction_now or 0, text_now or "Foley")
      ARDOUR.LuaAPI.usleep(40000)
    end
    going = tick()
  end
  window.show(nil)
end

function window.launch(command)
  os.forkexec(table.unpack(command))
end

-- whole: the path of a file, or the address of a page.
function window.open(whole)
  PBD.open_uri(string.find(whole, "^https?://") and whole or path.url(whole))
end

function window.undo(receipt)
  Editor:undo(takes.steps_since(receipt))
end

-- Whether a marker is one of the two that stand at a range's ends. Of ranges with the same name only the place tells which it is.
local function stands_at(marker, text, start, stop)
  local types = ArdourUI.MarkerType
  local at = marker:position():samples()
  return marker:name() == text
    and (marker:_type() == types.RangeStart and at == start or marker:_type() == types.RangeEnd and at == stop)
end

-- Whether a range is selected: its marker is, or the range selection touches it, or, with neither, the playhead is in it.
function window.selected(of)
  local selection = Editor:get_selection()
  local markers = all(selection.markers)
  local first, last = selection.time:start_sample(), selection.time:end_sample()
  local playhead = of:transport_sample()
  return function(each)
    local start, stop = session.samples(of, each.start), session.samples(of, each.stop)
    if #markers == 0 and last <= first then
      return start <= playhead and playhead < stop
    end
    for _, marker in ipairs(markers) do
      if stands_at(marker, each.text, start, stop) then
        return true
      end
    end
    return last > first and start < last and first < stop
  end
end

function window.chosen_clip(of)
  local region = all(Editor:get_selection().regions:regionlist())[1]
  return region and session.clip(of, region)
end

function window.chosen_takes(of)
  local found = own.among(of, Editor:get_selection().regions:regionlist())
  return #found > 0 and found or own.at(of, of:transport_sample())
end

return window
