ardour {
  ["type"] = "EditorAction",
  name = "Foley: Generate into regions",
  author = "foley_bridge",
  description = [[Asks for sound in every marked range whose name begins with FOLEY, and lays the takes in.]]
}

function factory()
  return function()
    require("ardour.action").run("generate", "all")
  end
end
