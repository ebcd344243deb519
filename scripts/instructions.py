#!/usr/bin/env python3
"""Counts the instructions of one request through the fold, and compares them with tests/benches/instructions.json.

Wall times differ from machine to machine and from minute to minute; instruction counts do not. Needs valgrind.

    scripts/instructions.py            compare; exit 1 if a case grew by more than the tolerance
    scripts/instructions.py --update   write the counts down
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASELINE = ROOT / "tests/benches/instructions.json"
CASES = ["copy", "fold", "fold-5", "fold-json", "engine"]
TOLERANCE = 0.05
ITERATIONS = (100, 300)


def build():
    command = ["cargo", "bench", "-p", "tierfall-tests", "--bench", "overhead", "--no-run", "--locked", "--message-format=json"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "overhead":
            return message["executable"]
    sys.exit("cargo built no benchmark")


def count(program, case, iterations):
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program, case, str(iterations)]
        # A fixed environment: its size moves the stack, and with it a few counts.
        result = subprocess.run(command, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    return int(re.search(r"Collected : (\d+)", result.stderr).group(1))


def main():
    if not shutil.which("valgrind"):
        print("valgrind is not installed: no instructions are counted")
        return 0
    program = build()
    few, many = ITERATIONS
    # The difference of two runs leaves out what happens once.
    counts = {case: (count(program, case, many) - count(program, case, few)) // (many - few) for case in CASES}
    if "--update" in sys.argv:
        BASELINE.write_text(json.dumps(counts, indent=2) + "\n")
        print(f"wrote {BASELINE.relative_to(ROOT)}")
        return 0
    before = json.loads(BASELINE.read_text())
    worse = []
    print(f"{'case':<12} {'before':>10} {'now':>10} {'change':>8}   instructions a request")
    for case, now in counts.items():
        change = now / before[case] - 1
        print(f"{case:<12} {before[case]:>10} {now:>10} {change:>+8.1%}")
        if change > TOLERANCE:
            worse.append(case)
    if worse:
        print(f"more than {TOLERANCE:.0%} more instructions: {', '.join(worse)}; if that is meant, run scripts/instructions.py --update")
    return 1 if worse else 0


sys.exit(main())
