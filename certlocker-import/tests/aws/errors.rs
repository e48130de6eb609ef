//! Each way in which EC2 does not answer, told by what can be done about it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use certlocker_core::host::Provider;
use certlocker_import::found::Scope;
use certlocker_import::source::aws::Ec2;
use certlocker_import::source::{Cursor, Progress, Source, SourceError, discover};

use crate::answers::{ACCOUNT, ec2_error, instances, key, options, source, sts_error, usual};
use crate::server::{Answer, Reply, Request, Server};

fn scope(region: &str) -> Scope {
    Scope {
        account: ACCOUNT.to_owned(),
        provider: Provider::Aws,
        region: region.to_owned(),
    }
}

/// What comes of a page when it is answered like this, after the account was.
async fn page(reply: impl Into<Reply>) -> SourceError {
    let reply = reply.into();
    let server = Server::start(move |request| match request.action().as_str() {
        "DescribeInstances" => reply.clone(),
        _ => usual(request).into(),
    })
    .await;
    let source = source(&server, &["us-east-1"]);
    source.scopes().await.unwrap();
    source.page(&scope("us-east-1"), None).await.unwrap_err()
}

async fn account(answer: Answer) -> SourceError {
    let server = Server::start(move |_| answer.clone().into()).await;
    source(&server, &["us-east-1"]).scopes().await.unwrap_err()
}

#[tokio::test]
async fn a_refusal_says_what_can_be_done_about_it() {
    let not_allowed = "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/importer is not authorized to perform: ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action";
    for (status, code, message, says) in [
        (
            503,
            "RequestLimitExceeded",
            "Request limit exceeded.",
            "asked less often",
        ),
        (
            503,
            "Unavailable",
            "The server is overloaded.",
            "does not answer",
        ),
        (
            500,
            "InternalError",
            "An internal error has occurred",
            "does not answer",
        ),
        (
            403,
            "UnauthorizedOperation",
            not_allowed,
            "lack a permission: ec2:DescribeInstances at",
        ),
        (
            401,
            "OptInRequired",
            "You are not subscribed to this service.",
            "is not enabled",
        ),
        (
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
            "does not accept the credentials: AuthFailure",
        ),
        (
            400,
            "RequestExpired",
            "Request has expired.",
            "have expired",
        ),
        (
            400,
            "RequestTimeTooSkewed",
            "The difference is too large",
            "set the clock",
        ),
        (
            400,
            "InvalidNextToken",
            "The token is not valid.",
            "begins anew",
        ),
        (
            400,
            "InvalidParameterValue",
            "The filter 'x' is invalid",
            "InvalidParameterValue: The filter 'x' is invalid",
        ),
    ] {
        let said = page(ec2_error(status, code, message)).await.to_string();
        assert!(said.contains(says), "{code}: {said}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_no_wrong_secret_and_no_old_token() {
    for (code, message, says) in [
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            "does not know this access key",
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
            "its secret is another",
        ),
        (
            "SignatureDoesNotMatch",
            "Signature expired: 20261125T070000Z is now earlier than 20261125T080000Z",
            "set the clock",
        ),
        (
            "ExpiredToken",
            "The security token included in the request is expired",
            "have expired",
        ),
    ] {
        let said = account(sts_error(403, code, message)).await.to_string();
        assert!(said.contains(says), "{code}: {said}");
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_no_wrong_key() {
    let refusal = "AWS was not able to validate the provided access credentials";
    let answer =
        ec2_error(401, "AuthFailure", refusal).with("date", "Tue, 14 Nov 2023 22:13:20 GMT");
    let error = page(answer).await;
    assert!(
        matches!(&error, SourceError::ClockSkew(by) if by.contains("ahead of")),
        "{error}"
    );
}

#[tokio::test]
async fn a_region_that_refuses_a_key_which_holds_elsewhere_is_not_enabled() {
    let server = Server::start(|request| match request.region() {
        "eu-south-1" => ec2_error(401, "AuthFailure", "not able to validate").into(),
        _ => usual(request).into(),
    })
    .await;
    let source = source(&server, &["us-east-1", "eu-south-1"]);
    let mut progress = Progress::default();
    discover(&source, &mut progress, &|_| true).await.unwrap();
    let found = progress.into_discovery();
    assert_eq!(found.complete, [scope("us-east-1")]);
    let why = SourceError::Disabled.to_string();
    assert_eq!(found.failed, [(scope("eu-south-1"), why)]);
    assert_eq!(found.hosts.len(), 1);
}

#[tokio::test]
async fn what_is_no_ec2_is_told_apart_from_an_answer_that_ends_early() {
    let whole = instances(&["i-1", "i-2"], None);
    let half = Answer::new(200, &whole.body[..whole.body.len() * 8 / 10]);
    for (reply, says) in [
        (
            Reply::from(Answer::new(200, "<html>Welcome</html>")),
            "is not EC2",
        ),
        (Answer::new(404, "not found").into(), "is not EC2"),
        (
            Answer::new(502, "<html>Bad gateway</html>").into(),
            "does not answer",
        ),
        (half.into(), "ends before its end"),
        (
            Reply::Cut(Box::new(whole.into()), 80),
            "ends before its end",
        ),
    ] {
        let said = page(reply.clone()).await.to_string();
        assert!(said.contains(says), "{reply:?}: {said}");
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_who_answers_are_unreachable() {
    let server = Server::start(|request| usual(request).into()).await;
    let mut nowhere = options(&server, &["us-east-1"]);
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nowhere.endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let refused = Ec2::new(&key(), nowhere)
        .unwrap()
        .scopes()
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("Connection refused"),
        "{refused}"
    );

    let mut unknown = options(&server, &["us-east-1"]);
    unknown.endpoint = Some("http://nowhere.invalid".to_owned());
    let unknown = Ec2::new(&key(), unknown)
        .unwrap()
        .scopes()
        .await
        .unwrap_err();
    assert!(matches!(unknown, SourceError::Unreachable(_)), "{unknown}");

    let mut plain = options(&server, &["us-east-1"]);
    plain.endpoint = Some(server.url().replace("http:", "https:"));
    let plain = Ec2::new(&key(), plain).unwrap().scopes().await.unwrap_err();
    assert!(matches!(plain, SourceError::Unreachable(_)), "{plain}");

    let silent = Server::start(|_| Reply::Never).await;
    let mut hasty = options(&silent, &["us-east-1"]);
    hasty.attempt_timeout = Duration::from_millis(50);
    let late = Ec2::new(&key(), hasty).unwrap().scopes().await.unwrap_err();
    assert!(
        matches!(&late, SourceError::Unreachable(why) if why.contains("timeout")),
        "{late}"
    );
}

/// Answers as usual from the third time on.
fn at_first(answer: Answer) -> impl Fn(&Request) -> Reply {
    let asked = AtomicUsize::new(0);
    move |request| match request.action().as_str() {
        "DescribeInstances" if asked.fetch_add(1, Ordering::Relaxed) < 2 => answer.clone().into(),
        _ => usual(request).into(),
    }
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    for answer in [
        ec2_error(503, "RequestLimitExceeded", "Request limit exceeded."),
        ec2_error(503, "Unavailable", "The server is overloaded."),
        Answer::new(502, "<html>Bad gateway</html>"),
    ] {
        let server = Server::start(at_first(answer)).await;
        let source = source(&server, &["us-east-1"]);
        let page = source.page(&scope("us-east-1"), None).await.unwrap();
        assert_eq!(page.hosts.len(), 1);
        assert_eq!(server.seen("DescribeInstances").len(), 3);
    }
}

#[tokio::test]
async fn what_does_not_pass_is_asked_so_often_and_no_more() {
    let throttled = ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.");
    let refused = ec2_error(403, "UnauthorizedOperation", "You are not authorized.");
    for (answer, asked) in [(throttled, 3), (refused, 1)] {
        let server = Server::start(move |_| answer.clone().into()).await;
        let source = source(&server, &["us-east-1"]);
        source.page(&scope("us-east-1"), None).await.unwrap_err();
        assert_eq!(server.seen("DescribeInstances").len(), asked);
    }
}

#[tokio::test]
async fn a_part_goes_on_from_the_page_that_failed() {
    let failed = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let is_page = request.action() == "DescribeInstances";
        match request.parameter("NextToken") {
            None if is_page => instances(&["i-1", "i-2"], Some("two")).into(),
            Some(_) if failed.fetch_add(1, Ordering::Relaxed) < 3 => {
                ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.").into()
            }
            Some(_) => instances(&["i-3"], None).into(),
            None => usual(request).into(),
        }
    })
    .await;
    let source = source(&server, &["us-east-1"]);
    let mut progress = Progress::default();
    discover(&source, &mut progress, &|_| true).await.unwrap();
    let why = SourceError::Throttled.to_string();
    assert_eq!(progress.found().failed, [(scope("us-east-1"), why)]);
    assert_eq!(progress.found().hosts.len(), 2);
    discover(&source, &mut progress, &|_| true).await.unwrap();
    let found = progress.into_discovery();
    assert_eq!((found.complete.len(), found.failed.len()), (1, 0));
    let ids: Vec<&str> = found
        .hosts
        .iter()
        .map(|host| host.cloud.instance())
        .collect();
    assert_eq!(ids, ["i-1", "i-2", "i-3"]);
}

#[tokio::test]
async fn a_cursor_is_sent_as_the_cloud_wrote_it() {
    let server = Server::start(|request| usual(request).into()).await;
    let source = source(&server, &["us-east-1"]);
    let cursor = Cursor::new("a+b/c==&d".to_owned());
    source
        .page(&scope("us-east-1"), Some(&cursor))
        .await
        .unwrap();
    let asked = server.seen("DescribeInstances");
    assert_eq!(
        asked[0].parameter("NextToken").as_deref(),
        Some("a+b/c==&d")
    );
    assert_eq!(asked[0].parameter("MaxResults").as_deref(), Some("1000"));
}
