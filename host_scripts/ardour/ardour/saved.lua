-- What Ardour would save now, read as text: the only place where its Lua finds the ids of ranges (Location:id() gives an address,
-- or 0, in 7.3) and the picture. A snapshot is saved beside the session, read and removed; the session is as dirty as it was.

local fault = require("foley.fault")
local path = require("foley.path")

local saved = {}

local SNAPSHOT = "foley-bridge-look"

local ENTITIES = {lt = "<", gt = ">", quot = '"', apos = "'", amp = "&"}

local function unescaped(text)
  return (string.gsub(text, "&(#?x?)(%w+);", function(kind, name)
    if kind == "" then
      return ENTITIES[name]
    end
    return utf8.char(tonumber(name, kind == "#x" and 16 or 10))
  end))
end

-- The text inside the first element of this name, or "" when there is none.
function saved.inside(xml, name)
  return string.match(xml, "<" .. name .. ">(.-)</" .. name .. ">") or ""
end

-- The attributes of every element of this name, in order.
function saved.elements(xml, name)
  local found = {}
  for head in string.gmatch(xml, "<" .. name .. "(%s[^<>]*)>") do
    local attributes = {}
    for key, value in string.gmatch(head, '([%w_-]+)="([^"]*)"') do
      attributes[key] = unescaped(value)
    end
    found[#found + 1] = attributes
  end
  return found
end

-- A time as Ardour writes it, in samples; nil for one in beats.
function saved.samples(written, sample_rate)
  local ticks = math.tointeger(tonumber(string.match(written, "^a(%-?%d+)")))
  if not ticks then
    return nil
  end
  local per_second = 282240000
  return (2 * ticks * sample_rate + per_second) // (2 * per_second)
end

-- The session as XML.
function saved.xml(session)
  local whole = path.join(session:path(), SNAPSHOT .. ".ardour")
  local status = session:save_state(SNAPSHOT, false, false, false, false, false)
  local file = status == 0 and io.open(whole, "rb")
  local xml = file and file:read("a")
  if file then
    file:close()
  end
  os.remove(whole)
  os.remove(path.join(session:path(), SNAPSHOT .. ".history"))
  if not xml then
    local hint = "Make the folder writable, or save the session elsewhere, and try again."
    fault.raise("Ardour cannot write into " .. session:path(), hint)
  end
  return xml
end

-- Closes the session, puts other XML in its file, and opens it again (without a window only). What was there comes back when
-- Ardour does not take it.
function saved.reopened(session, xml)
  local folder, name = session:path(), session:snap_name()
  local whole = path.join(folder, name .. ".ardour")
  close_session()
  local function written(text)
    local file = io.open(whole .. ".part", "wb")
    local done = file and file:write(text)
    if file then
      done = file:close() and done
    end
    if not (done and (os.rename(whole .. ".part", whole))) then
      fault.raise(whole .. " cannot be written", "Make the folder writable; is the disk full?")
    end
  end
  local file = io.open(whole, "rb")
  local before = file:read("a")
  file:close()
  written(xml)
  local opened = load_session(folder, name)
  if not opened then
    written(before)
    load_session(folder, name)
    fault.raise("Ardour did not open " .. whole .. " with the new sounds", "Please report this, with the version of Ardour.")
  end
  return opened
end

return saved
