ardour {
  ["type"] = "EditorAction",
  name = "Foley: Next take",
  author = "foley_bridge",
  description = [[Lets the next take sound, in the clips selected or under the playhead.]]
}

function factory()
  return function()
    require("ardour.action").run("next_take")
  end
end
