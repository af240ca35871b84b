ardour {
  ["type"] = "EditorAction",
  name = "Foley: Apply the choices",
  author = "foley_bridge",
  description = [[Lays in what was sent back last from the audition page.]]
}

function factory()
  return function()
    require("ardour.action").run("apply_choices")
  end
end
