//! System prompts and example turns, inline or from files beside the cascade file.

use std::ops::Range;

use tierfall_core::request::{Message, Preamble, Role};

use super::context::Context;
use crate::config::code::Code;
use crate::config::file::{FileFile, PromptFile, TierFile, TurnsFile};
use crate::trust;

/// The messages that a tier puts before the client's; `None` where they cannot be read.
pub(super) fn preamble(context: &mut Context<'_>, tier: &TierFile) -> Option<Preamble> {
    let (mut messages, mut whole) = (Vec::new(), true);
    if let Some(prompt) = &tier.system_prompt {
        match prompt.get_ref() {
            PromptFile::Text(text) => messages.push(Message::system(text.as_str())),
            PromptFile::File(FileFile { file: Some(file) }) => match read(context, file, &prompt.span()) {
                // Editors end files with a line break that belongs to no prompt.
                Some(text) => messages.push(Message::system(text.trim_end())),
                None => whole = false,
            },
            PromptFile::File(_) => whole = false,
        }
    }
    if let Some(turns) = &tier.example_turns {
        match turns.get_ref() {
            TurnsFile::Turns(turns) => {
                let said = turns.iter().filter_map(|turn| {
                    Some([Message::user(turn.user.as_deref()?), Message::assistant(turn.assistant.as_deref()?)])
                });
                messages.extend(said.flatten());
            }
            TurnsFile::File(FileFile { file: Some(file) }) => {
                match read(context, file, &turns.span()).and_then(|text| lines(context, file, &text, &turns.span())) {
                    Some(turns) => messages.extend(turns),
                    None => whole = false,
                }
            }
            TurnsFile::File(_) => whole = false,
        }
    }
    whole.then(|| messages.into())
}

fn read(context: &mut Context<'_>, file: &str, at: &Range<usize>) -> Option<String> {
    let path = context.directory.join(file);
    if !trust::has_file(&context.directory, &path) {
        let message = format!("{} is outside the cascade file's folder, and would be sent to a model", path.display());
        context
            .found
            .error(Code::NOT_TRUSTED, at.clone(), message)
            .help("keep prompts beside the cascade file; whoever runs it may allow another folder: `--prompts-in FOLDER`");
        return None;
    }
    match (context.read)(&path) {
        Ok(text) if text.trim().is_empty() => {
            context.found.error(Code::BAD_CONTENT, at.clone(), format!("{} is empty", path.display()));
            None
        }
        Ok(text) => Some(text),
        Err(why) => {
            context
                .found
                .error(Code::UNREADABLE, at.clone(), format!("{} cannot be read: {why}", path.display()))
                .help("paths are relative to the cascade file");
            None
        }
    }
}

fn lines(context: &mut Context<'_>, file: &str, text: &str, at: &Range<usize>) -> Option<Vec<Message>> {
    let (mut turns, before) = (Vec::new(), context.found.len());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{}, line {}", context.directory.join(file).display(), number + 1);
        match serde_json::from_str::<Message>(line) {
            Ok(turn) if matches!(turn.role, Role::User | Role::Assistant | Role::Tool) => turns.push(turn),
            Ok(turn) => {
                let message = format!(
                    "{place}: an example turn is of the user, the assistant or a tool, not of \"{}\"",
                    turn.role.as_str()
                );
                context.found.error(Code::BAD_CONTENT, at.clone(), message).help("instructions belong in `system-prompt`");
            }
            Err(why) => {
                let message = format!("{place}: no example turn: {why}");
                let help = "each line is one turn: {\"role\": \"user\", \"content\": \"…\"}";
                context.found.error(Code::BAD_CONTENT, at.clone(), message).help(help);
            }
        }
    }
    (context.found.len() == before).then_some(turns)
}
