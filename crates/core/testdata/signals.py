"""Writes signals.json: answers, and what each signal reads from them, computed here from the formulas alone.

    python3 crates/core/testdata/signals.py > crates/core/testdata/signals.json

Standard library only. Sums are exact (math.fsum), ranks are exact (fractions), so the vectors owe nothing to the
order of additions or the rounding of products in the code they check.
"""

import json
import math
import random
from fractions import Fraction

WORDS = ["The", " total", " is", " 42", ".", " It", " may", " take", " a", " while", " to", " arrive"]


def answer(rng, length, top, sharp):
    """Tokens with `top` alternatives each; the token itself is one of them, not always the likeliest."""
    rows = []
    for place in range(length):
        weights = [rng.expovariate(1.0) ** sharp for _ in range(top + 2)]
        total = math.fsum(weights)
        logprobs = sorted((math.log(w / total) for w in weights), reverse=True)[:top]
        texts = [WORDS[place % len(WORDS)]] + [f" alt{i}" for i in range(1, top)]
        if rng.random() < 0.2:
            texts[0], texts[1] = texts[1], texts[0]
        alternatives = [[t, l] for t, l in zip(texts, logprobs)]
        own = next(a for a in alternatives if a[0] == WORDS[place % len(WORDS)])
        rows.append([own[0], own[1], alternatives])
    return rows


def ceil_rank(share, count):
    return max(1, math.ceil(Fraction(str(share)) * count))


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


def lowest(logprobs, count):
    return mean(sorted(logprobs)[:count])


def top_two(row):
    ranked = sorted((l for _, l in row[2]), reverse=True)
    return ranked[0], ranked[1]


def entropy(row, k, tail):
    ps = [math.exp(l) for l in sorted((l for _, l in row[2]), reverse=True)[:k]]
    if tail:
        ps.append(1 - math.fsum(ps))
    else:
        total = math.fsum(ps)
        ps = [p / total for p in ps]
    return -math.fsum(p * math.log(p) for p in ps if p > 0)


def token_readings(rows):
    ls = [row[1] for row in rows]
    out = [("mean-logprob", mean(ls)), ("sum-logprob", math.fsum(ls)), ("min-logprob", min(ls))]
    for alpha in [0, 0.07, 0.1, 0.25, 0.5, 0.9, 1]:
        out.append(({"quantile-logprob": {"alpha": alpha}}, sorted(ls)[ceil_rank(alpha, len(ls)) - 1]))
    for alpha in [0, 0.3, 0.5, 1]:
        out.append(({"length-penalised-logprob": {"alpha": alpha}}, math.fsum(ls) / len(ls) ** alpha))
    out.append(("trimmed-logprob", lowest(ls, 5)))
    out.append(({"trimmed-logprob": {"lowest": 3}}, lowest(ls, 3)))
    out.append(({"trimmed-logprob": {"share": 0.29}}, lowest(ls, ceil_rank(0.29, len(ls)))))
    out.append(({"mean-logprob": {"tokens": {"first-n": 4}}}, mean(ls[:4])))
    pairs = [top_two(row) for row in rows]
    margins = [math.exp(a) - math.exp(b) for a, b in pairs]
    log_margins = [a - b for a, b in pairs]
    out += [("margin", mean(margins)), ({"margin": {"over": "worst"}}, min(margins))]
    out += [("log-margin", mean(log_margins)), ({"log-margin": {"over": "worst"}}, min(log_margins))]
    for k in [2, 5]:
        for tail in [False, True]:
            hs = [entropy(row, k, tail) for row in rows]
            options = {"top": k, "tail": "bin" if tail else "renormalise"}
            out.append(({"entropy": options}, -mean(hs)))
            out.append(({"entropy": {**options, "over": "worst"}}, -max(hs)))
    return out


def decision(rng, seen, others):
    """One token: probabilities of some writings, and of other words."""
    weights = {text: rng.uniform(0.2, 1.0) for text in seen} | {text: rng.uniform(0.01, 0.1) for text in others}
    total = math.fsum(weights.values()) * rng.uniform(1.02, 1.1)
    ps = {text: w / total for text, w in weights.items()}
    alternatives = sorted(([t, math.log(p)] for t, p in ps.items()), key=lambda a: -a[1])
    chosen = next(text for text, _ in alternatives if text in seen)
    return [[chosen, math.log(ps[chosen]), alternatives]], ps, chosen


def shares(ps, groups):
    """P(label) / sum, a label without any writing seen at min(p of the last alternative, its part of the tail)."""
    masses = {label: math.fsum(ps.get(w, 0.0) for w in writings) for label, writings in groups.items()}
    unseen = [label for label, mass in masses.items() if mass == 0]
    for label in unseen:
        masses[label] = min(min(ps.values()), (1 - math.fsum(ps.values())) / len(unseen))
    total = math.fsum(masses.values())
    return {label: mass / total for label, mass in masses.items()}


def main():
    rng = random.Random(20260901)
    cases = []
    for length, top, sharp in [(1, 5, 1), (2, 5, 3), (7, 5, 2), (40, 6, 4), (100, 5, 1), (300, 5, 6)]:
        rows = answer(rng, length, top, sharp)
        cases.append({"tokens": rows, "readings": token_readings(rows)})
    rows = [["It", -0.5, []], [" ", -3.0, []], ["is", -0.25, []], ["<|im_end|>", -9.0, []], ["", -7.0, []]]
    cases.append({"tokens": rows, "readings": [("mean-logprob", -12.75 / 4), ({"mean-logprob": {"tokens": "content"}}, -0.375)]})

    groups = {"A": ["A", " A", "(A", "a"], "B": ["B", " b"], "C": ["C"]}
    owner = {writing: label for label, writings in groups.items() for writing in writings}
    for seen, others in [(["A", " A", "B", "C"], ["The"]), (["(A", " b", "a"], ["I", "The"]), (["C"], ["x", "y"])]:
        rows, ps, chosen = decision(rng, seen, others)
        wanted = shares(ps, groups)
        choice = {"choices": ["A", "B", "C"]}
        best = max(groups, key=lambda label: math.fsum(ps.get(w, 0.0) for w in groups[label]))
        readings = [({"choice": choice}, wanted[owner[chosen]]), ({"choice": {**choice, "of": "best"}}, wanted[best])]
        cases.append({"tokens": rows, "readings": readings})

    groups = {"True": ["True", " true", "TRUE"], "False": ["False", " False"]}
    for seen, others in [(["True", " true", "False"], ["The"]), (["False", " False", "TRUE"], []), (["True"], ["Yes", "It"])]:
        rows, ps, _ = decision(rng, seen, others)
        cases.append({"tokens": [], "probe": rows, "readings": [("p-true", shares(ps, groups)["True"])]})

    samples = ["42", " 42.", "41", "forty-two", "42"]
    readings = [
        ({"agreement": {"samples": 6}}, 3 / 5),
        ({"agreement": {"samples": 6, "smoothing": "beta"}}, 4 / 7),
        ({"agreement": {"samples": 4, "normalise": "number"}}, 2 / 3),
    ]
    cases.append({"text": "42", "tokens": [], "samples": samples, "readings": readings})
    for text, options, value in [
        ("x\nConfidence: 85%", {}, 0.85),
        ("x\nConfidence: 7", {"scale": "ten"}, 0.7),
        ('{"answer": "x", "confidence": 0.35}', {"scale": "unit", "style": "json"}, 0.35),
    ]:
        cases.append({"text": text, "tokens": [], "readings": [({"self-rated": options}, value)]})
    print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")


main()
