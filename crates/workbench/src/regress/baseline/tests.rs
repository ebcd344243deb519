use std::sync::Arc;

use proptest::prelude::*;
use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;

use super::super::entry::EntryItem;
use super::super::played::PlayedItem;
use super::super::testing::{SMALL, Shop, read};
use super::*;

fn parse(text: impl AsRef<[u8]>) -> Result<Baseline, String> {
    Baseline::parse(text.as_ref(), Path::new("shop.baseline.json")).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{error}{hint}")
    })
}

/// A run of one split, with items as `items` makes them.
fn played(split: &str, items: Vec<PlayedItem>) -> Played {
    Played {
        fixtures: "shop".to_owned(),
        split: split.to_owned(),
        mode: Mode::Live,
        system: "5".repeat(64),
        tiers: ["small", "large"].map(Arc::from).to_vec(),
        items,
        warnings: Vec::new(),
    }
}

const OUTCOMES: [OutcomeKind; 5] =
    [OutcomeKind::Answered, OutcomeKind::Abstained, OutcomeKind::Review, OutcomeKind::Refused, OutcomeKind::Failed];

prop_compose! {
    fn an_item()(
        (id, segment, asked) in ("\\PC{1,6}", "\\PC{0,3}", "[0-9a-f]{16}"),
        (outcome, tier) in (0_usize..5, proptest::option::of(0_usize..2)),
        answer in proptest::option::of("[0-9a-f]{16}"),
        correct in prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0_f64],
        cost in proptest::option::of(any::<u64>()),
        latency_ms in proptest::option::of(0.0..1e9_f64),
        (repeats, errors, flaky) in (1_u32..9, 0_u32..9, any::<bool>()),
    ) -> PlayedItem {
        let entry = EntryItem {
            id: id.into(),
            segment: segment.into(),
            asked,
            outcome: OUTCOMES[outcome],
            tier: tier.map(|tier| ["small", "large"][tier].into()),
            answer,
            correct,
            cost: cost.map(|pico| Money::from_pico(pico.into())),
            latency_ms,
            repeats,
            errors: errors.min(repeats),
            flaky,
        };
        PlayedItem { entry, group: None, weight: 1.0, asked_tiers: Vec::new(), last: Err(super::super::NoLast::NotRecorded), answered: None, turn: 0 }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in proptest::collection::vec(an_item(), 1..20), more in proptest::collection::vec(an_item(), 1..4)) {
        let baseline = Baseline::of([&played("test", items), &played("a \"split\"", more)]);
        let text = baseline.render();
        let again = parse(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&again, &baseline);
        prop_assert_eq!(again.render(), text);
        // An editor may have put a mark of its encoding before it.
        prop_assert_eq!(&parse(format!("\u{feff}{}", baseline.render())).map_err(TestCaseError::fail)?, &baseline);
    }
}

#[test]
fn the_file_has_one_line_an_example() {
    let shop = Shop::new(8);
    let baseline = Baseline::of([&shop.replay("test").unwrap()]);
    let entry = &baseline.entries()[0];
    let text = baseline.render();
    let head: Vec<&str> = text.lines().take(12).collect();
    let (system, tiers) = (&entry.system, "\"tiers\": [\"small\",\"large\"],");
    let item = |id: &str| {
        let item = entry.get(id).unwrap();
        (item.asked.clone(), item.answer.clone().unwrap())
    };
    let (asked, answer) = item("e0");
    assert_eq!(
        head,
        [
            "{",
            "\"tierfall\": \"baseline\",",
            "\"version\": 1,",
            "\"entries\": [",
            "{",
            "\"fixtures\": \"shop\",",
            "\"split\": \"test\",",
            "\"mode\": \"replay\",",
            &format!("\"system\": \"{system}\","),
            tiers,
            // Two wrong of seven; sure answers cost 12 millionths, the large tier's 160, deferred ones 14.
            "\"summary\": {\"n\": 7, \"correct\": 0.7142857142857143, \"cost_usd\": 0.000704, \"served\": {\"small\": 3, \"large\": 4}},",
            "\"items\": [",
        ]
    );
    assert_eq!(
        text.lines().nth(12).unwrap(),
        format!(
            "{{\"id\":\"e0\",\"asked\":\"{asked}\",\"segment\":\"s0\",\"tier\":\"small\",\"correct\":1.0,\"cost_usd\":0.000012,\"answer\":\"{answer}\"}},"
        )
    );
    assert_eq!(text.lines().count(), 12 + 7 + 4);
}

#[test]
fn a_baseline_is_beside_its_cascade() {
    let of = |path: &str| Baseline::path_for(Path::new(path)).display().to_string();
    assert_eq!(of("cascades/support.cascade.toml"), "cascades/support.baseline.json");
    assert_eq!(of("a.toml"), "a.baseline.json");
    assert_eq!(of("odd"), "odd.baseline.json");
}

#[test]
fn an_update_replaces_one_entry_and_makes_the_same_bytes_again() {
    let shop = Shop::new(40);
    let path = shop.baseline();
    assert_eq!(Baseline::read(&path).unwrap(), None);
    let (test, train) = (shop.replay("test").unwrap(), shop.replay("train").unwrap());
    Baseline::of([&train, &test]).write(&path).unwrap();
    let first = read(&path);
    let inode = fs_err::metadata(&path).unwrap().modified().unwrap();
    let mut baseline = Baseline::read(&path).unwrap().unwrap();
    baseline.update(&test);
    baseline.write(&path).unwrap();
    assert_eq!(read(&path), first);
    assert_eq!(fs_err::metadata(&path).unwrap().modified().unwrap(), inode, "not even touched");

    shop.record("small", 40, |_| Some(SMALL[2]));
    baseline.update(&shop.replay("test").unwrap());
    baseline.write(&path).unwrap();
    let second = Baseline::read(&path).unwrap().unwrap();
    assert_eq!(second.find("shop", "train", Mode::Replay).unwrap(), &BaselineEntry::from(&train));
    assert_eq!(second.find("shop", "test", Mode::Replay).unwrap().summary.served[0].1, 0);
    assert_eq!(second.find("shop", "test", Mode::Live), None);
    assert_eq!(second.find("other", "test", Mode::Replay), None);
    let splits: Vec<&str> = second.entries().iter().map(|entry| &*entry.split).collect();
    assert_eq!(splits, ["test", "train"]);
    let changed = read(&path).lines().zip(first.lines()).filter(|(a, b)| a != b).count();
    assert!(changed <= 33, "only the lines of what changed: {changed}");
    let left: Vec<_> = fs_err::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn items_are_in_the_order_of_their_ids_whatever_the_set_says() {
    let shop = Shop::new(12);
    let text = Baseline::of([&shop.replay("test").unwrap()]).render();
    let lines = read(&shop.path("examples.jsonl"));
    let mut reversed: Vec<&str> = lines.lines().collect();
    reversed.reverse();
    fs_err::write(shop.path("examples.jsonl"), reversed.join("\n")).unwrap();
    assert_eq!(Baseline::of([&shop.replay("test").unwrap()]).render(), text);
}

#[test]
fn whatever_is_broken_is_said_with_its_place() {
    let shop = Shop::new(4);
    let good = Baseline::of([&shop.replay("test").unwrap()]).render();
    parse(&good).unwrap();
    let but = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        parse(good.replacen(from, to, 1)).unwrap_err()
    };
    let mend = "; take the file back from version control, or delete it and write it anew with `tierfall regress \
                shop.cascade.toml --update-baseline`";
    let item = |key: &str, value: &str, why: &str, column: usize| {
        let key_at = if key.is_empty() { String::new() } else { format!("/{key}") };
        let found = but(value, why.split('|').next().unwrap());
        let said = why.split('|').nth(1).unwrap();
        assert_eq!(found, format!("shop.baseline.json:13:{column}: /entries/0/items/0{key_at}: {said}{mend}"));
    };
    let id_to_correct = good.lines().nth(12).unwrap();
    let column = |key: &str| id_to_correct.find(&format!("\"{key}\":")).unwrap() + key.len() + 4;
    item("correct", "\"correct\":1.0", "\"correct\":1.5|a grade is from 0 to 1", column("correct"));
    item(
        "tier",
        "\"tier\":\"small\"",
        "\"tier\":\"smal\"|\"smal\" is none of the tiers of this entry (small, large)",
        column("tier"),
    );
    item("id", "\"id\":\"e0\"", "\"id\":\"\"|must not be empty", column("id"));
    item(
        "cost_usd",
        "\"cost_usd\":0.000012,",
        "\"cost_usd\":1e-5,|1e-5 is no exact amount of USD: not a plain decimal number like \"0.04\"",
        column("cost_usd"),
    );
    let starts = |found: String, start: &str| assert!(found.starts_with(start) && found.ends_with(mend), "{found}\n{start}");
    starts(but("\"correct\":1.0", "\"correct\":NaN"), "shop.baseline.json:13:");
    starts(
        but("\"correct\":1.0", "\"correct\":\"1\""),
        &format!(
            "shop.baseline.json:13:{}: /entries/0/items/0/correct: invalid type: string \"1\", expected f64",
            column("correct") + 2
        ),
    );
    starts(but("\"segment\":", "\"segmnt\":"), "shop.baseline.json:13:");
    starts(but("\"segment\":\"s0\",", ""), "shop.baseline.json:13:");
    assert!(but("\"segment\":\"s0\",", "").contains("/entries/0/items/0: missing field `segment`"));
    starts(
        but("\"id\":\"e1\"", "\"id\":\"e0\""),
        "shop.baseline.json:14:7: /entries/0/items/1/id: the id \"e0\" is taken by line 13",
    );
    starts(
        but("\"n\": 4", "\"n\": 5"),
        "shop.baseline.json:11:18: /entries/0/summary/n: the summary is not what the items come to",
    );
    starts(but("0.000", "0.001"), "shop.baseline.json:11:");
    starts(but("\"mode\": \"replay\"", "\"mode\": \"dead\""), "shop.baseline.json:8:");
    starts(but("\"split\"", "\"spilt\""), "shop.baseline.json:5:1: /entries/0: the key \"split\" is missing");
    starts(
        but("\"system\"", "\"extra\": 1, \"system\""),
        "shop.baseline.json:9:10: /entries/0/extra: unknown key; the keys here are fixtures, split",
    );
    starts(
        but("\"version\": 1", "\"version\": 2"),
        "shop.baseline.json:3:12: /version: it is of version 2 of the format, and this program reads 1",
    );
    starts(but("\"baseline\"", "\"recording\""), "shop.baseline.json:2:13: /tierfall: this is no baseline");
    starts(but("{\n\"fixtures\"", "<<<<<<< HEAD\n{\n\"fixtures\""), "shop.baseline.json:5:1: an unresolved merge conflict");
    starts(parse("").unwrap_err(), "shop.baseline.json:1:1: the JSON ends too early");
    starts(parse("[]").unwrap_err(), "shop.baseline.json:1:");
    starts(parse(&good[..good.len() / 2]).unwrap_err(), "shop.baseline.json:1");
    assert!(parse(&good[..good.len() / 2]).unwrap_err().contains("the JSON ends too early"));
    let twice = good.replace("\n]\n}\n]\n}\n", &format!("\n]\n}},{}", &good[good.find("[\n{").unwrap() + 1..]));
    starts(
        parse(twice).unwrap_err(),
        "shop.baseline.json:19:1: /entries/1: the replay of split \"test\" of \"shop\" stands there twice",
    );
    let no_items = format!("{}\"items\": []\n}}\n]\n}}\n", &good[..good.find("\"items\"").unwrap()]);
    starts(parse(no_items).unwrap_err(), "shop.baseline.json:12:10: /entries/0/items: there is not a single item");
    let mut bytes = good.clone().into_bytes();
    let at = good.find("e1").unwrap();
    bytes[at] = 0xff;
    starts(parse(bytes).unwrap_err(), "shop.baseline.json:14:8: not UTF-8");
}

#[test]
fn every_cut_of_the_file_is_an_error_and_no_panic() {
    let good = Baseline::of([&Shop::new(3).replay("test").unwrap()]).render();
    for end in 0..good.len() - 1 {
        parse(&good[..end]).unwrap_err();
    }
    parse(good.trim_end()).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_stays_as_it_is() {
    let shop = Shop::new(4);
    let path = shop.baseline();
    fs_err::write(&path, "{\"tierfall\": \"base").unwrap();
    let error = Baseline::read(&path).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:1:", path.display())), "{error}");
    assert_eq!(read(&path), "{\"tierfall\": \"base");
    let error = Baseline::read(&shop.path("recordings")).unwrap_err().to_string();
    assert!(error.contains("recordings"), "{error}");
    let nowhere = shop.path("no/such/folder/a.baseline.json");
    let error = Baseline::of([&shop.replay("test").unwrap()]).write(&nowhere).unwrap_err().to_string();
    assert!(error.contains("a.baseline.json"), "{error}");
}
