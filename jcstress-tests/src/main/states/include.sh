#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copies the classes of tests in this folder to another one, with the file FILE of the same folder for each line
# "// include FILE", without the comment that it begins with. include.sh OUTPUT
set -euo pipefail

output=${1:?include.sh OUTPUT}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
find . -name '*.java' | while read -r class; do
  mkdir -p -- "$output/$(dirname -- "$class")"
  awk -v folder="$(dirname -- "$class")" '
    $1 == "//" && $2 == "include" {
      file = folder "/" $3
      lines = 0
      while ((getline line < file) > 0) if (line !~ /^\/\//) { print line; lines++ }
      close(file)
      if (lines == 0) { print "include.sh: nothing in " file > "/dev/stderr"; exit 1 }
      next
    }
    { print }' "$class" > "$output/$class.new"
  # One that is as it was need not be compiled again.
  if cmp -s -- "$output/$class.new" "$output/$class"; then rm -- "$output/$class.new"; else mv -- "$output/$class.new" "$output/$class"; fi
done
