#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A connection pool on PerCpuPool beside HikariCP, on a database server that is killed and started again: publishes, builds
# and runs. docs/lab/pools.md has what came out.
set -euo pipefail

# shellcheck disable=SC2317 # called by prepare.sh
usage() {
  cat <<'USAGE'
usage: docs/sample/connections.sh [--repository DIR] [OPTION]...
Publishes the library to a temporary repository and builds the sample (two to eight minutes), then runs the sample's connection
pool and HikariCP in turn under the same load.
  --repository DIR  what bin/publish made, which saves these minutes; in front of all other options
  --rounds N        rounds of each that count (default 5)
  --seconds N       seconds of a round (default 1)
  --warmup N        seconds of the first round, which does not count (default 3)
  --connections N   size of a pool (default 10)
  --threads N[,N]   threads that ask for connections (default 8,64)
  --outages N       rounds of each pool with an outage of the database (default 3)
  --outage N        seconds that the database is away in such a round (default 3)
  --timeout MS      milliseconds to wait for a connection (default 2000)
  --help            print this text
USAGE
}

# shellcheck source=docs/sample/prepare.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prepare.sh"
"$java" --enable-native-access=ALL-UNNAMED -cp "$here/target/sample.jar:$here/target/lib/*" \
  org.rseq4j.sample.ConnectionLoad "$@"
