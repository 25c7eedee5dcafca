#!/usr/bin/env bash
# Installs the Debian packages that building, checking and the demo need, and only those that are missing.
# Called by the Makefile's check, bench and demo targets as `scripts/setup.sh GROUP...`;
# groups: build (compilers for the reference and the C tests), net (namespaces), clients (Ruby, Python, PHP bindings).
set -euo pipefail

packages_of() {
    case "$1" in
        build) echo g++ make cmake pkg-config binutils python3 libsodium-dev libgnutls28-dev ;;
        net) echo iproute2 util-linux ;;
        clients) echo ruby ruby-ffi-rzmq python3 python3-zmq php-cli php-zmq libzmq5 ;;
        *) echo "setup: unknown group '$1' (known: build net clients)" >&2; return 2 ;;
    esac
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

[ $# -gt 0 ] || set -- build net clients
missing=()
for group in "$@"; do
    names=$(packages_of "$group")
    for name in $names; do
        installed "$name" || missing+=("$name")
    done
done

if ! command -v cargo >/dev/null; then
    echo "setup: cargo is not in PATH; install Rust 1.88 or newer first" >&2
    exit 1
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: not a Debian system; please install the equivalents of: ${missing[*]}" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "setup: not root; please run: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "setup: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
