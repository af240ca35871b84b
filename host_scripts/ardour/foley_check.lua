ardour {
  ["type"] = "EditorAction",
  name = "Foley: Check the bridge",
  author = "foley_bridge",
  description = [[Looks whether everything foley_bridge needs is there.]]
}

function factory()
  return function()
    require("ardour.action").run("check")
  end
end
