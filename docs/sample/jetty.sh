#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Jetty as it comes, beside Jetty with parts replaced by this library's: publishes, builds and runs. docs/lab/integration.md
# has what came out.
set -euo pipefail

# shellcheck disable=SC2317 # called by prepare.sh
usage() {
  cat <<'USAGE'
usage: docs/sample/jetty.sh [--repository DIR] [OPTION]...
Publishes the library to a temporary repository and builds the sample (two to eight minutes), then runs four kinds of server in
turn under the same load, two minutes by default.
  --repository DIR  what bin/publish made, which saves these minutes; in front of all other options
  --rounds N        rounds of each that count (default 7)
  --seconds N       seconds of a round (default 3)
  --warmup N        seconds of the first round, which does not count (default 6)
  --connections N   connections, each with one request at a time (default 128)
  --threads N       threads of the server (default 64)
  --reserved N      threads that Jetty hands requests to without its queue; 0: all go through the queue; -1: as many as Jetty
                    thinks best (default -1)
  --java-client     the load from Java, also where there is wrk
  --help            print this text
USAGE
}

# shellcheck source=docs/sample/prepare.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prepare.sh"
"$java" --enable-native-access=org.rseq4j.core --module-path "$here/target/sample.jar:$here/target/lib" \
  --module org.rseq4j.sample/org.rseq4j.sample.JettyLoad "$@"
