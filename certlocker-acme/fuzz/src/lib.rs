//! Fuzz targets for everything that reads what comes from outside, each a function that asserts
//! what has to hold whatever it is given.
//!
//! `scripts/fuzz` runs them; `cargo test` feeds each with its seeds.

mod certificates;
mod import;
mod jose;
mod names;
mod network;
mod payloads;
mod probe;
mod scene;
mod stored;

#[cfg(test)]
mod seeds;

/// What a target does with an input; it panics when something does not hold.
pub type Target = fn(&[u8]);

macro_rules! targets {
    ($($module:ident: $($name:ident),+;)+) => {
        /// Every target with its name, which is also the folder of its seeds.
        pub const TARGETS: &[(&str, Target)] = &[$($((stringify!($name), $module::$name),)+)+];

        #[cfg(test)]
        mod fed_with_seeds {
            $($(#[test] fn $name() { crate::seeds::feed(stringify!($name), crate::$module::$name); })+)+
        }
    };
}

targets! {
    certificates: csr, csr_attributes, leaf, tls_alpn_certificate;
    import: aws_credentials, openstack_clouds_yaml, openstack_openrc, private_key, recorded_answers, ssh_key;
    jose: external_account_binding, jwk, jws, jws_altered, key_change;
    names: identifier, route, scope_pattern, timestamp, token, token_scope;
    network: http01_answer, redirect, resolv_conf;
    payloads: account_update, authorization_update, challenge_response, finalize, key_change_request, new_account, new_order, revoke_cert;
    probe: served_chain, server_flight, staple, starttls;
    stored: record, sealed, snapshot;
}

/// Fails unless `text` may be shown and stored: bounded, and without control characters.
fn assert_shown(text: &str) {
    const LONGEST: usize = 16 * 1024;
    assert!(!text.is_empty(), "there is nothing to read");
    assert!(text.len() <= LONGEST, "{} bytes: {text:.200}", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// Whether `part` lies inside of `whole`, octet for octet.
fn is_inside(part: &[u8], whole: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}
