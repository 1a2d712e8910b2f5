#!/usr/bin/env bash
# The whole line, read aloud: from a model to its system card.
set -euo pipefail

plan=${1:-demo}                          # a plan by name, or its path
out=${2:-out/demo}
limit=${3:-}                             # at most so many samples a task
mkdir -p "$out"
cp_plan="$out/plan.yaml"

# A gate's answer is its exit code. "No" is an answer too: only an error ends the line here.
ask() { "$@" || { code=$?; case $code in 3 | 4 | 5 | 7) ;; *) exit "$code" ;; esac; }; }

# 1. The plan: what is run, on what, judged by which framework.
syscard plan copy "$plan" -o "$cp_plan" --force

# 2. The run: both sides, kept as Inspect logs. Killed, it goes on where it was.
syscard run "$cp_plan" --log-dir "$out/logs" ${limit:+--limit "$limit"}

# 3. Logs to measurements, with intervals.
ask syscard measure "$out/logs" --plan "$cp_plan" -o "$out/measurements.json" --force

# 4. Measurements to levels, decided on the cautious end.
syscard rate "$out/measurements.json" --plan "$cp_plan" -o "$out/rating.json" --force

# 5. Levels to decisions.
for gate in deploy develop; do
  ask syscard gate "$gate" --plan "$cp_plan" --measurements "$out/measurements.json" \
    --rating "$out/rating.json" -o "$out/$gate.json" --force
done

# 6. The card, and what it says in short.
syscard card "$out/deploy.json" "$out/develop.json" --plan "$cp_plan" \
  --measurements "$out/measurements.json" --rating "$out/rating.json" -o "$out/card" --force
syscard show "$out/card"
