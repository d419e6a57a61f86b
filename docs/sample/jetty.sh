#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Jetty as it comes, beside Jetty with parts replaced by this library's: publishes, builds and runs. docs/integration.md has
# what came out. jetty.sh [--repository DIR] [OPTION...]; jetty.sh --help lists the options.
set -euo pipefail

# shellcheck source=docs/sample/prepare.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prepare.sh"
"$java" --enable-native-access=org.rseq4j.core --module-path "$here/target/sample.jar:$here/target/lib" \
  --module org.rseq4j.sample/org.rseq4j.sample.JettyLoad "$@"
