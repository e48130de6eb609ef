//! Whose accounts people sign in with, and what they are then.

use certlocker_core::Role;
use url::Url;

use super::value::{Misfit, Scalar};

/// The URL of an issuer of OpenID Connect, to the letter: with another slash at its end it is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl(String);

impl IssuerUrl {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its host, for people.
    pub fn host(&self) -> &str {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        rest.split('/').next().unwrap_or(rest)
    }
}

impl Scalar for IssuerUrl {
    const PLACEHOLDER: &'static str = "URL";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let form = "an https URL without `?` and `#`, such as https://idp.example/realms/main";
        let misfit = || Misfit::expected(form, text);
        let url = Url::parse(text).map_err(|_| misfit())?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        match url.scheme() == "https" && plain && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err(misfit()),
        }
    }
}

/// Printable text without blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for Word {
    const PLACEHOLDER: &'static str = "WORD";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err(Misfit::expected("printable text without blanks", text)),
        }
    }
}

/// Which role people have of whom an issuer says something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a rule has three parts")]
pub struct RoleRule {
    /// The name of the claim; a dot stands before a claim inside it.
    pub claim: String,
    /// The role.
    pub role: Role,
    /// What the claim says, or has among others.
    pub value: String,
}

impl Scalar for RoleRule {
    const PLACEHOLDER: &'static str = "CLAIM=VALUE:ROLE";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let form = "a claim, its value and a role (viewer, operator, auditor, admin), such as \
            groups=netops:operator";
        let misfit = || Misfit::expected(form, text);
        let (said, role) = text.rsplit_once(':').ok_or_else(misfit)?;
        let (claim, value) = said.split_once('=').ok_or_else(misfit)?;
        if claim.is_empty() || value.is_empty() {
            return Err(misfit());
        }
        Ok(Self {
            claim: claim.to_owned(),
            role: role.parse().map_err(|_| misfit())?,
            value: value.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_claim_its_value_and_a_role_whatever_else_they_hold() {
        for (text, expect) in [
            (
                "groups=netops:operator",
                Some(("groups", "netops", Role::Operator)),
            ),
            (
                "cognito:groups=a=b:c:admin",
                Some(("cognito:groups", "a=b:c", Role::Admin)),
            ),
            (
                "realm_access.roles=x:viewer",
                Some(("realm_access.roles", "x", Role::Viewer)),
            ),
            ("groups=netops:root", None),
            ("groups=netops", None),
            ("=netops:viewer", None),
            ("groups=:viewer", None),
            ("netops:viewer", None),
        ] {
            let rule = RoleRule::from_text(text).ok();
            let parts = rule
                .as_ref()
                .map(|rule| (&*rule.claim, &*rule.value, rule.role));
            assert_eq!(parts, expect, "{text}");
        }
    }

    #[test]
    fn an_issuer_is_an_https_url_kept_to_the_letter() {
        for (text, host) in [
            ("https://idp.example", Some("idp.example")),
            ("https://idp.example/", Some("idp.example")),
            (
                "https://idp.example:8443/realms/a",
                Some("idp.example:8443"),
            ),
            ("http://idp.example", None),
            ("https://user@idp.example", None),
            ("https://idp.example/?a", None),
            ("idp.example", None),
        ] {
            let issuer = IssuerUrl::from_text(text).ok();
            assert_eq!(issuer.as_ref().map(IssuerUrl::host), host, "{text}");
            assert!(issuer.is_none_or(|issuer| issuer.as_str() == text));
        }
    }
}
