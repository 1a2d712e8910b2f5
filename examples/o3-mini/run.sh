#!/usr/bin/env bash
# The published case: reported numbers rate nothing; an advisory group adopts levels on them.
# The keys are example keys: nobody at the developer signed anything here.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=examples/o3-mini
out=${1:-out/o3-mini}
plan="$here/plan.yaml"
rm -rf "$out"
mkdir -p "$out/keys"
ask() { "$@" || { code=$?; case $code in 3 | 4 | 5) ;; *) exit "$code" ;; esac; }; }

# 1. Who signs.
for name in Runner Ann Bea Lea; do
  syscard key new "$out/keys/$name.pem" --name "$name" --demo
done
ledger="$out/ledger.jsonl"
syscard ledger open "$plan" -o "$ledger" --key "$out/keys/Lea.pem" \
  --signer "$out/keys/Runner.pub.json=runner" --signer "$out/keys/Ann.pub.json=adviser" \
  --signer "$out/keys/Bea.pub.json=adviser" --signer "$out/keys/Lea.pub.json=leader"

# 2. What the numbers alone say: nothing was measured here, so nothing is rated.
syscard measure --plan "$plan" -o "$out/measurements.json"
syscard rate "$out/measurements.json" --plan "$plan" -o "$out/rating.json" \
  --ledger "$ledger" --key "$out/keys/Runner.pem"
evidence=(--plan "$plan" --rating "$out/rating.json")
ask syscard gate deploy "${evidence[@]}" --measurements "$out/measurements.json" \
  -o "$out/deploy-by-numbers-alone.json"

# 3. The group adopts the published levels, under their name and with their source.
syscard advise --template "${evidence[@]}" -o "$out/advice.yaml" \
  --adopt cbrn=Medium --adopt cybersecurity=Low --adopt persuasion=Medium --adopt autonomy=Medium \
  --source "OpenAI o3-mini System Card, 31 January 2025, section 5" \
  --reason "The developer's advisory group rated it so; not measured here."
for name in Ann Bea; do
  syscard advise "$out/advice.yaml" "${evidence[@]}" --ledger "$ledger" --key "$out/keys/$name.pem"
done
for gate in deploy develop; do
  syscard approve "$gate" yes --reason "As the developer decided, on the same reported evidence." \
    "${evidence[@]}" --ledger "$ledger" --key "$out/keys/Lea.pem"
done

# 4. The gates now open "on reported evidence", and say so.
evidence+=(--measurements "$out/measurements.json" --ledger "$ledger")
for gate in deploy develop secure; do
  syscard gate "$gate" "${evidence[@]}" -o "$out/$gate.json"
done

# 5. The card; what does not add up in the published tables; and what a stranger can check of it.
syscard card "$out"/{deploy,develop,secure}.json "${evidence[@]}" --key "$out/keys/Lea.pem" \
  -o "$out/card"
ask syscard lint "$here/reported.yaml" "$here/alignment-paper.yaml"
syscard verify "$out/card" --keys "$out/keys"
syscard show "$out/card"
