ardour {
  ["type"] = "EditorAction",
  name = "Foley: Recommend by words...",
  author = "foley_bridge",
  description = [[Asks for words, writes them into the selected range, and generates there.]]
}

function factory()
  return function()
    require("ardour.action").run("recommend")
  end
end
