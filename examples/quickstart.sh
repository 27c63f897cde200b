#!/bin/sh
# A first call: installs what is missing, builds tandemd, places a SIP call through it with SIPp, and shows what
# tandem knew during the call and wrote after it.
set -eu

cd "$(dirname -- "$0")/.."
tandemd_path=build/examples/tandemd/tandemd
work=
tandemd=
callee=
caller=

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf 'quickstart: %s\n' "$1" >&2
    if [ -n "$work" ]; then
        for log in "$work"/*.log; do
            [ -s "$log" ] && printf -- '-- %s\n' "${log##*/}" >&2 && tail -n 20 "$log" >&2
        done
    fi
    exit 1
}

# Ends what this script started, and nothing else.
clean_up() {
    for process in $caller $callee $tandemd; do kill -KILL "$process" 2>/dev/null || true; done
    [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# until_true SECONDS command...: false when the time is over.
until_true() {
    left=$(($1 * 10))
    shift
    while ! "$@"; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 0.1
    done
}

runs() { kill -0 "$1" 2>/dev/null; }
ended() { ! runs "$1"; }
ready_or_dead() { grep -qx 'tandemd ready' "$work/tandemd.log" || ended "$tandemd"; }
query() { sqlite3 -readonly "$@" "$work/tandem.db"; }
count() { [ "$(echo "$1" | query 2>/dev/null)" = "$2" ]; }

say "packages and build"
./cmake/install_packages.sh || fail "the packages of cmake/packages.txt could not be installed"
cmake -C cmake/relwithdebinfo.cmake -S . -B build -G Ninja >/dev/null || fail "cmake failed; its reason is above"
cmake --build build --target tandemd || fail "the build failed; its reason is above"

work=$(mktemp -d)

# The usual ports where they are free, else any.
# shellcheck disable=SC2046
set -- $(python3 - 5060 5070 5080 <<'PYTHON'
import socket, sys
held = []
for port in sys.argv[1:]:
    held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    try:
        held[-1].bind(("127.0.0.1", int(port)))
    except OSError:
        held[-1].bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
PYTHON
)
tandemd_port=$1 callee_port=$2 caller_port=$3

cat >"$work/tandem.toml" <<TOML
[sip]
listen = ["udp:127.0.0.1:$tandemd_port"]

[store]
path = "$work/tandem.db"

[[route]]
to = ["sip:127.0.0.1:$callee_port"]
TOML

say "tandemd on udp:127.0.0.1:$tandemd_port, with this configuration"
cat "$work/tandem.toml"
"$tandemd_path" --config "$work/tandem.toml" >"$work/tandemd.log" 2>&1 &
tandemd=$!
until_true 20 ready_or_dead || fail "tandemd did not say that it is ready"
runs "$tandemd" || fail "tandemd ended at its start"

say "a call: SIPp 127.0.0.1:$caller_port -> tandemd -> SIPp 127.0.0.1:$callee_port"
sipp -sf examples/quickstart/callee.xml -i 127.0.0.1 -p "$callee_port" -m 1 -nostdin -timeout 30 -timeout_error \
    >"$work/callee.log" 2>&1 &
callee=$!
sipp -sf examples/quickstart/caller.xml -i 127.0.0.1 -p "$caller_port" -s 4930 -m 1 -nostdin -timeout 30 \
    -timeout_error "127.0.0.1:$tandemd_port" >"$work/caller.log" 2>&1 &
caller=$!
until_true 10 count "SELECT count(*) > 0 FROM dialog WHERE state = 'confirmed';" 1 ||
    fail "the call was not answered: no confirmed dialog in the store"

say "the live dialog, from the store"
echo "SELECT * FROM dialog;" | query -line
say "statistics: dialogs by state, calls recorded"
echo "SELECT state, count(*) AS dialogs FROM dialog GROUP BY state; SELECT count(*) AS cdrs FROM cdr;" |
    query -header -column

until_true 20 ended "$caller" || fail "the caller did not end"
wait "$caller" || fail "the caller's scenario failed, SIPp exit $?"
caller=
until_true 20 ended "$callee" || fail "the callee did not end"
wait "$callee" || fail "the callee's scenario failed, SIPp exit $?"
callee=
until_true 5 count "SELECT count(*) FROM cdr;" 1 || fail "there is not exactly one CDR of the call"
until_true 5 count "SELECT count(*) FROM dialog;" 0 || fail "the dialog is still in the store after the call"

say "the call's record (CDR)"
echo "SELECT * FROM cdr;" | query -line

kill -TERM "$tandemd"
until_true 10 ended "$tandemd" || fail "tandemd did not end after SIGTERM"
wait "$tandemd" || fail "tandemd ended with $?"
tandemd=

say "done: one call placed, tracked and recorded; tandemd is $tandemd_path"
