# Sourced by demo.sh and test.sh: installs the missing Debian packages, configures and
# builds. Quiet about what went well; a failed step prints its log.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
builds=${SLUICE_BUILD_DIR:-$root/build}
build=$builds/release
jobs=${SLUICE_JOBS:-$(nproc)}
# Objects are found again from any checkout.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

# step TEXT COMMAND...: runs the command quietly; shows its output if it fails.
step() {
  local text=$1 log start=$SECONDS
  shift
  log=$(mktemp)
  printf '%s ... ' "$text"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf 'done (%d s)\n' $((SECONDS - start))
    rm -f "$log"
  else
    local code=$?
    printf 'FAILED\n'
    cat "$log" >&2
    rm -f "$log"
    return $code
  fi
}

missing_packages() {
  local name
  while read -r name; do
    case $name in '' | '#'*) continue ;; esac
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done <"$root/tools/packages.txt"
}

install_packages() {
  local packages sudo=
  packages=$(missing_packages)
  [ -n "$packages" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "these packages are missing and neither root nor sudo is at hand:" $packages >&2
      return 1
    }
    sudo=sudo
  fi
  step "updating the package lists" $sudo apt-get update
  # shellcheck disable=SC2086
  step "installing $(echo "$packages" | wc -l) packages" $sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $packages
}

# configure PRESET: once; CMake itself notices changes later.
configure() {
  local dir=$builds/$1
  [ -f "$dir/build.ninja" ] || step "configuring ($1)" cmake --preset "$1" -S "$root" -B "$dir"
}

# build_targets PRESET TEXT TARGET...
build_targets() {
  local dir=$builds/$1 text=$2
  shift 2
  step "$text" cmake --build "$dir" -j "$jobs" --target "$@"
}
