//! Machines of OpenStack, asked of the cloud itself.
#![doc = include_str!("../../guide/openstack.md")]

mod catalog;
mod compute;
mod error;
mod http;
mod identity;
mod images;
mod options;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use certlocker_core::host::Provider;
use hyper::StatusCode;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::recorded::openstack::key_pairs;
use super::{Cursor, FoundPage, Source, SourceError};
use crate::credentials::{OpenStackCredential, Region};
use crate::found::Scope;
use crate::keys::KeyPair;
use error::refusal;
use http::{Answer, Http, Question};
use identity::{Session, keystone};
use images::Images;

pub use options::Options;

/// The machines of a project, or of all projects, each region of each a part.
pub struct OpenStack {
    credential: OpenStackCredential,
    http: Http,
    images: Images,
    options: Options,
    /// By the URL of their Keystone.
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
}

impl std::fmt::Debug for OpenStack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenStack")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A service of a region.
#[derive(Clone, Copy)]
struct Service<'a> {
    auth_url: &'a str,
    kind: &'static str,
    region: &'a str,
}

/// Nova of a region, and the microversion that it is asked in.
struct Compute<'a> {
    microversion: Option<String>,
    service: Service<'a>,
    url: Url,
}

impl OpenStack {
    /// Asks as this identity. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SourceError::Refused`] if the authorities of the credential do not read.
    pub fn new(credential: OpenStackCredential, options: Options) -> Result<Self, SourceError> {
        Ok(Self {
            http: Http::new(&credential.trust, options.clone())?,
            credential,
            images: Images::default(),
            options,
            sessions: Mutex::default(),
        })
    }

    /// The regions that were asked for; none is whatever the catalog names first.
    fn regions(&self) -> Vec<Region> {
        let known = &self.credential.regions;
        let asked = self.options.regions.iter().map(|name| {
            let of = known.iter().find(|region| region.name == *name);
            let auth_url = of.and_then(|region| region.auth_url.clone());
            Region {
                auth_url,
                name: name.clone(),
            }
        });
        match self.options.regions.is_empty() {
            true => known.clone(),
            false => asked.collect(),
        }
    }

    /// The Keystone that a region belongs to.
    fn auth_url(&self, region: &str) -> &str {
        let mut known = self.credential.regions.iter();
        let own = known.find(|known| known.name == region);
        let own = own.and_then(|region| region.auth_url.as_deref());
        own.unwrap_or(&self.credential.auth_url)
    }

    async fn session(&self, auth_url: &str) -> Result<Arc<Session>, SourceError> {
        let mut sessions = self.sessions.lock().await;
        if let Some(session) = sessions.get(auth_url) {
            return Ok(session.clone());
        }
        let session = Arc::new(Session::open(&self.http, &self.credential, auth_url).await?);
        sessions.insert(auth_url.to_owned(), session.clone());
        Ok(session)
    }

    /// Forgets a token that is not honoured any more, unless there is another by now.
    async fn forget(&self, auth_url: &str, token: &Arc<Session>) {
        let mut sessions = self.sessions.lock().await;
        if sessions
            .get(auth_url)
            .is_some_and(|now| Arc::ptr_eq(now, token))
        {
            sessions.remove(auth_url);
        }
    }

    /// Asks with a token, and with another one if the first has expired meanwhile.
    async fn get(
        &self,
        auth_url: &str,
        url: &Url,
        microversion: Option<&str>,
    ) -> Result<Answer, SourceError> {
        let mut is_first = true;
        loop {
            let session = self.session(auth_url).await?;
            let mut question = Question::get(url.clone());
            let token = session.token.to_string();
            question.headers.push(("X-Auth-Token", token));
            if let Some(version) = microversion {
                let header = "OpenStack-API-Version";
                question
                    .headers
                    .push((header, format!("compute {version}")));
            }
            let answer = self.http.ask(&question).await?;
            if answer.status != StatusCode::UNAUTHORIZED || !is_first {
                return Ok(answer);
            }
            self.forget(auth_url, &session).await;
            is_first = false;
        }
    }

    async fn endpoint(&self, service: Service<'_>) -> Result<Url, SourceError> {
        let Service {
            auth_url,
            kind,
            region,
        } = service;
        let session = self.session(auth_url).await?;
        let interface = self.credential.interface;
        session.catalog.endpoint(kind, region, interface, auth_url)
    }

    async fn compute<'a>(&'a self, region: &'a str) -> Result<Compute<'a>, SourceError> {
        let service = Service {
            auth_url: self.auth_url(region),
            kind: "compute",
            region,
        };
        let endpoint = self.endpoint(service).await?;
        let document = Question::get(compute::version_url(&endpoint));
        let document = self.http.ask(&document).await?;
        let (microversion, is_list) = compute::version(&document.json);
        let url = match is_list {
            true => compute::below(&endpoint, "v2.1"),
            false => endpoint,
        };
        Ok(Compute {
            microversion,
            service,
            url,
        })
    }

    /// An answer of Nova that is a success.
    async fn ask(
        &self,
        compute: &Compute<'_>,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, SourceError> {
        let mut url = compute::below(&compute.url, path);
        url.query_pairs_mut().extend_pairs(query);
        let version = compute.microversion.as_deref();
        let answer = self.get(compute.service.auth_url, &url, version).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.json),
            StatusCode::BAD_REQUEST if query.iter().any(|(name, _)| *name == "marker") => {
                Err(SourceError::CursorLost)
            }
            _ => Err(refusal(&answer, path)),
        }
    }

    /// The projects whose machines are looked for.
    async fn projects(&self, auth_url: &str) -> Result<Vec<String>, SourceError> {
        let session = self.session(auth_url).await?;
        if !self.options.all_projects {
            let nowhere = "the token is for no project: name one, or ask for all of them";
            let project = session.project.clone();
            return project
                .map(|project| vec![project])
                .ok_or_else(|| SourceError::Misdirected(nowhere.to_owned()));
        }
        let url = keystone(auth_url, "projects")?;
        let answer = self.get(auth_url, &url, None).await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer, "identity:list_projects"));
        }
        let listed = answer.json.get("projects").and_then(Value::as_array);
        let ids = listed.into_iter().flatten();
        let ids = ids.filter_map(|project| project.get("id")?.as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    async fn first_region(&self) -> Result<Region, SourceError> {
        let session = self.session(&self.credential.auth_url).await?;
        let regions = session.catalog.regions();
        let nowhere = "the catalog has no compute service: the token may be for no project";
        let first = regions.first();
        let first = first.ok_or_else(|| SourceError::Misdirected(nowhere.to_owned()))?;
        Ok(Region {
            auth_url: None,
            name: (*first).to_owned(),
        })
    }
}

#[async_trait]
impl Source for OpenStack {
    async fn scopes(&self) -> Result<Vec<Scope>, SourceError> {
        let mut regions = self.regions();
        let several = regions.len() > 1;
        if regions.is_empty() {
            regions.push(self.first_region().await?);
        }
        let mut scopes = Vec::new();
        for region in regions {
            let projects = match self.projects(self.auth_url(&region.name)).await {
                // The part fails by itself when it is read, and the others do not.
                Err(_) if several => vec![UNKNOWN.to_owned()],
                found => found?,
            };
            scopes.extend(projects.into_iter().map(|account| Scope {
                account,
                provider: Provider::OpenStack,
                region: region.name.clone(),
            }));
        }
        Ok(scopes)
    }

    async fn key_pairs(&self, scope: &Scope) -> Result<Vec<KeyPair>, SourceError> {
        let compute = self.compute(&scope.region).await?;
        // Older ones list all at once, and do not know of markers.
        let mut pairs: Vec<KeyPair> = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let query = marker.as_deref().map(|marker| ("marker", marker));
            let query: Vec<(&str, &str)> = query.into_iter().collect();
            let answer = self.ask(&compute, "os-keypairs", &query).await?;
            let page = key_pairs(&answer);
            let last = page.last().map(|pair| pair.name.clone());
            pairs.extend(page);
            let more = answer.get("keypairs_links").is_some();
            if !more || last.is_none() || last == marker {
                return Ok(pairs);
            }
            marker = last;
        }
    }

    async fn page(&self, scope: &Scope, after: Option<&Cursor>) -> Result<FoundPage, SourceError> {
        if scope.account == UNKNOWN {
            let projects = self.projects(self.auth_url(&scope.region)).await;
            let again = "the project was not known when the look began: look again".to_owned();
            return Err(projects.err().unwrap_or(SourceError::Incomplete(again)));
        }
        let compute = self.compute(&scope.region).await?;
        let place = Place::read(after);
        let limit = self.options.page_size.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(place.marker.as_deref().map(|marker| ("marker", marker)));
        if self.options.all_projects {
            query.extend([("all_tenants", "1"), ("project_id", &scope.account)]);
        }
        let answer = self.ask(&compute, "servers/detail", &query).await?;
        let mut servers = compute::servers(&answer, scope)?;
        if servers.marker.is_some() && servers.marker == place.marker {
            let again = "Nova answers with the same page again".to_owned();
            return Err(SourceError::Incomplete(again));
        }
        let is_selection = place.is_selection || servers.unseen > 0;
        let images = self.images.name(self, &compute, &mut servers.hosts).await;
        let mut lacking: Vec<String> = images.into_iter().collect();
        lacking.extend((servers.unseen > 0).then(|| {
            format!(
                "{} machines, of which Nova knows little at the moment",
                servers.unseen
            )
        }));
        Ok(FoundPage {
            hosts: servers.hosts,
            is_selection,
            lacking,
            next: servers.marker.map(|marker| {
                let marker = Some(marker);
                Place {
                    is_selection,
                    marker,
                }
                .cursor()
            }),
        })
    }
}

/// The project of a part whose Keystone did not say it.
const UNKNOWN: &str = "unknown";

/// Where a part was left, and whether any machine of an earlier page was not seen.
struct Place {
    is_selection: bool,
    marker: Option<String>,
}

impl Place {
    fn read(cursor: Option<&Cursor>) -> Self {
        let text = cursor.map(Cursor::as_str);
        let partial = text.and_then(|text| text.strip_prefix("partial "));
        Self {
            is_selection: partial.is_some(),
            marker: partial.or(text).map(str::to_owned),
        }
    }

    fn cursor(self) -> Cursor {
        let marker = self.marker.unwrap_or_default();
        Cursor::new(match self.is_selection {
            true => format!("partial {marker}"),
            false => marker,
        })
    }
}
