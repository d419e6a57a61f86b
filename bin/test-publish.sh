#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of what bin/publish makes: the same bytes from copies of the sources in two places, everything that a
# repository has to have, and a user's project (docs/sample) that knows it by its coordinates only.
set -uo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$root" || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
check() { # name, then a command that must succeed
  local name=$1
  shift
  if "$@" > "$work/check" 2>&1; then
    passed=$((passed + 1)); echo "ok - $name ($SECONDS s)"
  else
    failed=$((failed + 1)); echo "not ok - $name ($SECONDS s)"; tail -n 80 -- "$work/check" | sed 's/^/    | /'
  fi
}

repository=$root/target/repository
rm -rf -- "$repository"
# Copies, as this tree's classes may be in use. No space in the paths, for javadoc.
for copy in "$work/one" "$work/elsewhere/another"; do
  mkdir -p -- "$copy"
  tar -c --exclude=./.git --exclude=target . | tar -x -C "$copy"
done
"$work/one/bin/publish" --local "$repository" > "$work/log" 2>&1 < /dev/null
status=$?
check "bin/publish: status 0" eval "cat '$work/log'; test $status = 0"
"$copy/bin/publish" --local "$work/repository" > "$work/log" 2>&1 < /dev/null
status=$?
check "bin/publish in another folder: status 0" eval "cat '$work/log'; test $status = 0"
check "two builds are bit-identical" diff -r "$repository" "$work/repository"

here=$repository/org/rseq4j
version=$(sed -n 's/^  <version>\(.*\)<.*/\1/p' pom.xml | head -n 1)
for artifact in rseq4j-parent rseq4j-core rseq4j-structures rseq4j-measure; do
  files=("$artifact-$version.pom" "$artifact-$version-cyclonedx.json")
  [ $artifact = rseq4j-parent ] || files+=("$artifact-$version.jar" "$artifact-$version-sources.jar" "$artifact-$version-javadoc.jar")
  for file in "${files[@]}"; do check "$file is there" test -s "$here/$artifact/$version/$file"; done
done
for element in url licenses developers scm; do
  check "the POM has $element" grep -q "^  <$element[> ]" "$here/rseq4j-parent/$version/rseq4j-parent-$version.pom"
done
wrong_sums() {
  find "$repository" -type f -name '*.sha256' | while read -r sum; do
    echo "$(cat "$sum")  ${sum%.sha256}" | sha256sum --check --quiet || echo wrong
  done
}
check "the checksums are right" test -z "$(wrong_sums 2>&1)"
check "there are checksums" test "$(find "$repository" -name '*.sha256' | wc -l)" = "$(find "$repository" -type f -name '*.sha512' | wc -l)"
check "the bill of materials names what the structures need" jq -e \
  '[.components[].name] | contains(["rseq4j-core", "jctools-core", "HdrHistogram"])' \
  "$here/rseq4j-structures/$version/rseq4j-structures-$version-cyclonedx.json"
jar=$(command=test-publish; . bin/lib.sh; jdk)/bin/jar
contents() { "$jar" --list --file "$1"; }
for machine in x86_64 aarch64; do
  check "the jar has the native library for $machine" \
    grep -qx "org/rseq4j/internal/native/linux-$machine/librseq4j.so" <(contents "$here/rseq4j-core/$version/rseq4j-core-$version.jar")
done
check "the Javadoc has pages of the packages" grep -q 'org/rseq4j/package-summary.html' \
  <(contents "$here/rseq4j-core/$version/rseq4j-core-$version-javadoc.jar")

# The jar tool's complaints, but the one about the class that has more methods from Java 22 on, as it must.
differences() { "$jar" --validate --file "$here/$1/$version/$1-$version.jar" 2>&1 | grep -v '/pools/SegmentPool.class, contains a class with different api'; }
for artifact in rseq4j-core rseq4j-structures; do
  check "$artifact has the same API for each version of Java" test -z "$(differences "$artifact")"
  check "$artifact has classes for Java 22" grep -q '^META-INF/versions/22/.*class$' <(contents "$here/$artifact/$version/$artifact-$version.jar")
done

measures() { # with a java, in the shortest form, in a folder that has nothing else
  rm -rf -- "$work/measure" && mkdir -- "$work/measure" && cd -- "$work/measure" \
    && "$1" -jar "$here/rseq4j-measure/$version/rseq4j-measure-$version.jar" --seconds 2 && jq -e '.results | length > 10' rseq4j-measure.json
}
check "rseq4j-measure runs by itself" eval '(measures "${jar%jar}java")'
# The one on the path is an older one where Maven runs on it; it may be none, or the same.
if command -v java > /dev/null; then
  check "rseq4j-measure runs on $(java -version 2>&1 | head -n 1)" eval '(measures java)'
fi

check "the API: a break would be noticed" bin/api --self-test
check "the API: what newer versions of Java see of it has all that older ones see" bin/api --versions
check "the API: nothing is broken since the last release" bin/api

# On older versions of Java as well, where they can be had.
older=()
for version in 17 21; do
  if home=$(command=test-publish; . bin/lib.sh; . bin/older-java.sh; installed_java $version || debian_java $version); then
    older+=("$home")
  else
    echo "NOT CHECKED: docs/sample on Java $version, which cannot be had here"
  fi
done
check "docs/sample" docs/sample/test.sh "$repository" "${older[@]}"
sed 's/^/    /' "$work/check"

echo "$passed passed, $failed failed"
exit $((failed > 0))
