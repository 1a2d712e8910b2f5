#!/usr/bin/env bash
# From the packaged examples to an adapter that llama.cpp serves: the one that comes with syscard.
set -euo pipefail

out=${1:-out/align}
examples=$(python -c 'import syscard.examples as e; print(*e.packaged_files())')

# 1. The data holds nothing near an evaluation prompt.
syscard sets check $(printf -- '--against %s ' $examples)

# 2. Supervised: to reason over the specification, cite its rule, decide, and answer. Killed, the
#    same command goes on from its last checkpoint. Written by hand and chosen by no grader, the
#    data forbid none to rate what comes of them. More than half of the examples comply, and what
#    most decide is what a small model decides in doubt: some of them are left out.
syscard align sft -o "$out/sft" --complying 0.6

# 3. As one file that llama.cpp runs upon the base.
syscard align export "$out/sft" -o "$out/deliberation.gguf" --force
echo "Run it: in a plan, args: {adapter: $out/deliberation.gguf} beside model: syscard/smollm2"
