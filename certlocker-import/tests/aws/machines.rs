//! What is seen of a machine.

use std::collections::BTreeSet;

use certlocker_core::Timestamp;
use certlocker_core::host::Power;
use certlocker_import::found::{Discovery, FoundHost};
use certlocker_import::source::aws::Ec2;
use certlocker_import::source::{Progress, discover};

use crate::answers::{ec2, ec2_error, instances, key, options, source, usual};
use crate::server::{Reply, Request, Server};

/// Two interfaces, an elastic, a lent and an IPv6 address, a secondary private one, and all the rest.
const MACHINE: &str = r#"<reservationSet><item><reservationId>r-1</reservationId><ownerId>111122223333</ownerId><instancesSet><item>
<instanceId>i-0123456789abcdef0</instanceId><imageId>ami-1</imageId>
<instanceState><code>80</code><name>stopped</name></instanceState>
<privateDnsName>ip-10-0-0-1.eu-west-1.compute.internal</privateDnsName><dnsName>ec2-203-0-113-1.eu-west-1.compute.amazonaws.com</dnsName>
<keyName>deploy</keyName><launchTime>2026-01-02T03:04:05.000Z</launchTime>
<placement><availabilityZone>us-east-1a</availabilityZone></placement>
<platformDetails>Red Hat Enterprise Linux</platformDetails>
<subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
<groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet>
<tagSet><item><key>Name</key><value>web &amp; more</value></item><item><key>aws:autoscaling:groupName</key><value>web-asg</value></item><item><key>empty</key><value/></item></tagSet>
<operator><managed>true</managed><principal>eks.amazonaws.com</principal></operator>
<networkInterfaceSet>
<item><privateDnsName>ip-10-0-0-1.eu-west-1.compute.internal</privateDnsName>
<groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet>
<privateIpAddressesSet>
<item><privateIpAddress>10.0.0.1</privateIpAddress><primary>true</primary><association><publicIp>203.0.113.1</publicIp><publicDnsName>ec2-203-0-113-1.eu-west-1.compute.amazonaws.com</publicDnsName><ipOwnerId>111122223333</ipOwnerId></association></item>
<item><privateIpAddress>10.0.0.2</privateIpAddress><privateDnsName>ip-10-0-0-2.eu-west-1.compute.internal</privateDnsName></item>
</privateIpAddressesSet></item>
<item><groupSet><item><groupId>sg-2</groupId><groupName>backup</groupName></item></groupSet>
<privateIpAddressesSet><item><privateIpAddress>10.1.0.1</privateIpAddress><association><publicIp>203.0.113.9</publicIp><publicDnsName/><ipOwnerId>amazon</ipOwnerId></association></item></privateIpAddressesSet>
<ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item></ipv6AddressesSet></item>
</networkInterfaceSet></item></instancesSet></item></reservationSet>"#;

const IMAGES: &str = r#"<imagesSet><item><imageId>ami-1</imageId><name>golden</name><imageOwnerId>309956199498</imageOwnerId></item></imagesSet>"#;

const PAIRS: &str = r#"<keySet><item><keyPairId>key-1</keyPairId><keyName>deploy</keyName><keyType>ed25519</keyType><keyFingerprint>UNj+1RzX7JBYfDYLkBAHYxG2bpS7gG5ELn5T/9zW3Ls=</keyFingerprint><createTime>2026-01-01T00:00:00.000Z</createTime></item></keySet>"#;

fn rich(request: &Request) -> Reply {
    let answer = match request.action().as_str() {
        "DescribeImages" => ec2("DescribeImages", IMAGES),
        "DescribeInstances" => ec2("DescribeInstances", MACHINE),
        "DescribeKeyPairs" => ec2("DescribeKeyPairs", PAIRS),
        _ => usual(request),
    };
    answer.into()
}

async fn found(source: &Ec2) -> Discovery {
    let mut progress = Progress::default();
    discover(source, &mut progress, &|_| true).await.unwrap();
    progress.into_discovery()
}

fn addresses(host: &FoundHost) -> Vec<String> {
    let all = host.facts.addresses.iter();
    all.map(|at| format!("{} {:?}", at.ip, at.kind)).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn everything_that_tells_something_about_a_machine_is_seen() {
    let server = Server::start(rich).await;
    let found = found(&source(&server, &["us-east-1"])).await;
    let host = &found.hosts[0];
    assert_eq!(
        host.cloud.to_string(),
        "aws/111122223333/us-east-1/i-0123456789abcdef0"
    );
    assert_eq!(
        addresses(host),
        [
            "10.0.0.1 Private",
            "10.0.0.2 Private",
            "10.1.0.1 Private",
            "203.0.113.1 Floating",
            "203.0.113.9 Public",
            "2001:db8::1 Public"
        ]
    );
    let names = [
        "ip-10-0-0-1.eu-west-1.compute.internal",
        "ip-10-0-0-2.eu-west-1.compute.internal",
        "ec2-203-0-113-1.eu-west-1.compute.amazonaws.com",
    ];
    assert_eq!(host.facts.hostnames, set(&names));
    assert_eq!(
        host.facts.launched,
        Timestamp::parse("2026-01-02T03:04:05Z").ok()
    );
    assert_eq!(host.facts.power, Power::Stopped);
    let text = |text: &Option<String>| text.clone().unwrap();
    assert_eq!(text(&host.facts.image), "ami-1");
    assert_eq!(text(&host.facts.key_pair), "deploy");
    assert_eq!(text(&host.facts.platform), "Red Hat Enterprise Linux");
    assert_eq!(text(&host.image_name), "golden");
    assert_eq!(text(&host.image_owner), "309956199498");
    assert_eq!(text(&host.managed_by), "eks.amazonaws.com");
    assert_eq!(text(&host.name), "web & more");
    assert_eq!(
        (text(&host.network), text(&host.subnet)),
        ("vpc-1".to_owned(), "subnet-1".to_owned())
    );
    assert_eq!(text(&host.scaling_group), "web-asg");
    assert_eq!(host.security_groups, ["backup", "web"]);
    assert_eq!(host.tags["empty"], "");
    let (_, pair) = &found.key_pairs[0];
    assert_eq!(pair.name, "deploy");
    assert!(pair.fingerprint.is_some() && pair.created.is_some());
}

#[tokio::test]
async fn an_image_is_asked_for_once_and_by_a_filter() {
    let server = Server::start(rich).await;
    let source = source(&server, &["us-east-1"]);
    found(&source).await;
    found(&source).await;
    let asked = server.seen("DescribeImages");
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].parameter("Filter.1.Name").as_deref(),
        Some("image-id")
    );
    assert_eq!(
        asked[0].parameter("Filter.1.Value.1").as_deref(),
        Some("ami-1")
    );
}

#[tokio::test]
async fn machines_are_seen_without_the_permissions_for_the_rest_which_is_told() {
    let server = Server::start(|request| match request.action().as_str() {
        "DescribeImages" | "DescribeKeyPairs" => {
            ec2_error(403, "UnauthorizedOperation", "You are not authorized.").into()
        }
        _ => rich(request),
    })
    .await;
    let found = found(&source(&server, &["us-east-1"])).await;
    assert_eq!((found.hosts.len(), found.complete.len()), (1, 1));
    assert_eq!(found.hosts[0].image_name, None);
    let lacking: Vec<&str> = found.lacking.iter().map(|(_, what)| &**what).collect();
    for (what, permission) in lacking
        .iter()
        .zip(["ec2:DescribeKeyPairs", "ec2:DescribeImages"])
    {
        assert!(what.contains(permission), "{what}");
    }
    assert_eq!(lacking.len(), 2);
}

#[tokio::test]
async fn of_a_selection_nothing_is_concluded_from_what_is_missing() {
    let server = Server::start(|request| match request.action().as_str() {
        "DescribeInstances" => instances(&["i-1"], None).into(),
        _ => usual(request).into(),
    })
    .await;
    let mut some = options(&server, &["us-east-1"]);
    some.filters = vec!["tag:env=prod,test".parse().unwrap()];
    let found = found(&Ec2::new(&key(), some).unwrap()).await;
    assert_eq!((found.complete.len(), found.selected.len()), (0, 1));
    let asked = &server.seen("DescribeInstances")[0];
    let parameter = |name: &str| asked.parameter(name).unwrap();
    assert_eq!(parameter("Filter.1.Name"), "tag:env");
    assert_eq!(parameter("Filter.1.Value.2"), "test");
}
