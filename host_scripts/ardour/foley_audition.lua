ardour {
  ["type"] = "EditorAction",
  name = "Foley: Open the audition page",
  author = "foley_bridge",
  description = [[Opens a page to hear the takes laid last against the picture, and to choose. What is sent back is laid in.]]
}

function factory()
  return function()
    require("ardour.action").run("audition")
  end
end
