-- What is in one of Ardour's lists, as a list of Lua's own.
--
-- Ardour's iterators do not hold the list they go through. Where it is a copy that nobody else has, as locations():list() gives, Lua may
-- collect it in the middle, and Ardour dies of it. Here it is held until the end.

return function(items)
  local found = {}
  for item in items:iter() do
    found[#found + 1] = item
  end
  return found
end
