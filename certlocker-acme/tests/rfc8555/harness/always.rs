//! What holds for every answer, whatever was asked.

use super::Reply;
use super::wire::Request;

/// The rules that an answer breaks, each with the words of the RFC that make it one.
pub fn breaches(
    directory: &str,
    request: &Request,
    reply: &Reply,
    fresh_nonce: bool,
) -> Vec<&'static str> {
    let has_nonce = reply.header("replay-nonce").is_some();
    let is_error = reply.status >= 400 && request.method != "HEAD";
    let preflight = request.method == "OPTIONS";
    let rules = [
        (
            "6.5: an answer to a POST has no Replay-Nonce",
            request.method == "POST" && !has_nonce,
        ),
        ("6.5.1: a nonce came twice", !fresh_nonce),
        (
            "6.5.1: a nonce is not base64url",
            reply
                .header("replay-nonce")
                .is_some_and(|nonce| !is_base64url(nonce)),
        ),
        (
            "7.2: an answer with a nonce may be stored by caches",
            has_nonce && reply.header("cache-control") != Some("no-store"),
        ),
        (
            "7.1: a resource other than the directory has no link `index`",
            request.url != directory && !preflight && reply.link("index").is_none(),
        ),
        (
            "6.7: an error is not a problem document with its own status",
            is_error && !is_problem(reply),
        ),
        (
            "6.7.1: a problem document has `identifier` at the top level",
            is_error
                && reply
                    .try_json()
                    .is_some_and(|json| json.get("identifier").is_some()),
        ),
        (
            "7.1.6, 8.2: an object in processing comes without Retry-After",
            is_processing(reply) && reply.header("retry-after").is_none(),
        ),
        (
            "RFC 9110 15.5.6: a 405 has no Allow",
            reply.status == 405 && reply.header("allow").is_none(),
        ),
        (
            "RFC 9110 15.5.2: a 401 has no WWW-Authenticate",
            reply.status == 401 && reply.header("www-authenticate").is_none(),
        ),
    ];
    rules
        .into_iter()
        .filter_map(|(rule, broken)| broken.then_some(rule))
        .collect()
}

fn is_base64url(text: &str) -> bool {
    let character = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.bytes().all(character)
}

fn is_problem(reply: &Reply) -> bool {
    reply.media_type() == "application/problem+json"
        && reply
            .try_json()
            .is_some_and(|json| json["status"] == reply.status && json["type"].is_string())
}

fn is_processing(reply: &Reply) -> bool {
    reply.status == 200
        && reply
            .try_json()
            .is_some_and(|json| json["status"] == "processing")
}
