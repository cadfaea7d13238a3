-- wrk's requests: each as a random tenant with its own token. Environment: BENCH_TOKENS (a file, one token a line, line n
-- for tenant n - 1), BENCH_KIND (list or key), BENCH_ROWS (items of a tenant). Made beforehand, so that wrk takes as
-- little as it can of the cores that it shares.
local requests = {}

function init()
    local kind, rows = os.getenv("BENCH_KIND"), tonumber(os.getenv("BENCH_ROWS"))
    math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 100000)
    local tenant = 100000000000
    for token in io.lines(os.getenv("BENCH_TOKENS")) do
        for _ = 1, kind == "key" and 5 or 1 do
            local path = "/items?select=id,title,tenant_id"
            if kind == "key" then
                path = string.format("/items/00000000-0000-4000-9%03d-%d", math.random(0, rows - 1), tenant)
            end
            requests[#requests + 1] = wrk.format("GET", path, { ["Authorization"] = "Bearer " .. token })
        end
        tenant = tenant + 1
    end
end

function request()
    return requests[math.random(#requests)]
end

-- One line for scripts/bench: requests, microseconds, failures, p50 and p99 in microseconds.
function done(summary, latency)
    local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
        + summary.errors.timeout
    io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration, failed,
        latency:percentile(50), latency:percentile(99)))
end
