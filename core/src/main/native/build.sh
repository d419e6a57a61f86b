#!/bin/sh
# Builds the native library for one machine: build.sh OUTPUT [COMPILER]
# The same sources and compiler give the same bytes.
set -eu
cd "$(dirname "$0")"
output=$1
compiler=${2:-${CC:-gcc}}
mkdir -p "$(dirname "$output")"
case $($compiler -dumpmachine) in
    x86_64-*) machine_flags="-mtls-dialect=gnu2 -mgeneral-regs-only" ;;
    *) machine_flags= ;;
esac
# shellcheck disable=SC2086
exec $compiler -std=gnu17 -O2 -fPIC -shared -fvisibility=hidden -fomit-frame-pointer -g0 $machine_flags \
    -Wall -Wextra -Wshadow -Werror -Wl,--build-id=none -Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete -pthread \
    -o "$output" rseq4j.c
