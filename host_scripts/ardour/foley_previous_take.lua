ardour {
  ["type"] = "EditorAction",
  name = "Foley: Previous take",
  author = "foley_bridge",
  description = [[Lets the take before sound, in the clips selected or under the playhead.]]
}

function factory()
  return function()
    require("ardour.action").run("previous_take")
  end
end
