-- The requests of run.py for wrk: load.lua MODE TARGETS. Another target each time, so that equal commands do not merge.
local mode, targets, n = "accept", 1000, 0
local paths = { accept = "/v1/commands", done = "/v1/commands?wait=30" }

function init(arguments)
    mode = arguments[1] or mode
    targets = tonumber(arguments[2] or targets)
end

function request()
    n = n + 1
    local action = math.floor(n / targets) % 2 == 0 and "on" or "off"
    if mode == "pdudaemon" then
        return wrk.format("GET", string.format("/power/control/%s?hostname=d%d&port=%d", action, n % 100, n % 8 + 1))
    end
    -- What is only to be accepted is due in an hour: nothing else happens meanwhile.
    local due = mode == "accept" and ', "delay": 3600' or ""
    local body = string.format('{"target": "t%d", "action": "%s"%s}', n % targets, action, due)
    return wrk.format("POST", paths[mode], { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format(
        '{"count": %d, "per_second": %.1f, "p50_us": %.0f, "p99_us": %.0f, "p999_us": %.0f, "errors": %d}\n',
        summary.requests, summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
        latency:percentile(99.9), e.connect + e.read + e.write + e.status + e.timeout))
end
