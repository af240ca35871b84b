-- What Lua's tables lack: a stable order, and finding things.

local list = {}

-- A new list in the order of key(item), items of one key as they were.
function list.sorted(items, key)
  local ranked = {}
  for index, item in ipairs(items) do
    ranked[index] = {item = item, key = key(item), index = index}
  end
  table.sort(ranked, function(one, other)
    if one.key ~= other.key then
      return one.key < other.key
    end
    return one.index < other.index
  end)
  local made = {}
  for index, each in ipairs(ranked) do
    made[index] = each.item
  end
  return made
end

-- The first item whose field has a value, and its index.
function list.find(items, field, value)
  for index, item in ipairs(items) do
    if item[field] == value then
      return item, index
    end
  end
  return nil
end

-- A new list of the items for which keep(item) is true.
function list.filter(items, keep)
  local made = {}
  for _, item in ipairs(items) do
    if keep(item) then
      made[#made + 1] = item
    end
  end
  return made
end

-- A number of things in words.
function list.count(number, thing)
  return number .. " " .. thing .. (number == 1 and "" or "s")
end

return list
