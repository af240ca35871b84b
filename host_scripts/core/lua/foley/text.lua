-- A region's text: is it one, its words, and the same text with other words or options (docs/timeline.md, Region text).
--
-- A quote opens only at the start of a word or a value, and closes only before a space or the end; a backslash is an ordinary
-- character. What is not changed stays as it was written, letter for letter.

local fault = require("foley.fault")

local text = {}

-- Beyond ASCII's, in UTF-8: what counts as a space between words.
local SPACES = {["\u{85}"] = true, ["\u{A0}"] = true, ["\u{1680}"] = true, ["\u{2028}"] = true, ["\u{2029}"] = true,
  ["\u{202F}"] = true, ["\u{205F}"] = true, ["\u{3000}"] = true}
for code = 0x2000, 0x200A do
  SPACES[utf8.char(code)] = true
end

-- How many bytes of space are at a place: 0 for none.
local function space(whole, at)
  if string.find(whole, "^[\t-\r\x1C-\x20]", at) then
    return 1
  end
  for length = 2, 3 do
    if SPACES[string.sub(whole, at, at + length - 1)] then
      return length
    end
  end
  return 0
end

local function after_spaces(whole, at)
  local length = space(whole, at)
  while length > 0 do
    at = at + length
    length = space(whole, at)
  end
  return at
end

local function has_space(whole)
  for at = 1, #whole do
    if space(whole, at) > 0 then
      return true
    end
  end
  return false
end

local function without_end_spaces(whole)
  local stop, at = 0, 1
  while at <= #whole do
    local length = space(whole, at)
    if length == 0 then
      length, stop = 1, at
    end
    at = at + length
  end
  return string.sub(whole, 1, stop)
end

-- Where what comes after the first word begins, when that is word (in capitals); else 1.
local function head(whole, word)
  local at = after_spaces(whole, 1)
  local after = at + #word
  if string.upper(string.sub(whole, at, after - 1)) ~= word then
    return 1
  elseif string.sub(whole, after, after) == ":" then
    return after + 1
  elseif after > #whole or space(whole, after) > 0 then
    return after
  end
  return 1
end

-- True when the first word is word (given in capitals) in any case, with or without a colon after it.
function text.begins_with(whole, word)
  return head(whole, word) > 1
end

-- True when the text asks for sound: its first word is FOLEY.
function text.is_region(whole)
  return text.begins_with(whole, "FOLEY")
end

-- The word or value that begins at a place, without its quotes, and where what follows it begins.
local function value_at(whole, at)
  local quote = string.match(whole, "^[\"']", at)
  if quote then
    local closing = string.find(whole, quote, at + 1, true)
    while closing and closing < #whole and space(whole, closing + 1) == 0 do
      closing = string.find(whole, quote, closing + 1, true)
    end
    if not closing then
      local said = "the quote " .. string.sub(whole, at) .. " is not closed"
      fault.raise(said, "Close it, or take it out of the region's name.")
    end
    return string.sub(whole, at + 1, closing - 1), closing + 1
  end
  local stop = at
  while stop <= #whole and space(whole, stop) == 0 do
    stop = stop + 1
  end
  return string.sub(whole, at, stop - 1), stop
end

-- The words and options after FOLEY, in order: {first, last, name, value}; name is "" for a word, in small letters for an option.
-- Raises for an open quote.
function text.tokens(whole)
  local found = {}
  local at = after_spaces(whole, head(whole, "FOLEY"))
  while at <= #whole do
    local name = string.match(whole, "^(%a[%w_-]*)=", at)
    local value, after = value_at(whole, name and at + #name + 1 or at)
    found[#found + 1] = {first = at, last = after - 1, name = string.lower(name or ""), value = value}
    at = after_spaces(whole, after)
  end
  return found
end

-- The free words, parted by single spaces.
function text.words(whole)
  local found = {}
  for _, token in ipairs(text.tokens(whole)) do
    if token.name == "" then
      found[#found + 1] = token.value
    end
  end
  return table.concat(found, " ")
end

-- The value of an option; nil when the text does not name it.
function text.option(whole, name)
  for _, token in ipairs(text.tokens(whole)) do
    if token.name == name then
      return token.value
    end
  end
  return nil
end

-- The text with other words. typed may name options, too: they take the place of those in the text.
function text.with_words(whole, typed)
  local parts, named = {string.sub(whole, 1, head(whole, "FOLEY") - 1)}, {}
  if parts[1] == "" then
    parts[1] = "FOLEY"
  end
  for _, token in ipairs(text.tokens(typed)) do
    named[token.name] = true
    parts[#parts + 1] = string.sub(typed, token.first, token.last)
  end
  for _, token in ipairs(text.tokens(whole)) do
    if token.name ~= "" and not named[token.name] then
      parts[#parts + 1] = string.sub(whole, token.first, token.last)
    end
  end
  return table.concat(parts, " ")
end

local function in_quotes(value)
  if not string.find(value, "^[\"']") and not has_space(value) then
    return value
  end
  for _, quote in ipairs({'"', "'"}) do
    local at = string.find(value, quote, 1, true)
    while at and space(value, at + 1) == 0 do
      at = string.find(value, quote, at + 1, true)
    end
    if not at then
      return quote .. value .. quote
    end
  end
  return nil
end

-- Whether an option can have this value, and a reader gets the same back.
function text.can_be_quoted(value)
  return value ~= "" and after_spaces(value, 1) == 1 and without_end_spaces(value) == value and in_quotes(value) ~= nil
end

-- A value as a region's text has it, in quotes where it needs them.
function text.quoted(value)
  if not text.can_be_quoted(value) then
    fault.raise("'" .. value .. "' cannot be written into a region's text", "Give it a plainer name.")
  end
  return in_quotes(value)
end

-- The text with an option set to a value, where it stood or at the end.
function text.with_option(whole, name, value)
  local written = name .. "=" .. text.quoted(value)
  for _, token in ipairs(text.tokens(whole)) do
    if token.name == name then
      return string.sub(whole, 1, token.first - 1) .. written .. string.sub(whole, token.last + 1)
    end
  end
  return without_end_spaces(whole) .. " " .. written
end

-- A name without what UTF-8 cannot say.
function text.clean(whole)
  if utf8.len(whole) and not string.find(whole, "\xED[\xA0-\xBF]") then
    return whole
  end
  return (string.gsub(whole, "[\x80-\xFF]", "?"))
end

return text
