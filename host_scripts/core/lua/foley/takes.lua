-- Another take of a clip: let it sound, and make sure of it.

local fault = require("foley.fault")
local list = require("foley.list")
local path = require("foley.path")
local plan = require("foley.plan")

local takes = {}

-- What is there now of a clip: another take may be another clip, in the same place.
local function same_clips(host, clip)
  local found = {}
  for _, track in ipairs(host.own_tracks()) do
    for _, now in ipairs(track.clips) do
      if now.ours and now.region == clip.region and now.key == clip.key and now.start == clip.start then
        found[#found + 1] = now
      end
    end
  end
  return found
end

-- Whether a take is what sounds in a clip; where the host loses things on saving, also after that.
local function sounds(host, clip, number, file)
  local function there()
    local now = list.filter(same_clips(host, clip), function(each) return each.chosen == number end)
    return #now == 1 and path.same(now[1].path or "", file or "")
  end
  if there() and host.settle then
    host.settle()
  end
  return there()
end

-- Lets another take sound and makes sure of it; if it does not, the former one is to sound again.
local function choose(host, clip, number)
  local name = plan.described(clip.name, clip.start, host.project())
  local said = host.name .. " did not change to take " .. number .. " of " .. name
  host.choose(clip, number)
  local read, done = pcall(sounds, host, clip, number, clip.takes[number])
  if read and done then
    return
  elseif not read then
    said = said .. ": " .. fault.readable(done)
  end
  local good, back = pcall(function()
    for _, now in ipairs(same_clips(host, clip)) do
      host.choose(now, clip.chosen)
    end
    return sounds(host, clip, clip.chosen, clip.path)
  end)
  if good and back then
    fault.raise(said .. "\nThe former take sounds again.")
  elseif not good then
    said = said .. "\nTaking it back failed: " .. fault.readable(back)
  end
  said = said .. "\nThe former take does NOT sound again."
  fault.raise(said, "Look at the clip; take the change back: " .. host.undo_hint .. ".")
end

-- Lets the take sound that comes so many after the one that does, in the clips selected or under the cursor; after the last comes
-- the first. Raises when there is none, or the host did not do it.
function takes.step(host, step)
  local wanted = {}
  for _, id in ipairs(host.chosen_takes()) do
    wanted[id] = true
  end
  local clips, several, locked = {}, {}, nil
  for _, track in ipairs(host.own_tracks()) do
    for _, clip in ipairs(track.clips) do
      if clip.ours and wanted[clip.id] then
        clips[#clips + 1] = clip
        several[#several + 1] = #clip.takes > 1 and clip or nil
        locked = locked or (track.locked and track.name or nil)
      end
    end
  end
  if #clips == 0 then
    fault.raise("no take is selected", "Select a clip on a Foley track, or put the cursor on it.")
  elseif locked then
    fault.raise("track '" .. locked .. "' is locked", "Unlock it and try again.")
  elseif #several == 0 then
    fault.raise("this region has one take only", "Write takes=3 into its name and generate again.")
  end
  for _, clip in ipairs(several) do
    choose(host, clip, (clip.chosen - 1 + step) % #clip.takes + 1)
  end
end

return takes
