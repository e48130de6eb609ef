//! As much of HTTP as sinks and witnesses need, behind a trait: whoever speaks it implements one
//! function.

use async_trait::async_trait;

/// Posts.
#[async_trait]
pub trait Post: Send + Sync {
    /// Posts a request; whoever does decides how long it waits for an answer.
    ///
    /// # Errors
    /// When there is no answer, in words, and without the path of the URL, which may be a secret.
    async fn post(&self, request: Request) -> Result<Answer, String>;
}

/// What is posted.
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "as much of HTTP as matters here")]
pub struct Request {
    /// Where to.
    pub url: String,
    /// Names and values, beside those of the protocol.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "as much of HTTP as matters here")]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type.
    pub media_type: String,
    /// The body, or the beginning of it.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("url", &origin(&self.url))
            .finish_non_exhaustive()
    }
}

/// A URL without what may be a secret: the scheme, the host and the port.
pub fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_a_secret() {
        for url in [
            "https://h.example:1/hook/s3cret",
            "https://h.example:1?k=s3cret",
            "https://me:s3cret@h.example:1/x",
            "https://h.example:1#s3cret",
        ] {
            assert_eq!(origin(url), "https://h.example:1");
        }
    }
}
