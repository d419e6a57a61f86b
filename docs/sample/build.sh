#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds this project against a repository that bin/publish made, and runs its tests: build.sh REPOSITORY [MAVEN-OPTION...]
set -uo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export command=sample # what bin/lib.sh says that it is
# shellcheck source=bin/lib.sh
. "$here/../../bin/lib.sh"
repository=$(readlink -f -- "${1:?build.sh REPOSITORY}")
shift
[ -d "$repository/org/rseq4j" ] || die 1 "no repository of bin/publish's in $repository"
JAVA_HOME=$(jdk) || die 1 "no JDK 25: run bin/setup"
export JAVA_HOME

# A local repository of its own: in the user's, an earlier build of the same version would be found.
local=${XDG_CACHE_HOME:-$HOME/.cache}/rseq4j/sample-repository
log=$here/target/build.log
mkdir -p -- "$local" "$here/target"
exec 9> "$local.lock"
flock 9
rm -rf -- "$local/org/rseq4j" "$here"/target/{classes,test-classes,lib,sample.jar}
cd -- "$here" || exit 1
status=0
mvn -B -ntp -Dmaven.repo.local="$local" -Drseq4j.repository="file://$repository" package "$@" 9>&- > "$log" 2>&1 < /dev/null ||
  status=$?
if ((status)) || ! [ -e target/sample.jar ]; then
  say "Maven ended with status $status; the last lines of $log:"
  tail -n 40 -- "$log" >&2
  exit 1
fi
grep -E '^\[WARNING\].*\.java' -- "$log" >&2 || true
