# SPDX-License-Identifier: Apache-2.0
# Debian's archive as this machine reaches it, for bin/vm, vm/aarch64.sh and vm/selftests.sh; sourced by bash. No host name
# is written down anywhere in this project.

# Sets mirror, keyring and codename from the machine's own sources.
find_mirror() {
  local entry
  # shellcheck disable=SC1091
  codename=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
  [[ -n $codename ]] && command -v apt-get > /dev/null || return 1
  # shellcheck disable=SC2016 # apt expands it
  IFS='|' read -r mirror entry < <(apt-get indextargets --format '$(REPO_URI)|$(SOURCESENTRY)' \
    "Created-By: Packages" "Release: $codename" "Component: main") || return 1
  # The entry is FILE:LINE; a deb822 stanza names its keyring below that line, a one-line entry in it.
  keyring=$(tail -n "+${entry##*:}" "${entry%:*}" |
    sed -n -e '/^$/q' -e 's/^Signed-By:[[:space:]]*\(\/[^[:space:]]*\).*/\1/p' -e '1s/^deb.*signed-by=\(\/[^] ]*\).*/\1/p' | head -n 1)
  keyring=${keyring:-/usr/share/keyrings/debian-archive-keyring.gpg}
}

# An apt with state of its own below $1/apt, so that the machine's never sees what it reads; for machine $2, if given.
private_apt() {
  work=$1
  rm -rf -- "$work"
  mkdir -p "$work"/apt/{lists,archives,none}
  : > "$work/apt/status"
  cat > "$work/apt/conf" <<CONF
Dir::State "$work/apt";
Dir::State::status "$work/apt/status";
Dir::State::lists "$work/apt/lists";
Dir::Cache "$work/apt";
Dir::Cache::archives "$work/apt/archives";
Dir::Etc::sourcelist "$work/apt/debian.sources";
Dir::Etc::sourceparts "$work/apt/none";
Dir::Etc::preferences "$work/apt/none/preferences";
Dir::Etc::preferencesparts "$work/apt/none";
APT::Sandbox::User "";
Acquire::Languages "none";
CONF
  if [[ -n ${2:-} ]]; then printf '%s\n' "APT::Architecture \"$2\";" "APT::Architectures { \"$2\"; };" >> "$work/apt/conf"; fi
  export APT_CONFIG=$work/apt/conf
}

# Makes it read these suites and no others.
read_suites() {
  printf '%s\n' "Types: ${types:-deb}" "URIs: $mirror" "Suites: $*" "Components: main" "Signed-By: $keyring" > "$work/apt/debian.sources"
  apt-get update -qq 2> "$work/apt/errors" || true
}

# Makes it read this release, the stable one and the backports of both, and sets stable to that one's name. A suite that is
# not there (yet, or any more) is no error.
read_debian() {
  read_suites stable
  # By its own name: a mirror may refresh the directories of alias names less often.
  # shellcheck disable=SC2016
  stable=$(apt-get indextargets --format '$(CODENAME)' "Created-By: Packages" | head -n 1)
  read_suites "$codename" "$codename-backports" ${stable:+"$stable" "$stable-backports"}
}

# After read_debian: sets package to the newest Linux source, 7.0 or later, and version to its version. The newest is in a
# later release's suites.
find_linux_source() {
  package=$(apt-cache pkgnames linux-source- | grep -E '^linux-source-([7-9]|[1-9][0-9])\.[0-9]+$' | sort -V | tail -n 1) || true
  [[ -n $package ]] || return 1
  version=$(apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p' | head -n 1)
}

# Calls the function "fetch", unless its folder $cache is there with the file "name", its last. One at a time; others wait.
fetch_once() {
  mkdir -p -- "${cache%/*}"
  exec 9> "$cache.lock"
  flock 9
  if [[ ! -f $cache/name ]]; then
    rm -rf -- "$cache"
    fetch
  fi
  flock -u 9
}
