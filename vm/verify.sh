#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is shown on the test kernel: bin/vm's own promises, what the library says in each set-up, its unit tests, and grants.
# The build is done before. Two machines run at once: each emulates on one core.
# vm/verify.sh [--long]
set -uo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$root" || exit 1
export command=verify # what bin/lib.sh says that it is
# shellcheck source=bin/lib.sh
. bin/lib.sh
java=$(jdk)/bin/java || exit 1
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# --- jobs, each with its files: $output, of the machine, and $results, what is printed when it ended ----------------------

ok() { echo "ok - $1" >> "$results"; }
not_checked() { { echo "NOT CHECKED - $1"; grep 'NOT CHECKED' "$output" | sed 's/^/    | /'; } >> "$results"; }
not_ok() { # the tests that failed come first, for a log may be cut
  {
    echo "not ok - $1"
    { grep -aE -A 3 '^  JUnit [A-Za-z]+:' "$output" | cut -c 1-300 | head -n 24; echo ...; tail -n 30 "$output"; } | sed 's/^/    | /'
  } >> "$results"
}

started=0
job() { # a function and its arguments, beside the one that still runs
  started=$((started + 1))
  if (($(jobs -rp | wc -l) > 1)); then wait -n; fi
  begin "$@" &
}
begin() {
  local output=$work/$BASHPID.out results=$work/$BASHPID.results begun=$SECONDS
  : > "$results"
  "$@"
  # One write, for two may end at once.
  printf '%s\n# %s: %d s\n' "$(< "$results")" "$*" $((SECONDS - begun)) | tee -a "$work/all"
}

says() { # what, part of the output, then the lines of JSON that must be there
  local what=$1 part=$2 line
  shift 2
  for line in "$@"; do
    if ! grep -qF -- "$line" <<< "$(sed -n "/^== $part\$/,/^== /p" "$output")"; then
      echo "part $part lacks: $line" >> "$output"
      not_ok "$what"
      return
    fi
  done
  ok "$what"
}
# The tests of one module or of both, all or those selected; a failing test, or none at all, fails.
junit() { # last module, JVM arguments, selection
  local path="core/target/classes:core/target/test-classes:$1/target/test-lib/*"
  if [[ $1 != core ]]; then path="$1/target/classes:$1/target/test-classes:$path"; fi
  echo "$java -Xmx1g --enable-native-access=ALL-UNNAMED -Drseq4j.test.storm=core/target/libstorm.so $2 -cp '$path'" \
    "org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors --details=summary" \
    "--details-theme=ascii --fail-if-no-tests $3"
}
part() { # name, command: the name, what it prints, and its status
  echo "echo == $1; $2; echo == status of $1: \$?;"
}
passed() { # what, part
  local status text
  status=$(sed -n "s/^== status of $2: //p" "$output")
  text=$(sed -n "/^== $2\$/,/^== /p" "$output")
  if [[ $status != 0 ]]; then
    echo "$2 ended with status ${status:-none}" >> "$output"
    not_ok "$1"
    return
  fi
  if grep -q 'NOT CHECKED' <<< "$text"; then not_checked "$1"; else ok "$1"; fi
  grep -E '^sections interrupted|tests successful|tests skipped' <<< "$text" | sed 's/^/    /' >> "$results"
}
machine() { bin/vm run "$@" > "$output" 2>&1 < /dev/null || echo "bin/vm run ended with status $?" >> "$output"; }

quick="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" # the JVM's start is most of it
doctor() { part "$1" "JAVA_OPTS='$quick ${*:2}' bin/doctor --json"; }
deny="core/target/deny prctl 1" # a seccomp filter
denied() { part "$1" "JAVA_OPTS='$quick' $deny bin/doctor --json"; }

# --- the jobs --------------------------------------------------------------------------------------------------------------

bin_vm() {
  local status=0
  vm/test.sh > "$output" 2>&1 || status=$?
  sed -i 's/^#.*//; /^$/d' "$output"
  if ((status)); then not_ok "what bin/vm promises"; else ok "what bin/vm promises: $(tail -n 1 "$output")"; fi
  grep '^skipped - ' "$output" | sed 's/^/    /' >> "$results" || true
}

# Grants are measured by a clock that counts instructions, so the other machine does not disturb them.
grants="--include-tag grants --select-package org.rseq4j.vm"
short="-Drseq4j.test.lockMillis=1000 -Drseq4j.test.seconds=3"

own_area() {
  local library=core/target/classes/org/rseq4j/internal/native/linux-x86_64/librseq4j.so
  machine --timeout 900 --accel tcg-icount --cpus 1 -- bash -c "$(doctor plain) $(doctor legacy -Drseq4j.registration=libc)
    $(denied blocked)
    $(part musl "core/target/selftest/selftest-musl $library own 1000")
    $(part musl_blocked "$deny core/target/selftest/selftest-musl $library own 1000")
    $(part no_yield "core/target/deny yield 38 $java $quick --enable-native-access=ALL-UNNAMED \
      -cp core/target/classes:core/target/test-classes org.rseq4j.vm.SliceTestLoad 1")
    $(part grants "$(junit core "$short" "$grants")")
    export GLIBC_TUNABLES=glibc.pthread.rseq=0
    $(doctor tunable) $(denied tunable_blocked) $(part without "$(junit core "$short" "--select-class org.rseq4j.vm.GrantsTest")")"
  says "this machine's C library: its legacy registration is replaced, the extension is on" plain \
    '"registration": "OWN"' '"mode": "V2"' '"sliceExtension": "ENABLED"' '"featureSize": 33'
  says "only the C library's legacy registration may be used: the extension cannot be on" legacy \
    '"registration": "LIBC"' '"mode": "LEGACY"' '"sliceExtension": "LEGACY_REGISTRATION"'
  says "the C library registers nothing: the library does, the extension is on" tunable \
    '"registration": "OWN"' '"mode": "V2"' '"sliceExtension": "ENABLED"'
  says "a seccomp filter forbids the extension: the C library's legacy area stays, and it says why" blocked \
    '"registration": "LIBC"' '"mode": "LEGACY"' '"sliceExtension": "BLOCKED"'
  says "that filter where the C library registers nothing: the area is the library's own, and it says why" tunable_blocked \
    '"registration": "OWN"' '"mode": "V2"' '"sliceExtension": "BLOCKED"'
  says "a filter that forbids the yield alone: sections end all the same, and none is counted as given back" no_yield \
    'all: yielded 0 revoked '
  if [[ -x core/target/selftest/selftest-musl ]]; then
    says "musl registers nothing: the native library does, the extension is on" musl 'prctl gave errno 0' ' passed, 0 failed'
    says "musl under that filter: the area is there, the extension is not" musl_blocked 'prctl gave errno 1' ' passed, 0 failed'
  else
    echo "NOT CHECKED: bin/setup installs musl-tools" >> "$output"
    not_checked "the native library with musl"
  fi
  passed "sections end in yields, with the library's own area" grants
  passed "sections end in yields, where the C library registers nothing" without
}

glibc_2_41() {
  machine --timeout 900 --accel tcg-icount --libc trixie --cpus 1 -- bash -c "$(doctor auto) $(denied blocked) $(doctor own -Drseq4j.registration=own)
    $(part grants "$(junit core "$short" "$grants")")"
  says "glibc 2.41: its registration is used, the extension is on" auto \
    '"registration": "LIBC"' '"mode": "V2"' '"sliceExtension": "ENABLED"' '"libc": "glibc 2.41"'
  says "glibc 2.41 under a seccomp filter: its registration is used, and it says why there is no extension" blocked \
    '"registration": "LIBC"' '"mode": "V2"' '"sliceExtension": "BLOCKED"' '"libc": "glibc 2.41"'
  says "glibc 2.41: its registration is replaced when that is asked for" own \
    '"registration": "OWN"' '"mode": "V2"' '"sliceExtension": "ENABLED"'
  passed "sections end in yields, with glibc 2.41's area" grants
}

off_at_boot() {
  machine --cpus 1 --no-slice-extension -- bash -c "$(doctor off)"
  says "the extension is off at boot, and it says so" off '"registration": "LIBC"' '"sliceExtension": "OFF_AT_BOOT"'
}

not_here="--exclude-tag platform --exclude-tag grants --exclude-tag hotplug"
unit() { # JVM arguments, selection
  junit structures "${emulated_options[*]} $1" "$not_here $2"
}
core="--scan-classpath core/target/test-classes" structures="--scan-classpath structures/target/test-classes"
unit_tests() {
  machine --timeout 2700 -- bash -c "$(part hotplug "$(junit core "" "--include-tag hotplug --select-package org.rseq4j.vm")")
    $(part unit "$(unit "" "${emulated_tests[*]} $core $structures")")"
  passed "a CPU goes offline and comes back" hotplug
  passed "unit tests of core and structures, with the extension" unit
}
# The kernel looks at restartable sequences there, and requests are off.
unit_tests_debugged() {
  local off=-Drseq4j.sliceExtension=off
  machine --rseq-debug --timeout 2700 -- bash -c "$(doctor doctor) $(part core "$(unit $off "${emulated_tests[*]} $core")")
    $(part sequences "$(unit $off "${emulated_tests[*]} --include-tag sequences $structures")")"
  passed "unit tests of core, while the kernel debugs rseq" core
  passed "unit tests of what has restartable sequences in structures, while the kernel debugs rseq" sequences
  says "the kernel debugs rseq: the extension stays off, and it says so" doctor '"sliceExtension": "KERNEL_DEBUGS_RSEQ"'
}

# The long form.
unit_tests_left_out() {
  machine --timeout 3600 -- bash -c "$(part java "$(unit "" "--include-tag java $core $structures")")"
  passed "unit tests that only ask Java of Java, with the extension" java
}
unit_tests_left_out_debugged() {
  machine --rseq-debug --timeout 3600 -- bash -c "$(part others "$(unit -Drseq4j.sliceExtension=off \
    "--exclude-tag jvm --exclude-tag sequences $structures")")"
  passed "the other unit tests of structures, while the kernel debugs rseq" others
}
lock_holders() {
  machine --timeout 1800 --accel tcg-icount --cpus 1 -- bash -c "$(part grants "$(junit structures "$short" "$grants")")"
  passed "holders of locks end their holds within the grant" grants
}
queue_stalls() {
  machine --timeout 1800 --accel tcg-icount --cpus 1 -- bash -c "$(part grants "$(junit structures \
    "-Drseq4j.test.forks=1 -Drseq4j.test.stallMillis=4000" "--include-tag grants --select-package org.rseq4j.queues")")"
  passed "offers to a queue are not scheduled out before they are published" grants
}
torture() { # what it is, bin/vm run's options
  machine --timeout 900 --cpus 2 "${@:2}" -- bash -c "$(part torture "$java -Xmx1g --enable-native-access=ALL-UNNAMED \
    -Drseq4j.test.storm=core/target/libstorm.so -Drseq4j.debug.window=100 -cp 'jcstress-tests/target/classes:jcstress-tests/target/lib/*' \
    org.rseq4j.torture.Torture --seconds 20 --threads 4 --machine")"
  passed "torture: hotplug, cpusets, slices of 5 and 50 us, $1" torture
}
jcstress() { # what it is, bin/vm run's options
  machine --timeout 7200 --accel tcg-icount --cpus 2 "${@:2}" -- bash -c "$(part jcstress \
    "bin/jcstress --form machine --jvm -XX:TieredStopAtLevel=1")"
  passed "jcstress, $1" jcstress
  grep -E 'planned;' "$output" | tail -n 1 | sed 's/^/    /' >> "$results"
}

job unit_tests
job unit_tests_debugged
job glibc_2_41
job own_area
job bin_vm
job off_at_boot
if [[ ${1:-} == --long ]]; then
  job unit_tests_left_out
  job unit_tests_left_out_debugged
  job lock_holders
  job queue_stalls
  job torture "with the extension"
  job torture "while the kernel debugs rseq" --rseq-debug
  job jcstress "with the extension"
  job jcstress "while the kernel debugs rseq" --rseq-debug
fi
wait

count() { grep -c "^$1 - " "$work/all" || true; }
failed=$(count 'not ok')
ended=$(grep -c '^# .* s$' "$work/all" || true)
if ((ended != started)); then
  echo "not ok - $started jobs were started, $ended ended"
  failed=$((failed + 1))
fi
echo "$(count ok) passed, $failed failed, $(count 'NOT CHECKED') not checked because the host was too busy ($SECONDS s)"
exit $((failed > 0))
