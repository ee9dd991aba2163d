#!/usr/bin/env bash
# Installs what is missing, builds Sluice, compiles the bundled model and generates text.
# usage: tools/demo.sh [PROMPT]
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prompt=${1:-"And God said"}
model=$build/demo.slc

install_packages
configure release
build_targets release "building the compiler and the runtime" sluice-compile sluice-run
step "compiling models/demo to an artifact" "$build/bin/sluice-compile" \
  --checkpoint "$root/models/demo" --models "$root/models" -o "$model"
printf '\n%s' "$prompt"
"$build/bin/sluice-run" "$model" --prompt "$prompt" --max-tokens 120 --temperature 0.7 --top-p 0.9 --seed 1
echo
