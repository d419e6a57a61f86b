#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the native library for this machine, and for each other one whose cross compiler is there: build-all.sh FOLDER
set -eu
folder=$1
here=$(dirname "$0")
own=$(gcc -dumpmachine)
for machine in x86_64 aarch64; do
    case $own in
        "$machine"-*) compiler=gcc ;;
        *) compiler=$machine-linux-gnu-gcc ;;
    esac
    if command -v "$compiler" > /dev/null; then
        "$here/build.sh" "$folder/linux-$machine/librseq4j.so" "$compiler"
    else
        # Not one from an earlier build, which had the compiler.
        rm -f -- "$folder/linux-$machine/librseq4j.so"
        echo "rseq4j: no $compiler (bin/setup installs it): this jar has no native library for $machine"
    fi
done
