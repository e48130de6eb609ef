//! What web servers and the system answer to validation.

use std::time::Duration;

use certlocker_acme::Armed;
use certlocker_acme::validate::{Config, NameServers, judge_answer, judge_redirect, printable};
use certlocker_core::{Identifier, Method, Outcome, Timestamp};

const KEY_AUTHORIZATION: &str = "token-1.thumbprint-1";

/// What a web server sends is stored in printable form, and proves something only if it is the key
/// authorization. The text before the first line feed is the status, what follows the body.
pub(crate) fn http01_answer(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n');
    let (status, body) = data.split_at(end.unwrap_or(0));
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse().ok());
    let body = body.trim_ascii_start();
    let text = match judge_answer(status.unwrap_or(200), body, KEY_AUTHORIZATION) {
        Outcome::Proved => {
            assert_eq!(body.trim_ascii(), KEY_AUTHORIZATION.as_bytes());
            assert!(matches!(status, None | Some(200)));
            printable(data, 80)
        }
        Outcome::Wrong(failure) | Outcome::NoAnswer(failure) => {
            format!("{}{}", failure.detail, failure.observed.unwrap_or_default())
        }
    };
    let shown = |c: char| c == '…' || c == ' ' || c.is_ascii_graphic();
    assert!(text.chars().all(shown), "{text}");
    assert!(text.len() < 1000);
}

/// A redirect that is followed leads to http or https at an allowed port without a user, and its
/// URL written out leads to the same place.
pub(crate) fn redirect(data: &[u8]) {
    let mut config = Config::default();
    (config.http_port, config.tls_port) = (5002, 5001);
    let armed = Armed {
        identifier: Identifier::dns("a.example").expect("it is a name"),
        key_authorization: KEY_AUTHORIZATION.to_owned(),
        method: Method::Http01,
        started: Timestamp::from_seconds(0),
        token: "token-1".to_owned(),
    };
    match judge_redirect(&armed, data, &config) {
        Ok((url, port)) => {
            assert!([5001, 5002].contains(&port), "{url} is dialled at {port}");
            assert!(url.starts_with("http://") || url.starts_with("https://"));
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
            let authority = url.split('/').nth(2).unwrap_or_default();
            assert!(!authority.contains('@'), "{url}");
            if url.len() <= 2000 {
                let again = judge_redirect(&armed, url.as_bytes(), &config);
                assert_eq!(again, Ok((url, port)));
            }
        }
        Err(Outcome::Wrong(failure)) => crate::assert_shown(&failure.detail),
        Err(other) => panic!("a redirect is followed or wrong: {other:?}"),
    }
}

/// Whatever the file says, somebody is asked, at the port of DNS; the same servers written out are
/// read back.
pub(crate) fn resolv_conf(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let servers = NameServers::from_resolv_conf(text, Duration::from_secs(1));
    assert!(!servers.addresses_asked().is_empty());
    let lines: String = servers
        .addresses_asked()
        .iter()
        .map(|server| {
            assert_eq!(server.port(), 53);
            format!("nameserver {}\n", server.ip())
        })
        .collect();
    let again = NameServers::from_resolv_conf(&lines, Duration::from_secs(1));
    assert_eq!(again.addresses_asked(), servers.addresses_asked());
}
