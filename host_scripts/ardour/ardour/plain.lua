-- Ardour without a window (ardour7-lua): what would be shown is printed, what would be asked is answered no, nothing is selected.

local takes = require("ardour.takes")

local plain = {}

function plain.say(message)
  print(message)
end

function plain.ask(question)
  print(question .. " (no: there is nobody to ask)")
  return false
end

function plain.ask_text()
  return nil
end

local told

function plain.show(fraction, text)
  if fraction and text ~= told then
    print(string.format("%3d%% %s", math.floor(100 * fraction), text or ""))
  end
  told = fraction and text
  return false
end

function plain.later(tick)
  while tick() do
    ARDOUR.LuaAPI.usleep(200000)
  end
end

local function quoted(text)
  return "'" .. string.gsub(text, "'", "'\\''") .. "'"
end

-- A script without a window runs where there is a shell.
function plain.launch(command)
  local words = {}
  for index, word in ipairs(command) do
    words[index] = quoted(word)
  end
  os.execute(table.concat(words, " ") .. " </dev/null >/dev/null 2>&1 &")
end

function plain.open(whole)
  print(whole)
end

plain.undo = takes.undo

function plain.selected()
  return function() return false end
end

function plain.chosen_clip()
  return nil
end

function plain.chosen_takes()
  return {}
end

return plain
