//! Moto's server, which others wrote, as EC2 and STS.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use certlocker_import::credentials::aws;
use certlocker_import::found::{Discovery, FoundHost};
use certlocker_import::source::aws::{Ec2, Identity, Options};
use certlocker_import::source::{Defaults, Progress, Recording, Source, discover};

use crate::answers::{KEY, SECRET, key};

/// Where `scripts/install-test-tools` puts it.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/test-tools/moto/bin/python"
);
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws");

/// The server, for as long as the test runs.
pub(crate) struct Moto {
    address: SocketAddr,
    server: Child,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Moto {
    /// Where `CERTLOCKER_REQUIRE_CLIENTS` is set a missing moto fails the test, otherwise the test
    /// leaves it out and says so.
    pub(crate) fn start() -> Option<Self> {
        if !std::path::Path::new(PYTHON).is_file() {
            let left_out = "moto is not installed (scripts/install-test-tools)";
            assert!(
                std::env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
                "{left_out}"
            );
            eprintln!("left out: {left_out}");
            return None;
        }
        let mut server = Command::new(PYTHON)
            .arg(format!("{SCRIPTS}/moto_server.py"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("moto ended").unwrap();
            if let Some((_, address)) = line.split_once("Running on http://") {
                break address.trim().parse().unwrap();
            }
        };
        // It goes on to say what it is asked.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { address, server })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What changes machines.
    pub(crate) fn client(&self, region: &str) -> Client {
        let config = aws_sdk_ec2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new(KEY, SECRET, None, None, "test"))
            .endpoint_url(self.url())
            .region(Region::new(region.to_owned()))
            .build();
        Client::from_conf(config)
    }

    /// What `aws ec2 describe-…` prints.
    fn record(&self, region: &str, what: &str) -> Vec<u8> {
        let printed = Command::new(PYTHON)
            .arg(format!("{SCRIPTS}/moto_record.py"))
            .args([&self.url(), region, what])
            .output()
            .unwrap();
        assert!(
            printed.status.success(),
            "{}",
            String::from_utf8_lossy(&printed.stderr)
        );
        printed.stdout
    }

    pub(crate) fn options(&self, regions: &[&str]) -> Options {
        Options {
            endpoint: Some(self.url()),
            regions: regions.iter().map(ToString::to_string).collect(),
            ..Options::default()
        }
    }
}

/// An image of Ubuntu.
pub(crate) async fn ubuntu(client: &Client) -> String {
    let images = client
        .describe_images()
        .owners("099720109477")
        .send()
        .await
        .unwrap();
    images.images()[0].image_id().unwrap().to_owned()
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// Tags of machines that are made.
pub(crate) fn tags(all: &[(&str, &str)]) -> TagSpecification {
    let all = all.iter().map(|(key, value)| tag(key, value));
    TagSpecification::builder()
        .resource_type(ResourceType::Instance)
        .set_tags(Some(all.collect()))
        .build()
}

pub(crate) async fn found(source: &dyn Source) -> Discovery {
    let mut progress = Progress::default();
    discover(source, &mut progress, &|_| true).await.unwrap();
    progress.into_discovery()
}

async fn vpc(client: &Client) -> String {
    let default = Filter::builder().name("is-default").values("true").build();
    let vpcs = client
        .describe_vpcs()
        .filters(default)
        .send()
        .await
        .unwrap();
    vpcs.vpcs()[0].vpc_id().unwrap().to_owned()
}

pub(crate) async fn security_group(client: &Client, name: &str) -> String {
    let request = client
        .create_security_group()
        .group_name(name)
        .description(name);
    let made = request.vpc_id(vpc(client).await).send().await.unwrap();
    made.group_id().unwrap().to_owned()
}

/// A machine with an elastic address, one with a second interface, one that is stopped, one that is
/// terminated.
async fn some_machines(client: &Client) {
    client
        .create_key_pair()
        .key_name("deploy")
        .send()
        .await
        .unwrap();
    let group = security_group(client, "web").await;
    let made = client
        .run_instances()
        .image_id(ubuntu(client).await)
        .key_name("deploy")
        .min_count(4)
        .max_count(4)
        .security_group_ids(group)
        .tag_specifications(tags(&[("Name", "web"), ("env", "prod")]))
        .send()
        .await
        .unwrap();
    let ids: Vec<&str> = made
        .instances()
        .iter()
        .filter_map(|of| of.instance_id())
        .collect();
    let elastic = client.allocate_address().send().await.unwrap();
    let elastic = elastic.allocation_id().unwrap();
    let associate = client
        .associate_address()
        .allocation_id(elastic)
        .instance_id(ids[0]);
    associate.send().await.unwrap();
    let subnet = made.instances()[0].subnet_id().unwrap();
    let interface = client
        .create_network_interface()
        .subnet_id(subnet)
        .send()
        .await
        .unwrap();
    let interface = interface
        .network_interface()
        .unwrap()
        .network_interface_id()
        .unwrap();
    let attach = client
        .attach_network_interface()
        .network_interface_id(interface);
    attach
        .instance_id(ids[1])
        .device_index(1)
        .send()
        .await
        .unwrap();
    client
        .stop_instances()
        .instance_ids(ids[2])
        .send()
        .await
        .unwrap();
    client
        .terminate_instances()
        .instance_ids(ids[3])
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_asked_is_what_a_recording_of_the_same_says() {
    let Some(moto) = Moto::start() else { return };
    some_machines(&moto.client("eu-west-1")).await;
    let asked = found(&Ec2::new(&key(), moto.options(&["eu-west-1"])).unwrap()).await;
    let mut recording = Recording::default();
    for what in ["instances", "images", "key-pairs"] {
        let printed = moto.record("eu-west-1", what);
        recording.add(&printed, &Defaults::default()).unwrap();
    }
    let recorded = found(&recording.into_source()).await;
    assert_eq!(
        (asked.failed.clone(), asked.lacking.clone()),
        (vec![], vec![])
    );
    assert_eq!(asked.hosts.len(), 4);
    let whole: &FoundHost = &asked.hosts[0];
    assert!(
        whole.image_name.as_ref().unwrap().contains("ubuntu"),
        "{whole:?}"
    );
    assert_eq!(asked, recorded);
}

#[tokio::test]
async fn a_role_shows_the_machines_of_its_account() {
    const OTHER: &str = "444455556666";
    let Some(moto) = Moto::start() else { return };
    some_machines(&moto.client("eu-west-1")).await;
    let text = format!(
        "[default]\naws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n\
         [profile other]\nrole_arn=arn:aws:iam::{OTHER}:role/importer\nsource_profile=default\n"
    );
    let reading = aws(text.as_bytes());
    for (name, account, machines) in [("default", "123456789012", 4), ("other", OTHER, 0)] {
        let identity = Identity::of(&reading, name).unwrap();
        let source = Ec2::new(&identity, moto.options(&["eu-west-1"])).unwrap();
        let found = found(&source).await;
        let accounts: Vec<&str> = found.complete.iter().map(|of| &*of.account).collect();
        assert_eq!((accounts, found.hosts.len()), (vec![account], machines));
    }
}

#[tokio::test]
async fn all_regions_are_those_that_the_cloud_lists() {
    let Some(moto) = Moto::start() else { return };
    let source = Ec2::new(&key(), moto.options(&[])).unwrap();
    let scopes = source.scopes().await.unwrap();
    let listed = moto
        .client("us-east-1")
        .describe_regions()
        .send()
        .await
        .unwrap();
    assert_eq!(scopes.len(), listed.regions().len());
    assert!(scopes.iter().any(|scope| scope.region == "eu-west-1"));
}
