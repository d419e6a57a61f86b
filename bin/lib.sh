# SPDX-License-Identifier: Apache-2.0
# Functions that the commands in this folder share; sourced by bash, after "command" was set to the command's name.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'bin/%s: %s\n' "$command" "$*" >&2; }
die() { local status=$1; shift; say "$*"; exit "$status"; }
# Bad input: one line, the usage (a function of the command), status 2.
bad() { say "$*"; usage >&2; exit 2; }

# Prints the home of a JDK of version 25 or later, found without starting it; fails when there is none.
jdk() {
  local home version compiler
  compiler=$(command -v javac || true)
  [ -z "$compiler" ] || compiler=$(readlink -f -- "$compiler")
  for home in "${JAVA_HOME:-}" "${compiler%/bin/javac}" /usr/lib/jvm/*; do
    [ -n "$home" ] && [ -x "$home/bin/javac" ] && [ -r "$home/release" ] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
    if [ "${version:-0}" -ge 25 ]; then
      printf '%s\n' "$home"
      return
    fi
  done
  return 1
}

# True when file $1 exists and nothing in the other arguments is newer.
is_newest() {
  local file=$1
  shift
  [ -e "$file" ] && [ -z "$(cd "$root" && find "$@" -newer "$file" -type f -print -quit)" ]
}

# Packages module $1 and those it needs, unless that was done since the last change of its sources, the other arguments.
# One build at a time; what Maven says goes to stderr.
build() {
  local module=$1 stamp=$root/$1/target/built
  shift
  ! is_newest "$stamp" pom.xml "$@" || return 0
  "$root/bin/setup" >&2 || exit 1
  exec 9< "$root"
  flock 9
  if ! is_newest "$stamp" pom.xml "$@"; then
    say "building $module"
    rm -rf -- "$root/$module/target/lib" # else jars of a former version stay on the class path
    (cd "$root" && mvn -q -B -ntp -pl "$module" -am package -DskipTests 9<&-) >&2 || die 1 "the build of $module failed"
    touch "$stamp"
  fi
  exec 9<&-
}

# Unit tests on the test kernel: what only asks Java of Java (the tag java), or starts JVMs of its own (the tag jvm), is not repeated
# there, as it takes minutes under emulation. So does C2, which compiles for longer than the tests run.
# shellcheck disable=SC2034 # for those that source this
emulated_options=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djunit.jupiter.execution.timeout.default=900s
  -Drseq4j.test.seconds=1 -Drseq4j.test.operations=50000)
# shellcheck disable=SC2034
emulated_tests=(--exclude-tag jvm --exclude-tag java)
