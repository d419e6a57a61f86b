#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the native library for one machine: build.sh OUTPUT [COMPILER]
# The same sources and compiler give the same bytes.
set -eu
cd "$(dirname "$0")"
output=$1
compiler=${2:-${CC:-gcc}}
mkdir -p "$(dirname "$output")"
case $($compiler -dumpmachine) in
    x86_64-*) machine_flags="-mtls-dialect=gnu2 -mgeneral-regs-only" ;;
    aarch64-*) machine_flags="-mno-outline-atomics -mgeneral-regs-only" ;;
    *) machine_flags="-mgeneral-regs-only" ;;
esac

# All that the library takes from a C library; glibc has had it since 2.17, and musl has it. It is linked with a stand-in of
# these names without symbol versions: it asks for no version newer than needed, and anything else fails to link. What
# only some C libraries have is weak in the source.
c_library="__errno_location clock_gettime free getauxval getrusage madvise malloc memset mmap munmap nanosleep prctl
    pthread_create pthread_join pthread_key_create pthread_mutex_lock pthread_mutex_unlock pthread_setspecific sched_getcpu
    sched_setaffinity strcmp strncat syscall sysconf"
stub=$(mktemp -d)
trap 'rm -rf -- "$stub"' EXIT
for name in $c_library; do
    printf '.globl %s\n.type %s, %%function\n%s:\n' "$name" "$name" "$name"
done > "$stub/libc.s"
$compiler -shared -nostdlib -Wl,-soname,libc.so.6 -o "$stub/libc.so" "$stub/libc.s"

# shellcheck disable=SC2086
$compiler -std=gnu17 -O2 -fPIC -shared -fvisibility=hidden -fomit-frame-pointer -fno-stack-protector -g0 $machine_flags \
    -Wall -Wextra -Wshadow -Werror -nostdlib -Wl,--build-id=none -Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack \
    -Wl,--hash-style=both -pthread -o "$output" rseq4j_abort_trial.c rseq4j_calls.c rseq4j_jni.c \
    rseq4j_records.c rseq4j_registration.c rseq4j_sequences.c "$stub/libc.so" -lgcc
