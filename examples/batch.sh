#!/usr/bin/env bash
# One video a line of standard input, into a folder: batch.sh videos < prompts.txt
# Finished ones are skipped, so it can be run again after an interruption; a full queue is waited for.
set -euo pipefail

folder=${1:?usage: batch.sh FOLDER < prompts.txt}
server=${REELWRIGHT_SERVER:-http://localhost:3001}
headers=(${REELWRIGHT_API_KEY:+-H "Authorization: Bearer $REELWRIGHT_API_KEY"})
mkdir -p "$folder"

number=0
while IFS= read -r prompt; do
  number=$((number + 1))
  file=$(printf '%s/%03d.mp4' "$folder" "$number")
  if [ -e "$file" ] || [ -z "$prompt" ]; then continue; fi
  # --retry waits as long as Retry-After says. The same key never makes a second video.
  key=$(printf '%s/%s/%s' "$folder" "$number" "$prompt" | cksum | tr ' ' -)
  if curl -sS --fail-with-body --retry 5 ${headers[@]+"${headers[@]}"} -H "Idempotency-Key: $key" \
      --form-string prompt="$prompt" --form-string size=512x288 "$server/api/video/generate" --output "$file.part"; then
    mv "$file.part" "$file"
    echo "$file"
  else
    cat "$file.part" >&2
    rm -f "$file.part"
    exit 1
  fi
done
