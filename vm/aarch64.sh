#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The aarch64 library on Debian's newest arm64 kernel, under QEMU, with Debian's arm64 C library and Java: selftest.c, the
# doctor, and the unit tests of ids and restartable sequences. The build is done before. Kernel and Java are fetched once,
# into the cache. No Linux up to 7.3 has the time slice extension on arm64: the doctor has to say so.
set -euo pipefail

project=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rseq4j/aarch64
say() { printf 'vm/aarch64.sh: %s\n' "$*" >&2; }
die() { local status=$1; shift; say "$*"; exit "$status"; }
# shellcheck source=vm/apt.sh
. "$project/vm/apt.sh"

for tool in qemu-system-aarch64 cpio dpkg-deb; do
  command -v "$tool" > /dev/null || die 125 "no $tool here: run 'bin/vm setup' as root"
done
library=$project/core/target/classes/org/rseq4j/internal/native/linux-aarch64/librseq4j.so
selftest=$project/core/target/selftest/selftest-aarch64
for file in "$library" "$selftest"; do
  [[ -f $file ]] || die 125 "no $file: run bin/setup for the compiler, then build"
done

# --- a root file system and a kernel, once -------------------------------------------------------------------------------

fetch() (
  local mirror keyring codename stable work package depends image
  find_mirror || die 125 "the arm64 kernel comes from Debian's archive, and this machine has no Debian sources"
  private_apt "$cache.new" arm64
  trap 'rm -rf -- "$work"' EXIT
  say "fetching Debian's arm64 kernel, C library and Java, once"
  read_debian
  cd "$work"
  # The metapackage names the newest kernel; since 7.3 the image is in a package of its own below that.
  image=$(apt-cache show linux-image-cloud-arm64 | sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*-cloud-arm64\).*/\1/p' |
    sort -V | tail -n 1)
  [[ -n $image ]] || die 125 "no linux-image-cloud-arm64 in $codename, ${stable:-stable} and their backports"
  depends=$(apt-cache show "$image" | sed -n 's/^Depends:.*\(linux-binary-[^ ,]*-cloud-arm64\).*/\1/p' | head -n 1)
  mkdir kernel root
  # shellcheck disable=SC2086
  apt-get download -q $image $depends busybox-static libc6 libgcc-s1 libstdc++6 zlib1g openjdk-25-jre-headless > log 2>&1 ||
    { tail -n 3 log >&2; die 125 "apt-get could not download them"; }
  for package in linux-*.deb; do dpkg-deb -x "$package" kernel; done
  find kernel -type f -name 'vmlinuz*' -exec cp {} vmlinuz ';'
  [[ -s vmlinuz ]] || die 125 "no kernel in $image"
  rm -- linux-*.deb
  for package in *.deb; do dpkg-deb -x "$package" root; done
  ln -s usr/bin root/bin
  ln -s usr/lib root/lib
  mkdir root/{dev,proc,sys,tmp,test}
  # What no test needs, so that it fits into memory.
  rm -rf -- root/usr/share root/usr/lib/*/gconv root/usr/lib/jvm/*/legal root/usr/lib/jvm/*/lib/server/classes_*.jsa
  (cd root && find . | cpio -o -H newc --quiet > ../root.cpio)
  rm -rf -- *.deb kernel root apt log
  echo "$image" > name
  trap - EXIT
  mv -T -- "$work" "$cache"
)

fetch_once

# --- one run -------------------------------------------------------------------------------------------------------------

dir=$(mktemp -d)
qemu=
# shellcheck disable=SC2317
cleanup() {
  [[ -z $qemu ]] || kill -KILL "$qemu" 2> /dev/null || true
  rm -rf -- "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# The tests go on top of the root file system, in an archive behind it.
mkdir -p "$dir/top/test/core" "$dir/top/test/lib"
cp -- "$library" "$selftest" "$dir/top/test/"
cp -r -- "$project/core/target/classes" "$project/core/target/test-classes" "$dir/top/test/core/"
cp -- "$project"/core/target/test-lib/*.jar "$dir/top/test/lib/"
cat > "$dir/top/init" << 'INIT'
#!/bin/busybox sh
# First process: runs the tests and switches the machine off. Its last line is the number of those that failed.
export PATH=/bin
/bin/busybox --install -s /bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs tmpfs /tmp
cd /test
failed=0
run() {
  echo "== $1"
  shift
  "$@" 2>&1 || failed=$((failed + 1))
}
run "$(busybox uname -sr)"
run "selftest, the C library's area" ./selftest-aarch64 /test/librseq4j.so libc 20000
run "selftest, its own area" ./selftest-aarch64 /test/librseq4j.so own 20000
java="/usr/lib/jvm/java-25-openjdk-arm64/bin/java -Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx400m
  --enable-native-access=ALL-UNNAMED -cp core/classes:core/test-classes:lib/*"
run "doctor" $java org.rseq4j.internal.Doctor --json
tests=
for class in RseqTest RestartableSequencesTest; do tests="$tests --select-class org.rseq4j.$class"; done
run "unit tests" $java -Drseq4j.test.seconds=1 org.junit.platform.console.ConsoleLauncher execute --disable-banner \
  --disable-ansi-colors --details=summary --details-theme=ascii --fail-if-no-tests $tests
echo "failed: $failed"
busybox poweroff -f
INIT
chmod +x "$dir/top/init"
(cd "$dir/top" && find . | cpio -o -H newc --quiet) | cat "$cache/root.cpio" - > "$dir/initrd"

# pauth-impdef: QEMU's own cheap pointer authentication.
setpriv --pdeathsig KILL -- qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on -accel tcg,thread=multi -smp 2 -m 2G \
  -nodefaults -no-user-config -display none -no-reboot -serial stdio -kernel "$cache/vmlinuz" -initrd "$dir/initrd" \
  -append "console=ttyAMA0 panic=-1 quiet" < /dev/null > "$dir/console" 2> "$dir/errors" &
qemu=$!
limit=${RSEQ4J_AARCH64_TIMEOUT:-600}
while kill -0 "$qemu" 2> /dev/null && (( SECONDS < limit )); do sleep 0.5; done
if kill -KILL "$qemu" 2> /dev/null; then say "time limit: the machine was ended after $limit s"; fi
wait "$qemu" 2> /dev/null || true
qemu=
tr -d '\r' < "$dir/console" > "$dir/out"

# --- what came out -------------------------------------------------------------------------------------------------------

passed=0 failed=0
check() { # name, then a command
  local name=$1
  shift
  if "$@" > /dev/null; then passed=$((passed + 1)); echo "ok - aarch64: $name"; else failed=$((failed + 1)); echo "not ok - aarch64: $name"; fi
}
section() { sed -n "/^== $1/,/^== /p" "$dir/out"; }
echo "$(sed -n 's/^== \(Linux.*\)/\1/p' "$dir/out") on arm64, $(section "selftest, the" | sed -n 's/^C library: //p')"
section selftest | grep -E '^slice extension|adds by|aborts$' | sed 's/^/    /' || true
check "the C library's area" grep -qx '.* passed, 0 failed' <(section "selftest, the C library's area")
check "its own area" grep -qx '.* passed, 0 failed' <(section "selftest, its own area")
check "Java: the doctor finds the C library's area" grep -qF '"registration": "LIBC"' <(section doctor)
check "Java: the doctor says that this kernel lacks the extension" grep -qF '"sliceExtension": "KERNEL_LACKS_IT"' <(section doctor)
check "Java: unit tests of ids and restartable sequences" \
  grep -qE '^\[ +[1-9][0-9]* tests successful +\]' <(section "unit tests")
check "nothing failed" grep -qx 'failed: 0' "$dir/out"
section "unit tests" | grep -E 'tests (successful|skipped|failed)' | sed 's/^/    /' || true
if ((failed)); then tail -n 200 -- "$dir/out" "$dir/errors" | sed 's/^/    | /'; fi
echo "$passed passed, $failed failed ($SECONDS s)"
exit $((failed > 0))
