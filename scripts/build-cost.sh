#!/usr/bin/env bash
# What building costs: CPU seconds (user and system) and seconds on the clock, each from an empty target folder.
#
#   scripts/build-cost.sh [TREE…]        this tree, or others: checkouts of other commits
#
# Crates are fetched first. The target folder is made below $TMPDIR (/tmp), and taken away again. CPU seconds grow with what else the machine does.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
question="Label this message: What size is the quilt?"
export CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never
TIMEFORMAT='%U %S %R'

# Prints what a command costs in the tree, built from nothing.
cost() {
    local name=$1 target spent log
    shift
    target=$(mktemp -d "${TMPDIR:-/tmp}/tierfall-cost.XXXXXX")
    log=$(mktemp)
    if spent=$({ time CARGO_TARGET_DIR="$target" "$@" >"$log" 2>&1; } 2>&1); then
        echo "$spent" | awk -v name="$name" '{ printf "  %-44s %6.0f CPU seconds %6.0f on the clock\n", name, $1 + $2, $3 }'
    else
        tail -20 "$log" >&2
    fi
    rm -rf "$target" "$log"
}

for tree in "${@:-$here}"; do
    cd "$tree"
    cargo fetch --quiet --locked
    echo "$tree"
    cost "cargo build -p tierfall, the library" cargo build --quiet --locked -p tierfall
    cost "cargo run, to the first answer" cargo run --quiet --locked --bin tierfall -- run cascades/support.cascade.toml "$question"
    cost "cargo build --release, without LTO" env CARGO_PROFILE_RELEASE_LTO=false cargo build --quiet --locked --release --bin tierfall
    cost "cargo build --release, with thin LTO (ships)" env CARGO_PROFILE_RELEASE_LTO=thin cargo build --quiet --locked --release --bin tierfall
done
