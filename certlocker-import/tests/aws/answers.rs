//! Answers in the form in which EC2 and STS give them, and a source that asks.

use std::time::Duration;

use certlocker_import::credentials::aws;
use certlocker_import::source::aws::{Ec2, Identity, Options};

use crate::server::{Answer, Request, Server};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const KEY: &str = "AKIAQWERTYUIOPASDFGH";
pub(crate) const SECRET: &str = "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";

/// An answer of EC2 to an action.
pub(crate) fn ec2(action: &str, inside: &str) -> Answer {
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>8f7724cf-496f-496e-8fe3-example</requestId>{inside}</{action}Response>"#
    );
    Answer::new(200, body).with("content-type", "text/xml;charset=UTF-8")
}

/// A refusal of EC2.
pub(crate) fn ec2_error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>8f7724cf-496f-496e-8fe3-example</RequestID></Response>"#
    );
    Answer::new(status, body).with("content-type", "text/xml;charset=UTF-8")
}

/// A refusal of STS.
pub(crate) fn sts_error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>8f7724cf-496f-496e-8fe3-example</RequestId></ErrorResponse>"#
    );
    Answer::new(status, body).with("content-type", "text/xml")
}

pub(crate) fn identity() -> Answer {
    let body = format!(
        r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/importer</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>8f7724cf</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#
    );
    Answer::new(200, body)
}

/// A page with machines of these ids.
pub(crate) fn instances(ids: &[&str], next: Option<&str>) -> Answer {
    let item = |id: &&str| {
        format!(
            "<item><instanceId>{id}</instanceId><instanceState><code>16</code><name>running</name></instanceState></item>"
        )
    };
    let items: String = ids.iter().map(item).collect();
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>"));
    let set = format!(
        "<reservationSet><item><reservationId>r-1</reservationId><ownerId>{ACCOUNT}</ownerId><instancesSet>{items}</instancesSet></item></reservationSet>{}",
        next.unwrap_or_default()
    );
    ec2("DescribeInstances", &set)
}

/// What every account has, and nothing else.
pub(crate) fn usual(request: &Request) -> Answer {
    match request.action().as_str() {
        "GetCallerIdentity" => identity(),
        "DescribeRegions" => ec2(
            "DescribeRegions",
            "<regionInfo><item><regionName>us-east-1</regionName></item><item><regionName>eu-west-1</regionName></item></regionInfo>",
        ),
        "DescribeInstances" => instances(&["i-1"], None),
        action => ec2(action, ""),
    }
}

/// Options that ask the server, and do not wait long.
pub(crate) fn options(server: &Server, regions: &[&str]) -> Options {
    Options {
        attempts: 3,
        attempt_timeout: Duration::from_secs(20),
        endpoint: Some(server.url()),
        pause: Duration::from_millis(1),
        pause_limit: Duration::from_millis(5),
        regions: regions.iter().map(ToString::to_string).collect(),
        ..Options::default()
    }
}

pub(crate) fn key() -> Identity {
    let text = format!("[default]\naws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n");
    Identity::of(&aws(text.as_bytes()), "default").unwrap()
}

pub(crate) fn source(server: &Server, regions: &[&str]) -> Ec2 {
    Ec2::new(&key(), options(server, regions)).unwrap()
}
