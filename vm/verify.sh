#!/bin/bash
# The library on the test kernel: what it says in each set-up, its unit tests, and grants. The build is done before.
# vm/verify.sh [--long]
set -uo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$root" || exit 1
export command=verify # what bin/lib.sh says that it is
# shellcheck source=bin/lib.sh
. bin/lib.sh
java=$(jdk)/bin/java || exit 1
passed=0 failed=0 unchecked=0
output=$(mktemp)
trap 'rm -f -- "$output"' EXIT

ok() { passed=$((passed + 1)); echo "ok - $1 ($SECONDS s)"; }
not_checked() { unchecked=$((unchecked + 1)); echo "NOT CHECKED - $1 ($SECONDS s)"; grep 'NOT CHECKED' "$output" | sed 's/^/    | /'; }
not_ok() { failed=$((failed + 1)); echo "not ok - $1 ($SECONDS s)"; sed 's/^/    | /' "$output" | tail -n 60; }

says() { # name, then the lines of JSON that must be there
  local name=$1 line
  shift
  for line in "$@"; do
    if ! grep -qF -- "$line" "$output"; then
      echo "missing: $line" >> "$output"
      not_ok "$name"
      return
    fi
  done
  ok "$name"
}
section() { sed -n "/^== $1\$/,/^== /p" "$2"; }

# The tests of both modules, or those selected; a failing test, or none at all, fails.
launcher="org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors --details=summary"
launcher+=" --details-theme=ascii --fail-if-no-tests"
junit() { # module, JVM arguments, selection
  local path="$1/target/classes:$1/target/test-classes:core/target/classes:$1/target/test-lib/*"
  echo "$java -Xmx1g --enable-native-access=ALL-UNNAMED -Drseq4j.test.storm=core/target/libstorm.so $2 -cp '$path' $launcher $3"
}
report() { # name, exit status
  if (($2 == 0)); then
    if grep -q 'NOT CHECKED' "$output"; then not_checked "$1"; else ok "$1"; fi
    grep -E '^sections interrupted|tests successful|tests skipped' "$output" | sed 's/^/    /'
  else
    echo "exit status $2" >> "$output"
    not_ok "$1"
  fi
}
run() { # name, then bin/vm run's arguments
  local name=$1
  shift
  bin/vm run "$@" > "$output" 2>&1 < /dev/null
  report "$name" $?
}

grants="--include-tag grants --select-package org.rseq4j.vm"
short="-Drseq4j.test.lockMillis=1500 -Drseq4j.test.seconds=4"

# What the library says, in each of four set-ups; and what it does with musl. Two machines at once: each emulates on one core.
library=core/target/classes/org/rseq4j/internal/native/linux-x86_64/librseq4j.so
quick="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" # the JVM's start is most of it
doctor() { echo "echo == $1; JAVA_OPTS='$quick ${*:2}' bin/doctor --json"; }
bin/vm run --cpus 1 -- bash -c "$(doctor plain); $(doctor legacy -Drseq4j.registration=libc); export GLIBC_TUNABLES=glibc.pthread.rseq=0; $(doctor tunable)
  unset GLIBC_TUNABLES; echo == musl; core/target/selftest/selftest-musl $library own 1000" > "$output.all" 2>&1 < /dev/null &
plain=$!
bin/vm run --cpus 1 --no-slice-extension -- bash -c "$(doctor off)" > "$output.off" 2>&1 < /dev/null
bin/vm run --cpus 1 --libc trixie -- bash -c "$(doctor auto); $(doctor own -Drseq4j.registration=own)" > "$output.trixie" 2>&1 < /dev/null
wait "$plain"
section plain "$output.all" > "$output"
says "this machine's C library: its legacy registration is replaced, the extension is on" \
  '"registration": "OWN"' '"mode": "V2"' '"sliceExtension": "ENABLED"' '"featureSize": 33'
section legacy "$output.all" > "$output"
says "only the C library's legacy registration may be used: the extension cannot be on" \
  '"registration": "LIBC"' '"mode": "LEGACY"' '"sliceExtension": "LEGACY_REGISTRATION"'
section tunable "$output.all" > "$output"
says "the C library registers nothing: the library does, the extension is on" \
  '"registration": "OWN"' '"mode": "V2"' '"sliceExtension": "ENABLED"'
section musl "$output.all" > "$output"
if [[ -x core/target/selftest/selftest-musl ]]; then
  says "musl registers nothing: the native library does, the extension is on" \
    'prctl gave errno 0' ' passed, 0 failed'
else
  echo "NOT CHECKED: bin/setup installs musl-tools" > "$output"
  not_checked "the native library with musl"
fi
section off "$output.off" > "$output"
says "the extension is off at boot, and it says so" '"registration": "LIBC"' '"sliceExtension": "OFF_AT_BOOT"'
section auto "$output.trixie" > "$output"
says "glibc 2.41: its registration is used, the extension is on" \
  '"registration": "LIBC"' '"mode": "V2"' '"sliceExtension": "ENABLED"' '"libc": "glibc 2.41"'
section own "$output.trixie" > "$output"
says "glibc 2.41: its registration is replaced when that is asked for" \
  '"registration": "OWN"' '"mode": "V2"' '"sliceExtension": "ENABLED"'
rm -f -- "$output.all" "$output.off" "$output.trixie"

run "sections end in yields, with the library's own area" --cpus 1 -- bash -c "$(junit core "$short" "$grants")"
run "sections end in yields, where the C library registers nothing" --cpus 1 -- bash -c "export GLIBC_TUNABLES=glibc.pthread.rseq=0
  $(junit core "$short" "--select-class org.rseq4j.vm.GrantsTest")"
run "sections end in yields, with glibc 2.41's area" --libc trixie --cpus 1 -- bash -c "$(junit core "$short" "$grants")"
run "a CPU goes offline and comes back" --cpus 2 -- \
  bash -c "$(junit core "" "--include-tag hotplug --select-package org.rseq4j.vm")"

# The long form: what wants an idle host, or takes too long for every change.
if [[ ${1:-} == --long ]]; then
  run "holders of locks end their holds within the grant" --cpus 1 -- bash -c "$(junit structures "$short" "$grants")"
  run "offers to a queue are not scheduled out before they are published" --cpus 1 -- bash -c "$(junit structures \
    "-Drseq4j.test.forks=1 -Drseq4j.test.stallMillis=4000" "--include-tag grants --select-package org.rseq4j.queues")"
  torture() { # JVM arguments
    echo "$java -Xmx1g --enable-native-access=ALL-UNNAMED -Drseq4j.test.storm=core/target/libstorm.so -Drseq4j.debug.window=100 $1 -cp 'jcstress-tests/target/classes:jcstress-tests/target/lib/*' org.rseq4j.torture.Torture --seconds 10 --threads 4 --machine"
  }
  run "torture: hotplug, cpusets, slices of 5 and 50 us" --timeout 400 --cpus 2 -- bash -c "$(torture "")"
fi

# Two at once: each emulates on one core. What only asks Java of Java, or starts JVMs
# of its own, is not repeated here: it takes minutes under emulation. So does C2, which compiles for longer than the tests run.
all="--exclude-tag platform --exclude-tag grants --exclude-tag hotplug --exclude-classname '.*(CollectionSuites|Linearizability|LockContract|PerCpuRecyclerPool|LeasedMeters|SectionProtocol)Test' --scan-classpath"
unit() { # JVM arguments
  local slow="$quick -Djunit.jupiter.execution.timeout.default=900s -Drseq4j.test.operations=50000 $1"
  echo "$(junit core "$slow -Drseq4j.test.seconds=1" "$all core/target/test-classes"); $(junit structures "$slow" "$all structures/target/test-classes")"
}
bin/vm run --rseq-debug --timeout 1800 -- bash -ec "bin/doctor --json; $(unit -Drseq4j.sliceExtension=off)" > "$output.debug" 2>&1 < /dev/null &
debugged=$!
run "unit tests of core and structures, with the extension" --timeout 1800 -- bash -ec "$(unit "")"
wait "$debugged"
status=$?
mv -- "$output.debug" "$output"
report "unit tests of core and structures, while the kernel debugs rseq" "$status"
says "the kernel debugs rseq: the extension stays off, and it says so" '"sliceExtension": "KERNEL_DEBUGS_RSEQ"'

echo "$passed passed, $failed failed, $unchecked not checked because the host was too busy"
exit $((failed > 0))
