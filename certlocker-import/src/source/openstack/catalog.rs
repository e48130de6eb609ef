//! Where the services of a cloud are: <https://docs.openstack.org/api-ref/identity/v3/#get-service-catalog>.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use crate::credentials::Interface;
use crate::source::SourceError;
use crate::source::text::line;

/// Endpoints in the order in which Keystone names them.
#[derive(Debug, Default)]
pub(super) struct Catalog(Vec<Endpoint>);

#[derive(Debug)]
struct Endpoint {
    interface: String,
    region: String,
    service: String,
    url: String,
}

impl Catalog {
    /// What is no endpoint is left out.
    pub(super) fn read(catalog: &Value) -> Self {
        let services = catalog.as_array().into_iter().flatten();
        let endpoints = services.flat_map(|service| {
            let kind = service.get("type").and_then(Value::as_str);
            let listed = service.get("endpoints").and_then(Value::as_array);
            let listed = listed.into_iter().flatten();
            listed.filter_map(move |endpoint| endpoint_of(kind?, endpoint))
        });
        Self(endpoints.collect())
    }

    /// Regions with a compute service, in order.
    pub(super) fn regions(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let compute = self.0.iter().filter(|of| of.service == "compute");
        let regions = compute.map(|of| of.region.as_str());
        regions.filter(|region| seen.insert(*region)).collect()
    }

    /// Where a service of a region is.
    pub(super) fn endpoint(
        &self,
        service: &str,
        region: &str,
        interface: Interface,
        auth_url: &str,
    ) -> Result<Url, SourceError> {
        let interface = match interface {
            Interface::Admin => "admin",
            Interface::Internal => "internal",
            Interface::Public => "public",
        };
        let mut of_region = self
            .0
            .iter()
            .filter(|of| of.service == service && of.region == region);
        let found = of_region.find(|of| of.interface == interface);
        let endpoint = found.ok_or_else(|| self.missing(service, region, interface))?;
        let wrong = |text: &str| {
            SourceError::Misdirected(format!("the catalog's URL of {service} in {region} {text}"))
        };
        let url = Url::parse(&endpoint.url).map_err(|_| wrong("is none"))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if auth_url.starts_with("http://") => Ok(url),
            "http" => Err(wrong(
                "is http://, and a token that came over https:// is not sent in the clear",
            )),
            _ => Err(wrong("is neither http:// nor https://")),
        }
    }

    fn missing(&self, service: &str, region: &str, interface: &str) -> SourceError {
        let regions = self.regions();
        SourceError::Misdirected(if regions.is_empty() {
            "the catalog has no compute service: the token may be for no project".to_owned()
        } else if !regions.contains(&region) {
            format!(
                "there is no region {region}; there are {}",
                regions.join(", ")
            )
        } else {
            format!("the catalog has no {interface} endpoint of {service} in {region}")
        })
    }
}

fn endpoint_of(service: &str, endpoint: &Value) -> Option<Endpoint> {
    let member = |name: &str| endpoint.get(name).and_then(Value::as_str);
    let interface = member("interface")?;
    Some(Endpoint {
        interface: interface.trim_end_matches("URL").to_owned(),
        region: line(member("region_id").or_else(|| member("region"))?)?,
        service: service.to_owned(),
        url: member("url")?.to_owned(),
    })
}
