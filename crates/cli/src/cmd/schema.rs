//! `tierfall schema`: the JSON Schema of cascade files.

use crate::{Exit, Failure, print};

pub(crate) fn schema() -> Result<Exit, Failure> {
    print(serde_json::to_string_pretty(&tierfall::config::json_schema())? + "\n").map(|()| Exit::Fine)
}
