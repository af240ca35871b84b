-- Ardour as the core sees it (docs/host_scripts.md), with its window or without (ardour7-lua).

local fault = require("foley.fault")
local import = require("ardour.import")
local list = require("foley.list")
local own = require("ardour.own")
local session = require("ardour.session")
local takes = require("ardour.takes")

local FOLEY_BRIDGE = nil -- the folder of foley_bridge.json, written here by foley-bridge install-host

local MARK = 'Select a range of time, choose Edit > Select > Add Range Marker from Selection, and name it, such as "FOLEY footsteps".'
local SELECT = "Select the range's marker, or put the playhead into it, and try again."

local host = {}

-- face: ardour.window or ardour.plain, or what behaves like them; import_with: how sound files come into the session; config: where
-- foley_bridge.json lies.
local function made(face, import_with, config)
  local of = Session
  local adapter = {
    name = "Ardour",
    grid = "samples",
    options = {handles = "0.5"},
    config = config,
    undo_hint = "Edit > Undo",
    mark_hint = MARK,
    select_hint = SELECT,
    version = "Ardour " .. tostring(ARDOUR.revision),
    say = face.say,
    ask = face.ask,
    ask_text = face.ask_text,
    show = face.show,
    later = face.later,
    lives_on = face.lives_on or false,
    launch = face.launch,
    open = face.open,
  }

  function adapter.project()
    return session.project(of)
  end

  function adapter.ranges()
    local selected = face.selected(of)
    local found = {}
    for index, each in ipairs(session.locations(of)) do
      found[index] = {id = each.id, text = each.text, start = each.start, stop = each.stop, selected = selected(each)}
    end
    return found
  end

  function adapter.points()
    return session.points(of)
  end

  function adapter.tracks()
    return session.tracks(of, own.lane)
  end

  function adapter.own_tracks()
    return own.tracks(of)
  end

  function adapter.place(plan)
    local function into(...)
      local wholes
      wholes, of = import_with(...)
      return wholes, of
    end
    return takes.place(of, plan, into)
  end

  function adapter.take_back(receipt)
    face.undo(receipt)
  end

  function adapter.choose(clip, number)
    takes.choose(of, clip, number)
  end

  function adapter.write_text(range_id, text)
    local range = list.find(session.locations(of), "id", range_id)
    if not range then
      fault.raise("the region is gone", "Mark it again.")
    end
    range.location:set_name(text)
    of:set_dirty()
  end

  function adapter.chosen_clip()
    return face.chosen_clip(of)
  end

  function adapter.chosen_takes()
    return face.chosen_takes(of)
  end

  return adapter
end

local function config_path()
  local base = FOLEY_BRIDGE or ARDOUR.LuaAPI.build_filename(ARDOUR.user_config_directory(-1), "scripts")
  return ARDOUR.LuaAPI.build_filename(base, "foley_bridge.json")
end

-- In an action of Ardour's window.
function host.with_window()
  return made(require("ardour.window"), import.with_window, config_path())
end

-- In a hook, which lives on: nothing is shown of the progress, since that would keep the user from working (an action tells it).
function host.with_timer(later)
  local face = {later = later, lives_on = true, show = function() return false end}
  return made(setmetatable(face, {__index = require("ardour.window")}), import.with_window, config_path())
end

-- In ardour7-lua, with a session loaded.
function host.without_window()
  return made(require("ardour.plain"), import.without_window, config_path())
end

return host
