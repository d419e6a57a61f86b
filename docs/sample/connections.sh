#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A connection pool on PerCpuPool beside HikariCP, on a database server that is killed and started again: publishes, builds
# and runs. docs/lab/pools.md has what came out. connections.sh [--repository DIR] [OPTION...]; connections.sh --help lists
# the options.
set -euo pipefail

# shellcheck source=docs/sample/prepare.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prepare.sh"
"$java" --enable-native-access=ALL-UNNAMED -cp "$here/target/sample.jar:$here/target/lib/*" \
  org.rseq4j.sample.ConnectionLoad "$@"
