//! The keys of a cascade file.

use super::shape::Kind::{
    Duration, Either, Flag, Json, List, Model, Money, Name, Names, Nominal, Number, Provider, Rule, Score, Signal, Table, Text,
    Variable, Whole, Word,
};
use super::shape::Need::{Default, Optional, Required};
use super::shape::{Key, Kind, Need, Shape, Together};

const fn key(name: &'static str, kind: Kind, need: Need, about: &'static str) -> Key {
    Key { name, kind, need, about }
}

const fn table(title: &'static str, about: &'static str, keys: &'static [Key]) -> Shape {
    Shape { title, about, keys, rule: Together::Any }
}

const fn one_of(title: &'static str, about: &'static str, keys: &'static [Key]) -> Shape {
    Shape { title, about, keys, rule: Together::One }
}

const SHARE: Kind = Number { min: 0.0, max: 1.0 };
const DOLLARS: Kind = Money { places: 12 };
const RATE: Kind = Money { places: 6 };

/// The file.
pub(crate) static CASCADE: Shape = table(
    "a cascade",
    "A cascade: providers, rules, tiers, policy, expectations.",
    &[
        key("version", Whole { min: 1, max: 1 }, Required, "The version of this file format."),
        key("name", Name, Required, "The cascade's name in traces and reports."),
        key(
            "salt",
            Text,
            Optional,
            "Keys the ties between equal gate values; the cascade's name without it. Changing it makes fits stale.",
        ),
        key("provider", Names(&Provider), Optional, "Who answers calls, by name; the key below the name is the provider's kind."),
        key("rule", List(&Rule(&RULE)), Optional, "Where requests go before any call; the first rule that holds wins."),
        key("tier", List(&Table(&TIER)), Required, "The rungs, cheapest first."),
        key("policy", Table(&POLICY), Optional, "What happens when a gate cannot decide alone."),
        key("segment", Table(&SEGMENT), Optional, "How a request's segment is found, which fitted thresholds may depend on."),
        key(
            "fit",
            Text,
            Optional,
            "The file that thresholds written `\"fit\"` come from; without it `NAME.fit.toml` beside `NAME.cascade.toml`.",
        ),
        key("replay", Table(&REPLAY), Optional, "Answers from recordings in place of the providers."),
        key("expect", List(&Table(&EXPECT)), Optional, "What must hold on a fixture set."),
        key("regress", Table(&REGRESS), Optional, "How a regression run compares with the baseline."),
    ],
);

/// `[provider.NAME.DIALECT]`.
pub(crate) static HTTP: Shape = table(
    "a provider",
    "A model server or service over HTTP, in the dialect that its key names.",
    &[
        key("base-url", Text, Required, "Where its API begins, like \"https://api.openai.com/v1\"."),
        key("api-key", Table(&ENV), Optional, "The key; only ever from the environment."),
        key(
            "headers",
            Names(&Either(&[Text, Table(&ENV)])),
            Optional,
            "Further headers of every call; secret ones from the environment.",
        ),
        key(
            "max-concurrency",
            Whole { min: 1, max: 10_000 },
            Default("32"),
            "Most calls at a time; the others wait for a place.",
        ),
        key(
            "max-queue",
            Whole { min: 0, max: 1_000_000 },
            Default("1024"),
            "Most calls that wait. One more is turned away as `queue-full`, which ends its run: a dearer tier would only be flooded in turn. A batch, `record`, `grade --judge` and `regress --live` are held by no such bound: they wait.",
        ),
        key(
            "queue-timeout",
            Duration,
            Default("\"10m\""),
            "Longest wait for a place; then the call is `queue-full`, too. No tier's timeouts count it, the policy's `deadline` does.",
        ),
        key("retries", Whole { min: 0, max: 10 }, Default("2"), "Most further attempts at a call that failed in passing."),
        key("max-body-mib", Whole { min: 1, max: 1024 }, Default("16"), "Longest reply that is read, in MiB."),
        key(
            "sample-by-calls",
            Flag,
            Default("false"),
            "Several samples are as many calls: for servers that do not take `n`, though their dialect has it.",
        ),
        key("connect-timeout", Duration, Default("\"10s\""), "Longest wait for a connection."),
    ],
);

/// `[provider.NAME.simulated]`.
pub(crate) static SIMULATED: Shape = table(
    "a simulated provider",
    "Invented answers for demonstrations and tests; every one of them is marked as simulated.",
    &[
        key("seed", Whole { min: 0, max: i64::MAX }, Default("0"), "The same seed gives the same answers."),
        key("models", Names(&Table(&SIMULATED_MODEL)), Required, "The models that it pretends to have."),
    ],
);

static SIMULATED_MODEL: Shape = table(
    "a simulated model",
    "How good, how sure and how fast a simulated model is.",
    &[
        key(
            "ability",
            Number { min: -100.0, max: 100.0 },
            Default("0.5"),
            "A request of difficulty d in [0, 1) is answered rightly with probability σ(slope · (ability − d)).",
        ),
        key("slope", Number { min: 0.0, max: 1e6 }, Default("10"), "How sharply ability divides right from wrong."),
        key(
            "separation",
            Number { min: 0.0, max: 100.0 },
            Default("2"),
            "How well it knows when it is right: the AUROC of its log-probabilities is Φ(separation / √2).",
        ),
        key("min-tokens", Whole { min: 1, max: 100_000 }, Default("12"), "Fewest tokens of an answer."),
        key("max-tokens", Whole { min: 1, max: 100_000 }, Default("40"), "Most tokens of an answer."),
        key("logprobs", Flag, Default("true"), "Whether it tells log-probabilities."),
        key("latency", Table(&LATENCY), Optional, "How long it takes; nothing without it."),
        key("errors", Table(&ERRORS), Optional, "How often a call fails in each way; together at most 1."),
    ],
);

static LATENCY: Shape = table(
    "a latency",
    "How long a simulated model takes.",
    &[
        key("first", Duration, Optional, "Until the first token."),
        key("per-token", Duration, Optional, "Between two tokens."),
        key("jitter", SHARE, Default("0"), "All of it varies by this share up and down."),
    ],
);

static ERRORS: Shape = table(
    "error rates",
    "Shares of calls that fail.",
    &[
        key("connect", SHARE, Optional, "No connection."),
        key("content-filter", SHARE, Optional, "The prompt is refused."),
        key("context-length", SHARE, Optional, "The prompt is too long."),
        key("invalid-request", SHARE, Optional, "The request can never work."),
        key("malformed", SHARE, Optional, "The reply cannot be read."),
        key("overloaded", SHARE, Optional, "5xx."),
        key("rate-limited", SHARE, Optional, "429."),
        key("timeout", SHARE, Optional, "The time runs out."),
        key("truncated", SHARE, Optional, "The stream ends before the answer."),
    ],
);

static ENV: Shape = one_of(
    "a value from the environment",
    "A value that never stands in the file.",
    &[key("env", Variable, Required, "The environment variable that holds it.")],
);

/// `[[rule]]`, besides the key of its kind.
pub(crate) static RULE: Shape = table(
    "a rule",
    "A condition and where it leads: besides these keys exactly one of the kinds of rule.",
    &[
        key("name", Name, Optional, "The rule's name in traces; its kind without it."),
        key("route", Table(&ROUTE), Required, "Where a request goes for which the rule holds."),
    ],
);

/// `[segment]`.
pub(crate) static SEGMENT: Shape = Shape {
    rule: Together::Some(&["tag", "rule"]),
    ..table(
        "a declaration of segments",
        "What kind of request it is, as far as that is known before any call. Changing it makes a fit with thresholds by segment stale.",
        &[
            key("tag", Text, Optional, "The request's tag whose value is the segment."),
            key("rule", List(&Rule(&SEGMENT_RULE)), Optional, "Looked at where the tag says nothing; the first that holds wins."),
        ],
    )
};

/// `[[segment.rule]]`, besides the key of its kind.
pub(crate) static SEGMENT_RULE: Shape = table(
    "a segment",
    "A condition and the segment of the requests for which it holds: besides these keys exactly one of the kinds of rule.",
    &[key("name", Text, Required, "The segment.")],
);

static ROUTE: Shape = one_of(
    "a route",
    "Where a request goes.",
    &[
        key(
            "enter-at",
            Name,
            Optional,
            "Enter the chain at this tier; cheaper ones are skipped, and may still see the request: a gate may ask one.",
        ),
        key(
            "only",
            List(&Name),
            Optional,
            "Only these tiers may see the request: no other one answers it, is asked about an answer by a gate, or is recorded with it.",
        ),
        key("refuse", Text, Optional, "The request is not answered, and no tier sees it; the text says why."),
    ],
);

/// `[[tier]]`.
pub(crate) static TIER: Shape = Shape {
    rule: Together::Some(&["model", "review"]),
    ..table(
        "a tier",
        "One rung: a model at a provider, or, as the last, a person.",
        &[
            key("name", Name, Required, "The tier's name in traces, recordings and fits."),
            key("model", Model, Optional, "The provider's name and the model's name there: \"provider/model\"."),
            key(
                "model-digest",
                Text,
                Optional,
                "A digest of the model's weights, where it is known: recordings and fits are bound to it.",
            ),
            key("price", Table(&PRICE), Optional, "USD per million tokens; without it costs are unknown, never zero."),
            key(
                "context-window",
                Whole { min: 1, max: i64::MAX },
                Optional,
                "Most tokens of prompt and answer together; longer requests skip the tier.",
            ),
            key(
                "capabilities",
                List(&Word(&["structured-output", "tools", "vision"])),
                Optional,
                "What the model can do; requests that need more skip the tier. Without it everything is tried.",
            ),
            key("system-prompt", Either(&[Text, Table(&FILE)]), Optional, "Put before the client's messages."),
            key(
                "example-turns",
                Either(&[List(&Table(&TURN)), Table(&FILE)]),
                Optional,
                "Put between system prompt and client's messages; a file holds one {\"role\", \"content\"} a line.",
            ),
            key(
                "params",
                Table(&PARAMS),
                Optional,
                "Sampling parameters; they take precedence over the client's, since the gate is bound to them.",
            ),
            key("timeouts", Table(&TIMEOUTS), Optional, "How long a call may take."),
            key(
                "gate",
                Table(&GATE),
                Optional,
                "When the tier's answer is good enough; required on every tier but the last, which has none.",
            ),
            key(
                "review",
                Flag,
                Optional,
                "`true`: a person looks at what no tier before accepted. Only as the last tier, and without a model.",
            ),
            key("cost", DOLLARS, Optional, "What one review costs in USD."),
        ],
    )
};

static PRICE: Shape = table(
    "a price",
    "USD per million tokens, exact to six places.",
    &[
        key("input", RATE, Required, "Prompt tokens."),
        key("output", RATE, Required, "Generated tokens, reasoning tokens included."),
        key("cached-input", RATE, Optional, "Prompt tokens from the provider's cache; the price of `input` without it."),
    ],
);

static FILE: Shape = one_of(
    "a file",
    "A file beside the cascade file.",
    &[key("file", Text, Required, "Its path, relative to the cascade file.")],
);

static TURN: Shape = table(
    "an example turn",
    "A question and how it should be answered.",
    &[key("user", Text, Required, "What the person says."), key("assistant", Text, Required, "What the model should answer.")],
);

static PARAMS: Shape = table(
    "sampling parameters",
    "What is left out is the provider's default.",
    &[
        key("temperature", Number { min: 0.0, max: 100.0 }, Optional, "Sampling temperature; 0 is greedy."),
        key("top-p", Number { min: f64::MIN_POSITIVE, max: 1.0 }, Optional, "Nucleus sampling mass."),
        key("max-tokens", Whole { min: 1, max: u32::MAX as i64 }, Optional, "Most tokens to generate."),
        key("stop", List(&Text), Optional, "Texts at which the answer ends."),
        key("seed", Whole { min: i64::MIN, max: i64::MAX }, Optional, "The provider's sampling seed."),
        key("extra", Names(&Json), Optional, "Any other field of the provider's request body, sent as written."),
    ],
);

static TIMEOUTS: Shape = table(
    "timeouts",
    "How long a call may take.",
    &[
        key("connect", Duration, Optional, "To open a connection; the provider's `connect-timeout` without it."),
        key("idle", Duration, Optional, "Between two pieces of the answer."),
        key("total", Duration, Optional, "In all, retries included; it begins when the call has its place at the provider."),
    ],
);

static GATE: Shape = table(
    "a gate",
    "A tier's deferral rule.",
    &[
        key("signal", Signal, Required, "How the answer's confidence is read."),
        key(
            "threshold",
            Either(&[Nominal, Table(&RAW), Word(&["fit", "defer-all"])]),
            Required,
            "Accept from here on: a number on the signal's nominal scale, `{ raw = … }` in its own units, \"defer-all\", or \"fit\": all gates of a file take their thresholds from the fit, or none does.",
        ),
        key("require", List(&Signal), Optional, "Validators that every accepted answer must pass."),
        key(
            "observe",
            List(&Signal),
            Optional,
            "Signals that are recorded; they decide nothing, unless a fit makes the gate value of them.",
        ),
    ],
);

static RAW: Shape = one_of(
    "a raw threshold",
    "A threshold in the signal's own units.",
    &[key("raw", Score, Required, "The lowest accepted score.")],
);

/// `[policy]`.
pub(crate) static POLICY: Shape = table(
    "a policy",
    "What happens when a gate cannot decide alone.",
    &[
        key(
            "on-error",
            Word(&["escalate", "fail"]),
            Default("\"escalate\""),
            "After a failed call: go on with the next tier, or fail the run.",
        ),
        key(
            "on-abstain",
            Word(&["escalate", "accept"]),
            Default("\"escalate\""),
            "After a signal that had nothing to read, or may not ask the tier that it asks.",
        ),
        key(
            "on-exhausted",
            Word(&["answer", "abstain", "review"]),
            Default("\"answer\""),
            "When no further tier may be called and none accepted: serve the best answer, serve none, or let a person look.",
        ),
        key("budget", DOLLARS, Optional, "Most USD for one request: no call is begun that is expected to exceed it."),
        key("deadline", Duration, Optional, "Most time for one request, waiting for places included: no call is begun after it."),
    ],
);

static REPLAY: Shape = table(
    "a replay",
    "Answers from recordings in place of the providers; `run --live` ignores it.",
    &[key("fixtures", Name, Required, "The fixture set whose recordings answer.")],
);

static EXPECT: Shape = table(
    "an expectation",
    "What must hold when a fixture set is replayed; at least one limit.",
    &[
        key("fixtures", Name, Required, "The fixture set."),
        key("split", Name, Default("\"test\""), "Which of its splits."),
        key("segment", Text, Optional, "Only this segment."),
        key("accuracy-at-least", SHARE, Optional, "Mean grade of the served answers."),
        key(
            "loss-vs-last-at-most",
            Number { min: -1.0, max: 1.0 },
            Optional,
            "Accuracy of always using the last tier, less the cascade's.",
        ),
        key("cost-ratio-at-most", Number { min: 0.0, max: 1e6 }, Optional, "Cost over that of always using the last tier."),
        key("escalation-rate-at-least", SHARE, Optional, "Share of requests that the first tier they reach does not answer."),
        key("escalation-rate-at-most", SHARE, Optional, "Share of requests that the first tier they reach does not answer."),
        key(
            "latency-p95-ms-at-most",
            Number { min: 0.0, max: 1e9 },
            Optional,
            "Milliseconds that 95 of 100 requests may take; `regress --live` alone checks it.",
        ),
        key(
            "availability-at-least",
            SHARE,
            Optional,
            "Share of the requests without an error of transport; `regress --live` alone checks it.",
        ),
        key("coverage", Names(&Table(&COVERAGE)), Optional, "By tier: the share of the requests that reach it which it accepts."),
    ],
);

static REGRESS: Shape = table(
    "rules of a regression run",
    "How `tierfall regress` compares with the baseline.",
    &[
        key(
            "level",
            SHARE,
            Default("0.01"),
            "The chance, at most, that a change which makes nothing worse fails this cascade: all fixture sets and splits share it.",
        ),
        key("margin", SHARE, Default("0.02"), "The loss of quality that is still no regression; a pass rules it out."),
        key(
            "cost-rise",
            Number { min: 0.0, max: 1e6 },
            Default("0.05"),
            "The relative rise in cost that is still no regression.",
        ),
    ],
);

static COVERAGE: Shape = table(
    "limits of a coverage",
    "Bounds on a tier's coverage.",
    &[key("at-least", SHARE, Optional, "At least this share."), key("at-most", SHARE, Optional, "At most this share.")],
);
