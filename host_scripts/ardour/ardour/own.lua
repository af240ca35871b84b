-- What lies on our tracks, and which of it is ours. The takes of one place lie as regions on top of each other, and all but one are
-- muted: so they can be seen side by side in Ardour's own way (Track > Layers > Stacked) and heard with its own mute, with or without
-- these scripts.

local all = require("ardour.all")
local fault = require("foley.fault")
local ledger = require("ardour.ledger")
local list = require("foley.list")
local session = require("ardour.session")

local own = {}

-- Whether a track of this name is ours, and which: 1 for Foley, 2 for Foley 2.
function own.lane(name)
  local number = name == "Foley" and 1 or math.tointeger(tonumber(string.match(name, "^Foley ([1-9]%d*)$")))
  return (number ~= 1 or name == "Foley") and number or nil
end

function own.routes(of)
  local found = {}
  for _, route in ipairs(all(of:get_tracks())) do
    if own.lane(route:name()) and route:data_type():to_string() == "audio" then
      found[#found + 1] = route
    end
  end
  return list.sorted(found, function(route) return own.lane(route:name()) end)
end

-- The regions of a track as places: what lies alone, and the takes that lie together.
local function places(held, route)
  local found, by_clip = {}, {}
  for _, region in ipairs(all(route:to_track():playlist():region_list())) do
    local known = ledger.of(held, region)
    if not known then
      found[#found + 1] = {regions = {region}}
    else
      local place = by_clip[known.clip]
      if not place then
        place = {known = known, regions = {}, numbers = {}}
        by_clip[known.clip] = place
        found[#found + 1] = place
      end
      table.insert(place.regions, region)
      table.insert(place.numbers, known.number)
    end
  end
  return found
end

-- The one region that sounds, and its number; nil when it is none or several.
function own.sounding(place)
  local found
  for index, region in ipairs(place.regions) do
    if not region:muted() then
      if found then
        return nil
      end
      found = index
    end
  end
  return place.regions[found], place.numbers[found]
end

local function seen(of, held, place)
  if not place.known then
    local clip = session.clip(of, place.regions[1])
    clip.id, clip.ours = ledger.id(place.regions[1]), false
    return clip
  end
  local region, number = own.sounding(place)
  local clip = session.clip(of, region or place.regions[1])
  local listed = {}
  for index, short in ipairs(place.known.takes) do
    listed[index] = ledger.long(of, short)
  end
  local sound = region and held.sounds[ledger.file(region)]
  return {
    id = place.known.clip, name = clip.name, start = clip.start, duration = clip.duration, ours = true,
    region = place.known.region, key = place.known.key, chosen = number or 0,
    path = sound and ledger.long(of, sound), offset = session.frames(of, (region or place.regions[1]):start():samples()),
    takes = #place.regions == #listed and listed or {}, -- a take that was deleted by hand is told by its absence
  }
end

-- As the contract has it. Tracks without clips are left out: Ardour's Lua cannot remove one, and undo does not.
function own.tracks(of)
  local held, found = ledger.read(of), {}
  for _, route in ipairs(own.routes(of)) do
    local clips = {}
    for _, place in ipairs(places(held, route)) do
      clips[#clips + 1] = seen(of, held, place)
    end
    if #clips > 0 then
      found[#found + 1] = {name = route:name(), locked = false, clips = list.sorted(clips, function(clip) return clip.start end)}
    end
  end
  return found
end

-- Playlist and regions of one of our clips, by its id.
function own.find(of, held, id)
  for _, route in ipairs(own.routes(of)) do
    for _, place in ipairs(places(held, route)) do
      if place.known and place.known.clip == id then
        return place, route
      end
    end
  end
  fault.raise("a clip of ours is not there any more", "Try again.")
end

-- Ids of our clips of which a region is in a list of Ardour's, and those at a sample.
function own.among(of, regions)
  local held, found, seen_ids = ledger.read(of), {}, {}
  for _, region in ipairs(all(regions)) do
    local known = ledger.of(held, region)
    if known and not seen_ids[known.clip] then
      seen_ids[known.clip] = true
      found[#found + 1] = known.clip
    end
  end
  return found
end

function own.at(of, sample)
  local found = {}
  for _, route in ipairs(own.routes(of)) do
    local there = route:to_track():playlist():regions_at(Temporal.timepos_t(sample))
    for _, id in ipairs(own.among(of, there)) do
      found[#found + 1] = id
    end
  end
  return found
end

return own
