#!/usr/bin/env bash
# Formats all C++ sources; with --check only reports what is off.
# usage: tools/format.sh [--check]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run --Werror)
git ls-files -z -- '*.cpp' '*.h' | xargs -0 clang-format-22 "${mode[@]}"
