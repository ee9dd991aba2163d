#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test, the fuzz targets
# with sanitizers for a fixed number of runs among them.
# usage: tools/test.sh [CTEST OPTIONS]
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install_packages
configure release
build_targets release "building everything" all
configure sanitize
build_targets sanitize "building the fuzz targets" fuzz

# Trained models and vocabularies that some tests use when they are at hand.
export SLUICE_SHARED_DATA=${SLUICE_SHARED_DATA:-$root/../shared/data}

# run_tests PRESET [CTEST OPTIONS]: failures with their output, and the summary.
run_tests() {
  local preset=$1
  shift
  ctest --test-dir "$builds/$preset" --output-on-failure -j "$jobs" "$@" |
    grep --line-buffered -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed )'
}

# All that fails is reported before the script ends.
failed=0
run_tests sanitize -L fuzz "$@" || failed=1
run_tests release "$@" || failed=1
exit $failed
