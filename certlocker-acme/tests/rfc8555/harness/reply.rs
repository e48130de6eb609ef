//! An answer, and what a scenario expects of it.

use std::fmt;

use serde_json::Value;

use super::wire::Request;

/// An answer of the subject.
#[derive(Clone, Debug)]
pub struct Reply {
    pub body: Vec<u8>,
    pub status: u16,
    asked: String,
    headers: http::HeaderMap,
}

impl Reply {
    pub fn new(request: &Request, response: http::Response<Vec<u8>>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            asked: format!("{} {}", request.method, request.url),
            body,
            headers: parts.headers,
            status: parts.status.as_u16(),
        }
    }

    /// Expects success with this status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Expects this status and a problem of this type.
    pub fn refused(self, status: u16, kind: &str) -> Self {
        self.refused_as(kind).expect(status)
    }

    /// Expects a problem of this type, with a status of the server's choice.
    pub fn refused_as(self, kind: &str) -> Self {
        assert_eq!(self.problem(), kind, "{self}");
        self
    }

    /// The type of the problem, without the prefix of ACME.
    pub fn problem(&self) -> String {
        let json = self
            .try_json()
            .unwrap_or_else(|| panic!("no problem: {self}"));
        let kind = json["type"].as_str().unwrap_or_default();
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:");
        kind.unwrap_or_else(|| panic!("no ACME problem: {self}"))
            .to_owned()
    }

    pub fn detail(&self) -> String {
        self.json()["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn location(&self) -> String {
        let location = self.header("location");
        location
            .unwrap_or_else(|| panic!("no Location: {self}"))
            .to_owned()
    }

    /// The media type without parameters.
    pub fn media_type(&self) -> &str {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim()
    }

    /// The target of the first link with this relation.
    pub fn link(&self, relation: &str) -> Option<String> {
        self.links(relation).into_iter().next()
    }

    pub fn links(&self, relation: &str) -> Vec<String> {
        let values = self.headers.get_all("link").iter();
        let links = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        links.filter_map(|link| target(link, relation)).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap_or_else(|_| panic!("not text: {self}"))
    }

    pub fn try_json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub fn json(&self) -> Value {
        self.try_json().unwrap_or_else(|| panic!("no JSON: {self}"))
    }
}

/// RFC 8288 section 3, as far as it is used.
fn target(link: &str, relation: &str) -> Option<String> {
    let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_relation = |parameter: &str| {
        let value = parameter.trim().strip_prefix("rel=");
        value.is_some_and(|value| value.trim_matches('"') == relation)
    };
    parameters
        .split(';')
        .any(is_relation)
        .then(|| url.to_owned())
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} was answered {} {body}", self.asked, self.status)
    }
}
