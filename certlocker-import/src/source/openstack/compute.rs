//! Nova: <https://docs.openstack.org/api-ref/compute/>.

use serde_json::Value;
use url::Url;

use crate::found::{FoundHost, Scope};
use crate::source::SourceError;
use crate::source::recorded::openstack::host;

/// The newest microversion that is asked for: with the properties of images in lists.
const NEWEST: u32 = 98;

/// The URL of the service without the project, where its version is told.
pub(super) fn version_url(endpoint: &Url) -> Url {
    let mut url = endpoint.clone();
    let segments: Vec<&str> = endpoint.path().split('/').collect();
    let version = segments.iter().position(|part| part.starts_with("v2"));
    if let Some(version) = version {
        url.set_path(&format!("{}/", segments[..=version].join("/")));
    }
    url
}

/// What a version document says: the microversion to ask for, and whether the endpoint is one that
/// has the API itself below it.
pub(super) fn version(document: &Value) -> (Option<String>, bool) {
    let listed = document.get("versions").and_then(Value::as_array);
    let mut listed = listed.into_iter().flatten();
    let of_list = listed.find(|version| version.get("id").and_then(Value::as_str) == Some("v2.1"));
    let version = document.get("version").or(of_list);
    let newest = version.and_then(|version| version.get("version")?.as_str());
    let minor: Option<u32> = newest.and_then(|newest| newest.strip_prefix("2.")?.parse().ok());
    let asked = minor.map(|minor| format!("2.{}", minor.min(NEWEST)));
    (asked, of_list.is_some())
}

/// A path below an endpoint.
pub(super) fn below(endpoint: &Url, path: &str) -> Url {
    let mut url = endpoint.clone();
    url.set_path(&format!("{}/{path}", endpoint.path().trim_end_matches('/')));
    url
}

/// A page of machines.
pub(super) struct Servers {
    pub(super) hosts: Vec<FoundHost>,
    /// The last of them, if there are more.
    pub(super) marker: Option<String>,
    /// How many are listed and not seen: in a cell that is down, or without a name that can be read.
    pub(super) unseen: usize,
}

/// The machines of an answer that are of this part.
pub(super) fn servers(answer: &Value, scope: &Scope) -> Result<Servers, SourceError> {
    let listed = answer.get("servers").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| {
        SourceError::Incomplete("the answer of Nova has no list of servers".to_owned())
    })?;
    let of_another = |server: &&Value| {
        let project = server.get("tenant_id").and_then(Value::as_str);
        project.is_some_and(|project| project != scope.account)
    };
    let own: Vec<&Value> = listed.iter().filter(|server| !of_another(server)).collect();
    let hosts: Vec<FoundHost> = own
        .iter()
        .filter(|server| !is_partial(server))
        .filter_map(|server| host(server, &scope.account, &scope.region))
        .collect();
    let last = listed.last().and_then(|server| server.get("id")?.as_str());
    Ok(Servers {
        unseen: own.len() - hosts.len(),
        marker: last.filter(|_| has_next(answer)).map(str::to_owned),
        hosts,
    })
}

fn has_next(answer: &Value) -> bool {
    let links = answer.get("servers_links").and_then(Value::as_array);
    let mut links = links.into_iter().flatten();
    links.any(|link| link.get("rel").and_then(Value::as_str) == Some("next"))
}

/// A machine of a cell that is down is listed with little more than its id.
fn is_partial(server: &Value) -> bool {
    server.get("status").and_then(Value::as_str) == Some("UNKNOWN")
        && server.get("addresses").is_none()
}
