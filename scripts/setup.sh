#!/usr/bin/env bash
# Installs the Debian packages that building, checking and the demo need, and only those that are missing.
# Called by the Makefile and mk/*.mk as `scripts/setup.sh GROUP...`; without groups it is all of them.
set -euo pipefail

# What is installed where there is no Rust: with this one everything was checked, and a newer one warns of other things.
checked=1.95.0
rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml").0

# A line for each group: its name, its packages, and after # what it is. A package of one architecture has that in brackets.
groups='
rust      gcc libc6-dev                                                       # a compiler; cargo comes with rustup, below
lint                                                                          # rustfmt and clippy, below
coverage                                                                      # the LLVM tools of the compiler, below
build     g++ make cmake pkg-config binutils python3 libsodium-dev libgnutls28-dev  # the reference and the C tests
net       iproute2 util-linux                                                 # namespaces
faults    iptables                                                             # packets that are lost
valgrind  valgrind
counters  valgrind strace                                                     # for the benchmark
debian    dpkg-dev                                                            # dpkg-shlibdeps, for the test of the package
guest     qemu-system-x86[amd64] linux-image-amd64[amd64] busybox-static kmod cpio  # a virtual machine and its kernel
browser   chromium
kerberos  krb5-kdc krb5-admin-server krb5-user                                # a realm for the tests of GSSAPI
security  microsocks libzmq5                                                  # a SOCKS proxy; a libzmq with GSSAPI
clients   ruby ruby-ffi-rzmq python3 python3-zmq php-cli php-zmq libzmq5      # bindings
languages default-jdk-headless libzmq-java libzmq-ffi-perl r-cran-pbdzmq octave octave-zeromq ffmpeg libuv1-dev python3-gevent
bindings  python3-pytest python3-tornado cppzmq-dev junit4                     # their own tests
node      nodejs npm                                                          # any npm will do
scenarios python3-gevent python3-ipykernel python3-jupyter-client libczmq-dev mongrel2-core
'
arch=$(dpkg --print-architecture 2>/dev/null || true)
known=$(awk 'NF { print $1 }' <<<"$groups")

packages_of() {
    if ! grep -qxF -e "$1" <<<"$known"; then
        echo "setup: unknown group '$1' (known:" $known")" >&2
        return 2
    fi
    # Any C compiler and any npm will do.
    [ "$1" != rust ] || ! command -v cc >/dev/null || return 0
    [ "$1" != node ] || ! command -v npm >/dev/null || return 0
    awk -v group="$1" '$1 == group { sub(/#.*/, ""); $1 = ""; print }' <<<"$groups" |
        sed -e "s/\[$arch\]//g" -e 's/[^ ]*\[[^]]*\]//g'
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

install_packages() {
    [ $# -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "setup: not a Debian system; please install the equivalents of: $*" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "setup: not root; please run: apt-get install -y --no-install-recommends $*" >&2
        exit 1
    fi
    echo "setup: installing $*" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends "$@" >&2
}

# What only `make fuzz-coverage` wants is fetched when that is called.
[ $# -gt 0 ] || set -- $(grep -vx coverage <<<"$known")
missing=()
for group in "$@"; do
    names=$(packages_of "$group")
    for name in $names; do
        installed "$name" || missing+=("$name")
    done
done

# Without any Rust the current one is installed where rustup puts it, in the home folder; the Makefile finds it there.
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
if ! command -v cargo >/dev/null; then
    command -v curl >/dev/null || missing+=(curl ca-certificates)
    install_rust=yes
fi
install_packages "${missing[@]}"

if [ "${install_rust:-}" = yes ]; then
    echo "setup: installing Rust with rustup" >&2
    url=https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    curl --proto '=https' --tlsv1.2 -sSf -o "$folder/rustup-init" "$url" -o "$folder/sum" "$url.sha256"
    echo "$(cut -d ' ' -f 1 "$folder/sum")  $folder/rustup-init" | sha256sum --check --quiet
    chmod +x "$folder/rustup-init"
    "$folder/rustup-init" -y -q --no-modify-path --profile default --default-toolchain "$checked" >&2
fi
found=$(cargo --version | cut -d ' ' -f 2)
if [ "$(printf '%s\n' "$rust" "$found" | sort -V | head -n 1)" != "$rust" ]; then
    echo "setup: Rust $rust or newer is needed, this is $found; \`rustup update\` gets it" >&2
    exit 1
fi
for group in "$@"; do
    if [ "$group" = coverage ] && ! ls "$(rustc --print sysroot)"/lib/rustlib/*/bin/llvm-cov >/dev/null 2>&1; then
        rustup component add llvm-tools >&2
    fi
    [ "$group" = lint ] || continue
    for component in rustfmt clippy; do
        cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component" >&2
    done
done
