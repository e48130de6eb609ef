//! Who signs: a key, the metadata service, roles one after the other.

use certlocker_core::Secret;
use certlocker_import::credentials::aws;
use certlocker_import::source::aws::{Ec2, Ec2Error, Identity, InvalidOption, Options};
use certlocker_import::source::{Source, SourceError};

use crate::answers::{ACCOUNT, KEY, SECRET, options, sts_error, usual};
use crate::server::{Answer, Reply, Request, Server};

const CHAIN: &str = "
[default]
aws_access_key_id=AKIAQWERTYUIOPASDFGH
aws_secret_access_key=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
[profile first]
role_arn=arn:aws:iam::111122223333:role/first
source_profile=default
external_id=told-by-them
duration_seconds=900
role_session_name=me
[profile second]
role_arn=arn:aws:iam::444455556666:role/second
source_profile=first
[profile machine]
role_arn=arn:aws:iam::444455556666:role/second
credential_source=Ec2InstanceMetadata
[profile device]
role_arn=arn:aws:iam::444455556666:role/second
source_profile=default
mfa_serial=arn:aws:iam::111122223333:mfa/me
";

fn named(name: &str) -> Identity {
    Identity::of(&aws(CHAIN.as_bytes()), name).unwrap()
}

/// A token is longer than anything else.
fn token(name: &str) -> String {
    format!("token-of-{name}{}", "/xyz".repeat(30))
}

/// Keys of a role, named after it.
pub(crate) fn assumed(request: &Request) -> Answer {
    let arn = request.parameter("RoleArn").unwrap();
    let name = arn.split('/').next_back().unwrap().to_uppercase();
    let body = format!(
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:me</AssumedRoleId><Arn>{arn}/me</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA{name}</AccessKeyId><SecretAccessKey>secret-of-{name}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"#,
        token(&name)
    );
    Answer::new(200, body)
}

pub(crate) fn cloud(request: &Request) -> Reply {
    match request.action().as_str() {
        "AssumeRole" => assumed(request).into(),
        _ => usual(request).into(),
    }
}

/// The metadata service of a machine, as [IMDSv2](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html):
/// nothing without a token, which is asked for with PUT.
pub(crate) fn metadata(request: &Request) -> Reply {
    const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
    let path = request.path.as_str();
    if (request.method.as_str(), path) == ("PUT", "/latest/api/token") {
        let ttl = request.header(TTL).unwrap().to_owned();
        return Answer::new(200, "token-of-metadata").with(TTL, ttl).into();
    }
    if request.header("x-aws-ec2-metadata-token") != Some("token-of-metadata") {
        return Answer::new(401, "").into();
    }
    match path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
        Some("") => Answer::new(200, "worker").into(),
        Some("worker") => {
            let body = format!(
                r#"{{"Code":"Success","LastUpdated":"2026-11-25T07:00:00Z","Type":"AWS-HMAC","AccessKeyId":"ASIAMACHINE","SecretAccessKey":"secret-of-MACHINE","Token":"{}","Expiration":"2099-01-01T00:00:00Z"}}"#,
                token("MACHINE")
            );
            Answer::new(200, body).into()
        }
        _ => Answer::new(404, "").into(),
    }
}

fn key_of(request: &Request) -> &str {
    let text = request.header("authorization").unwrap();
    let text = text.split("Credential=").nth(1).unwrap();
    text.split('/').next().unwrap()
}

fn token_of(request: &Request) -> Option<&str> {
    request.header("x-amz-security-token")
}

async fn signed_by(
    server: &Server,
    identity: &Identity,
    options: Options,
) -> (String, Option<String>) {
    let source = Ec2::new(identity, options).unwrap();
    let scopes = source.scopes().await.unwrap();
    source.page(&scopes[0], None).await.unwrap();
    let asked = server.seen("DescribeInstances").pop().unwrap();
    (
        key_of(&asked).to_owned(),
        token_of(&asked).map(str::to_owned),
    )
}

#[tokio::test]
async fn a_key_signs_by_itself_and_is_sent_with_its_token() {
    let server = Server::start(cloud).await;
    let signed = signed_by(&server, &named("default"), options(&server, &["us-east-1"])).await;
    assert_eq!(signed, (KEY.to_owned(), None));

    let token = "FwoGZXIvYXdzEBYaD".repeat(7);
    let text = format!(
        "export AWS_ACCESS_KEY_ID=ASIAQWERTYUIOPASDFGH AWS_SECRET_ACCESS_KEY={SECRET} AWS_SESSION_TOKEN={token}"
    );
    let reading = aws(text.as_bytes());
    let identity = Identity::of(&reading, &reading.found[0].name).unwrap();
    let signed = signed_by(&server, &identity, options(&server, &["us-east-1"])).await;
    assert_eq!(signed, ("ASIAQWERTYUIOPASDFGH".to_owned(), Some(token)));
}

#[tokio::test]
async fn a_role_is_assumed_with_the_one_before_it() {
    let server = Server::start(cloud).await;
    let signed = signed_by(&server, &named("second"), options(&server, &["us-east-1"])).await;
    let expected = ("ASIASECOND".to_owned(), Some(token("SECOND")));
    assert_eq!(signed, expected);
    let asked = server.seen("AssumeRole");
    let by: Vec<&str> = asked.iter().map(key_of).collect();
    assert_eq!(by, [KEY, "ASIAFIRST"], "once for all that is asked");
    let parameter = |name: &str| asked[0].parameter(name);
    assert_eq!(parameter("ExternalId").as_deref(), Some("told-by-them"));
    assert_eq!(parameter("DurationSeconds").as_deref(), Some("900"));
    assert_eq!(parameter("RoleSessionName").as_deref(), Some("me"));
    assert_eq!(asked[1].parameter("ExternalId"), None);
}

#[tokio::test]
async fn the_metadata_service_gives_its_keys_for_a_token_only() {
    let server = Server::start(cloud).await;
    let service = Server::start(metadata).await;
    let mut at = options(&server, &["us-east-1"]);
    at.metadata_endpoint = Some(service.url());
    let signed = signed_by(&server, &Identity::instance_profile(), at).await;
    let expected = ("ASIAMACHINE".to_owned(), Some(token("MACHINE")));
    assert_eq!(signed, expected);

    let mut at = options(&server, &["us-east-1"]);
    at.metadata_endpoint = Some(service.url());
    let signed = signed_by(&server, &named("machine"), at).await;
    assert_eq!(signed.0, "ASIASECOND");
    assert_eq!(key_of(&server.seen("AssumeRole")[0]), "ASIAMACHINE");
}

async fn failure(identity: &Identity, options: Options) -> SourceError {
    let source = Ec2::new(identity, options).unwrap();
    source.scopes().await.unwrap_err()
}

#[tokio::test]
async fn a_machine_without_a_role_has_no_credentials() {
    let server = Server::start(cloud).await;
    let service = Server::start(|request| match request.path.as_str() {
        "/latest/meta-data/iam/security-credentials/" => Answer::new(404, "").into(),
        _ => metadata(request),
    })
    .await;
    let mut at = options(&server, &["us-east-1"]);
    at.metadata_endpoint = Some(service.url());
    let error = failure(&Identity::instance_profile(), at).await;
    assert!(
        matches!(&error, SourceError::NoIdentity(why) if why.contains("404")),
        "{error}"
    );
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_a_missing_permission() {
    let server = Server::start(|request| match request.action().as_str() {
        "AssumeRole" => sts_error(
            403,
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/importer is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/first",
        )
        .into(),
        _ => usual(request).into(),
    })
    .await;
    let error = failure(&named("first"), options(&server, &["us-east-1"])).await;
    let expected = SourceError::Denied(format!("sts:AssumeRole at {}", server.url()));
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_role_with_a_device_needs_its_code() {
    let server = Server::start(cloud).await;
    let error = failure(&named("device"), options(&server, &["us-east-1"])).await;
    assert!(
        matches!(&error, SourceError::NoIdentity(why) if why.contains("code")),
        "{error}"
    );
    assert_eq!(server.seen("AssumeRole").len(), 0);

    let mut with_code = options(&server, &["us-east-1"]);
    with_code.mfa_code = Some(Secret::new(b"123456".to_vec()));
    signed_by(&server, &named("device"), with_code).await;
    let asked = server.seen("AssumeRole");
    assert_eq!(asked[0].parameter("TokenCode").as_deref(), Some("123456"));
    let serial = asked[0].parameter("SerialNumber");
    assert_eq!(serial.as_deref(), Some("arn:aws:iam::111122223333:mfa/me"));
}

#[tokio::test]
async fn a_key_that_is_over_is_not_sent() {
    let server = Server::start(cloud).await;
    let token = "FwoGZXIvYXdzEBYaD".repeat(7);
    let text = format!(
        r#"{{"Credentials":{{"AccessKeyId":"ASIAQWERTYUIOPASDFGH","SecretAccessKey":"{SECRET}","SessionToken":"{token}","Expiration":"2020-01-01T00:00:00Z"}}}}"#
    );
    let reading = aws(text.as_bytes());
    let identity = Identity::of(&reading, &reading.found[0].name).unwrap();
    let error = failure(&identity, options(&server, &["us-east-1"])).await;
    assert_eq!(error, SourceError::Expired);
    assert_eq!(server.seen("GetCallerIdentity").len(), 0);
}

#[tokio::test]
async fn an_account_that_is_given_is_not_asked_for() {
    let server = Server::start(cloud).await;
    let mut given = options(&server, &["us-east-1"]);
    given.account = Some("999988887777".to_owned());
    let source = Ec2::new(&named("default"), given).unwrap();
    assert_eq!(source.scopes().await.unwrap()[0].account, "999988887777");
    assert_eq!(server.seen("GetCallerIdentity").len(), 0);
}

#[tokio::test]
async fn every_region_that_is_enabled_is_a_part_unless_some_are_named() {
    let server = Server::start(cloud).await;
    for (named_regions, expected) in [
        (&[][..], &["eu-west-1", "us-east-1"][..]),
        (&["us-east-1"], &["us-east-1"]),
    ] {
        let source = Ec2::new(&named("default"), options(&server, named_regions)).unwrap();
        let scopes = source.scopes().await.unwrap();
        let regions: Vec<&str> = scopes.iter().map(|scope| &*scope.region).collect();
        assert_eq!(regions, expected);
        assert!(scopes.iter().all(|scope| scope.account == ACCOUNT));
    }
}

#[tokio::test]
async fn a_zone_is_no_region_and_nothing_is_sent_to_it() {
    let server = Server::start(cloud).await;
    let error = Ec2::new(&named("default"), options(&server, &["eu-west-1a"])).unwrap_err();
    assert!(
        matches!(error, Ec2Error::Option(InvalidOption::Zone { .. })),
        "{error}"
    );
}
