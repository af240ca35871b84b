-- Placing: one item per region with its candidates as takes, in one undo block, whole or not at all.
--
-- Media are opened before anything is touched, new items are made before old ones go, and what fails takes back what was made.
-- All of it happens in one tick, since an undo block must not stay open between two. What bounds it is the plan: 17 calls for
-- an item, 7 for each of its takes, 3 for one removed; and twice two for each track there is, two for each item on ours.

local api = require("foley_reaper.api")
local fault = require("foley.fault")
local own = require("foley_reaper.own")
local project = require("foley_reaper.project")
local time = require("foley.time")

local placing = {}

local BUILD_MISSING_PEAKS = 40047 -- Peaks: Build any missing peaks
local SAME_S = 0.000001 -- what a project file's digits may lose

local function close(sources)
  for _, takes in ipairs(sources) do
    for _, source in ipairs(takes) do
      if source then
        reaper.PCM_Source_Destroy(source)
      end
    end
  end
end

-- The sources of all takes of a plan, by add and take.
local function opened(adds)
  local sources = {}
  for number, add in ipairs(adds) do
    sources[number] = {}
    for index, take in ipairs(add.takes) do
      local source = reaper.PCM_Source_CreateFromFile(take.path)
      sources[number][index] = source
      if not source or reaper.GetMediaSourceLength(source) <= 0 then
        close(sources)
        fault.raise("REAPER cannot open " .. take.path, "Generate again.")
      end
    end
  end
  return sources
end

local function track_named(name, made)
  if made.named[name] then
    return made.named[name]
  end
  local count = reaper.CountTracks(api.project)
  reaper.InsertTrackAtIndex(count, false)
  local track = reaper.GetTrack(api.project, count)
  if not track then
    fault.raise("REAPER made no track '" .. name .. "'", "Make room for it and try again.")
  end
  made.tracks[#made.tracks + 1], made.named[name] = track, track
  reaper.GetSetMediaTrackInfo_String(track, "P_NAME", name, true)
  reaper.SetMediaTrackInfo_Value(track, "C_BEATATTACHMODE", 0) -- in time with the picture, whatever becomes of the tempo
  own.mark_track(track, name)
  return track
end

-- The fades and the snap point of an item of this length whose active take is one of ours and plays from there in its file.
local function shape_of(length, from, take)
  local fade_in = math.min(tonumber(take.fade_in_s) or 0, length)
  local snap = take.onset_s and tonumber(take.onset_s) - from or 0
  return {
    D_FADEINLEN = fade_in,
    D_FADEOUTLEN = math.min(tonumber(take.fade_out_s) or 0, length - fade_in),
    D_SNAPOFFSET = snap >= 0 and snap < length and snap or 0,
  }
end

-- Gives an item a shape. Where it had another take's before: only what still is as that take's, for the rest is the user's.
local function reshape(item, shape, former)
  for name, value in pairs(shape) do
    if not former or math.abs(reaper.GetMediaItemInfo_Value(item, name) - former[name]) < SAME_S then
      reaper.SetMediaItemInfo_Value(item, name, value)
    end
  end
end

-- How an item is to fade with this take. The file fades at its own ends, which the item shows where it has no handles and is
-- not cut.
local function fades(add, take)
  local has_handles = take.offset > 0
  local is_cut_in, is_cut_out = add.trim.start > add.start, add.trim.stop < add.start + add.duration
  return (has_handles or is_cut_in) and take.fade_in_s or 0, (has_handles or is_cut_out) and take.fade_out_s or 0
end

local function lay_take(item, take, source, add, rate)
  local new = reaper.AddTakeToMediaItem(item)
  if not new or not reaper.SetMediaItemTake_Source(new, source) then
    fault.raise("REAPER did not take " .. take.path .. " into an item", "Try again.")
  end
  -- a sample of the file, exactly: its first lies at the sample of the frame where the file begins
  local first = time.samples(add.start - take.offset, rate, take.sample_rate)
  local from = (time.samples(add.trim.start, rate, take.sample_rate) - first) / take.sample_rate
  reaper.SetMediaItemTakeInfo_Value(new, "D_STARTOFFS", from)
  reaper.GetSetMediaItemTakeInfo_String(new, "P_NAME", add.text .. ", " .. take.label, true)
  local values = {score = take.score, seed = take.seed, from = from}
  values.fade_in_s, values.fade_out_s = fades(add, take)
  if take.onset then
    values.onset_s = (time.samples(take.onset, rate, take.sample_rate) - first) / take.sample_rate -- in the file
  end
  own.mark_take(new, values)
  return new, from, values
end

local function lay(add, sources, rate, made)
  local track = track_named(add.track, made)
  local item = reaper.AddMediaItemToTrack(track)
  if not item then
    fault.raise("REAPER made no item on track '" .. add.track .. "'", "Try again.")
  end
  made.items[#made.items + 1] = {item = item, track = track}
  local sample_rate = add.takes[add.chosen].sample_rate
  local position = time.samples(add.trim.start, rate, sample_rate) / sample_rate
  local stop = time.samples(add.trim.stop, rate, sample_rate) / sample_rate
  reaper.SetMediaItemInfo_Value(item, "D_POSITION", position)
  reaper.SetMediaItemInfo_Value(item, "D_LENGTH", stop - position)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
  local chosen, offset, known
  for number, take in ipairs(add.takes) do
    local new, from, values = lay_take(item, take, sources[number], add, rate)
    sources[number] = false -- the take has it now
    if number == add.chosen then
      chosen, offset, known = new, from, values
    end
  end
  reaper.SetActiveTake(chosen)
  reshape(item, shape_of(stop - position, offset, known))
  local _, guid = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
  made.guids[#made.guids + 1] = guid
  own.mark_item(item, {region = add.region, key = add.key, text = add.text, item = guid, start = position, stop = stop})
end

local function remove(clip, there, made)
  local _, state = reaper.GetItemStateChunk(there.item, "", false)
  if not reaper.DeleteTrackMediaItem(there.track, there.item) then
    fault.raise("REAPER did not remove the item '" .. clip.name .. "'", "Try again.")
  end
  made.removed[#made.removed + 1] = {state = state, track = there.track_guid}
end

local function put_back(removed)
  for _, each in ipairs(own.list()) do
    for _, gone in ipairs(removed) do
      if each.guid == gone.track then
        reaper.SetItemStateChunk(reaper.AddMediaItemToTrack(each.track), gone.state, false)
      end
    end
  end
end

-- One undo block around change(); its error is raised again when the block is closed. A change that failed leaves no undo
-- point.
local function as_one_step(label, change, undone)
  reaper.PreventUIRefresh(1)
  reaper.Undo_BeginBlock2(api.project)
  local good, err = pcall(change)
  local whole = good or not undone or pcall(undone)
  reaper.Undo_EndBlock2(api.project, label, (good or not whole) and -1 or 0)
  reaper.PreventUIRefresh(-1)
  reaper.TrackList_AdjustWindows(false)
  reaper.UpdateArrange()
  if not good then
    error(err, 0)
  end
end

-- What the plan removes, as it is now, by the clip's id.
local function doomed(clips)
  local there = own.index()
  for _, clip in ipairs(clips) do
    if not there[clip.id] then
      fault.raise("the item '" .. clip.name .. "' is gone", "Run the action again.")
    end
    own.must_be_free(there[clip.id].item, clip.name)
  end
  return there
end

local function lay_all(plan)
  local there, rate, sources = doomed(plan.remove), project.rate(), opened(plan.add)
  local named_before = reaper.Undo_CanUndo2(api.project)
  local made = {tracks = {}, named = {}, items = {}, guids = {}, removed = {}}
  for _, each in ipairs(own.list()) do
    made.named[each.name] = each.track
  end
  local good, err = pcall(as_one_step, plan.label, function()
    for number, add in ipairs(plan.add) do
      lay(add, sources[number], rate, made)
    end
    for _, clip in ipairs(plan.remove) do
      remove(clip, there[clip.id], made)
    end
  end, function()
    put_back(made.removed)
    for _, each in ipairs(made.items) do
      reaper.DeleteTrackMediaItem(each.track, each.item)
    end
    for _, track in ipairs(made.tracks) do
      reaper.DeleteTrack(track)
    end
  end)
  if not good then
    close(sources)
    error(err, 0)
  end
  reaper.Main_OnCommandEx(BUILD_MISSING_PEAKS, 0, api.project)
  local tracks = {}
  for index, track in ipairs(made.tracks) do
    local _, guid = reaper.GetSetMediaTrackInfo_String(track, "GUID", "", false)
    tracks[index] = guid
  end
  return {
    label = plan.label,
    -- only an undo point that is surely this one may be undone by REAPER: its name is new, and nothing came after it
    by_undo = named_before ~= plan.label and reaper.Undo_CanUndo2(api.project) == plan.label,
    count = reaper.GetProjectStateChangeCount(api.project),
    guids = made.guids,
    tracks = tracks,
    removed = made.removed,
  }
end

function placing.place(plan)
  if not api.is_open() then
    fault.raise("the project was closed", "Open it again and run the action again.")
  end
  local front = reaper.EnumProjects(-1)
  if front == api.project then
    return lay_all(plan)
  end
  -- REAPER adds tracks to the project in front only; the user's keys are to go on to the one that he looks at
  reaper.SelectProjectInstance(api.project)
  local good, result = pcall(lay_all, plan)
  reaper.SelectProjectInstance(front)
  if not good then
    error(result, 0)
  end
  return result
end

local function delete_by_hand(receipt)
  local there = own.index()
  for _, guid in ipairs(receipt.guids) do
    if there[guid] then
      reaper.DeleteTrackMediaItem(there[guid].track, there[guid].item)
    end
  end
  put_back(receipt.removed)
  for _, each in ipairs(own.list()) do
    for _, guid in ipairs(receipt.tracks) do
      if each.guid == guid and reaper.CountTrackMediaItems(each.track) == 0 then
        reaper.DeleteTrack(each.track)
      end
    end
  end
end

function placing.take_back(receipt)
  local untouched = reaper.GetProjectStateChangeCount(api.project) == receipt.count
  if receipt.by_undo and untouched and reaper.Undo_CanUndo2(api.project) == receipt.label then
    reaper.Undo_DoUndo2(api.project)
    return
  end
  as_one_step("Foley: take back", function()
    delete_by_hand(receipt)
  end)
end

-- Makes another take of an item of ours sound.
function placing.choose(clip, number)
  local there = own.index()[clip.id]
  local take = there and reaper.GetTake(there.item, number - 1)
  if not take then
    fault.raise("the item '" .. clip.name .. "' has no take " .. number, "Generate again.")
  end
  own.must_be_free(there.item, clip.name)
  local length = reaper.GetMediaItemInfo_Value(there.item, "D_LENGTH")
  local function shape(each)
    return shape_of(length, reaper.GetMediaItemTakeInfo_Value(each, "D_STARTOFFS"), own.of_take(each))
  end
  local former = reaper.GetActiveTake(there.item)
  as_one_step("Foley: take " .. number, function()
    reaper.SetActiveTake(take)
    reshape(there.item, shape(take), shape(former or take))
  end)
end

return placing
