#!/usr/bin/env python3
"""Counts the lines of production code: without tests, comments and blank lines.

    scripts/lines.py [--by-crate] [ROOT]

Production code is what stands in `crates/*/src` and is compiled without `cfg(test)`; the testkit is for tests alone.
Doc comments are comments. A line counts as a comment if nothing but a comment stands in it.
"""

import argparse
import pathlib
import re

LITERAL = re.compile(r"""r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'""", re.DOTALL)


def code_alone(text: str) -> str:
    """`text` with comments blanked and literals emptied, line for line."""
    out, at = [], 0
    while at < len(text):
        if text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif text.startswith("/*", at):
            end = text.find("*/", at) + 2
            out.append("\n" * text.count("\n", at, end))
            at = end
        elif literal := LITERAL.match(text, at):
            # Every line of a literal is a line of code.
            out.append('"' + "\n_" * literal.group().count("\n") + '"')
            at = literal.end()
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def test_files(file: pathlib.Path, code: str) -> list[pathlib.Path]:
    """The files of modules that `file` declares for tests alone."""
    raw = file.read_text()
    found = []
    for declared in re.finditer(r"#\[cfg\(test\)\]\s*((?:#\[[^\]]*\]\s*)*)(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;", raw):
        named = re.search(r'path\s*=\s*"([^"]+)"', declared.group(1))
        folder = file.parent if file.name in ("mod.rs", "lib.rs", "main.rs") else file.with_suffix("")
        if named:
            found.append(file.parent / named.group(1))
        else:
            found += [folder / f"{declared.group(2)}.rs", folder / declared.group(2)]
    return found


def without_tests(code: str) -> str:
    """`code` without its `#[cfg(test)]` items."""
    while found := re.search(r"#\[cfg\((?:test|all\(test[^)]*\))\)\]", code):
        at, depth, start = found.end(), 0, found.start()
        while at < len(code):
            if code[at] in "{[(":
                depth += 1
            elif code[at] in "}])":
                depth -= 1
                if depth == 0 and code[at] == "}":
                    break
            elif code[at] in ";," and depth == 0:
                break
            at += 1
        code = code[:start] + code[at + 1 :]
    return code


def lines(code: str) -> int:
    return sum(1 for line in code.splitlines() if line.strip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", default=pathlib.Path(__file__).parent.parent, type=pathlib.Path)
    parser.add_argument("--by-crate", action="store_true", help="a line for each crate before the total")
    asked = parser.parse_args()
    total = 0
    for crate in sorted((asked.root / "crates").iterdir()):
        if crate.name == "testkit":
            continue
        files = {file: code_alone(file.read_text()) for file in sorted((crate / "src").rglob("*.rs"))}
        tests = [path for file, code in files.items() for path in test_files(file, code)]
        production = {f: c for f, c in files.items() if not any(f == t or t in f.parents for t in tests)}
        counted = sum(lines(without_tests(code)) for code in production.values())
        total += counted
        if asked.by_crate:
            print(f"{counted:>7,}  {crate.name}")
    print(f"{total:>7,}  lines of production code")


if __name__ == "__main__":
    main()
