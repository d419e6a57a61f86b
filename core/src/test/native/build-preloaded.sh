#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds what tests preload, for this machine: build-preloaded.sh FOLDER
set -eu
folder=$1
cd "$(dirname "$0")"
mkdir -p "$folder"
for name in owner allocator failing thief; do
    gcc -O2 -Wall -Wextra -fPIC -shared -o "$folder/lib$name.so" "$name.c" -ldl
done
