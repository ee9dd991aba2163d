#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test. What needs no LLVM
# runs with sanitizers, too: its unit tests, the fuzz targets for a fixed number of
# runs, and end to end with artifacts of the release build's compiler.
# usage: tools/test.sh [CTEST OPTIONS]
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install_packages
configure release
build_targets release "building everything" all
configure sanitize
build_targets sanitize "building with AddressSanitizer and UBSan" light fuzz
ln -sf "$build/bin/sluice-compile" "$builds/sanitize/bin/"
configure tsan
build_targets tsan "building with ThreadSanitizer" sluice_executor_test

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
run_tests tsan -L light "$@" || failed=1
run_tests sanitize -L 'light|fuzz' "$@" || failed=1
run_tests sanitize -L e2e "$@" || failed=1
run_tests release "$@" || failed=1
exit $failed
