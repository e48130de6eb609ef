//! What settings that are fine alone owe each other.

use std::time::Duration;

use super::draft::Draft;
use super::error::ConfigError;
use super::table::Settings;

/// Checks the settings against each other.
pub(super) fn check(settings: &Settings, draft: &Draft) -> Result<(), ConfigError> {
    match complaints(settings).next() {
        None => Ok(()),
        Some((field, reason)) => Err(ConfigError::Contradiction {
            key: field.replace('_', "-"),
            reason,
            origin: draft.entry(field).origin.clone(),
        }),
    }
}

fn complaints(settings: &Settings) -> impl Iterator<Item = (&'static str, String)> {
    let missing = settings.listen.is_empty().then(|| {
        (
            "listen",
            "expected at least one address for the gateway, got none".to_owned(),
        )
    });
    missing
        .into_iter()
        .chain(shared_address(settings))
        .chain(token_without_server(settings))
        .chain(sign_in(settings))
        .chain(no_time(settings))
        .chain(too_long(settings))
}

fn shared_address(settings: &Settings) -> Option<(&'static str, String)> {
    let address = settings.operator_listen;
    let shared = address.port() != 0 && settings.listen.contains(&address);
    shared.then(|| {
        (
            "operator_listen",
            format!("{address} is an address of the gateway too; the planes need one each"),
        )
    })
}

fn token_without_server(settings: &Settings) -> Option<(&'static str, String)> {
    let lost = settings.token_file.is_some() && settings.server.is_none();
    lost.then(|| {
        (
            "token_file",
            "a token is of use only together with `server`".to_owned(),
        )
    })
}

fn sign_in(settings: &Settings) -> Option<(&'static str, String)> {
    let given = [
        ("oidc_client_id", settings.oidc_client_id.is_some()),
        (
            "oidc_client_secret_file",
            settings.oidc_client_secret_file.is_some(),
        ),
        ("oidc_role", !settings.oidc_role.is_empty()),
    ];
    let Some(issuer) = &settings.oidc_issuer else {
        let (lost, _) = given.into_iter().find(|(_, given)| *given)?;
        return Some((
            lost,
            "it is of use only together with oidc-issuer".to_owned(),
        ));
    };
    if !cfg!(feature = "oidc") {
        let what = "this program is built without OpenID Connect (feature `oidc`)";
        return Some(("oidc_issuer", what.to_owned()));
    }
    let (missing, _) = given.into_iter().find(|(_, given)| !*given)?;
    let (missing, host) = (missing.replace('_', "-"), issuer.host());
    Some((
        "oidc_issuer",
        format!("to sign in with {host}, {missing} has to be set too"),
    ))
}

fn no_time(settings: &Settings) -> Option<(&'static str, String)> {
    let spans = [
        ("authorization_lifetime", settings.authorization_lifetime),
        ("certificate_validity", settings.certificate_validity),
        ("crl_validity", settings.crl_validity),
        ("handshake_timeout", settings.handshake_timeout),
        ("idle_timeout", settings.idle_timeout),
        ("order_lifetime", settings.order_lifetime),
        ("request_timeout", settings.request_timeout),
        ("validation_retry", settings.validation_retry),
    ];
    let (field, _) = spans
        .into_iter()
        .find(|(_, span)| *span == Duration::ZERO)?;
    Some((field, "expected a span longer than nothing".to_owned()))
}

fn too_long(settings: &Settings) -> Option<(&'static str, String)> {
    let (usual, longest) = (
        settings.certificate_validity,
        settings.max_certificate_validity,
    );
    (usual > longest).then(|| {
        (
            "certificate_validity",
            "expected at most max-certificate-validity, got more".to_owned(),
        )
    })
}
