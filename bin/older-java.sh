# SPDX-License-Identifier: Apache-2.0
# Older versions of Java, for the commands in this folder that run on them, too; sourced by bash, after lib.sh.

# shellcheck source=vm/apt.sh
. "$root/vm/apt.sh"

# Prints the home of a Java of this version that is installed, or that builds this tree.
installed_java() {
  local home
  for home in /usr/lib/jvm/* "$(jdk || true)"; do
    if [[ -x $home/bin/java && -r $home/release && ! -L $home ]] && grep -q "^JAVA_VERSION=\"$1[.\"]" "$home/release"; then
      printf '%s\n' "$home"
      return
    fi
  done
  return 1
}

# Prints the home of a JDK of this version out of Debian's archive. Its C library may be newer than this machine's, so it comes along;
# its programs that are needed here are scripts, which start the real ones by that library's loader.
debian_java() (
  version=$1 place=${XDG_CACHE_HOME:-$HOME/.cache}/rseq4j/java/jdk-$1
  mkdir -p -- "${place%/*}"
  exec 9> "$place.lock"
  flock 9
  if [[ ! -d $place ]]; then
    find_mirror || return 1
    private_apt "$place.new"
    trap 'rm -rf -- "$work"' EXIT
    # The releases that have one of the two, and what this machine is.
    read_suites "$codename" bookworm trixie
    apt-cache show "openjdk-$version-jdk-headless" > /dev/null 2>&1 || return 1
    say "fetching Java $version, once"
    cd -- "$work"
    timeout 300 apt-get download -q libc6 libgcc-s1 libstdc++6 zlib1g "openjdk-$version-"{jre,jdk}-headless > log 2>&1 ||
      { tail -n 3 log >&2; return 1; }
    for package in *.deb; do dpkg-deb -x "$package" root; done
    rm -rf -- root/usr/share
    cd root/usr/lib/jvm/java-"$version"-openjdk-*
    # Settings in /etc, by links.
    find . -type l -lname '/etc/*' | while read -r link; do ln -sfn -- "$place$(readlink "$link")" "$link"; done
    libraries=$(echo "$work"/root/usr/lib/*-linux-gnu*) loader=$(echo "$work"/root/usr/lib*/ld-linux-*)
    for program in bin/{java,jlink} lib/jspawnhelper; do
      mv $program $program.started
      printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "${loader/#"$work/root"/$place}" \
        "${libraries/#"$work/root"/$place}" "${PWD/#"$work/root"/$place}/$program.started" > $program
      chmod +x $program
    done
    mv -T -- "$work/root" "$place"
  fi
  home=$(echo "$place"/usr/lib/jvm/java-"$version"-openjdk-*)
  "$home/bin/java" -version > /dev/null 2>&1 || { rm -rf -- "$place"; return 1; }
  echo "$home"
)

# Prints the home of a Java: $1 is its folder, or a version that is installed or comes from Debian's archive.
java_home() {
  if [[ -x $1/bin/java ]]; then
    readlink -f -- "$1"
  elif [[ $1 =~ ^[0-9]+$ ]]; then
    installed_java "$1" || debian_java "$1" || die 1 "Java $1 is neither in /usr/lib/jvm nor to be had from Debian's archive"
  else
    bad "no Java in $1"
  fi
}

# The version of the Java in a folder: 17.
java_version() { sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"; }

# The jars of core and structures, which are built, as a class path.
library_jars() {
  printf '%s\n' "$root/$(cd -- "$root" && echo structures/target/rseq4j-structures-[0-9]*[0-9].jar):$root/$(cd -- "$root" && echo core/target/rseq4j-core-[0-9]*[0-9].jar)"
}

# A folder's jars as the rest of a class path.
jars_in() { local jar; for jar in "$1"/*.jar; do printf ':%s' "$jar"; done; }

# Compiles for Java 17 against the class library of the newest and the classes of this tree: Java that asks for what only a newer
# one has gets an error when it comes there. compile_for_17 JDK OUTPUT CLASS-PATH JAVAC-OPTION... -- SOURCE...
compile_for_17() {
  local jdk=$1 output=$2 path=$3 options=()
  shift 3
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  mkdir -p -- "$output"
  find "$@" -name '*.java' > "$output/.sources"
  # Not --release, and not the jars: they show what the older Java has.
  "$jdk/bin/javac" -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC -source 17 -target 17 -nowarn -g "${options[@]}" -d "$output" \
    -cp "$root/structures/target/classes:$root/core/target/classes:$path" @"$output/.sources" 2> "$output/.log" ||
    { cat -- "$output/.log" >&2; die 1 "$* cannot be compiled for Java 17"; }
}

# Compiles the tests of core, or of core and structures, for Java 17, with the JDK $1, to the modules' target/java17/test-classes.
compile_tests_for_17() {
  local jdk=$1 module output path=
  shift
  for module in "$@"; do
    output=$root/$module/target/java17/test-classes
    rm -rf -- "$output"
    mkdir -p -- "$output"
    cp -R -- "$root/$module/target/test-classes/." "$output/"
    find "$output" -name '*.class' -delete
    compile_for_17 "$jdk" "$output" "$path$(jars_in "$root/$module/target/test-lib")" -proc:none -- \
      "$root/core/src/test/shared" "$root/$module/src/test/java"
    path=$output:$path
  done
}

# The class path of a module's tests for Java 17.
tests_for_17() { # core or structures
  local path=$root/core/target/java17/test-classes:$(library_jars)
  if [[ $1 == structures ]]; then path=$root/structures/target/java17/test-classes:$path; fi
  printf '%s\n' "$path$(jars_in "$root/$1/target/test-lib")"
}

# Compiles the module jcstress-tests, which is built, for Java 17, with the JDK $1, to its target/java17/classes.
compile_stress_for_17() {
  local target=$root/jcstress-tests/target output
  output=$target/java17/classes
  ! [[ $output/.compiled -nt $target/built ]] || return 0
  rm -rf -- "$output"
  compile_for_17 "$1" "$output" "$(jars_in "$target/lib")" -processor org.openjdk.jcstress.infra.processors.JCStressTestProcessor \
    -processorpath "$(jars_in "$target/lib" | cut -c 2-)" -- "$root/jcstress-tests/src/main/java" "$target/states"
  touch "$output/.compiled"
}
