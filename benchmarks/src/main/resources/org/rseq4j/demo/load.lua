-- wrk's script. It posts a text, and sends nothing in a round's last 500 ms, so that every request is answered when wrk
-- stops counting. At the end it prints what the demo reads: totals, errors and the distribution of latencies.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanos; } rseq4j_time;
  int clock_gettime(int clock, rseq4j_time *time);
]]
local time = ffi.new("rseq4j_time")
local function now()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanos) / 1e9
end

wrk.method = "POST"
wrk.headers["Content-Type"] = "text/plain"
local stop

function init(arguments)
  stop = now() + tonumber(arguments[1]) - 0.5
  wrk.body = string.rep(arguments[2] .. "\n", tonumber(arguments[3]))
  request_text = wrk.format()
end

function request()
  return request_text
end

function delay()
  return now() > stop and 1000000 or 0
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("demo-total %d %d %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
  for i = 1, #latency do
    local value, count = latency(i)
    io.write(string.format("demo-latency %d %d\n", value, count))
  end
end
