//! What a web server sends is judged without a panic and stored in printable form.
#![no_main]

use certlocker_acme::validate::{judge_answer, printable};
use certlocker_core::Outcome;
use libfuzzer_sys::fuzz_target;

const KEY_AUTHORIZATION: &str = "token-1.thumbprint-1";

// The text before the first line feed is the status, what follows the body.
fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|&byte| byte == b'\n');
    let (status, body) = data.split_at(end.unwrap_or(0));
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse().ok());
    let outcome = judge_answer(
        status.unwrap_or(200),
        body.trim_ascii_start(),
        KEY_AUTHORIZATION,
    );
    let text = match &outcome {
        Outcome::Proved => {
            assert_eq!(body.trim_ascii(), KEY_AUTHORIZATION.as_bytes());
            assert!(matches!(status, None | Some(200)));
            printable(data, 80)
        }
        Outcome::Wrong(failure) | Outcome::NoAnswer(failure) => {
            format!(
                "{}{}",
                failure.detail,
                failure.observed.as_deref().unwrap_or_default()
            )
        }
    };
    let shown = |c: char| c == '…' || c == ' ' || c.is_ascii_graphic();
    assert!(text.chars().all(shown), "{text}");
    assert!(text.len() < 1000);
});
