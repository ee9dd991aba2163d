#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test, the fuzz targets
# for a fixed number of runs among them.
# usage: tools/test.sh [CTEST OPTIONS]
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install_packages
configure release
build_targets release "building everything" all
configure fuzz
build_targets fuzz "building the fuzz targets" fuzz

# All that fails is reported before the script ends.
failed=0
ctest --test-dir "$builds/fuzz" --output-on-failure -j "$jobs" -L fuzz "$@" || failed=1
ctest --test-dir "$build" --output-on-failure -j "$jobs" "$@" || failed=1
exit $failed
