use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use certlocker_audit::http::{Answer, Post, Request};
use certlocker_audit::sink::conformance::{Fresh, records};
use certlocker_audit::sink::{AuditSink, Format, WebhookSink, signature};
use certlocker_core::Secret;
use pollster::block_on;

/// A receiver that answers with this.
pub(crate) struct Receiver(
    pub(crate) Mutex<Vec<Request>>,
    pub(crate) Result<Answer, String>,
);

#[async_trait]
impl Post for Receiver {
    async fn post(&self, request: Request) -> Result<Answer, String> {
        self.0.lock().unwrap().push(request);
        self.1.clone()
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        media_type: "application/json".to_owned(),
        body: body.as_bytes().to_vec(),
    }
}

fn sink(answered: Result<Answer, String>) -> (Arc<Receiver>, WebhookSink) {
    let receiver = Arc::new(Receiver(Mutex::default(), answered));
    let key = Secret::new(b"key".to_vec());
    let sink = WebhookSink::new(
        "https://h.example/s3cret",
        key,
        receiver.clone(),
        Format::Canonical,
    );
    (receiver, sink)
}

fn fresh() -> Fresh {
    let (receiver, sink) = sink(Ok(answer(204, "")));
    let received = move || {
        let requests = receiver.0.lock().unwrap();
        let bodies = requests
            .iter()
            .flat_map(|one| one.body.split_inclusive(|byte| *byte == b'\n'));
        bodies.map(|line| line[..line.len() - 1].to_vec()).collect()
    };
    Fresh::new(Arc::new(sink), received, crate::run)
}

certlocker_audit::sink_conformance!(fresh);

/// `printf 'what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe`, RFC 4231 section 4.3.
#[test]
fn the_mac_is_the_known_one() {
    let key = Secret::new(b"Jefe".to_vec());
    let expect = "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(signature(&key, b"what do ya want for nothing?"), expect);
}

#[test]
fn a_request_says_which_records_it_has_and_who_sent_it() {
    let (receiver, sink) = sink(Ok(answer(200, "")));
    block_on(sink.deliver(&records(&["a"; 5])[1..])).unwrap();
    let requests = receiver.0.lock().unwrap();
    let header = |name| {
        let mut headers = requests[0].headers.iter();
        headers.find(|(known, _)| *known == name).unwrap().1.clone()
    };
    assert_eq!(header("certlocker-sequence"), "2-5");
    let expect = signature(&Secret::new(b"key".to_vec()), &requests[0].body);
    assert_eq!(header("certlocker-signature"), expect);
}

#[test]
fn anything_but_success_is_an_error_that_says_what_was_seen() {
    for (answered, said) in [
        (Ok(answer(500, "")), "status 500"),
        (Ok(answer(302, "")), "status 302"),
        (Err("refused".to_owned()), "refused"),
    ] {
        let (_, sink) = sink(answered);
        let error = block_on(sink.deliver(&records(&["a"])))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(said) && error.contains("https://h.example"),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
}
