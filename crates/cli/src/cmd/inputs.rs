//! From arguments to labelled answers, and back to arguments for commands that are suggested.

use std::path::Path;

use tierfall_workbench::inputs::{self, Files, Rows};

use crate::Failure;
use crate::args::Inputs;

/// Where the labelled answers are that the arguments name.
pub(crate) fn parsed(args: &Inputs) -> Result<inputs::Inputs, Failure> {
    let rows = match (&args.cascade, &args.set) {
        (Some(cascade), Some(set)) => {
            if let Some(option) = for_files_alone(args) {
                return Err(Failure::usage(format!("{option} is for rows from --observations and does nothing here"))
                    .with_hint(
                        "a cascade's prices stand in its file, the weights of its examples in the fixture set, and lines of that are read or an error",
                    ));
            }
            Rows::Fixtures { cascade: cascade.clone(), set: set.clone() }
        }
        _ if args.observations.is_empty() => {
            return Err(Failure::usage("no labelled examples are named")
                .with_hint("name a cascade and its fixture set, or files: --observations FILE --chain SMALL,LARGE"));
        }
        _ => Rows::Files(Files {
            paths: args.observations.clone(),
            chain: args.chain.clone(),
            prices: args.prices.iter().cloned().collect(),
            costs: args.costs.iter().cloned().collect(),
            columns: args.columns.iter().cloned().collect(),
            heaviest_weight: args.heaviest_weight,
            bad_rows: args.bad_rows.unwrap_or_default(),
            unsegmented: args.unsegmented.is_some(),
        }),
    };
    let ungraded = args.ungraded.unwrap_or_default();
    Ok(inputs::Inputs { split: args.split.clone(), ungraded, strict: args.strict, ..rows.into() })
}

/// The first option that is given and concerns files alone. The parser lets it pass beside a cascade: what an option requires
/// is dropped where that contradicts what is there.
fn for_files_alone(inputs: &Inputs) -> Option<&'static str> {
    let given = [
        ("--price", !inputs.prices.is_empty()),
        ("--cost", !inputs.costs.is_empty()),
        ("--map", !inputs.columns.is_empty()),
        ("--heaviest-weight", inputs.heaviest_weight.is_some()),
        ("--bad-rows", inputs.bad_rows.is_some()),
        ("--unsegmented", inputs.unsegmented.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
}

/// The arguments that name the same rows again, for commands that are suggested.
pub(crate) fn again(inputs: &Inputs) -> String {
    let quoted = |path: &Path| shell_word(&path.display().to_string());
    let mut words = if let (Some(cascade), Some(set)) = (&inputs.cascade, &inputs.set) {
        vec![quoted(cascade), shell_word(set)]
    } else {
        let files = inputs.observations.iter().map(|path| quoted(path));
        let chain = format!("--chain {}", shell_word(&inputs.chain.join(",")));
        std::iter::once("--observations".to_owned()).chain(files).chain([chain]).collect()
    };
    words.extend(inputs.columns.iter().map(|(column, field)| format!("--map {}", shell_word(&format!("{column}={field}")))));
    words.extend(inputs.bad_rows.map(|_| "--bad-rows at-random".to_owned()));
    words.extend(inputs.ungraded.map(|_| "--ungraded at-random".to_owned()));
    words.join(" ")
}

/// A word that a shell takes as it is.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./,:=+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn suggested_commands_can_be_pasted() {
        assert_eq!(shell_word("fixtures/support"), "fixtures/support");
        assert_eq!(shell_word("it's here"), r"'it'\''s here'");
        assert_eq!(shell_word(""), "''");
    }
}
