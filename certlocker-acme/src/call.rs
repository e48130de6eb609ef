//! Requests and answers without a transport.

use std::net::IpAddr;

use crate::problem::Problem;

/// A request to the gateway, as any HTTP stack can make it.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by every transport")]
pub struct Call {
    /// The body.
    pub body: Vec<u8>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The method.
    pub method: String,
    /// The path below the prefix under which the gateway is mounted, not decoded, with its query.
    pub path_and_query: String,
    /// The address that sent it.
    pub peer: Option<IpAddr>,
    /// The id of the request, for records and logs.
    pub request_id: String,
    /// The `traceparent` header.
    pub traceparent: Option<String>,
}

impl Call {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    /// The value of a parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path_and_query.split_once('?')?;
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The gateway's answer, to be put into a response of any HTTP stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, by lower-case name.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An answer in JSON.
    pub fn json<T: serde::Serialize>(status: u16, value: &T) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body,
        }
    }

    /// An answer of another media type.
    pub fn bytes(media_type: &str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", media_type.to_owned())],
            body,
        }
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a header, if there is a value for it.
    pub fn maybe_header(self, name: &'static str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// With a link to another resource.
    pub fn link(self, url: &str, relation: &str) -> Self {
        self.header("link", format!("<{url}>;rel=\"{relation}\""))
    }
}

impl From<&Problem> for Answer {
    fn from(problem: &Problem) -> Self {
        let challenge = (problem.status == 401).then(|| "ACME".to_owned());
        let answer = Self {
            status: problem.status,
            headers: vec![("content-type", "application/problem+json".to_owned())],
            body: problem.to_json(),
        };
        let answer = answer
            .maybe_header("location", problem.location.as_deref().map(str::to_owned))
            .maybe_header(
                "retry-after",
                problem.retry_after.map(|seconds| seconds.to_string()),
            )
            .maybe_header("allow", problem.allow.map(str::to_owned))
            .maybe_header("www-authenticate", challenge);
        match &problem.terms {
            Some(terms) => answer.link(terms, "terms-of-service"),
            None => answer,
        }
    }
}
