//! The guide "Your first cascade in CI" is run as it is written: its files are written, its commands run, their exits checked.

use crate::support::Sandbox;

/// A fenced block: its info string and its text.
struct Block {
    info: Vec<String>,
    text: String,
    line: usize,
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in guide.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let info = info.split_whitespace().map(str::to_owned).collect();
                open = Some(Block { info, text: String::new(), line: number + 1 });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of the guide is not closed");
    blocks
}

#[test]
fn every_step_of_the_guide_works() {
    let guide = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/ci.md");
    let sandbox = Sandbox::new();
    let mut ran = 0;
    for Block { info, text, line } in blocks(&fs_err::read_to_string(guide).unwrap()) {
        let words: Vec<&str> = info.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["sh", options @ ..] => {
                let wanted =
                    options.iter().find_map(|option| option.strip_prefix("exits=")).map_or(0, |code| code.parse().unwrap());
                let out = sandbox.shell(&text);
                let shown = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
                assert_eq!(out.status.code(), Some(wanted), "line {line} of the guide:\n{text}\n{shown}");
                ran += 1;
            }
            [_, file, "append"] => sandbox.write(file, sandbox.read(file) + "\n" + &text),
            [_, file] => sandbox.write(file, text),
            _ => {}
        }
    }
    assert!(ran >= 10, "only {ran} steps ran");
}
