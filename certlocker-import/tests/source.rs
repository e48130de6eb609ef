//! Recorded answers of clouds, and a source that fails. `tests/recorded` was printed by `aws` of a
//! running moto.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use certlocker_core::host::{AddressKind, Power, Provider};
use certlocker_import::found::{Discovery, Scope};
use certlocker_import::keys::KeyPair;
use certlocker_import::source::{
    Cursor, Defaults, FoundPage, Progress, Recorded, RecordedError, RecordedKind, Recording,
    Source, SourceError, discover,
};
use pollster::block_on;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/recorded/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

fn all(source: &dyn Source) -> Discovery {
    let mut progress = Progress::default();
    block_on(discover(source, &mut progress, &|_| true)).unwrap();
    progress.into_discovery()
}

fn recorded(bytes: &[u8], defaults: &Defaults) -> Recorded {
    let mut recording = Recording::default();
    recording.add(bytes, defaults).unwrap();
    recording.into_source()
}

fn openstack() -> Defaults {
    Defaults {
        account: Some("p1".to_owned()),
        region: Some("RegionOne".to_owned()),
    }
}

#[test]
fn what_aws_prints_is_read_with_images_and_key_pairs_in_any_order() {
    let mut recording = Recording::default();
    for (name, kind) in [
        ("images.json", RecordedKind::AwsImages),
        ("instances.json", RecordedKind::AwsInstances),
        ("key-pairs.json", RecordedKind::AwsKeyPairs),
    ] {
        assert_eq!(recording.add(&file(name), &Defaults::default()), Ok(kind));
    }
    let found = all(&recording.into_source());
    let scope = Scope {
        account: "123456789012".to_owned(),
        provider: Provider::Aws,
        region: "eu-west-1".to_owned(),
    };
    assert_eq!(
        (found.complete, found.failed),
        (vec![scope.clone()], vec![])
    );
    let powers: Vec<Power> = found.hosts.iter().map(|host| host.facts.power).collect();
    assert_eq!(
        powers,
        [
            Power::Running,
            Power::Running,
            Power::Stopped,
            Power::Terminated
        ]
    );
    let web = &found.hosts[0];
    assert_eq!(web.name.as_deref(), Some("web"));
    assert_eq!(web.tags["env"], "prod");
    assert!(
        web.image_name.as_ref().unwrap().contains("ubuntu"),
        "{web:?}"
    );
    let kinds: BTreeSet<AddressKind> = web.facts.addresses.iter().map(|at| at.kind).collect();
    assert_eq!(kinds, [AddressKind::Floating, AddressKind::Private].into());
    assert_eq!(web.facts.key_pair.as_deref(), Some("deploy"));
    let (of, pair) = &found.key_pairs[0];
    assert_eq!((of, pair.name.as_str()), (&scope, "deploy"));
    assert!(pair.public.is_some() && pair.fingerprint.is_some() && pair.created.is_some());
}

#[test]
fn the_region_is_that_of_the_zone() {
    for (zone, region) in [
        ("eu-west-1a", "eu-west-1"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("us-gov-west-1b", "us-gov-west-1"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
    ] {
        let text = format!(
            r#"{{"Reservations":[{{"OwnerId":"1","Instances":[{{"InstanceId":"i-1","Placement":{{"AvailabilityZone":"{zone}"}}}}]}}]}}"#
        );
        let found = all(&recorded(text.as_bytes(), &Defaults::default()));
        assert_eq!(found.hosts[0].cloud.region(), region, "{zone}");
    }
}

#[test]
fn every_address_of_every_interface_counts() {
    let text = r#"{"Reservations":[{"OwnerId":"1","Instances":[{"InstanceId":"i-1","Placement":{"AvailabilityZone":"eu-west-1a"},
        "NetworkInterfaces":[
            {"PrivateIpAddresses":[{"PrivateIpAddress":"10.0.0.1","Association":{"IpOwnerId":"amazon","PublicIp":"203.0.113.1"}}]},
            {"PrivateIpAddresses":[{"PrivateIpAddress":"10.0.1.1"}],"Ipv6Addresses":[{"Ipv6Address":"2001:db8::1"}]}],
        "Operator":{"Managed":true,"Principal":"eks.amazonaws.com"}}]}]}"#;
    let found = all(&recorded(text.as_bytes(), &Defaults::default()));
    let addresses: Vec<String> = found.hosts[0]
        .facts
        .addresses
        .iter()
        .map(|at| format!("{} {:?}", at.ip, at.kind))
        .collect();
    assert_eq!(
        addresses,
        [
            "10.0.0.1 Private",
            "10.0.1.1 Private",
            "203.0.113.1 Public",
            "2001:db8::1 Public"
        ]
    );
    assert_eq!(
        found.hosts[0].managed_by.as_deref(),
        Some("eks.amazonaws.com")
    );
}

#[test]
fn servers_are_read_as_nova_answers_and_as_its_clients_print() {
    let nova = r#"{"servers":[{"id":"a-1","name":"web","status":"ACTIVE","tenant_id":"p2","key_name":"deploy",
        "created":"2026-01-02T03:04:05Z","metadata":{"env":"prod"},"security_groups":[{"name":"default"}],
        "image":{"id":"i-1","properties":{"os_distro":"debian","os_admin_user":"debian"}},
        "addresses":{"net":[{"addr":"10.0.0.1","OS-EXT-IPS:type":"fixed"},{"addr":"10.9.9.9","OS-EXT-IPS:type":"floating"}]}}]}"#;
    let found = all(&recorded(nova.as_bytes(), &openstack()));
    let host = &found.hosts[0];
    assert_eq!(host.cloud.to_string(), "openstack/p2/RegionOne/a-1");
    assert_eq!(host.image_login.as_deref(), Some("debian"));
    assert_eq!(host.facts.power, Power::Running);
    let kinds: BTreeSet<AddressKind> = host.facts.addresses.iter().map(|at| at.kind).collect();
    assert_eq!(kinds, [AddressKind::Floating, AddressKind::Private].into());
    assert_eq!(
        (host.network.as_deref(), host.tags["env"].as_str()),
        (Some("net"), "prod")
    );

    for networks in [
        r#"{"net":["10.0.0.1","203.0.113.1"]}"#,
        r#""net=10.0.0.1, 203.0.113.1""#,
    ] {
        let client = format!(
            r#"[{{"ID":"a-1","Name":"web","Status":"SHUTOFF","Networks":{networks},"Image Name":"Ubuntu 24.04","Image ID":"i-1"}}]"#
        );
        let found = all(&recorded(client.as_bytes(), &openstack()));
        let host = &found.hosts[0];
        assert_eq!(host.facts.addresses.len(), 2, "{networks}");
        assert_eq!(
            (host.facts.power, host.image_name.as_deref()),
            (Power::Stopped, Some("Ubuntu 24.04"))
        );
    }
}

#[test]
fn nothing_is_concluded_from_a_recording_that_lacks_something() {
    let page = |more: &str| {
        format!(
            r#"{{"Reservations":[{{"OwnerId":"1","Instances":[{{"InstanceId":"i-1","Placement":{{"AvailabilityZone":"eu-west-1a"}}}}{more}]}}],"NextToken":{}}}"#,
            if more.is_empty() { "\"t\"" } else { "null" }
        )
    };
    for (more, says) in [
        ("", "before the last page"),
        (
            r#",{"Placement":{"AvailabilityZone":"eu-west-1a"}}"#,
            "1 machines",
        ),
    ] {
        let found = all(&recorded(page(more).as_bytes(), &Defaults::default()));
        assert_eq!((found.hosts.len(), found.complete.len()), (1, 0));
        assert!(found.failed[0].1.contains(says), "{:?}", found.failed);
    }
}

#[test]
fn what_is_no_recording_says_what_is_missing() {
    let mut recording = Recording::default();
    let mut add = |text: &str| recording.add(text.as_bytes(), &Defaults::default());
    assert_eq!(
        add("{\n]"),
        Err(RecordedError::NoJson { column: 1, line: 2 })
    );
    assert_eq!(add("{\"a\":1}"), Err(RecordedError::Unknown));
    assert_eq!(
        add(r#"[{"ID":"1","Status":"ACTIVE"}]"#),
        Err(RecordedError::Nowhere("region"))
    );
    let no_owner = r#"{"Reservations":[{"Instances":[{"InstanceId":"i-1"}]}]}"#;
    assert_eq!(add(no_owner), Err(RecordedError::Nowhere("account")));
}

#[test]
fn a_recording_is_read_page_by_page() {
    let servers: Vec<String> = (0..2_500)
        .map(|at| format!(r#"{{"ID":"s-{at}","Status":"ACTIVE"}}"#))
        .collect();
    let text = format!("[{}]", servers.join(","));
    let source = recorded(text.as_bytes(), &openstack());
    let pages = Mutex::new(0);
    let mut progress = Progress::default();
    let go_on = |_: &Discovery| {
        *pages.lock().unwrap() += 1;
        true
    };
    block_on(discover(&source, &mut progress, &go_on)).unwrap();
    assert_eq!(progress.found().hosts.len(), 2_500);
    assert_eq!(pages.into_inner().unwrap(), 3);
}

/// Two regions of which one fails at its second page, as often as it is told.
struct Failing {
    inner: Recorded,
    left: Mutex<usize>,
}

impl Failing {
    fn fails(&self) -> bool {
        let mut left = self.left.lock().unwrap();
        let fails = *left > 0;
        *left = left.saturating_sub(1);
        fails
    }
}

#[async_trait]
impl Source for Failing {
    async fn scopes(&self) -> Result<Vec<Scope>, SourceError> {
        self.inner.scopes().await
    }

    async fn key_pairs(&self, _: &Scope) -> Result<Vec<KeyPair>, SourceError> {
        Err(SourceError::Denied("ec2:DescribeKeyPairs".to_owned()))
    }

    async fn page(&self, scope: &Scope, after: Option<&Cursor>) -> Result<FoundPage, SourceError> {
        if scope.account == "a" && after.is_some() && self.fails() {
            return Err(SourceError::Throttled);
        }
        self.inner.page(scope, after).await
    }
}

fn failing() -> Failing {
    let server = |project: &str, at: usize| {
        format!(r#"{{"ID":"{project}-{at}","Status":"ACTIVE","Project ID":"{project}"}}"#)
    };
    let servers: Vec<String> = (0..1_500)
        .flat_map(|at| [server("a", at), server("b", at)])
        .collect();
    let text = format!("[{}]", servers.join(","));
    Failing {
        inner: recorded(text.as_bytes(), &openstack()),
        left: Mutex::new(1),
    }
}

fn distinct(found: &Discovery) -> usize {
    found
        .hosts
        .iter()
        .map(|host| host.cloud.to_string())
        .collect::<BTreeSet<_>>()
        .len()
}

#[test]
fn a_part_that_fails_holds_up_no_other_and_goes_on_from_its_last_page() {
    let source = failing();
    let mut progress = Progress::default();
    block_on(discover(&source, &mut progress, &|_| true)).unwrap();
    let failed: Vec<&str> = progress
        .found()
        .failed
        .iter()
        .map(|(scope, _)| scope.account.as_str())
        .collect();
    assert_eq!((failed, progress.found().complete.len()), (vec!["a"], 1));
    assert_eq!(distinct(progress.found()), 2_500);
    block_on(discover(&source, &mut progress, &|_| true)).unwrap();
    assert_eq!(
        (
            progress.found().failed.len(),
            progress.found().complete.len()
        ),
        (0, 2)
    );
    assert_eq!(
        (progress.found().hosts.len(), distinct(progress.found())),
        (3_000, 3_000)
    );
}

#[test]
fn a_discovery_that_is_broken_off_says_so_and_goes_on() {
    let source = failing();
    let mut progress = Progress::default();
    block_on(discover(&source, &mut progress, &|found| {
        found.hosts.len() < 1_000
    }))
    .unwrap();
    assert_eq!(
        (
            progress.found().complete.len(),
            progress.found().failed.len()
        ),
        (0, 2)
    );
    for _ in 0..2 {
        block_on(discover(&source, &mut progress, &|_| true)).unwrap();
    }
    assert_eq!(
        (progress.found().hosts.len(), distinct(progress.found())),
        (3_000, 3_000)
    );
}

/// Parts that each wait for the others to be asked for.
struct Meeting {
    asked: Mutex<BTreeSet<Scope>>,
    expected: usize,
}

const PARTS: usize = 5;

impl Meeting {
    fn of(expected: usize) -> Self {
        Self {
            asked: Mutex::default(),
            expected,
        }
    }

    /// Comes back when all parts were asked for; gives up after so many looks.
    async fn all_are_here(&self) -> Result<(), SourceError> {
        let mut looks = 0;
        std::future::poll_fn(|context| {
            looks += 1;
            if self.asked.lock().unwrap().len() == self.expected {
                return Poll::Ready(Ok(()));
            }
            if looks > 1_000 {
                return Poll::Ready(Err(SourceError::Throttled));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

#[async_trait]
impl Source for Meeting {
    async fn scopes(&self) -> Result<Vec<Scope>, SourceError> {
        let region = |at: usize| Scope {
            account: "1".to_owned(),
            provider: Provider::Aws,
            region: format!("region-{at}"),
        };
        Ok((0..PARTS).rev().map(region).collect())
    }

    async fn key_pairs(&self, _: &Scope) -> Result<Vec<KeyPair>, SourceError> {
        Ok(Vec::new())
    }

    async fn page(&self, scope: &Scope, _: Option<&Cursor>) -> Result<FoundPage, SourceError> {
        self.asked.lock().unwrap().insert(scope.clone());
        self.all_are_here().await?;
        Ok(FoundPage::default())
    }
}

#[test]
fn parts_are_read_at_the_same_time_and_told_in_the_order_of_their_names() {
    let found = all(&Meeting::of(PARTS));
    assert_eq!(found.failed, vec![]);
    let regions: Vec<&str> = found.complete.iter().map(|scope| &*scope.region).collect();
    let expected = ["region-0", "region-1", "region-2", "region-3", "region-4"];
    assert_eq!(regions, expected);
}

#[test]
fn a_discovery_that_is_dropped_tells_what_was_not_read() {
    let source = Meeting::of(PARTS + 1);
    let mut progress = Progress::default();
    {
        let mut discovery = std::pin::pin!(discover(&source, &mut progress, &|_| true));
        let mut context = Context::from_waker(Waker::noop());
        assert!(discovery.as_mut().poll(&mut context).is_pending());
    }
    let failed = progress.into_discovery().failed;
    assert_eq!(failed.len(), PARTS);
}

#[test]
fn a_part_whose_cursor_is_lost_is_read_anew() {
    struct Forgetful(Recorded, Mutex<usize>);
    #[async_trait]
    impl Source for Forgetful {
        async fn scopes(&self) -> Result<Vec<Scope>, SourceError> {
            self.0.scopes().await
        }

        async fn key_pairs(&self, scope: &Scope) -> Result<Vec<KeyPair>, SourceError> {
            self.0.key_pairs(scope).await
        }

        async fn page(
            &self,
            scope: &Scope,
            after: Option<&Cursor>,
        ) -> Result<FoundPage, SourceError> {
            let mut pages = self.1.lock().unwrap();
            *pages += 1;
            if *pages == 2 {
                return Err(SourceError::CursorLost);
            }
            block_on(self.0.page(scope, after))
        }
    }
    let servers: Vec<String> = (0..1_500)
        .map(|at| format!(r#"{{"ID":"s-{at}","Status":"ACTIVE"}}"#))
        .collect();
    let text = format!("[{}]", servers.join(","));
    let source = Forgetful(recorded(text.as_bytes(), &openstack()), Mutex::new(0));
    let mut progress = Progress::default();
    block_on(discover(&source, &mut progress, &|_| true)).unwrap();
    assert_eq!(
        (progress.found().hosts.len(), progress.found().failed.len()),
        (0, 1)
    );
    block_on(discover(&source, &mut progress, &|_| true)).unwrap();
    assert_eq!(
        (progress.found().hosts.len(), distinct(progress.found())),
        (1_500, 1_500)
    );
}

#[test]
fn a_part_of_which_only_some_machines_were_asked_for_is_not_seen_whole() {
    struct Selecting(Recorded);
    #[async_trait]
    impl Source for Selecting {
        async fn scopes(&self) -> Result<Vec<Scope>, SourceError> {
            self.0.scopes().await
        }

        async fn key_pairs(&self, scope: &Scope) -> Result<Vec<KeyPair>, SourceError> {
            self.0.key_pairs(scope).await
        }

        async fn page(
            &self,
            scope: &Scope,
            after: Option<&Cursor>,
        ) -> Result<FoundPage, SourceError> {
            let page = self.0.page(scope, after).await?;
            Ok(FoundPage {
                is_selection: true,
                ..page
            })
        }
    }
    let source = Selecting(recorded(
        br#"[{"ID":"s-1","Status":"ACTIVE"}]"#,
        &openstack(),
    ));
    let found = all(&source);
    assert_eq!(
        (
            found.complete.len(),
            found.failed.len(),
            found.selected.len()
        ),
        (0, 0, 1)
    );
}

#[test]
fn what_cannot_be_seen_beside_the_machines_is_told() {
    let found = all(&failing());
    let lacking: Vec<&str> = found.lacking.iter().map(|(_, what)| &**what).collect();
    let expected = "key pairs: the credentials lack a permission: ec2:DescribeKeyPairs";
    assert_eq!(lacking, [expected, expected]);
}
