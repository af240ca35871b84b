-- Asking the daemon through foley-call: the config, the work files, starting the process, reading what it writes.

local fault = require("foley.fault")
local json = require("foley.json")
local path = require("foley.path")

local call = {}

call.PATIENCE_S = 60 -- for a first sign of life of foley-call

-- Seconds since 1970.
function call.now()
  return os.time()
end

-- A short name for a text (FNV-1a, 64 bit).
function call.digest(text)
  local value = 0xCBF29CE484222325
  for first = 1, #text, 4096 do
    for _, byte in ipairs({string.byte(text, first, math.min(first + 4095, #text))}) do
      value = (value ~ byte) * 0x100000001B3
    end
  end
  return string.format("%016x", value)
end

-- Rounded up.
function call.whole_seconds(seconds)
  return math.ceil(seconds)
end

local named = 0

-- A name for a run, such as no other run has.
function call.name(host)
  named = named + 1
  local plain = string.gsub(string.lower(host.name), "[^%w]", "")
  local chance = call.digest(table.concat({tostring({}), tostring(os.clock()), tostring(named), tostring(host)}, " "))
  return plain .. os.date("-%Y%m%d-%H%M%S-") .. string.sub(chance, -4)
end

-- files

-- Whether a file is there.
function call.is_file(whole)
  local file = io.open(whole, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

-- Removes a file if it is there.
function call.forget(whole)
  os.remove(whole)
end

-- A file's JSON object; nil when there is no file, or it is just being replaced. Raises when it is something else.
function call.read_json(whole)
  local file = io.open(whole, "rb")
  local text = file and file:read("a")
  if file then
    file:close()
  end
  if not text then
    return nil
  end
  local good, found = pcall(json.decode, text)
  if not good or type(found) ~= "table" then
    fault.raise(whole .. " is damaged", "Remove it, and try again.")
  end
  return found
end

-- Writes a file whole, or not at all.
function call.write_text(whole, text)
  local part = whole .. ".part"
  local file, why = io.open(part, "wb")
  local done = file ~= nil
  if file then
    done = file:write(text) ~= nil
    done = file:close() and done
  end
  if done and not os.rename(part, whole) then
    os.remove(whole) -- Windows renames over nothing
    done, why = os.rename(part, whole)
  end
  if not done then
    local said = whole .. " cannot be written: " .. tostring(why or "is the disk full?")
    fault.raise(said, "Look at the folder's permissions and the free space.")
  end
end

-- Writes a value as JSON.
function call.write_json(whole, value)
  call.write_text(whole, json.encode(value))
end

-- JSON, members in order of their names.
call.encode = json.encode

-- Of a run: .json the request, .progress.json, .cancel, .reply.json.
function call.work_file(config, run, ending)
  return path.join(config.work, run .. ending)
end

-- What is kept of a project between two scripts (notes.lua), such as "pending".
function call.project_file(config, kind, project)
  return path.join(config.work, kind .. "-" .. call.digest(project.id) .. ".json")
end

-- asking

local function install(host)
  return "Run this in a terminal: foley-bridge install-host " .. string.lower(host.name)
end

-- What "foley-bridge install-host" wrote beside the scripts. Raises when it is not there, or is of another version.
function call.config(host)
  local found = call.read_json(host.config)
  if not found then
    fault.raise(host.config .. " is not there, so foley_bridge cannot be found", install(host))
  elseif found.schema ~= 1 or not found.foley_call or not found.work then
    fault.raise(host.config .. " is of another version of foley_bridge", install(host))
  end
  return found
end

-- Starts foley-call on a request that is written; what it wrote before is removed.
function call.relaunch(host, config, run)
  for _, ending in ipairs({".reply.json", ".progress.json", ".cancel"}) do
    call.forget(call.work_file(config, run, ending))
  end
  local command = table.move(config.foley_call, 1, #config.foley_call, 1, {})
  command[#command + 1] = "--follow" -- which is for those methods that last
  for _, option in ipairs({"endpoint", "keys", "seat"}) do
    if config[option] then
      command[#command + 1] = "--" .. option
      command[#command + 1] = config[option]
    end
  end
  command[#command + 1] = call.work_file(config, run, ".json")
  host.launch(command)
end

-- Writes a request and starts foley-call on it.
function call.launch(host, config, run, method, params)
  call.write_json(call.work_file(config, run, ".json"), {foley_bridge = 1, id = run, method = method, params = params})
  call.relaunch(host, config, run)
end

-- The reply of a run; nil while it is not there.
function call.reply(config, run)
  return call.read_json(call.work_file(config, run, ".reply.json"))
end

-- The job object of a run; nil while there is none.
function call.progress(config, run)
  local good, job = pcall(call.read_json, call.work_file(config, run, ".progress.json"))
  return good and job or nil
end

-- How far a job is, 0 to 1, and in words.
function call.told(job)
  if not job then
    return 0, "Asking the daemon"
  elseif job.state == "queued" then
    return 0, job.position and "Waiting: number " .. job.position .. " in the queue" or "Waiting"
  end
  local progress = job.progress or {}
  local said = progress.step or job.step or ""
  if progress.regions and progress.regions > 0 then
    said = "Region " .. tostring(progress.region) .. " of " .. progress.regions .. ": " .. said
  end
  if progress.left_s then
    said = said .. ", " .. call.whole_seconds(progress.left_s) .. " s left"
  end
  return progress.fraction or 0, said
end

-- Ends a run's job.
function call.cancel(config, run)
  call.write_text(call.work_file(config, run, ".cancel"), "")
end

-- Raises what to say of a foley-call that gave no sign of life.
function call.raise_silent(host, config)
  fault.raise(table.concat(config.foley_call, " ") .. " gives no answer", install(host))
end

-- A reply's error as one to show: its message, and what to do.
function call.refused(host, reply)
  local err = reply.error or {}
  local hint = err.hint or ""
  if err.kind == "RequestError" then -- what these scripts ask is always right, for the version they came with
    hint = hint .. (hint ~= "" and ". " or "") .. "The daemon is of another version than this script. " .. install(host)
  end
  return err.message or "the daemon refused without saying why", hint
end

-- Removes a run's work files.
function call.clear(config, run)
  for _, ending in ipairs({".json", ".progress.json", ".cancel", ".reply.json"}) do
    call.forget(call.work_file(config, run, ending))
  end
end

return call
