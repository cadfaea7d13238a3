-- wrk's requests: each as a random tenant with its own token. Environment: BENCH_TOKENS (a file, one token a line, line n
-- for tenant n - 1), BENCH_KIND (list or key), BENCH_ROWS (items of a tenant).
local tokens = {}
for line in io.lines(os.getenv("BENCH_TOKENS")) do
    tokens[#tokens + 1] = line
end
local kind, rows = os.getenv("BENCH_KIND"), tonumber(os.getenv("BENCH_ROWS"))

function init()
    math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 100000)
end

function request()
    local tenant = math.random(#tokens)
    local path = "/items?select=id,title,tenant_id"
    if kind == "key" then
        path = string.format("/items/00000000-0000-4000-9%03d-%d", math.random(0, rows - 1), 100000000000 + tenant - 1)
    end
    return wrk.format("GET", path, { ["Authorization"] = "Bearer " .. tokens[tenant] })
end

-- One line for scripts/bench: requests, microseconds, failures, p50 and p99 in microseconds.
function done(summary, latency)
    local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
        + summary.errors.timeout
    io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration, failed,
        latency:percentile(50), latency:percentile(99)))
end
