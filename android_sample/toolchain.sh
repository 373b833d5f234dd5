#!/usr/bin/env bash
# The Kotlin compiler that the version catalogue pins, JUnit 4, Java and aapt2: enough to check all of this folder without
# Android Studio.
#
#   toolchain.sh           install what is missing; does nothing where all is there
#   toolchain.sh --check   say in which folder the compiler is; fails, with a line on what is missing
#
# Java, JUnit, aapt2 and the framework that it links against are Debian's packages (as root); the compiler goes to
# ~/.cache/pocketmask.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
jars=/usr/share/java
framework=/usr/share/android-framework-res/framework-res.apk

die() {
    echo "toolchain.sh: $*" >&2
    exit 1
}

version=$(sed -n 's/^kotlin = "\(.*\)"$/\1/p' "$here/gradle/libs.versions.toml")
[ -n "$version" ] || die "gradle/libs.versions.toml has no line 'kotlin = \"…\"'"
compiler=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pocketmask/kotlin-$version

check() {
    command -v java >/dev/null || die "no Java here: run android_sample/toolchain.sh"
    [ -e "$jars/junit4.jar" ] && [ -e "$jars/hamcrest-core.jar" ] || die "no JUnit 4 in $jars: run android_sample/toolchain.sh"
    command -v aapt2 >/dev/null && [ -e "$framework" ] || die "no aapt2 or no $framework: run android_sample/toolchain.sh"
    [ -x "$compiler/bin/kotlinc" ] || die "no Kotlin $version here: run android_sample/toolchain.sh"
    echo "$compiler"
}

package() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >&2
}

debian() {
    command -v apt-get >/dev/null || die "no apt-get to install $1 with: only Debian and Ubuntu are supported"
    [ "$(id -u)" = 0 ] || die "installing $1 needs root, found user $(id -un): run 'sudo apt-get install $1', then this again"
    # A fresh machine has no lists of packages, an old one has stale ones: both are told by a failure.
    package "$1" || { apt-get update -qq >&2 && package "$1"; } || die "apt-get could not install $1, nor after an update"
}

fetch_compiler() {
    # It brings the compiler, as the package kotlin-compiler.
    command -v npm >/dev/null || debian npm
    mkdir -p "$(dirname "$compiler")"
    # Made under another name, so that a download that was cut off is never taken for a compiler.
    rm -rf "$compiler.partial"
    mkdir "$compiler.partial"
    trap 'rm -rf "$compiler.partial"' EXIT
    (cd "$compiler.partial" && npm pack --silent "kotlin-compiler@$version" >/dev/null && tar xzf ./*.tgz) ||
        die "npm could not fetch kotlin-compiler@$version"
    chmod +x "$compiler.partial"/package/bin/*
    rm -rf "$compiler"
    mv "$compiler.partial/package" "$compiler"
}

case "${1:-}" in
    "")
        command -v java >/dev/null || debian default-jdk-headless
        [ -e "$jars/junit4.jar" ] || debian junit4
        [ -e "$jars/hamcrest-core.jar" ] || debian libhamcrest-java
        command -v aapt2 >/dev/null || debian aapt
        [ -e "$framework" ] || debian android-framework-res
        [ -x "$compiler/bin/kotlinc" ] || fetch_compiler
        check
        ;;
    --check) check ;;
    *) die "unknown option $1; expected --check or nothing" ;;
esac
