ardour {
  ["type"] = "EditorAction",
  name = "Foley: Use selected clip as example for region",
  author = "foley_bridge",
  description = [[Writes the selected clip into the selected range as what it should sound like.]]
}

function factory()
  return function()
    require("ardour.action").run("use_as_example")
  end
end
