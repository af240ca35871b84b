-- JSON in and out, as strict as Python's: valid UTF-8, no trailing commas, no NaN.
--
-- An object is a table by name, a list a table that json.list marked (those read are marked; a table with [1] needs no mark).
-- null in a list, or to be written, is json.null; a member of an object that is null is left out when it is read, for nothing
-- is how Lua says null. Whole numbers stay whole; those beyond 64 bits become floats.

local fault = require("foley.fault")

local json = {}

local MOST_DEEP = 400
local LIST = {}

json.null = setmetatable({}, {__tostring = function() return "null" end})

-- Marks a table as a list, for one that may be empty.
function json.list(items)
  return setmetatable(items or {}, LIST)
end

local function is_utf8(text)
  -- utf8.len of Lua 5.3 lets surrogates pass
  return utf8.len(text) ~= nil and not string.find(text, "\xED[\xA0-\xBF]")
end

-- writing

local ESCAPES = {['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}

local function escaped(char)
  return ESCAPES[char] or string.format("\\u%04x", string.byte(char))
end

local function written_text(text)
  if not is_utf8(text) then
    fault.raise("a text is not valid UTF-8: " .. string.gsub(text, "[\x80-\xFF]", "?"), "Rename what it names.")
  end
  return '"' .. string.gsub(text, '[%c"\\]', escaped) .. '"'
end

local function written_number(number)
  if math.type(number) == "integer" then
    return string.format("%d", number)
  end
  if number ~= number or number == math.huge or number == -math.huge then
    fault.raise("a number is not finite and cannot be written as JSON", "Please report this.")
  end
  local text = string.gsub(string.format("%.17g", number), ",", ".") -- some systems' numbers have a comma
  return string.find(text, "[.e]") and text or text .. ".0"
end

local written

local function written_list(items, deep)
  local parts = {}
  for index = 1, #items do
    parts[index] = written(items[index], deep)
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function written_object(object, deep)
  local names = {}
  for name in pairs(object) do
    if type(name) ~= "string" then
      fault.raise("a table with the key " .. tostring(name) .. " cannot be written as JSON", "Please report this.")
    end
    names[#names + 1] = name
  end
  table.sort(names)
  local parts = {}
  for index, name in ipairs(names) do
    parts[index] = written_text(name) .. ":" .. written(object[name], deep)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function written(value, deep)
  local kind = type(value)
  if value == json.null or kind == "nil" then
    return "null"
  elseif kind == "string" then
    return written_text(value)
  elseif kind == "number" then
    return written_number(value)
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind ~= "table" then
    fault.raise("a " .. kind .. " cannot be written as JSON", "Please report this.")
  elseif deep > MOST_DEEP then
    fault.raise("a table is nested too deep for JSON", "Please report this.")
  elseif getmetatable(value) == LIST or value[1] ~= nil then
    return written_list(value, deep + 1)
  end
  return written_object(value, deep + 1)
end

-- A value as JSON, its objects' members in order of their names.
function json.encode(value)
  return written(value, 1)
end

-- reading: each function takes where to begin, and gives the value and where to go on

local read

local function refuse(text, at, what)
  local _, line = string.gsub(string.sub(text, 1, at - 1), "\n", "")
  fault.raise("not JSON: " .. what .. " in line " .. (line + 1) .. ", at character " .. at)
end

local function skip(text, at)
  return string.find(text, "[^ \t\r\n]", at) or #text + 1
end

local UNESCAPED = {['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

local function code_unit(text, at)
  local digits = string.match(text, "^%x%x%x%x", at)
  if not digits then
    refuse(text, at, "an escape without four digits")
  end
  return tonumber(digits, 16)
end

local function read_escape(text, at)
  local kind = string.sub(text, at + 1, at + 1)
  if kind ~= "u" then
    if not UNESCAPED[kind] then
      refuse(text, at, "an unknown escape")
    end
    return UNESCAPED[kind], at + 2
  end
  local code = code_unit(text, at + 2)
  at = at + 6
  if code >= 0xD800 and code <= 0xDBFF and string.sub(text, at, at + 1) == "\\u" then
    local low = code_unit(text, at + 2)
    if low >= 0xDC00 and low <= 0xDFFF then
      return utf8.char(0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)), at + 6
    end
  end
  if code >= 0xD800 and code <= 0xDFFF then
    refuse(text, at, "half a character")
  end
  return utf8.char(code), at
end

local function read_text(text, at)
  local parts = {}
  at = at + 1
  while true do
    local stop = string.find(text, '["\\%c]', at)
    while stop and string.byte(text, stop) == 127 do -- DEL is an ordinary character
      stop = string.find(text, '["\\%c]', stop + 1)
    end
    if not stop then
      refuse(text, at, "a text without end")
    end
    parts[#parts + 1] = string.sub(text, at, stop - 1)
    local char = string.sub(text, stop, stop)
    if char == '"' then
      return table.concat(parts), stop + 1
    elseif char ~= "\\" then
      refuse(text, stop, "a control character in a text")
    end
    parts[#parts + 1], at = read_escape(text, stop)
  end
end

local function read_number(text, at)
  local whole = string.match(text, "^-?%d+", at)
  if not whole or string.find(whole, "^-?0%d") then
    refuse(text, at, "something unknown")
  end
  local after = at + #whole
  local fraction = string.match(text, "^%.%d+", after) or ""
  local exponent = string.match(text, "^[eE][+-]?%d+", after + #fraction) or ""
  local number = tonumber(whole .. fraction .. exponent)
  if number == math.huge or number == -math.huge then
    refuse(text, at, "a number that is too large")
  end
  return number, after + #fraction + #exponent
end

local function read_list(text, at, deep)
  local items = json.list()
  at = skip(text, at + 1)
  if string.sub(text, at, at) == "]" then
    return items, at + 1
  end
  while true do
    items[#items + 1], at = read(text, at, deep)
    at = skip(text, at)
    local char = string.sub(text, at, at)
    if char == "]" then
      return items, at + 1
    elseif char ~= "," then
      refuse(text, at, "a list without comma or end")
    end
    at = skip(text, at + 1)
  end
end

local function read_object(text, at, deep)
  local object = {}
  at = skip(text, at + 1)
  if string.sub(text, at, at) == "}" then
    return object, at + 1
  end
  while true do
    if string.sub(text, at, at) ~= '"' then
      refuse(text, at, "an object's member without a name")
    end
    local name, value
    name, at = read_text(text, at)
    at = skip(text, at)
    if string.sub(text, at, at) ~= ":" then
      refuse(text, at, "a name without a colon")
    end
    value, at = read(text, skip(text, at + 1), deep)
    if value == json.null then
      value = nil
    end
    object[name] = value
    at = skip(text, at)
    local char = string.sub(text, at, at)
    if char == "}" then
      return object, at + 1
    elseif char ~= "," then
      refuse(text, at, "an object without comma or end")
    end
    at = skip(text, at + 1)
  end
end

local WORDS = {["true"] = true, ["false"] = false, ["null"] = json.null}

function read(text, at, deep)
  local char = string.sub(text, at, at)
  if deep > MOST_DEEP then
    refuse(text, at, "more than " .. MOST_DEEP .. " levels")
  elseif char == "{" then
    return read_object(text, at, deep + 1)
  elseif char == "[" then
    return read_list(text, at, deep + 1)
  elseif char == '"' then
    return read_text(text, at)
  end
  local word = string.match(text, "^%a+", at)
  if word and WORDS[word] ~= nil then
    return WORDS[word], at + #word
  end
  return read_number(text, at)
end

-- What a JSON text says.
function json.decode(text)
  if not is_utf8(text) then
    fault.raise("not JSON: it is not valid UTF-8")
  end
  local value, at = read(text, skip(text, 1), 1)
  at = skip(text, at)
  if at <= #text then
    refuse(text, at, "more after the end")
  end
  return value
end

return json
