-- WAV files: how much sound one really holds, and writing a small one.

local fault = require("foley.fault")

local wav = {}

local function data_of(file, whole, kind)
  local stop = file:seek("end")
  local large, at, shape = 0, 12, nil
  while at + 8 <= stop do
    file:seek("set", at)
    local head = file:read(8)
    if not head or #head < 8 then
      break
    end
    local chunk, size = string.unpack("<c4I4", head)
    if chunk == "ds64" then
      large = string.unpack("<I8", file:read(24) or "", 9)
    elseif chunk == "fmt " then
      shape = file:read(16)
    elseif chunk == "data" then
      if not shape or #shape < 16 then
        break
      end
      local _, channels, sample_rate, _, block = string.unpack("<I2I2I4I4I2", shape)
      local stated = kind == "RF64" and size == 0xFFFFFFFF and large or size
      local frames = math.min(stated, stop - at - 8) // math.max(1, block)
      return {frames = frames, sample_rate = sample_rate, channels = channels}
    end
    at = at + 8 + size + size % 2
  end
  fault.raise_stale(whole .. " holds no sound")
end

-- frames, sample_rate and channels of a WAV file, as far as its data are really there. Raises when it is not there, cannot be
-- read, or is no WAV.
function wav.held(whole)
  local file, why, number = io.open(whole, "rb")
  if not file then
    local missing = number == 2
    local said = missing and whole .. " is not there" or whole .. " cannot be read: " .. tostring(why)
    fault.raise_stale(said)
  end
  local head = file:read(12) or ""
  local kind = string.sub(head, 1, 4)
  local good, found
  if (kind == "RIFF" or kind == "RF64") and string.sub(head, 9, 12) == "WAVE" then
    good, found = pcall(data_of, file, whole, kind)
  else
    good, found = pcall(fault.raise_stale, whole .. " is no WAV file")
  end
  file:close()
  if good then
    return found
  elseif type(found) == "table" then
    error(found, 0)
  end
  fault.raise_stale(whole .. " holds no sound") -- cut off within a header
end

-- Writes one channel of 16 bit; samples from -1 to 1.
function wav.write(whole, samples, sample_rate)
  local parts = {}
  for index, sample in ipairs(samples) do
    parts[index] = string.pack("<i2", math.floor(math.max(-1, math.min(1, sample)) * 32767 + 0.5))
  end
  local data = table.concat(parts)
  local shape = string.pack("<c4I4I2I2I4I4I2I2", "fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
  local head = string.pack("<c4I4c4", "RIFF", 4 + #shape + 8 + #data, "WAVE")
  local file, why = io.open(whole, "wb")
  local done = file and file:write(head, shape, string.pack("<c4I4", "data", #data), data)
  if file then
    done = file:close() and done
  end
  if not done then
    fault.raise(whole .. " cannot be written: " .. tostring(why or "is the disk full?"), "Look at the folder's permissions.")
  end
end

return wav
