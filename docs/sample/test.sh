#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds this project against a repository that bin/publish made, and runs it in each way that a user may: on the module path
# and on the class path, with native access enabled, without a word about it, and with native access denied.
# What needs no newer Java is compiled for Java 17 too, and runs on each older one that is named.
# test.sh REPOSITORY [HOME-OF-AN-OLDER-JAVA...]
set -uo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export command=sample # what bin/lib.sh says that it is
# shellcheck source=bin/lib.sh
. "$here/../../bin/lib.sh"
repository=$(readlink -f -- "${1:?test.sh REPOSITORY}")
shift
passed=0 failed=0
output=$(mktemp)
trap 'rm -f -- "$output"' EXIT
JAVA_HOME=$(jdk) || exit 1
export JAVA_HOME
java=$JAVA_HOME/bin/java

if ! "$here/build.sh" "$repository"; then
  echo "0 passed, 1 failed"
  exit 1
fi
passed=1
echo "ok - builds, and its own tests pass: $(grep -m 1 -o 'Tests run: [0-9]*' "$here/target/build.log" || echo none)"
cd -- "$here" || exit 1

run() { # name, registration expected ("" for any but NONE), then java's arguments; the rest is the same everywhere
  local name=$1 registration=$2 path=$3 status=0
  shift 3
  timeout 300 "$java" "$@" > "$output" 2>&1 < /dev/null || status=$?
  if ((status == 0)) && grep -qx "4000000 characters, section 1" "$output" && grep -qx "on the $path path" "$output" &&
    grep -qxE "registration ${registration:-LIBC|registration OWN}" "$output"; then
    passed=$((passed + 1)); echo "ok - $name"
  else
    failed=$((failed + 1)); echo "not ok - $name (status $status)"; sed 's/^/    | /' "$output"
  fi
}
# Without rseq on this machine nothing can be registered, whatever is allowed.
any=
"$java" -cp 'target/sample.jar:target/lib/*' --enable-native-access=ALL-UNNAMED org.rseq4j.sample.Hello 2>&1 |
  grep -qx 'registration NONE' && any=NONE
modules=(--module-path target/sample.jar:target/lib --module org.rseq4j.sample/org.rseq4j.sample.Hello)
classes=(-cp 'target/sample.jar:target/lib/*' org.rseq4j.sample.Hello)
run "module path, native access enabled" "$any" module --enable-native-access=org.rseq4j.core "${modules[@]}"
grep -q '^WARNING' "$output" && { failed=$((failed + 1)); echo "not ok - the JVM warns all the same"; sed 's/^/    | /' "$output"; }
run "module path, without a word" "$any" module "${modules[@]}"
run "module path, native access denied" NONE module --illegal-native-access=deny "${modules[@]}"
run "class path, native access enabled" "$any" class --enable-native-access=ALL-UNNAMED "${classes[@]}"
run "class path, without a word" "$any" class "${classes[@]}"
run "class path, native access denied" NONE class --illegal-native-access=deny "${classes[@]}"

# Images with a run-time of their own, of the sample and what it needs. Not every JDK comes with the tools.
images=$(mktemp -d)
trap 'rm -rf -- "$output" "$images"' EXIT
if [ -x "$JAVA_HOME/bin/jlink" ] && [ -x "$JAVA_HOME/bin/jpackage" ]; then
  modules=(--module-path target/sample.jar:target/lib --module org.rseq4j.sample/org.rseq4j.sample.Hello)
  if "$JAVA_HOME/bin/jlink" "${modules[@]:0:2}" --add-modules org.rseq4j.sample --output "$images/linked" > "$output" 2>&1; then
    java=$images/linked/bin/java
    run "an image by jlink" "$any" module --enable-native-access=org.rseq4j.core --module "${modules[3]}"
    java=$JAVA_HOME/bin/java
  else
    failed=$((failed + 1)); echo "not ok - jlink"; sed 's/^/    | /' "$output"
  fi
  if "$JAVA_HOME/bin/jpackage" --type app-image --name hello --dest "$images" "${modules[@]}" \
    --java-options --enable-native-access=org.rseq4j.core > "$output" 2>&1; then
    java=$images/hello/bin/hello
    run "an image by jpackage" "$any" module
    java=$JAVA_HOME/bin/java
  else
    failed=$((failed + 1)); echo "not ok - jpackage"; sed 's/^/    | /' "$output"
  fi
else
  echo "NOT CHECKED: images by jlink and jpackage, which this JDK does not have"
fi

# Jetty with each part replaced and with none: that all answer every request, not how fast. First by clients in Java, then by
# wrk where there is one.
if timeout 600 "$java" --enable-native-access=org.rseq4j.core "${modules[@]:0:2}" \
  --module org.rseq4j.sample/org.rseq4j.sample.JettyLoad --rounds 1 --seconds 1 --warmup 1 --connections 32 \
  > "$output" 2>&1 < /dev/null; then
  passed=$((passed + 1)); echo "ok - Jetty answers, whatever is replaced"
  grep '^|' "$output" | sed 's/^/    /'
else
  failed=$((failed + 1)); echo "not ok - Jetty"; tail -n 40 -- "$output" | sed 's/^/    | /'
fi

# The connection pool beside HikariCP: that both answer every statement, go on after an outage, and end.
if timeout 600 "$java" --enable-native-access=ALL-UNNAMED "${classes[@]:0:2}" org.rseq4j.sample.ConnectionLoad \
  --rounds 1 --warmup 1 --outages 1 --outage 1 > "$output" 2>&1 < /dev/null; then
  passed=$((passed + 1)); echo "ok - connection pools answer, also after an outage"
  grep '^|' "$output" | sed 's/^/    /'
else
  failed=$((failed + 1)); echo "not ok - connection pools"; tail -n 40 -- "$output" | sed 's/^/    | /'
fi

# The same on older versions of Java: all but what starts virtual threads.
older=target/java17
if (($#)); then
  rm -rf -- "$older"
  mkdir -p -- "$older"
  sources=()
  for class in Hello JettyServer Loan PerCpuBuffers; do sources+=("src/main/java/org/rseq4j/sample/$class.java"); done
  if "$JAVA_HOME/bin/javac" --release 17 -d "$older/classes" --module-path target/lib src/main/java/module-info.java "${sources[@]}" \
    > "$output" 2>&1 && "$JAVA_HOME/bin/jar" --create --file "$older/sample.jar" -C "$older/classes" .; then
    passed=$((passed + 1)); echo "ok - compiles for Java 17"
  else
    failed=$((failed + 1)); echo "not ok - compiles for Java 17"; sed 's/^/    | /' "$output"
  fi
fi
# No word about native access is needed there, and one does no harm.
quiet() {
  run "$@"
  if grep -qi '^warning' "$output"; then failed=$((failed + 1)); echo "not ok - the JVM warns"; sed 's/^/    | /' "$output"; fi
}
for home in "$@"; do
  version=$(sed -n 's/^JAVA_VERSION="\([^"]*\)".*/\1/p' "$home/release")
  java=$home/bin/java
  modules=(--module-path "$older/sample.jar:target/lib" --module org.rseq4j.sample/org.rseq4j.sample.Hello)
  classes=(-cp "$older/sample.jar:target/lib/*" org.rseq4j.sample.Hello)
  quiet "Java $version, module path" "$any" module "${modules[@]}"
  quiet "Java $version, module path, native access enabled" "$any" module --enable-native-access=org.rseq4j.core "${modules[@]}"
  quiet "Java $version, class path" "$any" class "${classes[@]}"
  quiet "Java $version, class path, native access enabled" "$any" class --enable-native-access=ALL-UNNAMED "${classes[@]}"
  quiet "Java $version, class path, rseq off" NONE class -Drseq4j.registration=none "${classes[@]}"
  if [ ! -x "$home/bin/jlink" ] || [ ! -d "$home/jmods" ]; then
    echo "NOT CHECKED: images by jlink, which this Java $version does not have"
    continue
  fi
  for module in org.rseq4j.structures org.rseq4j.sample; do
    if "$home/bin/jlink" "${modules[@]:0:2}" --add-modules $module --output "$images/$version-$module" > "$output" 2>&1; then
      java=$images/$version-$module/bin/java
      if [ -e "$home/bin/java.started" ]; then # a script that starts it by another C library (bin/older-java.sh)
        mv "$java" "$java.started"
        sed "s|$home|$images/$version-$module|" "$home/bin/java" > "$java"
        chmod +x "$java"
      fi
      if [ $module = org.rseq4j.sample ]; then
        run "Java $version, an image by jlink" "$any" module --module "${modules[3]}"
      elif "$java" --module org.rseq4j.core/org.rseq4j.internal.Doctor > "$output" 2>&1 && "$java" --list-modules |
        grep '^org.rseq4j.structures\(@\|$\)' > /dev/null; then
        passed=$((passed + 1)); echo "ok - Java $version, an image by jlink of core and structures alone"
      else
        failed=$((failed + 1)); echo "not ok - Java $version, an image of core and structures"; sed 's/^/    | /' "$output"
      fi
    else
      failed=$((failed + 1)); echo "not ok - jlink of Java $version, $module"; sed 's/^/    | /' "$output"
    fi
  done
done

echo "$passed passed, $failed failed"
exit $((failed > 0))
