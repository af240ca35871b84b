ardour {
  ["type"] = "EditorAction",
  name = "Foley: Open the report",
  author = "foley_bridge",
  description = [[Opens the page about the takes laid last.]]
}

function factory()
  return function()
    require("ardour.action").run("open_report")
  end
end
