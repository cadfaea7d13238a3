# shellcheck shell=bash
# What the scripts share that try the running service from outside with other languages' tools. Sourced, not run: by
# scripts/clients, scripts/browser, scripts/conformance, scripts/oidc, scripts/versions and scripts/formats, from the root of the checkout, with `set -euo pipefail`.
#
# The caller sets DEV_CLUSTER to a cluster of its own, which is new at each run and deleted at its end.

readonly READY_S=60
readonly STOP_S=15
readonly NODE_MIN=18

fail() {
    printf 'scripts/%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# ---------------------------------------------------------------------------------------------------------------------
# What the machine must have

installed=""
# Installs the Debian package $1, for want of $2.
install() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "needs $2 (Debian's package $1)"
    fi
    printf 'no %s here: installing %s with apt-get\n' "$2" "$1" >&2
    mkdir -p .rowhouse
    {
        if [ -z "$installed" ]; then timeout 300 apt-get update -q || true; fi
        DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -y -q --no-install-recommends "$1"
    } >.rowhouse/apt.log 2>&1 </dev/null || fail "apt-get could not install $1: the end of .rowhouse/apt.log says why"
    installed=yes
}

has_python_venv() {
    python3 -c 'import venv, ensurepip' 2>/dev/null
}

require_node() {
    command -v node >/dev/null || install nodejs node
    # Some packages of node have npm with them.
    command -v npm >/dev/null || install npm npm
    local major
    major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    [ "$major" -ge "$NODE_MIN" ] || fail "needs node $NODE_MIN or newer, and this is $(node --version)"
}

require_python() {
    command -v python3 >/dev/null || install python3 python3
    has_python_venv || install python3-venv "Python's venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "needs Python 3.11 or newer, and this is $(python3 --version)"
}

# True where directory $1 was last installed from file $2 as it is now.
is_current() {
    cmp -s "$2" "$1/.installed-from"
}

# Installs the packages of directory $1.
install_js() {
    if is_current "$1/node_modules" "$1/package-lock.json"; then return; fi
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
    cp "$1/package-lock.json" "$1/node_modules/.installed-from"
}

# Makes the environment $1 with what directory $2 requires.
install_python() {
    if is_current "$1" "$2/requirements.txt"; then return; fi
    mkdir -p .rowhouse
    python3 -m venv --clear "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$2/requirements.txt"
    cp "$2/requirements.txt" "$1/.installed-from"
}

# ---------------------------------------------------------------------------------------------------------------------
# The service

free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    fail "found no free port"
}

server=""
# More words for `rowhouse serve`, for the caller to set.
serve_options=()
stop() {
    local status=$?
    trap '' INT TERM HUP
    if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then
        for _ in $(seq $((10 * STOP_S))); do
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    scripts/postgres destroy "$DEV_CLUSTER"
    exit "$status"
}

# Starts database and service; loads the SQL file $1, if there is one.
start() {
    [ "$(scripts/dev mode)" = cargo ] || fail "needs cargo, to build the service"
    # Of a run that was killed.
    scripts/postgres destroy "$DEV_CLUSTER"
    scripts/dev up
    if [ $# = 1 ]; then scripts/dev psql -Xq --set=ON_ERROR_STOP=1 --single-transaction --file=- <"$1"; fi

    ROWHOUSE_BIND=127.0.0.1:$(free_port)
    ROWHOUSE_ADMIN_BIND=127.0.0.1:$(free_port)
    export ROWHOUSE_BIND ROWHOUSE_ADMIN_BIND ROWHOUSE_LOG_LEVEL=${ROWHOUSE_LOG_LEVEL:-warn}
    scripts/dev run serve "${serve_options[@]}" &
    server=$!
    for _ in $(seq $((5 * READY_S))); do
        if scripts/dev run probe >/dev/null 2>&1; then return; fi
        kill -0 "$server" 2>/dev/null || fail "the service ended before it was ready; the lines above say why"
        sleep 0.2
    done
    fail "the service was not ready within $READY_S s"
}

# What the suites read: where the service is, and a token for each of their users.
tell_suites() {
    export CLIENTS_URL=http://$ROWHOUSE_BIND
    CLIENTS_TOKEN_LESLIE=$(scripts/token pawnee-parks-and-rec leslie.knope owner)
    CLIENTS_TOKEN_APRIL=$(scripts/token pawnee-parks-and-rec april.ludgate member)
    CLIENTS_TOKEN_MICHAEL=$(scripts/token dunder-mifflin michael.scott owner)
    export CLIENTS_TOKEN_LESLIE CLIENTS_TOKEN_APRIL CLIENTS_TOKEN_MICHAEL
}

# Stops what was started, however the script ends. One run at a time: the one that ends first would stop the other's database.
stop_at_the_end() {
    trap stop EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    mkdir -p .rowhouse
    if command -v flock >/dev/null; then
        exec 8>".rowhouse/$DEV_CLUSTER-run.lock"
        flock -n 8 || { echo "waiting for another scripts/$(basename "$0") in this checkout" >&2 && flock 8; }
    fi
}
