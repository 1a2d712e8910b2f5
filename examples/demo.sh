#!/usr/bin/env bash
# The whole line, read aloud: from a model to a signed and verified system card.
set -euo pipefail

plan=${1:-demo}                          # a plan by name, or its path
out=${2:-out/demo}
limit=${3:-}                             # at most so many samples a task
mkdir -p "$out"
cp_plan="$out/plan.yaml"

# A gate's answer is its exit code. "No" is an answer too: only an error ends the line here.
ask() { "$@" || { code=$?; case $code in 3 | 4 | 5 | 7) ;; *) exit "$code" ;; esac; }; }
short() { sha256sum "$1" | cut -c1-12; }

# 1. The plan: what is run, on what, judged by which framework.
syscard plan copy "$plan" -o "$cp_plan" --force

# 2. Who signs: demo keys, marked as such wherever they sign. Their ledger is this plan's own.
for name in Runner Ann Bea Lea; do
  [ -e "$out/keys/$name.pem" ] || syscard key new "$out/keys/$name.pem" --name "$name" --demo
done
ledger="$out/ledger-$(short "$cp_plan").jsonl"
[ -e "$ledger" ] || syscard ledger open "$cp_plan" -o "$ledger" --key "$out/keys/Lea.pem" \
  --signer "$out/keys/Runner.pub.json=runner" --signer "$out/keys/Ann.pub.json=adviser" \
  --signer "$out/keys/Bea.pub.json=adviser" --signer "$out/keys/Lea.pub.json=leader"
runner=(--ledger "$ledger" --key "$out/keys/Runner.pem")

# 3. The run: both sides, kept as Inspect logs. Killed, it goes on where it was.
syscard run "$cp_plan" --log-dir "$out/logs" ${limit:+--limit "$limit"} "${runner[@]}"

# 4. Logs to measurements, with intervals; measurements to levels, decided on the cautious end.
ask syscard measure "$out/logs" --plan "$cp_plan" -o "$out/measurements.json" --force
evidence=(--plan "$cp_plan" --rating "$out/rating.json")
syscard rate "$out/measurements.json" --plan "$cp_plan" -o "$out/rating.json" --force "${runner[@]}"

# 5. People: two advise, one decides. Each signs the digest of this very rating, once.
advice="$out/advice-$(short "$out/rating.json").yaml"
if [ ! -e "$advice" ]; then
  syscard advise --template "${evidence[@]}" -o "$advice.new" --force
  for name in Ann Bea; do
    syscard advise "$advice.new" "${evidence[@]}" --ledger "$ledger" --key "$out/keys/$name.pem"
  done
  for gate in deploy develop; do
    syscard approve "$gate" no --reason "A demonstration: nobody needs this model released." \
      "${evidence[@]}" --ledger "$ledger" --key "$out/keys/Lea.pem"
  done
  mv "$advice.new" "$advice"
fi

# 6. Levels to decisions, with every condition behind each.
evidence+=(--measurements "$out/measurements.json" --ledger "$ledger")
for gate in deploy develop secure; do
  ask syscard gate "$gate" "${evidence[@]}" -o "$out/$gate.json" --force
done

# 7. The card with its evidence, signed; then verified as a stranger would, by keys of their own.
syscard card "$out"/{deploy,develop,secure}.json "${evidence[@]}" --key "$out/keys/Lea.pem" \
  -o "$out/card" --force
syscard verify "$out/card" --keys "$out/keys"
syscard show "$out/card"
