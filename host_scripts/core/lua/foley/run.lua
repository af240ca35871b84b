-- One generate from start to report.

local place = require("foley.place")

local run = {}

run.place_result = place.place_result

return run
