#!/usr/bin/env bash
# Ruby and Python, with their bindings from Debian as they are, talk to each other over this library: `make demo`.
# Four conversations on port 5559; for each process the libzmq file that it has loaded is read from /proc/PID/maps.
# OXIZMQ_STAGE names another folder with lib/libzmq.so.5 than the staged one.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/setup.sh" clients
stage=$("$root/scripts/stage")
library=$(realpath "$stage/lib/libzmq.so.5")
demo=$root/examples/demo
python=/usr/bin/python3 # Debian's, for Debian's python3-zmq; another one may come first in PATH
ruby=/usr/bin/ruby
wrong=0
server=

stop_server() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; }
    server=
}
trap stop_server EXIT

# start PROGRAM...: runs it on our library
start() {
    LD_LIBRARY_PATH="$stage/lib" "$@" &
}

# loaded NAME PID: waits until the process has loaded a libzmq, says which, and notes if it is not ours
loaded() {
    local file=
    for _ in $(seq 100); do
        file=$(awk '/\/libzmq\.so/ { print $6; exit }' "/proc/$2/maps" 2>/dev/null || true)
        [ -z "$file" ] || break
        sleep 0.05
    done
    echo "  $1 (process $2) has loaded ${file:-no libzmq}"
    [ "$file" = "$library" ] || { echo "  that is not $library" >&2; wrong=1; }
}

# talk SERVER-NAME CLIENT-NAME SERVER-COMMAND -- CLIENT-COMMAND
talk() {
    local server_name=$1 client_name=$2 command=()
    shift 2
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    shift
    echo
    echo "$client_name asks $server_name"
    start "${command[@]}"
    server=$!
    loaded "the $server_name server" "$server"
    start "$@"
    local client=$!
    loaded "the $client_name client" "$client"
    if ! wait "$client"; then
        echo "  the $client_name client failed" >&2
        wrong=1
    fi
    jobs -rp | grep -qx "$server" || { echo "  the $server_name server has died" >&2; wrong=1; }
    stop_server
}

echo "this library: $library"
talk Ruby Ruby "$ruby" "$demo/server.rb" -- "$ruby" "$demo/client.rb"
talk Python Ruby "$python" "$demo/server.py" -- "$ruby" "$demo/client.rb"
talk Ruby Python "$ruby" "$demo/server.rb" -- "$python" "$demo/client.py"
talk Python Python "$python" "$demo/server.py" -- "$python" "$demo/client.py"
echo
if [ "$wrong" -ne 0 ]; then
    echo "The demo failed."
    exit 1
fi
echo "All four conversations went over this library."
