-- Exact time: frames, samples, seconds, timecode. A rate is text, an exact fraction; frames may have fractions.

local fault = require("foley.fault")

local time = {}

local DUST = 1e-6 -- of a frame: what arithmetic with floats leaves beside a whole number

-- A rate's numerator and denominator: "24000/1001", "25/1" or "25".
function time.exact(rate)
  local num, den = string.match(rate, "^(%d+)/(%d+)$")
  if not num then
    num, den = string.match(rate, "^%d+$"), "1"
  end
  num, den = math.tointeger(tonumber(num or 0)), math.tointeger(tonumber(den))
  if not num or not den or num == 0 or den == 0 then
    fault.raise("'" .. rate .. "' is not a frame rate", "It should be a fraction such as 24000/1001.")
  end
  return num, den
end

-- The whole number, as an integer, that frames is but for dust; else frames itself.
function time.whole(frames)
  local nearest = math.floor(frames + 0.5)
  if math.abs(frames - nearest) < DUST then
    return nearest
  end
  return frames
end

-- The frame that holds this moment.
function time.floor(frames)
  return math.floor(time.whole(frames))
end

-- The first frame that starts at or after this moment.
function time.ceil(frames)
  return math.ceil(time.whole(frames))
end

-- The sample at which a time falls: floor(frames * den * sample_rate / num + 1/2), in whole numbers for whole frames.
function time.samples(frames, rate, sample_rate)
  local num, den = time.exact(rate)
  sample_rate = math.tointeger(sample_rate)
  frames = time.whole(frames)
  local first = math.floor(frames)
  local product = first * den * sample_rate
  local full, rest = product // num, product % num
  if first == frames then
    return full + (2 * rest + num) // (2 * num)
  end
  return full + math.floor((rest + (frames - first) * (den * sample_rate)) / num + 0.5)
end

-- The time of a sample in frames: a whole number where time.samples puts a whole frame there.
function time.frames_at_sample(sample, rate, sample_rate)
  local num, den = time.exact(rate)
  sample, sample_rate = math.tointeger(sample), math.tointeger(sample_rate)
  local nearest = (2 * sample * num + den * sample_rate) // (2 * den * sample_rate)
  if time.samples(nearest, rate, sample_rate) == sample then
    return nearest
  end
  return (sample * num) / (den * sample_rate)
end

-- A time in seconds.
function time.seconds(frames, rate)
  local num, den = time.exact(rate)
  return (frames * den) / num
end

-- A time of so many seconds in frames; whole where it is so but for dust.
function time.frames_at(seconds, rate)
  local num, den = time.exact(rate)
  return time.whole((seconds * num) / den)
end

-- The label of the frame that holds this moment; start is the label of frame 0, in frames. Hours count on past 23.
function time.timecode(frames, rate, start)
  local num, den = time.exact(rate)
  local base = -(-num // den)
  local frame = time.floor(frames) + math.tointeger(start or 0)
  local sign = ""
  if frame < 0 then
    sign, frame = "-", -frame
  end
  local total, rest = frame // base, frame % base
  local width = math.max(2, #tostring(base - 1))
  local shape = "%s%02d:%02d:%02d:%0" .. width .. "d"
  return string.format(shape, sign, total // 3600, total // 60 % 60, total % 60, rest)
end

return time
