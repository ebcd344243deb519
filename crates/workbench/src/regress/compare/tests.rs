use super::super::testing::{LARGE, Shop};
use super::*;

fn entry(shop: &Shop) -> BaselineEntry {
    BaselineEntry::from(&shop.replay("test").unwrap())
}

#[test]
fn nothing_changed() {
    let shop = Shop::new(20);
    let compared = compare(&entry(&shop), &shop.replay("test").unwrap()).unwrap();
    assert!(compared.is_same() && compared.same_system);
    assert_eq!(compared.pairs.len(), 16);
    let shared = entry(&shop);
    let now = shop.replay("test").unwrap();
    assert!(compared.pairs.iter().all(|(before, place)| shared.items[*before].id == now.items[*place].id));
}

#[test]
fn what_changed_is_told_example_by_example() {
    let mut shop = Shop::new(12);
    let before = entry(&shop);
    shop.cascade = shop.cascade.replace("threshold = 0.5", "threshold = 0.85");
    // e0 is as it was; e1 goes on to the large tier; e2 is answered otherwise; e3 gets lost.
    let other = |k| if k == 2 { r#""text":"yes!","usage":{"input":10,"output":3}"# } else { LARGE };
    shop.record("large", 12, |k| Some(if k == 3 { r#""text":"no","usage":{"input":10,"output":3}"# } else { other(k) }));
    let now = shop.replay("test").unwrap();
    let compared = compare(&before, &now).unwrap();
    assert!(!compared.same_system && !compared.is_same());
    let changes = &compared.changes;
    let items: Vec<_> =
        changes.items.iter().map(|item| (&*item.id, item.was_tier != item.tier, item.was_correct, item.correct)).collect();
    assert_eq!(items, [("e1", true, 0.0, 1.0), ("e2", false, 1.0, 0.0), ("e3", false, 1.0, 0.0), ("e5", true, 0.0, 1.0)]);
    assert_eq!((changes.tier, changes.answer, changes.gained, changes.lost, compared.repriced), (2, 4, 2, 2, 2));
    assert_eq!((changes.added, changes.removed, changes.edited), (0, 0, 0));
}

#[test]
fn a_price_changes_costs_alone() {
    let mut shop = Shop::new(12);
    let before = entry(&shop);
    shop.cascade = shop.cascade.replace("\"20\"", "\"30\"");
    let compared = compare(&before, &shop.replay("test").unwrap()).unwrap();
    assert_eq!((compared.changes == Changes::default(), compared.repriced), (true, 6));
    assert!(!compared.is_same());
}

#[test]
fn examples_that_came_went_or_were_edited_are_not_compared() {
    let shop = Shop::new(12);
    let before = entry(&shop);
    let lines = fs_err::read_to_string(shop.path("examples.jsonl")).unwrap();
    let kept: Vec<String> = lines
        .lines()
        .filter(|line| !line.contains("\"e1\""))
        .map(|line| if line.contains("\"e2\"") { line.replace("\"yes\"", "\"no\"") } else { line.to_owned() })
        .chain([lines.lines().next().unwrap().replace("\"e0\"", "\"new\"")])
        .collect();
    fs_err::write(shop.path("examples.jsonl"), kept.join("\n")).unwrap();
    let now = shop.replay("test").unwrap();
    let compared = compare(&before, &now).unwrap();
    assert_eq!(compared.changes, Changes { added: 1, removed: 1, edited: 1, ..Changes::default() });
    let pairs: Vec<_> = compared.pairs.iter().map(|(was, is)| (&*before.items[*was].id, &*now.items[*is].id)).collect();
    assert_eq!(pairs, ["e0", "e3", "e5", "e6", "e7", "e8", "e10", "e11"].map(|id| (id, id)));
    assert!(compared.same_system, "the same cascade on other examples");
}

#[test]
fn transport_errors_alone_are_no_pair() {
    let shop = Shop::new(8);
    let before = entry(&shop);
    let mut now = shop.replay("test").unwrap();
    (now.items[0].entry.errors, now.items[0].entry.repeats) = (3, 3);
    (now.items[1].entry.errors, now.items[1].entry.repeats) = (2, 3);
    let compared = compare(&before, &now).unwrap();
    assert_eq!((compared.ungraded, compared.pairs.len()), (1, 6));
}

#[test]
fn a_baseline_of_another_set_is_refused() {
    let shop = Shop::new(8);
    let (before, mut now) = (entry(&shop), shop.replay("test").unwrap());
    for item in &mut now.items {
        item.entry.id = format!("other-{}", item.id).into();
    }
    let error = compare(&before, &now).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "the baseline is from another fixture set: none of its 7 examples (\"e0\", …) is among the 7 of split \"test\" of \
             \"shop\" (\"other-e0\", …)"
        ) && error.contains("--update-baseline"),
        "{error}"
    );
    now.fixtures = "garden".to_owned();
    let error = compare(&before, &now).unwrap_err().to_string();
    assert!(
        error.contains("the replay of split \"test\" of \"shop\", and this is the replay of split \"test\" of \"garden\""),
        "{error}"
    );
    let error = compare(&before, &shop.replay("train").unwrap()).unwrap_err().to_string();
    assert!(error.contains("split \"train\""), "{error}");
}
