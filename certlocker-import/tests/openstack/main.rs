//! OpenStack asked over HTTP: a real Keystone, and behind its catalog a Nova of the tests.

mod identity;
mod keystone;
mod machines;
mod nova;
#[allow(dead_code, reason = "shared with the tests of plans")]
#[path = "../plan/world.rs"]
mod world;

use std::time::Duration;

use certlocker_import::credentials::openstack_form;
use certlocker_import::found::Discovery;
use certlocker_import::source::openstack::{OpenStack, Options};
use certlocker_import::source::{Progress, SourceError, discover};
use keystone::{Keystone, PASSWORD};

/// A cloud that is somebody, by fields of clouds.yaml.
fn cloud(keystone: &Keystone, fields: &[(&str, &str)], options: Options) -> OpenStack {
    let fields = fields.iter().copied();
    let fields = fields.chain([("auth_url", keystone.url.as_str())]);
    let mut reading = openstack_form(fields);
    let found = reading.found.pop();
    let found = found.unwrap_or_else(|| panic!("{:?}", reading.notes));
    OpenStack::new(found.value, options).unwrap()
}

fn demo() -> Vec<(&'static str, &'static str)> {
    vec![
        ("username", "demo"),
        ("password", PASSWORD),
        ("user_domain_name", "Default"),
        ("project_name", "demo"),
        ("project_domain_id", "default"),
    ]
}

fn options(region: &str) -> Options {
    Options {
        attempts: 3,
        page_size: 10,
        pause: Duration::ZERO,
        regions: vec![region.to_owned()],
        ..Options::default()
    }
}

async fn all(cloud: &OpenStack) -> Result<Discovery, SourceError> {
    let mut progress = Progress::default();
    discover(cloud, &mut progress, &|_| true).await?;
    Ok(progress.into_discovery())
}
