-- What goes wrong, as one message that names the thing and a hint that says what to do.

local fault = {}

-- Raises something a person should read.
function fault.raise(message, hint)
  error({message = message, hint = hint or ""}, 0)
end

-- Raises that what was generated cannot be used any more.
function fault.raise_stale(message)
  error({message = message, hint = "Generate again.", stale = true}, 0)
end

-- A message with its hint on a line of its own.
function fault.told(message, hint)
  if not hint or hint == "" then
    return message
  end
  return message .. "\n" .. string.gsub(hint, "^%l", string.upper)
end

-- An error as a person reads it; one that nobody foresaw asks to be reported.
function fault.readable(err)
  if type(err) == "table" and err.message then
    return fault.told(err.message, err.hint)
  end
  local said = "The script met something it does not know: " .. tostring(err)
  return fault.told(said, "Please report this, and what you did before.")
end

return fault
