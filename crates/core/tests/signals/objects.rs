//! What is served of a JSON object that rates its own answer.

use tierfall_core::signal::rating::{Scale, Style};

use crate::taken_out::{reads, taken};

#[test]
fn an_object_is_read_and_never_edited_as_text() {
    reads(
        Style::Json,
        Scale::Unit,
        &[
            (r#"{"answer":"Paris","confidence":0.9}"#, 0.9, "Paris"),
            (r#"{"answer":"Paris","confidence":0.9,}"#, 0.9, "Paris"),
            (r"{'answer': 'Paris', 'confidence': 0.9}", 0.9, "Paris"),
            (r"{'answer': 'It\'s Peter's', 'confidence': 0.9}", 0.9, "It's Peter's"),
            (r#"{'answer': 'the "big" one', 'confidence': 0.9}"#, 0.9, "the \"big\" one"),
            (r#"{"answer":"Paris","confidence":0.9"#, 0.9, "Paris"),
            ("```json\n{\"answer\":\"Paris\",\"confidence\":0.9\n```", 0.9, "Paris"),
            ("{\"answer\":\"Paris\nand Rome\",\"confidence\":0.9}", 0.9, "Paris\nand Rome"),
            (r#"{"answer":"the "big" one","confidence":0.9}"#, 0.9, "the \"big\" one"),
            (r#"{"answer":"Paris","confidence":.9}"#, 0.9, "Paris"),
            (r#"{answer: "Paris", confidence: 0.9}"#, 0.9, "Paris"),
            (r#"{"answer":"He said "go"","confidence":0.9}"#, 0.9, "He said \"go\""),
            (r#"{"answer": 4.5, 'confidence': .9,}"#, 0.9, "4.5"),
            (r#"{"answer": True, "confidence": "90%"}"#, 0.9, "True"),
            (r#"{"answer":null,"confidence":0.9}"#, 0.9, ""),
            (r#"{"answer":None,"confidence":0.9}"#, 0.9, ""),
            (r#"{"answer":"null","confidence":0.9}"#, 0.9, "null"),
            (r#"{"answer":"Paris","reason":"It is.","confidence":0.9}"#, 0.9, "Paris"),
            (r#"{"reason":"It "is" so, and: so","answer":"Paris","confidence":0.9}"#, 0.9, "Paris"),
            (r#"{"reason": It is so, and more, "answer":"Paris","confidence":0.9}"#, 0.9, "Paris"),
            (r#"{"answer":{"n": 1, "m": [2]},"confidence":0.9}"#, 0.9, r#"{"n": 1, "m": [2]}"#),
            (r#"{"answer":{"n": 1},"confidence":0.9,}"#, 0.9, r#"{"n": 1}"#),
            // What says nothing beside it.
            ("Response: {\"answer\":\"Paris\",\"confidence\":0.9}", 0.9, "Paris"),
            ("**Answer:**\n```json\n{\"answer\":\"Paris\",\"confidence\":0.9}\n```", 0.9, "Paris"),
            ("\u{feff}{\"answer\":\"Paris\",\"confidence\":0.9}", 0.9, "Paris"),
            ("<think>{\"answer\":\"Rome\",\"confidence\":0.2}</think>{\"answer\":\"Paris\",\"confidence\":0.9}", 0.9, "Paris"),
            ("It is Rome.\n</think>\n\n```json\n{\"answer\":\"Paris\",\"confidence\":0.9,}\n```", 0.9, "Paris"),
            (r#"{"answer":"a <think> b","confidence":0.9}"#, 0.9, "a <think> b"),
            // The client's own form, and nothing but a rating.
            (r#"{"id": 1, "confidence": 0.9, "city": "x"}"#, 0.9, r#"{"id": 1, "city": "x"}"#),
            ("Paris\n{\"confidence\": 0.9}", 0.9, "Paris"),
            ("Paris\n```json\n{\"confidence\": 0.9,}\n```", 0.9, "Paris"),
            ("Paris\nConfidence: 0.9", 0.9, "Paris"),
        ],
    );
}

#[test]
fn a_broken_object_that_could_mean_several_things_is_no_rating_and_stays() {
    for reply in [
        // Where does the answer end?
        r#"{"answer":"say "x", "reason": "y" done","confidence":0.9}"#,
        r#"{"answer":"5" long","confidence":0.9}"#,
        r#"{"answer":"use {"a":"b"} here","confidence":0.9}"#,
        r#"{"answer":"Paris,"confidence":0.9}"#,
        r#"{"answer": Paris", "confidence": 0.9}"#,
        r#"{"answer":"Par"#,
        // Which escapes are meant?
        r#"{"answer":"\(x\) \frac{1}{2}","confidence":0.9,}"#,
        // Which answer, which number?
        r#"{"answer":"Paris","answer":"Rome","confidence":0.9}"#,
        r#"{"answer":"Paris","confidence":0.9} Wait: {"answer":"Rome","confidence":0.9}"#,
        // What is said beside it may take it back.
        "<think>Draft: {\"answer\":\"Rome\",\"confidence\":0.95}. But no, it must be Paris.</think>\nParis",
        "For example {\"answer\":\"Rome\",\"confidence\":0.95}.\nThe real answer: Paris",
        "I first thought {\"answer\":\"Rome\",\"confidence\":0.95} but it is wrong; I do not know.",
        "The format is {\"answer\":\"...\",\"confidence\":0.9}. I cannot answer that.",
        "{\"answer\":\"part 1\",\"confidence\":0.9}\n\nand part 2: do not do it!",
        "{\"answer\":\"Rome\",\"confidence\":0.9}\nNo:\n{\"answer\":\"Paris\",\"confidence\":0.9}",
        "{\"answer\":\"Rome\",\"confidence\":0.9}\n\nWait, I made a mistake.",
        "{\"answer\":\"Paris\",\"confidence\":0.9}\nConfidence: 0.2",
        "Here it is:\n{\"answer\":\"Paris\",\"confidence\":0.9,}\nBye.",
        "```json\n{\"answer\":\"Paris\",\"confidence\":0.9}\n```\nThat is wrong.",
        "For example:\n{\"id\": 1, \"confidence\": 0.9}",
        "{\"confidence\": 0.9}\nis what I would say if I knew.",
        "{\"confidence\": 0.1}\nWait.\n{\"confidence\": 0.9}",
        "{\"answer\":\"Paris\",\"confidence\":0.9}<think>no</think>",
        "<think>so\n{\"answer\":\"Paris\",\"confidence\":0.9}",
        "[{\"answer\":\"Paris\",\"confidence\":0.9}]",
        // Texts that were torn, and words that are none.
        r#"{"answer":"a"+"b","confidence":0.9}"#,
        r#"{"answer":"a", "b","confidence":0.9}"#,
        r#"{"answer":"a" and "b","confidence":0.9}"#,
        r#"{"answer":"a" "b","confidence":0.9}"#,
        r#"{"answer":"key": "v","confidence":0.9}"#,
        r#"{"answer":"""Paris""","confidence":0.9}"#,
        r#"{"answer":`Paris`,"confidence":0.9}"#,
        r#"{"answer":NaN,"confidence":0.9}"#,
        r#"{"answer":-,"confidence":0.9}"#,
        r#"{"answer":undefined,"confidence":0.9}"#,
        r#"{"answer": Paris, France, "confidence": 0.9}"#,
        r#"{"answer":“Paris”,"confidence":0.9}"#,
        r"{'answer':'a' + 'b','confidence':0.9}",
        // The client's own form, broken.
        r#"{"id": 1, "city": "x", "confidence": 0.9,}"#,
        r#"{"answer":"\ud800","confidence":0.9}"#,
    ] {
        let (rating, served) = taken(Style::Json, Scale::Unit, reply);
        assert!(rating.is_err(), "{reply}: {rating:?}");
        assert_eq!(served, reply);
    }
}

#[test]
fn an_answer_without_a_rating_that_can_be_read_is_an_answer_all_the_same() {
    for reply in [
        r#"{"answer":"Paris","confidence":0.9,"confidence":0.2}"#,
        r#"{"answer":"Paris","confidence":"high"}"#,
        r#"{"answer":"Paris","confidence":null}"#,
    ] {
        let (rating, served) = taken(Style::Json, Scale::Unit, reply);
        assert!(rating.is_err(), "{reply}: {rating:?}");
        assert_eq!(served, "Paris", "{reply}");
    }
}
