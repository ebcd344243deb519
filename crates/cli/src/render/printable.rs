//! Text of others as it may be sent to a terminal or the log of a CI system: names, segments and answers must neither move the
//! cursor, nor turn the line around, nor begin a line of their own, nor be obeyed as a command of the log's reader.

/// Several lines, blanks in place of tabs.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' => out.push(c),
            '\t' => out.push_str("    "),
            '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('�')),
            '\u{7f}' => out.push('␡'),
            c => out.push(unless_it_steers(c)),
        }
    }
    out
}

/// A sign, unless it is none but steers whoever shows it: it turns the line around, or is a control of terminals above ASCII.
pub(crate) fn unless_it_steers(c: char) -> char {
    let steers = matches!(c, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if steers { char::REPLACEMENT_CHARACTER } else { c }
}

/// A single line, in which a line feed is a sign like any other.
pub(crate) fn line(text: &str) -> String {
    inert(&self::text(text).replace('\n', "␊"))
}

/// Several lines for a log, none of which is a command.
pub(crate) fn lines(text: &str) -> String {
    inert(&self::text(text))
}

/// Where lines are broken, any word may come to begin one, and there GitHub Actions obeys `::name::`, after blanks as well;
/// `##[name]` it obeys anywhere.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        if begins && rest.starts_with("::") {
            out.push('\\');
        }
        out.push(c);
        if rest.starts_with("##[") {
            out.push('\\');
        }
        begins = c.is_whitespace();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_cannot_steer_the_terminal() {
        assert_eq!(text("a\x1b[2J\tb\r\nc\u{7f}\u{9b}\u{202e}\u{2028}"), "a␛[2J    b\nc␡���");
        assert_eq!(line("a\x1b[2J\tb\nc"), "a␛[2J    b␊c");
    }

    #[test]
    fn nothing_is_obeyed() {
        for (name, shown) in [
            ("x\n::error::y", "x␊::error::y"),
            ("::error::y", "\\::error::y"),
            ("a ::error::y", "a \\::error::y"),
            ("a::b", "a::b"),
            ("x##[error]y", "x#\\#[error]y"),
        ] {
            assert_eq!(line(name), shown);
        }
        assert_eq!(lines("x\n  ::error::y\nz"), "x\n  \\::error::y\nz");
    }
}
