#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel's own selftests of rseq, and the same load from Java, in one machine: what each counts is compared with what the
# kernel counts. The tests are built once from the source package of the newest Linux and kept in the cache, outside of this
# tree. The build is done before.
# vm/selftests.sh [--long]
set -euo pipefail

project=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rseq4j/selftests
# shellcheck source=bin/lib.sh
. "$project/bin/lib.sh"
say() { printf 'vm/selftests.sh: %s\n' "$*" >&2; }
# shellcheck source=vm/apt.sh
. "$project/vm/apt.sh"
java=$(jdk)/bin/java || die 125 "no JDK 25: run bin/setup"
[[ -f $project/core/target/test-classes/org/rseq4j/vm/SliceTestLoad.class ]] || die 125 "no test classes: build core first"

# --- the kernel's tests, once ----------------------------------------------------------------------------------------------

compile() { # in the folder of the sources: name, source, options
  gcc -O2 -static -I. -I.. -I../../../include -I../../../arch/x86/include "${@:3}" "$2" rseq.c -o "$work/bin/$1" 2> "$work/log" ||
    { tail -n 5 "$work/log" >&2; die 125 "the kernel's $2 did not compile"; }
}
fetch() (
  local mirror keyring codename stable work package version variant options
  for tool in gcc xz dpkg-deb; do command -v "$tool" > /dev/null || die 125 "no $tool here: run 'bin/vm setup' as root"; done
  find_mirror || die 125 "the selftests are built from Debian's linux-source packages, and this machine has no Debian sources"
  private_apt "$cache.new"
  trap 'rm -rf -- "$work"' EXIT
  read_debian
  find_linux_source || die 125 "no linux-source-7 or newer in $codename, ${stable:-stable} and their backports"
  say "building the selftests of $package $version, once"
  cd "$work"
  apt-get download -q "$package=$version" > log 2>&1 || { tail -n 3 log >&2; die 125 "apt-get could not download $package"; }
  dpkg-deb --fsys-tarfile "$package"_*.deb | tar -xO "./usr/src/$package.tar.xz" |
    tar -xJ --wildcards '*/tools/testing/selftests/rseq' '*/tools/testing/selftests/kselftest*' '*/tools/include' '*/tools/arch/x86/include'
  mkdir bin
  cd "$package/tools/testing/selftests/rseq"
  for test in check_optimized slice_test legacy_check syscall_errors_test basic_test; do compile "$test" "$test.c"; done
  compile param_test param_test.c
  compile param_test_compare_twice param_test.c -DRSEQ_COMPARE_TWICE
  compile param_test_mm_cid param_test.c -DBUILDOPT_RSEQ_PERCPU_MM_CID
  compile param_test_mm_cid_compare_twice param_test.c -DBUILDOPT_RSEQ_PERCPU_MM_CID -DRSEQ_COMPARE_TWICE
  cp run_param_test.sh "$work/bin/"
  echo "$package $version" > "$work/bin/name"
  mv -T -- "$work/bin" "$cache"
)

fetch_once

# --- one run -------------------------------------------------------------------------------------------------------------

dir=$(mktemp -d)
trap 'rm -rf -- "$dir"' EXIT
limit=600
if [[ ${1:-} == --long ]]; then limit=7200; fi

# In the machine: each test with its status, and the kernel's counts before and after. The tests register areas of their own.
cp -r -- "$cache" "$dir/tests"
cat > "$dir/run" <<'RUN'
cd "${0%/*}/tests" || exit 1
kernel() { awk -v when="$1" '{ sub(/:$/, "", $1); print "kernel", when, $1, $NF }' /sys/kernel/debug/rseq/stats; }
run() { # name, command
  echo "== $1"
  kernel before
  "${@:2}" 2>&1
  echo "status $?"
  kernel after
}
tests() {
  export GLIBC_TUNABLES=glibc.pthread.rseq=0
  local test program
  for test in check_optimized slice_test legacy_check syscall_errors_test basic_test; do run $test ./$test; done
  # Loops inside of the sequences make them long enough to be interrupted.
  for program in param_test param_test_mm_cid; do
    for test in s l b 'b -M' m 'm -M' i; do
      # shellcheck disable=SC2086 # several words
      run "$program -T $test" ./$program -T $test -r 200 -t 6 -3 10000 -4 10000 -5 10000
    done
    run "$program -T r" ./$program -T r -r 20 -t 6
  done
  # The kernel's own script, with every build and every way to interrupt.
  if [[ $1 == --long ]]; then run run_param_test.sh bash run_param_test.sh -r 100; fi
}
echo "== $(uname -sr)"
(tests "$1")
run java "${@:2}"
echo "== end"
RUN
status=0
"$project/bin/vm" run --cpus 1 --accel tcg-icount --timeout "$limit" -- bash "$dir/run" "${1:-}" "$java" -XX:TieredStopAtLevel=1 \
  -XX:+UseSerialGC -Xmx200m --enable-native-access=ALL-UNNAMED -cp "$project/core/target/classes:$project/core/target/test-classes" \
  org.rseq4j.vm.SliceTestLoad 3 > "$dir/out" 2> "$dir/errors" < /dev/null || status=$?

# --- what came out -------------------------------------------------------------------------------------------------------

passed=0 failed=0
check() { # name, then a condition
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); echo "ok - $name"; else failed=$((failed + 1)); echo "not ok - $name"; fi
}
section() { awk -v name="== $1" '/^== / { inside = $0 == name } inside' "$dir/out"; }
ended_well() { grep -qx 'status 0' <(section "$1"); }
kernel() { # section, count: by how much the kernel's count rose
  section "$1" | awk -v name="$2" '$1 == "kernel" && $3 == name { count[$2] = $4 } END { print count["after"] - count["before"] }'
}
slice_test() { section slice_test | awk -v name="$1" '$2 == name { sum += $3 } END { print sum + 0 }'; } # a count of its three tests
ours() { section java | sed -n "s/^all:.* $1 \([0-9]*\).*/\1/p"; }
between() { (($1 <= $2 && $2 <= $3)); }
same() { (($1 > 0 && $1 == $2)); }

echo "$(sed -n '2q; s/^== //p' "$dir/out"), selftests of $(< "$cache/name")"
check "the machine ran to its end" [ "$status" = 0 ]
while read -r test; do check "the kernel's $test" ended_well "$test"; done < <(sed -n '1d; s/^== //p' "$dir/out" | grep -vx 'java\|end')
check "slice_test: none of its tests was skipped" grep -q 'pass:3 fail:0.*skip:0' <(section slice_test)
in_time=$(($(slice_test Yielded) - $(slice_test Raced)))
check "slice_test gave back in time as many slices as the kernel counts" same "$in_time" "$(kernel slice_test syield)"
aborted=$(slice_test Aborted)
check "slice_test ended slices by a system call; the kernel counts all but those that ran out first" \
  between $((aborted * 9 / 10)) "$(kernel slice_test sabort)" "$aborted"
check "SliceExtension: the same load ran" ended_well java
check "SliceExtension.statistics() has as many yields as the kernel counts" same "$(ours yielded)" "$(kernel java syield)"
# The JVM may enter the kernel in a section, for a safepoint.
check "SliceExtension: at most one in a thousand slices ended in another system call" \
  between 0 "$(kernel java sabort)" $(($(kernel java sgrant) / 1000))
aborted=$(awk '/^== / { inside = /param_test/ } inside && $1 == "kernel" && $3 == "fixup" { count[$2] += $4 }
  END { print count["after"] - count["before"] }' "$dir/out")
check "param_test: restartable sequences were aborted" [ "$aborted" -gt 0 ]
{
  echo "| sections of | program | sections | given back in time | too late | scheduled out |"
  section slice_test | awk '$2 == "RUN" { name = $3 } $1 == "#" && NF == 3 { count[$2] = $3 }
    $2 == "Raced" && name !~ /no_yield/ { split(name, part, /[._]/); sub("n", "", part[3])
      printf "| %s us | slice_test | %d | %d | %d | %d |\n", part[3], count["Total"], count["Yielded"] - count["Raced"], count["Raced"], count["Scheduled"] }'
  section java | awk '$1 ~ /^[0-9]+$/ { printf "| %s us | SliceExtension | %d | %d | %d | %d |\n", $1, $4, $6, $8, $10 }'
} | sed 's/^/    /'
for program in slice_test java; do
  printf '    kernel, %s:' "$program"
  for name in sgrant syield srevok sabort sexpir; do printf ' %s %s' "$name" "$(kernel "$program" "$name")"; done
  echo
done
printf '    kernel, param_test: %s sequences aborted\n' "$aborted"
if ((failed)); then tail -n 100 -- "$dir/out" "$dir/errors" | sed 's/^/    | /'; fi
echo "$passed passed, $failed failed ($SECONDS s)"
exit $((failed > 0))
