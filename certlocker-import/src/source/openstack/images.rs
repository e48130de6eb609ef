//! Names and accounts of images: <https://docs.openstack.org/api-ref/image/v2/>.

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::compute::below;
use super::error::refusal;
use super::{Compute, OpenStack, Service};
use crate::found::FoundHost;
use crate::source::SourceError;
use crate::source::text::line;

/// Images by region and id, each asked for once; one that is deleted has no name.
#[derive(Default)]
pub(super) struct Images(Mutex<BTreeMap<(String, String), Image>>);

#[derive(Clone, Debug, Default)]
struct Image {
    login: Option<String>,
    name: Option<String>,
    owner: Option<String>,
    platform: Option<String>,
}

impl Images {
    /// Adds to machines what their images say; what cannot be seen is said.
    pub(super) async fn name(
        &self,
        cloud: &OpenStack,
        compute: &Compute<'_>,
        hosts: &mut [FoundHost],
    ) -> Option<String> {
        let region = compute.service.region;
        let wanted: BTreeSet<String> = hosts
            .iter()
            .filter_map(|host| host.facts.image.clone())
            .collect();
        let asked = self.ask(cloud, compute.service, wanted).await;
        let known = self.0.lock().await;
        for host in hosts {
            let Some(id) = host.facts.image.clone() else {
                continue;
            };
            if let Some(image) = known.get(&(region.to_owned(), id)) {
                image.add_to(host);
            }
        }
        asked.err().map(|error| format!("images: {error}"))
    }

    async fn ask(
        &self,
        cloud: &OpenStack,
        compute: Service<'_>,
        mut wanted: BTreeSet<String>,
    ) -> Result<(), SourceError> {
        let key = |id: &String| (compute.region.to_owned(), id.clone());
        {
            let known = self.0.lock().await;
            wanted.retain(|id| !known.contains_key(&key(id)));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let endpoint = cloud.endpoint(Service {
            kind: "image",
            ..compute
        });
        let endpoint = endpoint.await?;
        for id in wanted {
            let url = url(&endpoint, &id);
            let answer = cloud.get(compute.auth_url, &url, None).await?;
            let image = match answer.status {
                StatusCode::OK => Image::read(&answer.json),
                StatusCode::NOT_FOUND => Image::default(),
                _ => return Err(refusal(&answer, "get_image")),
            };
            self.0.lock().await.insert(key(&id), image);
        }
        Ok(())
    }
}

/// Catalogs name Glance with and without its version.
fn url(endpoint: &Url, id: &str) -> Url {
    let mut url = match endpoint.path().trim_end_matches('/').ends_with("/v2") {
        true => below(endpoint, "images"),
        false => below(endpoint, "v2/images"),
    };
    // The id is one part of the path, whatever is in it.
    if let Ok(mut path) = url.path_segments_mut() {
        path.push(id);
    }
    url
}

impl Image {
    fn read(image: &Value) -> Self {
        let member = |name: &str| line(image.get(name)?.as_str()?);
        Self {
            login: member("os_admin_user"),
            name: member("name"),
            owner: member("owner"),
            platform: member("os_distro"),
        }
    }

    fn add_to(&self, host: &mut FoundHost) {
        let fill = |to: &mut Option<String>, from: &Option<String>| {
            *to = to.take().or_else(|| from.clone());
        };
        fill(&mut host.image_login, &self.login);
        fill(&mut host.image_name, &self.name);
        fill(&mut host.image_owner, &self.owner);
        fill(&mut host.facts.platform, &self.platform);
    }
}
