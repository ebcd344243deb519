//! Bodies, read with a limit.

use reqwest::Response;
use tierfall_core::provider::{Billing, CallErrorKind, Upstream};

use super::failed::Failed;
use super::times::Times;

/// Reads a whole body of at most `limit` bytes.
pub(super) async fn read(response: &mut Response, limit: usize, times: &Times, place: &str) -> Result<Vec<u8>, Failed> {
    let announced = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(too_large(limit));
    }
    let mut body = Vec::with_capacity(announced);
    while let Some(piece) = next(response, times, place).await? {
        if body.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Reads the beginning of an error reply; what cannot be read is not worth another error.
pub(super) async fn read_error(response: &mut Response, times: &Times, place: &str) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = next(response, times, place).await {
        body.extend_from_slice(&piece);
        if body.len() >= Upstream::MOST {
            body.truncate(Upstream::MOST);
            break;
        }
    }
    body
}

/// The next piece; `None` at the end.
pub(super) async fn next(response: &mut Response, times: &Times, place: &str) -> Result<Option<bytes::Bytes>, Failed> {
    let read = times.read("in the middle of the reply", response.chunk()).await?;
    read.map_err(|error| Failed::transport(&error, place, None))
}

pub(super) fn too_large(limit: usize) -> Failed {
    let message =
        format!("the reply exceeds {limit} bytes and was not read further; raise the limit if answers may be that long");
    Failed::new(CallErrorKind::TooLarge, Billing::Unknown, message)
}
