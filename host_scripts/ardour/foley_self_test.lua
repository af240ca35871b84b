ardour {
  ["type"] = "EditorAction",
  name = "Foley: Self-test",
  author = "foley_bridge",
  description = [[Lays sounds of its own, reads them back, takes them out, and writes a report to send in.]]
}

function factory()
  return function()
    require("ardour.action").run("self_test")
  end
end
