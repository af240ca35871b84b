-- Which regions of a session are takes of ours: foley.json in the session's folder.
--
-- Ardour keeps nothing for others with a region, so what it cannot say (the marked range, the request's key, the take's number) is
-- kept here, under the region's id and the sound file it plays: ids may come again when a session was closed without saving, the
-- two together do not. Where a region lies, what it plays, and whether it sounds is always asked of Ardour.
--
-- sounds: the imported file's name → the take's path; regions: "id file" → {clip, region, key, number, takes, from}; clip is common
-- to the takes of one place; from: the sample of its file with which it was laid. Paths below the session's folder are kept without
-- it, so that the folder may be moved.

local fault = require("foley.fault")
local json = require("foley.json")
local path = require("foley.path")

local ledger = {}

local FILE = "foley.json"

-- A path without the session's folder, where it lies below it; with plain slashes then.
function ledger.short(session, whole)
  local folder = path.join(session:path(), "")
  if string.sub(whole, 1, #folder) ~= folder then
    return whole
  end
  local below = string.sub(whole, #folder + 1)
  return path.is_windows(whole) and (string.gsub(below, "\\", "/")) or below
end

-- The whole path again.
function ledger.long(session, short)
  if string.sub(short, 1, 1) == "/" or path.is_windows(short) then
    return short
  end
  local below = path.is_windows(session:path()) and (string.gsub(short, "/", "\\")) or short
  return path.join(session:path(), below)
end

-- What was written; empty where nothing was.
function ledger.read(session)
  local whole = path.join(session:path(), FILE)
  local file = io.open(whole, "rb")
  local text = file and file:read("a")
  if file then
    file:close()
  end
  local good, held = pcall(json.decode, text or "{}")
  if file and not text or not good or type(held) ~= "table" then
    local hint = "Move it away: the takes that were laid stay, as clips like any other."
    fault.raise(whole .. " cannot be read, or is damaged", hint)
  end
  return {schema = 1, sounds = held.sounds or {}, regions = held.regions or {}}
end

-- Whole or not at all.
function ledger.write(session, held)
  local whole = path.join(session:path(), FILE)
  local part = whole .. ".part"
  local file, why = io.open(part, "wb")
  local done = file and file:write(json.encode(held))
  if file then
    done = file:close() and done
  end
  if done and not os.rename(part, whole) then -- Windows does not replace
    os.remove(whole)
    done = os.rename(part, whole)
  end
  if not done then
    os.remove(part)
    fault.raise(whole .. " cannot be written: " .. tostring(why or "is the disk full?"), "Make the session's folder writable.")
  end
end

-- The name of the sound file a region plays, or nil when it has none.
function ledger.file(region)
  local source = region:source(0)
  local file = not source:isnil() and source:to_filesource()
  if not file or file:isnil() then
    return nil
  end
  return path.name(file:path())
end

-- A region's id.
function ledger.id(region)
  return region:to_stateful():id():to_s()
end

-- What is known of a region; nil when it is none of ours.
function ledger.of(held, region)
  local file = ledger.file(region)
  return file and held.regions[ledger.id(region) .. " " .. file]
end

return ledger
