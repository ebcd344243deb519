//! `tierfall schema`: the JSON Schema of cascade files.

use crate::exit::{Exit, Failure};
use crate::print;

pub(crate) fn schema() -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&tierfall::config::json_schema()).map_err(Failure::usage)?;
    print(format_args!("{text}\n")).map(|()| Exit::Fine)
}
