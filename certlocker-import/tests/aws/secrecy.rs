//! Nothing secret comes to light, however much is logged and whatever the other side answers.

use std::io::Write;
use std::sync::{Arc, Mutex};

use certlocker_core::Secret;
use certlocker_import::credentials::aws;
use certlocker_import::source::Source;
use certlocker_import::source::aws::{Ec2, Identity};
use tracing_subscriber::fmt::MakeWriter;

use crate::answers::{KEY, SECRET, ec2_error, options, sts_error};
use crate::identity::{cloud, metadata};
use crate::server::{Reply, Request, Server};

const TEXT: &str = "
[default]
aws_access_key_id=ASIAQWERTYUIOPASDFGH
aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzCANARYz
aws_session_token=TOKEN
[profile role]
role_arn=arn:aws:iam::444455556666:role/second
source_profile=default
external_id=told-by-them
mfa_serial=arn:aws:iam::111122223333:mfa/me
";

fn token() -> String {
    "FwoGZXIvYXdzCANARY".repeat(7)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything that is logged on this thread, at the finest.
fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let everything = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(everything);
    (log, guard)
}

/// Answers every question about machines with all that it was sent.
fn gossip(request: &Request) -> Reply {
    let headers: Vec<String> = request.headers.values().cloned().collect();
    let all = format!("{} {}", headers.join(" "), request.body);
    match request.action().as_str() {
        "AssumeRole" | "GetCallerIdentity" => cloud(request),
        "DescribeKeyPairs" => sts_error(400, "Odd", &all).into(),
        _ => ec2_error(400, "Odd", &all).into(),
    }
}

fn assert_secret(shown: &str) {
    for secret in [
        SECRET,
        &token(),
        &token()[..40],
        "secret-of-",
        "token-of-",
        "told-by-them",
        "918273",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// Asks for all that there is, and gives what was shown on the way.
async fn shown(identity: &Identity, server: &Server, service: &Server) -> String {
    let mut options = options(server, &["us-east-1"]);
    options.mfa_code = Some(Secret::new(b"918273".to_vec()));
    options.metadata_endpoint = Some(service.url());
    let mut shown = vec![format!("{identity:?} {options:?}")];
    let source = Ec2::new(identity, options).unwrap();
    shown.push(format!("{source:?}"));
    match source.scopes().await {
        Ok(scopes) => {
            let pairs = source.key_pairs(&scopes[0]).await.unwrap_err();
            let page = source.page(&scopes[0], None).await.unwrap_err();
            shown.push(format!("{pairs} {pairs:?} {page} {page:?}"));
        }
        Err(error) => shown.push(format!("{error} {error:?}")),
    }
    shown.join("\n")
}

#[tokio::test]
async fn nothing_secret_is_logged_shown_or_quoted_back() {
    let (log, _listening) = listen();
    let server = Server::start(gossip).await;
    let service = Server::start(metadata).await;
    let text = TEXT.replace("TOKEN", &token());
    let reading = aws(text.as_bytes());
    for identity in [
        Identity::of(&reading, "default").unwrap(),
        Identity::of(&reading, "role").unwrap(),
        Identity::instance_profile(),
    ] {
        assert_secret(&shown(&identity, &server, &service).await);
    }
    let refused =
        Server::start(|request| sts_error(403, "AccessDenied", &request.body).into()).await;
    let identity = Identity::of(&reading, "role").unwrap();
    assert_secret(&shown(&identity, &refused, &service).await);
    assert!(!server.seen("DescribeInstances").is_empty());
    tracing::info!("this is heard");
    assert!(log.text().contains("this is heard"));
    assert_secret(&log.text());
    assert!(!log.text().contains(KEY));
}
