-- Sound files into the session: copies of their own, so that it can be moved and archived, at its sample rate. Both ways give the
-- region of each whole file by its path, and the session. A file that is in the session already is not copied again.

local fault = require("foley.fault")
local ledger = require("ardour.ledger")
local list = require("foley.list")
local path = require("foley.path")
local saved = require("ardour.saved")
local wav = require("foley.wav")

local import = {}

local function whole_regions()
  local found = {}
  for id, region in pairs(ARDOUR.RegionFactory.regions():table()) do
    if region:whole_file() and ledger.file(region) then
      found[#found + 1] = {number = math.tointeger(tonumber(id:to_s())), region = region}
    end
  end
  return list.sorted(found, function(each) return each.number end)
end

-- Whole regions by path of what is there, and the paths that are not, each once.
local function known(of, held, paths)
  local by_path, missing, asked = {}, {}, {}
  for _, each in ipairs(whole_regions()) do
    local short = held.sounds[ledger.file(each.region)]
    if short then
      by_path[ledger.long(of, short)] = each.region
    end
  end
  for _, whole in ipairs(paths) do
    if not by_path[whole] and not asked[whole] then
      asked[whole] = true
      missing[#missing + 1] = whole
    end
  end
  return by_path, missing
end

local function stem(whole)
  return (string.gsub(path.name(whole), "%.[^.]*$", ""))
end

-- A name as far as Ardour surely keeps it.
local function plain(name)
  return (string.gsub(name, "[^%w]", ""))
end

-- With Ardour's window: its own import.
function import.with_window(of, held, paths)
  local found, missing = known(of, held, paths)
  if #missing == 0 then
    return found, of
  end
  local before = {}
  for _, each in ipairs(whole_regions()) do
    before[each.number] = true
  end
  local files = C.StringVector()
  for _, whole in ipairs(missing) do
    files:push_back(whole)
  end
  Editor:do_import(files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
    ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore, Temporal.timepos_t(0),
    ARDOUR.PluginInfo(), ARDOUR.Track(), false)
  local made = list.filter(whole_regions(), function(each) return not before[each.number] end)
  for index, whole in ipairs(missing) do
    local each = made[index]
    local named = each and string.sub(plain(each.region:name()), 1, #plain(stem(whole))) == plain(stem(whole))
    if #made ~= #missing or not named then
      fault.raise("Ardour did not import " .. whole, "Look at Window > Log, and at the space left on the disk.")
    end
    found[whole] = each.region
  end
  return found, of
end

-- Without a window 7.3 has no import: the files are copied beside the session's others and written into the saved session, which is
-- then loaded again.

local function copied(from, folder)
  local source = io.open(from, "rb")
  local data = source and source:read("a")
  if source then
    source:close()
  end
  local name, number = path.name(from), 1
  while true do
    local there = io.open(path.join(folder, name), "rb")
    if not there then
      break
    end
    there:close()
    number = number + 1
    name = stem(from) .. "-" .. number .. ".wav"
  end
  local target = data and io.open(path.join(folder, name), "wb")
  local done = target and target:write(data)
  if target then
    done = target:close() and done
  end
  if not done then
    fault.raise(from .. " cannot be copied into " .. folder, "Make the folder writable; is the disk full?")
  end
  return name
end

local function escaped(text)
  return (string.gsub(text, '[&<>"]', {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;"}))
end

local SOURCE = '<Source name="%s" take-id="" type="audio" flags="" id="%d" natural-position="a0" channel="%d" origin="" gain="1"/>'
local REGION = '<Region name="%s" muted="0" opaque="1" locked="0" video-locked="0" automatic="0" whole-file="1" import="0" '
  .. 'external="1" sync-marked="0" hidden="0" position-locked="0" valid-transients="0" start="a0" length="a%d@a0" '
  .. 'sync-position="a0" ancestral-start="a0" ancestral-length="a0@a0" stretch="1" shift="1" layering-index="0" tags="" '
  .. 'contents="0" envelope-active="0" default-fade-in="0" default-fade-out="0" fade-in-active="1" fade-out-active="1" '
  .. 'scale-amplitude="1" id="%d" type="audio" first-edit="nothing" %s channels="%d"/>'

-- The session's XML with something put into a list that may be empty.
local function put(xml, name, more)
  local function same() return "<" .. name .. ">" .. more .. "</" .. name .. ">" end
  local changed, count = string.gsub(xml, "<" .. name .. "/>", same, 1)
  if count == 0 then
    changed, count = string.gsub(xml, "</" .. name .. ">", function() return more .. "</" .. name .. ">" end, 1)
  end
  if count == 0 then
    fault.raise("the saved session has no " .. name, "Please report this, with the version of Ardour.")
  end
  return changed
end

function import.without_window(of, held, paths)
  local found, missing = known(of, held, paths)
  if #missing == 0 then
    return found, of
  end
  local folder, name, sample_rate = of:path(), of:snap_name(), math.tointeger(of:nominal_sample_rate())
  local audio = path.join(folder, "interchange", path.name(folder), "audiofiles")
  local made = {}
  for index, whole in ipairs(missing) do
    local sound = wav.held(whole)
    if sound.sample_rate ~= sample_rate then
      local said = string.format("%s has %d samples a second, the session %d", whole, sound.sample_rate, sample_rate)
      fault.raise(said, "Generate again; or lay it in Ardour's window, which converts it.")
    end
    made[index] = {path = whole, sound = sound, name = copied(whole, audio)}
  end
  local whole = path.join(folder, name .. ".ardour")
  if of:save_state("", false, false, false, false, false) ~= 0 then
    fault.raise("Ardour cannot save " .. whole, "Make the folder writable and try again.")
  end
  local file = io.open(whole, "rb")
  local xml = file:read("a")
  file:close()
  local id = math.tointeger(tonumber(string.match(xml, 'id%-counter="(%d+)"')))
  local sources, regions = {}, {}
  for _, each in ipairs(made) do
    local links = {}
    for channel = 1, each.sound.channels do
      id = id + 1
      sources[#sources + 1] = string.format(SOURCE, escaped(each.name), id, channel - 1)
      links[#links + 1] = string.format('source-%d="%d" master-source-%d="%d"', channel - 1, id, channel - 1, id)
    end
    id = id + 1
    local ticks = each.sound.frames * (282240000 // sample_rate)
    local name_of, linked = escaped(stem(each.name)), table.concat(links, " ")
    regions[#regions + 1] = string.format(REGION, name_of, ticks, id, linked, each.sound.channels)
  end
  xml = put(put(xml, "Sources", table.concat(sources)), "Regions", table.concat(regions))
  xml = string.gsub(xml, 'id%-counter="%d+"', 'id-counter="' .. id + 1 .. '"', 1)
  of = saved.reopened(of, xml)
  local names = {}
  for _, each in ipairs(whole_regions()) do
    names[ledger.file(each.region)] = each.region
  end
  for _, each in ipairs(made) do
    if not names[each.name] then
      fault.raise("Ardour did not take " .. each.path, "Please report this, with the version of Ardour.")
    end
  end
  local again = known(of, held, paths)
  for _, each in ipairs(made) do
    again[each.path] = names[each.name]
  end
  return again, of
end

return import
