#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test.
# usage: tools/test.sh [CTEST OPTIONS]
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install_packages
configure
build_targets "building everything" all
cd "$build"
ctest --output-on-failure -j "$jobs" "$@"
