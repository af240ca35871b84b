-- Paths as text, whatever system they are of: as file URLs, compared, joined.

local path = {}

local function encoded(whole)
  return (string.gsub(whole, "[^%w%-._~/]", function(char)
    return string.format("%%%02X", string.byte(char))
  end))
end

-- The file URL of an absolute path, POSIX, with a drive, or on a Windows server; a relative path as it is.
function path.url(whole)
  whole = string.gsub(whole, "^\\\\%?\\UNC\\", "\\\\")
  whole = string.gsub(whole, "^\\\\%?\\(%a:)", "%1")
  if string.find(whole, "^%a:[\\/]") then
    return "file:///" .. string.sub(whole, 1, 2) .. encoded(string.gsub(string.sub(whole, 3), "\\", "/"))
  elseif string.sub(whole, 1, 2) == "\\\\" then
    return "file:" .. encoded(string.gsub(whole, "\\", "/"))
  elseif string.sub(whole, 1, 1) == "/" then
    return "file://" .. encoded(whole)
  end
  return whole
end

-- Whether a path begins as only Windows has it: with a drive or a server.
function path.is_windows(whole)
  return string.find(whole, "^%a:[\\/]") ~= nil or string.sub(whole, 1, 2) == "\\\\"
end

-- Whether two paths name the same file, as far as their text tells: Windows has two slashes, and no case.
function path.same(one, other)
  if one == other then
    return true
  elseif not path.is_windows(one) or not path.is_windows(other) then
    return false
  end
  return string.lower(string.gsub(one, "\\", "/")) == string.lower(string.gsub(other, "\\", "/"))
end

-- The last part of a path.
function path.name(whole)
  return string.match(whole, path.is_windows(whole) and "[^\\/]*$" or "[^/]*$")
end

-- A path below a folder, with the slashes that the folder has.
function path.join(folder, ...)
  local windows = path.is_windows(folder)
  local slash = windows and not string.find(folder, "/", 1, true) and "\\" or "/"
  local parts = {(string.gsub(folder, windows and "[\\/]+$" or "/+$", "")), ...}
  return table.concat(parts, slash)
end

return path
