#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does bin/vm keep its promises? Boots the machine a dozen times; about two minutes.

# shellcheck disable=SC2016 # conditions for eval
set -uo pipefail

vm=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)/bin/vm
tmp=$(mktemp -d)
passed=0 failed=0 skipped=0

finish() {
  trap - EXIT
  rm -rf -- "$tmp"
  echo "$passed passed, $failed failed, $skipped skipped"
  exit $(( failed > 0 ))
}
trap finish EXIT

check() { # what is expected, then a command that says whether it is so
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok - $name"
  else
    failed=$((failed + 1))
    echo "not ok - $name"
    echo "    status $status; stdout:"
    sed 's/^/    | /' "$tmp/stdout" | tail -n 20
    echo "    stderr:"
    sed 's/^/    | /' "$tmp/stderr" | tail -n 20
  fi
}
skip() {
  skipped=$((skipped + 1))
  echo "skipped - $1: $2"
}

status=0
# Every run has its directory below $tmp, so that what is left behind can be seen.
vm_run() {
  echo "# bin/vm run $*" | head -n 1 | cut -c 1-100
  TMPDIR=$tmp/run timeout -k 5 600 "$vm" run "$@" > "$tmp/stdout" 2> "$tmp/stderr" < /dev/null
  status=$?
}
is() { [[ $status == "$1" ]]; }
stdout_has() { grep -qxF -- "$1" "$tmp/stdout"; }
stderr_has() { grep -qF -- "$1" "$tmp/stderr"; }
stderr_lacks() { ! stderr_has "$1"; }
between() { (( $1 <= $2 && $2 <= $3 )); }
value() { sed -n "s/.*\b$1  *\([0-9][0-9]*\).*/\1/p" "$2" | head -n 1; } # the number after a word
nothing_left() { # nothing of a run: no file, no process of its session
  local i
  for (( i = 0; i < 300; i++ )); do
    [[ -z $(ls -A "$tmp/run") && -z $(pgrep -f -- "$tmp/run/") && ( -z ${1:-} || -z $(ps -o pid= -s "$1") ) ]] && return 0
    sleep 0.1
  done
  ls -A "$tmp/run"
  [[ -z ${1:-} ]] || ps -o pid=,args= -s "$1"
  return 1
}
mkdir "$tmp/run"

# --- usage --------------------------------------------------------------------------------------------------------------

for wrong in "" "--cpus 0 -- true" "--cpus two -- true" "--cpus" "--cpus -- true" "--memory lots -- true" "--slice-ns 4999 -- true" \
  "--slice-ns 50001 -- true" "--timeout soon -- true" "--accel magic -- true" "--libc /nowhere -- true" "--nonsense -- true" "true" "--"; do
  # shellcheck disable=SC2086 # several words
  vm_run $wrong
  check "'run $wrong' is a usage error with one line of reason" eval 'is 2 && stderr_has "usage: bin/vm" && [[ $(grep -c "^bin/vm: " "$tmp/stderr") == 1 && ! -s $tmp/stdout ]]'
done
"$vm" fly > "$tmp/stdout" 2> "$tmp/stderr"
status=$?
check "an unknown command is a usage error" is 2

# --- what cannot start --------------------------------------------------------------------------------------------------

RSEQ4J_KERNEL=/nowhere vm_run -- true
check "a kernel that is not there: 125, and says so" eval 'is 125 && stderr_has "RSEQ4J_KERNEL: no file /nowhere"'
RSEQ4J_KERNEL=$vm vm_run -- true
check "a kernel that is none: 125, and says so" eval 'is 125 && stderr_has "no bzImage"'
mkdir "$tmp/old"
RSEQ4J_VM_ACCEL=tcg vm_run --memory 900000G -- true
check "a machine that QEMU cannot make: 125, with QEMU's reason" eval 'is 125 && stderr_has "QEMU died with status 1" && stderr_has "memory"'
printf '#!/bin/sh\necho "QEMU emulator version 7.2.1 (Debian)"\n' > "$tmp/old/qemu-system-x86_64"
chmod +x "$tmp/old/qemu-system-x86_64"
PATH=$tmp/old:$PATH vm_run -- true
check "QEMU 7: 125, and how to get a newer one" eval 'is 125 && stderr_has "bin/vm setup"'
check "nothing is left of these" nothing_left

# --- one boot, many questions -------------------------------------------------------------------------------------------

here="$tmp/a place, with spaces"
results="$tmp/results, with spaces"
mkdir -p "$here/lower/inner"
echo host > "$here/lower/inner/file"
cat > "$here/ask" <<'ASK'
echo "first $(date +%s)"
echo "to stderr" >&2
echo "cwd $PWD"
echo "argument <$1> <$2>"
echo "variable <$STRANGE>"
echo "vm $RSEQ4J_VM out $RSEQ4J_OUT"
echo "cpus $(nproc)"
echo "memory $(($(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024))"
echo "input <$(cat)>"
echo "slice $(cat /sys/kernel/debug/rseq/slice_ext_nsec)"
echo "loopback $(cat /sys/class/net/lo/flags)"
echo "host $(hostname)"
echo "leak $(tr '\0' '\n' < /proc/1/environ | grep -c STRANGE)"
rm -rf lower && mkdir lower && echo "replaced $(ls lower | wc -l)"
echo guest > lower/file
echo 0 > /sys/devices/system/cpu/cpu1/online && echo "unplugged $(nproc)"
echo 1 > /sys/devices/system/cpu/cpu1/online && echo "plugged $(nproc)"
printf 'one\r\ntwo\n' > "$RSEQ4J_OUT/bytes"
printf 'carriage\rreturn\n'
head -c 1000000 /dev/zero | tr '\0' x | fold -w 99
echo
(sleep 10000 &) # what stays behind does not hold the machine up
echo last
exit 7
ASK
export STRANGE=$'a "quoted" $value\nover two lines'
start=$(date +%s)
cd "$here" || exit 1
vm_run --cpus 2 --memory 1G --slice-ns 20000 --out "$results" -- bash ask "two words" $'two\nlines'
ended=$(date +%s)
cd / || exit 1
first=$(value first "$tmp/stdout")
check "the exit status passes back" is 7
check "the clock is right" between "$start" "$first" "$ended"
boot=$((first - start + 1))
echo "# the first line came after $boot s"
check "stderr is kept apart" eval '[[ $(< "$tmp/stderr") == "to stderr" ]]'
check "the command runs in the same directory" stdout_has "cwd $here"
check "arguments pass through" eval 'stdout_has "argument <two words> <two" && stdout_has "lines>"'
check "the environment passes through" eval 'stdout_has "variable <a \"quoted\" \$value" && stdout_has "over two lines>"'
check "the command can tell where it runs" stdout_has "vm 1 out $results"
check "--cpus" stdout_has "cpus 2"
check "--memory" between 900 "$(value memory "$tmp/stdout")" 1024
check "stdin is empty" stdout_has "input <>"
check "--slice-ns" stdout_has "slice 20000"
check "the loopback interface is up" stdout_has "loopback 0x9"
check "the machine has a name" stdout_has "host rseq4j-vm"
check "nothing of the environment is on the kernel's command line" stdout_has "leak 0"
check "a directory of the host can be replaced in the guest" stdout_has "replaced 0"
check "and is untouched on the host" eval '[[ $(< "$here/lower/inner/file") == host && ! -e $here/lower/file ]]'
check "a CPU can be unplugged and plugged" eval 'stdout_has "unplugged 1" && stdout_has "plugged 2"'
check "--out comes back, byte for byte" cmp -s "$results/bytes" <(printf 'one\r\ntwo\n')
check "output is not translated" stdout_has $'carriage\rreturn'
check "a megabyte of output arrives whole, to the last line" \
  eval '[[ $(grep -c "^x*$" "$tmp/stdout") -ge 10102 && $(tail -n 1 "$tmp/stdout") == last ]]'
check "nothing is left" nothing_left
unset STRANGE

vm_run -- false
check "'false' ends with 1, without a word" eval 'is 1 && [[ ! -s $tmp/stdout && ! -s $tmp/stderr ]]'

# --- grants -------------------------------------------------------------------------------------------------------------

if gcc -O2 -Wall -pthread -o "$tmp/grants" "${vm%/bin/vm}/vm/grants.c" 2> "$tmp/gcc"; then
  vm_run --cpus 1 --stats --out "$tmp/stats" -- "$tmp/grants" 2
  check "a program gets grants" eval 'is 0 && (( $(value granted "$tmp/stdout") > 0 ))'
  check "--stats counts every yield that the program saw accepted" \
    eval '(( $(value syield "$tmp/stderr") == $(value intime "$tmp/stdout") && $(value syield "$tmp/stderr") > 0 ))'
  # A grant that was revoked leaves a cleared request and nothing else, as being scheduled out without a grant does.
  check "--stats counts every grant: those that the program saw, and at most those that it may have missed" between \
    "$(value granted "$tmp/stdout")" "$(value sgrant "$tmp/stderr")" \
    "$(( $(value granted "$tmp/stdout") + $(value late "$tmp/stdout") ))"
  check "grants end in a yield, a revocation or a system call" \
    eval '(( $(value sgrant "$tmp/stderr") == $(value syield "$tmp/stderr") + $(value srevok "$tmp/stderr") + $(value sabort "$tmp/stderr") ))'
  check "the statistics are in --out too" cmp -s "$tmp/stderr" "$tmp/stats/rseq-stats.txt"

  vm_run --accel tcg-icount --cpus 1 -- "$tmp/grants" 2
  check "--accel tcg-icount: nine of ten grants are given back in time, whatever the host does" \
    eval 'is 0 && (( $(value granted "$tmp/stdout") > 20 && 10 * $(value intime "$tmp/stdout") >= 9 * $(value granted "$tmp/stdout") ))'

  vm_run --no-slice-extension -- "$tmp/grants" --prctl
  check "--no-slice-extension: prctl says ENOTSUPP (524)" stdout_has "prctl 524"

  vm_run --rseq-debug -- sh -c "grep -o rseq_debug=1 /proc/cmdline; $tmp/grants --prctl"
  check "--rseq-debug boots with rseq_debug=1" eval 'stdout_has "rseq_debug=1" && stdout_has "prctl 0"'

  vm_run --libc trixie --out "$tmp/libc" -- sh -c "ldd --version | head -n 1; pwd; echo \"vm \$RSEQ4J_VM\"; $tmp/grants --prctl; $tmp/grants --size
    cp \$0 \$RSEQ4J_OUT/copy; exit 9" "$tmp/grants"
  check "--libc trixie: glibc 2.41" grep -q 'GLIBC 2\.41' "$tmp/stdout"
  check "which registers the kernel's whole area" between 33 "$(value size "$tmp/stdout")" 256
  check "so that the extension can be had without a registration of one's own" stdout_has "prctl 0"
  check "with the same directory, environment, results and exit status" \
    eval 'is 9 && stdout_has "$PWD" && stdout_has "vm 1" && cmp -s "$tmp/grants" "$tmp/libc/copy"'
else
  cat "$tmp/gcc"
  skip "grants" "no C compiler"
fi

# --- every end has its own status ---------------------------------------------------------------------------------------

start=$SECONDS
limit=$((20 + 4 * boot)) # a busy host boots it slowly
vm_run --timeout "$limit" --out "$tmp/partial" -- sh -c 'echo before; echo so far > $RSEQ4J_OUT/file; sleep 10000; echo after'
check "the time limit: 124, and says so" eval 'is 124 && stderr_has "time limit"'
check "what was printed and written before is there" eval '[[ $(< "$tmp/stdout") == before && $(< "$tmp/partial/file") == "so far" ]]'
check "it took as long, and not until the command ended" between "$limit" $((SECONDS - start)) $((limit + 300))
check "nothing is left" nothing_left

# The first process cannot be killed, except by a debugger; without it the kernel panics.
cat > "$tmp/panic.c" <<'PANIC'
#include <sys/ptrace.h>
#include <sys/wait.h>
int main(void)
{
	ptrace(PTRACE_ATTACH, 1, 0, 0);
	waitpid(1, 0, __WALL);
	ptrace(PTRACE_CONT, 1, 0, 9);
	waitpid(1, 0, __WALL);
	return 0;
}
PANIC
if gcc -o "$tmp/panic" "$tmp/panic.c" 2> /dev/null; then
  vm_run --timeout 300 -- sh -c "echo before; sleep 0.2; $tmp/panic"
  check "a kernel panic: 123, with the kernel's words" \
    eval 'is 123 && stderr_has "bin/vm: Kernel panic - not syncing: Attempted to kill init" && stdout_has before'
  check "nothing is left" nothing_left
else
  skip "a kernel panic" "no C compiler"
fi

# Runs in a session of its own, in the background, until the guest has printed "up". Sets session.
in_background() {
  : > "$tmp/stdout"
  TMPDIR=$tmp/run setsid env --default-signal=INT "$vm" run "$@" > "$tmp/stdout" 2> "$tmp/stderr" < /dev/null &
  session=$!
  local i
  for (( i = 0; i < 3000; i++ )); do
    if [[ -s $tmp/stdout ]]; then return; fi
    sleep 0.1
  done
}

in_background -- sh -c 'echo up; sleep 10000'
kill -KILL "$(pgrep -s "$session" qemu-system)"
wait "$session"
status=$?
check "QEMU's death: 125, and says so" eval 'is 125 && stderr_has "QEMU died with status 137"'
check "nothing is left" nothing_left "$session"

in_background -- sh -c 'echo up; sleep 10000'
kill -INT -- "-$session" # as the terminal does
wait "$session"
status=$?
check "Ctrl-C ends it as it ends any command" is 130
check "nothing is left" nothing_left "$session"

in_background -- sh -c 'echo up; sleep 10000'
kill -TERM "$session"
wait "$session"
status=$?
check "SIGTERM ends it" is 143
check "nothing is left" nothing_left "$session"

in_background -- sh -c 'echo up; sleep 10000'
kill -KILL "$session"
wait "$session" 2> /dev/null
for (( i = 0; i < 300; i++ )); do [[ -z $(ps -o pid= -s "$session") ]] && break; sleep 0.1; done
check "even SIGKILL leaves no process" eval '[[ -z $(ps -o pid= -s "$session") ]]'
rm -rf "$tmp"/run/*

echo "# bin/vm run -- yes | head"
TMPDIR=$tmp/run timeout 600 "$vm" run -- yes 2> "$tmp/stderr" | head -n 1 > "$tmp/stdout"
status=${PIPESTATUS[0]}
check "when nobody reads the output any more, the machine ends" eval 'is 141 && stdout_has y'
check "nothing is left" nothing_left

# --- the scripts --------------------------------------------------------------------------------------------------------

if command -v shellcheck > /dev/null; then
  shellcheck "$vm" "${vm%/bin/vm}/vm/init" "${vm%/bin/vm}/vm/test.sh" > "$tmp/stdout" 2>&1
  status=$?
  check "shellcheck has nothing to say" is 0
else
  skip "shellcheck" "not installed"
fi
