#!/usr/bin/env bash
# Swift, where the package and its tests are built without a Mac.
#
#   toolchain.sh            install Swift if it is missing; does nothing where it is there
#   toolchain.sh --check    say which Swift there is; fails, with a line on how to get one, where there is none
#   toolchain.sh swift …    run a command beside Swift, in the current folder, with the same paths as outside
#
# Debian trixie packages a Swift; other Debians get trixie's in a folder of its own (2.6 GB), entered by chroot.
# POCKETMASK_SWIFT says which folder.
set -euo pipefail

root=${POCKETMASK_SWIFT:-/opt/swift-trixie}
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pocketmask
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

die() {
    echo "toolchain.sh: $*" >&2
    exit 1
}

# swift itself is a link that only holds inside.
where() {
    if command -v swift >/dev/null; then echo native; elif [ -x "$root/usr/bin/swiftc" ]; then echo chroot; else echo none; fi
}

how_to_get_one() {
    case "$(uname -s)" in
        Darwin) echo "Xcode 15 or newer brings Swift: install it from the App Store, then run xcode-select --install" ;;
        Linux) if is_debian; then echo "run ios_sample/toolchain.sh as root"; else
            echo "this Linux is not Debian: install Swift 5.9 or newer from https://www.swift.org/install and put swift on PATH"; fi ;;
        *) echo "$(uname -s) is not supported: use macOS or Linux" ;;
    esac
}

is_debian() {
    [ -r /etc/os-release ] && (. /etc/os-release && [ "${ID:-}" = debian ])
}

install() {
    [ "$(uname -s)" = Linux ] && is_debian || die "no Swift here: $(how_to_get_one)"
    [ "$(id -u)" = 0 ] || die "installing Swift needs root, found user $(id -un): run it with sudo"
    if ! command -v debootstrap >/dev/null; then
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap
    fi
    mkdir -p "$(dirname "$root")"
    exec 9>"$root.lock"
    flock 9
    [ "$(where)" = none ] || return 0 # by whoever held the lock
    # Made under another name, so that a run that was cut off is never taken for a toolchain, and in a mount namespace of
    # its own, so that whatever debootstrap mounts goes with it, killed or not.
    rm -rf "$root.partial"
    # shellcheck disable=SC2016
    unshare --mount bash -c '
        set -euo pipefail
        debootstrap --variant=minbase trixie "$1"
        chroot "$1" apt-get update -q
        chroot "$1" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends swiftlang libc6-dev
        chroot "$1" apt-get clean
    ' install "$root.partial" 9>&-
    mv "$root.partial" "$root"
}

# The folders that a build touches appear inside under the same path; the mounts end with the command.
enter() {
    local folder user=()
    [ "$(id -u)" = 0 ] || user=(--map-root-user)
    mkdir -p "$cache"
    for folder in "$repository" "$cache" "${TMPDIR:-/tmp}" "$PWD"; do
        [ -d "$root$folder" ] || mkdir -p "$root$folder" || die "cannot make $root$folder, run it once as root"
    done
    # shellcheck disable=SC2016
    exec unshare --mount "${user[@]}" bash -c '
        set -euo pipefail
        root=$1 here=$2
        shift 2
        for folder in /proc /dev; do mount --rbind "$folder" "$root$folder"; done
        while [ "$1" != -- ]; do mount --bind "$1" "$root$1"; shift; done
        shift
        exec chroot "$root" env --chdir="$here" "$@"
    ' enter "$root" "$PWD" "$repository" "$cache" "${TMPDIR:-/tmp}" "$PWD" -- "$@"
}

case "${1:-}" in
    "") [ "$(where)" != none ] || install; "${BASH_SOURCE[0]}" --check ;;
    --check) [ "$(where)" != none ] || die "no Swift here: $(how_to_get_one)"; "${BASH_SOURCE[0]}" swift --version 2>&1 | sed -n '/Swift version/p' ;;
    -*) die "unknown option $1; expected --check, a command, or nothing" ;;
    *) case "$(where)" in native) exec "$@" ;; chroot) enter "$@" ;; none) die "no Swift here: $(how_to_get_one)" ;; esac ;;
esac
