//! What a refusal is, by what the reader can do about it.

use hyper::StatusCode;
use serde_json::Value;

use super::http::Answer;
use crate::source::SourceError;

/// What an answer that is no success says of `what` was asked for.
pub(super) fn refusal(answer: &Answer, what: &str) -> SourceError {
    match answer.status {
        StatusCode::UNAUTHORIZED => SourceError::Expired,
        StatusCode::FORBIDDEN => {
            SourceError::Denied(action(&answer.json).unwrap_or_else(|| what.to_owned()))
        }
        status => SourceError::Refused(format!("{what}: {status}")),
    }
}

/// The action that a policy forbids, which is all that is taken over of what the cloud says.
fn action(json: &Value) -> Option<String> {
    const LONGEST: usize = 128;
    let message = json
        .as_object()?
        .values()
        .find_map(|of| of.get("message"))?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
    let words = message.as_str()?.split(|c| !is_part(c));
    let is_action = |word: &&str| {
        let inner = word.trim_end_matches(':');
        inner.contains(':') && inner.len() <= LONGEST
    };
    words
        .into_iter()
        .find(is_action)
        .map(|word| word.trim_end_matches(':').to_owned())
}
