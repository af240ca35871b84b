-- Other programs: foley-call, and the user's browser. No shell is between.

local fault = require("foley.fault")

local process = {}

local DO_NOT_WAIT = -2 -- and no console window
local QUOTES = {'"', "'", "`"}

local function is_windows()
  return string.find(reaper.GetOS(), "^Win") ~= nil
end

-- An argument as ExecProcess reads it: it parts the line at spaces, but for parts that begin with a quote, of one of three
-- kinds, and go on to its like; everything else stands for itself. Windows gives the line to the program, which knows one kind.
local function quoted(argument)
  if argument ~= "" and not string.find(argument, "^[\"'`]") and not string.find(argument, "[ \t]") then
    return argument
  end
  if is_windows() then
    return '"' .. string.gsub(argument, "\\+$", "%0%0") .. '"'
  end
  for _, quote in ipairs(QUOTES) do
    if not string.find(argument, quote, 1, true) then
      return quote .. argument .. quote
    end
  end
  fault.raise("REAPER cannot start a program with " .. argument, "Rename it: it has all three kinds of quotes.")
end

function process.line(command)
  local parts = {}
  for index, argument in ipairs(command) do
    parts[index] = quoted(argument)
  end
  return table.concat(parts, " ")
end

function process.launch(command)
  if not reaper.ExecProcess(process.line(command), DO_NOT_WAIT) then
    fault.raise(command[1] .. " could not be started", "Run this in a terminal: foley-bridge install-host reaper")
  end
end

-- path: of a file, or the address of a page.
function process.open(path)
  local system = reaper.GetOS()
  if is_windows() then
    local is_address = string.find(path, "^https?://") ~= nil
    process.launch({"explorer.exe", is_address and path or (string.gsub(path, "/", "\\"))})
  elseif string.find(system, "OSX") or string.find(system, "macOS") then
    process.launch({"/usr/bin/open", path})
  else
    process.launch({"xdg-open", path})
  end
end

return process
