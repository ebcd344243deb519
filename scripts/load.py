#!/usr/bin/env python3
"""1,000 runs at once through a simulated cascade: does memory grow with what is asked, and does the ledger add up?

    cargo build --bin tierfall && scripts/load.py

Asks 2,000 and then 40,000 queries, 1,000 of them under way at any time, and prints the highest resident memory of each
run, and the sum of the single costs beside the total that the program printed.
"""
import json
import os
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/debug/tierfall"
SIZES = [2_000, 40_000]


def load(folder, n):
    queries, results, log = folder / "queries.jsonl", folder / "results.jsonl", folder / "log"
    with open(queries, "w") as file:
        for i in range(n):
            query = f"Where is my order {10_000 + i}? It was due last week and nobody answers the phone."
            file.write(json.dumps({"id": f"q{i}", "query": query}) + "\n")
    command = ["run", "cascades/simulated.cascade.toml", "--jsonl", str(queries), "--concurrency", "1000"]
    child = os.fork()
    if child == 0:
        os.chdir(ROOT)
        for stream, path in [(1, results), (2, log)]:
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        os.execv(PROGRAM, ["tierfall", *command])
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"{n} queries: exit {os.waitstatus_to_exitcode(status)}\n{log.read_text()}")
    # USD with twelve places: integers of pico-dollars, so that the sum is exact.
    costs = [round(json.loads(line)["cost_usd"] * 1e12) for line in open(results)]
    printed = re.search(r"\$[0-9.]+", log.read_text()).group()
    print(f"{n:>7} queries: {len(costs)} answers, {usage.ru_maxrss / 1024:.1f} MiB at most, ledger ${sum(costs) / 1e12:.6f} (printed {printed})")


def main():
    if not PROGRAM.exists():
        sys.exit("build the program first: cargo build --bin tierfall")
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES:
            load(pathlib.Path(folder), n)


main()
