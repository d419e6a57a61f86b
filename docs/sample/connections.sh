#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A connection pool on PerCpuPool beside HikariCP, on a database server that is killed and started again: publishes, builds
# and runs. docs/lab/pools.md has what came out. connections.sh [--repository DIR] [OPTION...]; connections.sh --help lists
# the options.
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
"$home/bin/java" --enable-native-access=ALL-UNNAMED -cp "$here/target/sample.jar:$here/target/lib/*" \
  org.rseq4j.sample.ConnectionLoad "$@"
