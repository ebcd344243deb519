#!/usr/bin/env bash
# Optional: runs the support cascade against the three real local models instead of their recordings.
#
#   scripts/local-models.py fetch        once; about 1.7 GB
#   scripts/live.sh ["a question"]       starts the models, asks, stops them again
#
# MODELS names the folder that `fetch` filled (default: models).
set -euo pipefail
cd "$(dirname "$0")/.."

models=${MODELS:-models}
question=${1:-Where is my order 10234?}
if [ ! -d "$models/gguf" ] || [ ! -x "$models/venv/bin/python" ]; then
    echo "there are no models in $models; fetch them first: scripts/local-models.py --dir $models fetch" >&2
    exit 2
fi

cargo build --quiet --bin tierfall
log=$(mktemp)
"$models/venv/bin/python" scripts/local-models.py --dir "$models" serve >"$log" 2>&1 &
server=$!
# TERM: a background job of a script ignores INT. The models end with their parent.
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT

echo "starting three models; the first question computes the whole prompt, about a minute" >&2
until grep -q '^ready' "$log"; do
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$log" >&2
        exit 3
    fi
    sleep 1
done
# Not exec: the trap has to stop the models.
cargo run --quiet --bin tierfall -- run cascades/support.cascade.toml --live --trace text "$question"
