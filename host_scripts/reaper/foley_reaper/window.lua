-- Progress in a small window with a Cancel button, and questions to the user.
--
-- Closing the window cancels nothing, and it says so: Foley - Progress opens another.

local window = {}

local WIDTH, HEIGHT = 420, 110
local BUTTON = {x = 320, y = 70, w = 85, h = 26}
local MARGIN = 15
local TITLE = "Foley"

local is_open, was_closed, was_down = false, false, false

local function open()
  gfx.init(TITLE, WIDTH, HEIGHT)
  gfx.setfont(1, "Arial", 15)
  is_open = true
end

local function write(x, y, text)
  gfx.x, gfx.y = x, y
  gfx.drawstr(text)
end

-- A text cut to a width.
local function fitting(text, width)
  while gfx.measurestr(text) > width and #text > 1 do
    text = string.sub(text, 1, (utf8.offset(text, -1) or #text) - 1)
  end
  return text
end

local function draw(fraction, text)
  gfx.set(0.16, 0.16, 0.17)
  gfx.rect(0, 0, WIDTH, HEIGHT)
  gfx.set(0.9, 0.9, 0.9)
  write(MARGIN, 14, fitting(text, WIDTH - 2 * MARGIN))
  gfx.set(0.3, 0.3, 0.32)
  gfx.rect(MARGIN, 42, WIDTH - 2 * MARGIN, 12)
  gfx.set(0.35, 0.65, 0.85)
  gfx.rect(MARGIN, 42, (WIDTH - 2 * MARGIN) * math.max(0, math.min(1, fraction)), 12)
  gfx.set(0.6, 0.6, 0.6)
  write(MARGIN, 76, "Closing this window cancels nothing.")
  gfx.set(0.3, 0.3, 0.32)
  gfx.rect(BUTTON.x, BUTTON.y, BUTTON.w, BUTTON.h)
  gfx.set(0.9, 0.9, 0.9)
  write(BUTTON.x + 20, BUTTON.y + 6, "Cancel")
  gfx.update()
end

-- Whether the Cancel button was pressed since the last look.
local function is_cancelled()
  local x, y = gfx.mouse_x - BUTTON.x, gfx.mouse_y - BUTTON.y
  local is_down = gfx.mouse_cap % 2 == 1
  local pressed = is_down and not was_down and x >= 0 and x < BUTTON.w and y >= 0 and y < BUTTON.h
  was_down = is_down
  return pressed
end

-- Shows how far something is; true when the user wants it cancelled. Without a fraction the window goes.
function window.show(fraction, text)
  if not fraction then
    if is_open then
      gfx.quit()
    end
    is_open, was_closed = false, false
    return false
  end
  if was_closed then
    return false
  elseif not is_open then
    open()
  elseif gfx.getchar() < 0 then
    is_open, was_closed = false, true
    return false
  end
  draw(fraction, text or "")
  return is_cancelled()
end

function window.say(message)
  reaper.ShowMessageBox(message, TITLE, 0)
end

function window.ask(question)
  return reaper.ShowMessageBox(question, TITLE, 4) == 6
end

-- A line of text; nothing when the user thinks better of it.
function window.ask_text(question, text)
  -- fields are parted by commas, answers by what we choose: a line break, which no answer has
  local caption = string.gsub(question, "[,\n]+%s*", " ")
  local given, answer = reaper.GetUserInputs(TITLE, 1, caption .. ",extrawidth=240,separator=\n", text or "")
  return given and answer or nil
end

return window
