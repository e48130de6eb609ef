//! Any bytes where a certificate of tls-alpn-01 should be are judged without a panic.
#![no_main]

use certlocker_acme::validate::judge_certificate;
use certlocker_core::Identifier;
use libfuzzer_sys::fuzz_target;

const KEY_AUTHORIZATION: &str = "token-1.thumbprint-1";

fuzz_target!(|data: &[u8]| {
    for identifier in ["dns:a.example", "ip:192.0.2.1", "ip:2001:db8::1"] {
        let identifier = Identifier::try_from(identifier.to_owned()).expect("it is canonical");
        if let Err(failure) = judge_certificate(data, &identifier, KEY_AUTHORIZATION) {
            assert!(!failure.detail.is_empty());
            assert!(failure.detail.len() < 1000, "{}", failure.detail);
            assert!(failure.observed.is_none_or(|text| text.len() < 1000));
        }
    }
});
