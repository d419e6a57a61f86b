#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds selftest.c for each C library and machine that there is a compiler for: build-selftest.sh FOLDER
set -eu
folder=$1
cd "$(dirname "$0")"
mkdir -p "$folder"
build() { # name, compiler
    if command -v "$2" > /dev/null; then
        "$2" -std=gnu17 -O2 -Wall -Wextra -Werror -o "$folder/$1" selftest.c -ldl -pthread
    else
        rm -f -- "$folder/$1"
    fi
}
build selftest gcc
build selftest-musl musl-gcc
build selftest-aarch64 aarch64-linux-gnu-gcc
