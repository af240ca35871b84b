ardour {
  ["type"] = "EditorAction",
  name = "Foley: Place what is ready",
  author = "foley_bridge",
  description = [[Lays in sound that became ready while Ardour was closed.]]
}

function factory()
  return function()
    require("ardour.action").run("place_ready")
  end
end
