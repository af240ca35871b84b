ardour {
  ["type"] = "EditorAction",
  name = "Foley: Clear foley in region",
  author = "foley_bridge",
  description = [[Takes the takes out of the selected ranges.]]
}

function factory()
  return function()
    require("ardour.action").run("clear")
  end
end
