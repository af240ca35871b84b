ardour {
  ["type"] = "EditorAction",
  name = "Foley: Progress / Cancel",
  author = "foley_bridge",
  description = [[Shows how far the sound for this session is, and offers to cancel it.]]
}

function factory()
  return function()
    require("ardour.action").run("progress")
  end
end
