# SPDX-License-Identifier: Apache-2.0
# Publishes this library and builds the sample with it; sourced by bash, with the arguments of the command. With "--repository
# DIR" in front, which is taken away, it builds with what bin/publish made there. Sets here, the sample's folder, and java. The
# command has a function "usage", for --help.

for argument in "$@"; do
  [ "$argument" != --help ] || { usage; exit 0; }
done
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
java=$(jdk)/bin/java
