ardour {
  ["type"] = "EditorAction",
  name = "Foley: Generate into selected region",
  author = "foley_bridge",
  description = [[The same for the ranges that are selected, or under the playhead.]]
}

function factory()
  return function()
    require("ardour.action").run("generate", "selected")
  end
end
