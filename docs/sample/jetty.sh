#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Jetty as it comes, beside Jetty with parts replaced by this library's: publishes, builds and runs. docs/integration.md has
# what came out. jetty.sh [--repository DIR] [OPTION...]; jetty.sh --help lists the options.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
command=sample
# shellcheck source=bin/lib.sh
. "$here/../../bin/lib.sh"
if [ "${1:-}" = --repository ]; then
  repository=${2:?--repository DIR}
  shift 2
else
  repository=$(mktemp -d)
  trap 'rm -rf -- "$repository"' EXIT
  "$root/bin/publish" --local "$repository"
fi
"$here/build.sh" "$repository" -DskipTests
home=$(jdk)
"$home/bin/java" --enable-native-access=org.rseq4j.core --module-path "$here/target/sample.jar:$here/target/lib" \
  --module org.rseq4j.sample/org.rseq4j.sample.JettyLoad "$@"
