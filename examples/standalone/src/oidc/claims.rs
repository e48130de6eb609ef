//! What an issuer says of somebody, and what they are because of that.

use std::collections::BTreeSet;

use certlocker_core::Role;
use serde_json::{Map, Value};

use crate::config::RoleRule;

/// What an issuer says of somebody.
#[derive(Debug, Default)]
pub(super) struct Said(Map<String, Value>);

impl Said {
    pub(super) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Adds what is not said yet.
    pub(super) fn and(mut self, more: Map<String, Value>) -> Self {
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// A claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// What somebody would like to be called.
    pub(super) fn name(&self) -> String {
        let names = ["preferred_username", "email", "sub"].into_iter();
        let mut names = names.filter_map(|name| self.text(name));
        names.next().unwrap_or_default().to_owned()
    }

    /// What somebody is by these rules.
    pub(super) fn roles(&self, rules: &[RoleRule]) -> BTreeSet<Role> {
        let fulfilled = rules.iter().filter(|rule| self.fulfils(rule));
        fulfilled.map(|rule| rule.role).collect()
    }

    fn fulfils(&self, rule: &RoleRule) -> bool {
        // Anybody may claim an address at some issuers.
        if rule.claim == "email" && self.0.get("email_verified") != Some(&Value::Bool(true)) {
            return false;
        }
        let is_it = |value: &Value| value.as_str() == Some(&rule.value);
        match self.claim(&rule.claim) {
            Some(Value::Array(values)) => values.iter().any(is_it),
            Some(value) => is_it(value),
            None => false,
        }
    }

    /// A claim of this name, or one inside others.
    fn claim(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let mut names = name.split('.');
        let first = self.0.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: Value) -> Said {
        let Value::Object(claims) = value else {
            panic!("{value}")
        };
        Said::new(claims)
    }

    fn rule(claim: &str, value: &str, role: Role) -> RoleRule {
        RoleRule {
            claim: claim.to_owned(),
            role,
            value: value.to_owned(),
        }
    }

    #[test]
    fn roles_come_from_lists_texts_and_claims_inside_others() {
        let said = said(serde_json::json!({
            "groups": ["web", "ops"],
            "department": "audit",
            "realm_access": { "roles": ["admin"] },
            "cognito.groups": "x",
        }));
        let rules = [
            rule("groups", "ops", Role::Operator),
            rule("groups", "op", Role::Admin),
            rule("department", "audit", Role::Auditor),
            rule("realm_access.roles", "view", Role::Viewer),
        ];
        assert_eq!(
            said.roles(&rules),
            BTreeSet::from([Role::Auditor, Role::Operator])
        );
        let one = |claim, value| !said.roles(&[rule(claim, value, Role::Viewer)]).is_empty();
        assert!(one("realm_access.roles", "admin") && one("cognito.groups", "x"));
        assert!(!one("realm_access", "admin") && !one("groups.0", "web") && !one("no", "no"));
    }

    #[test]
    fn an_address_counts_only_if_the_issuer_verified_it() {
        let rules = [rule("email", "ann@corp.example", Role::Admin)];
        for (verified, counts) in [
            (serde_json::json!(true), true),
            (serde_json::json!(false), false),
            (serde_json::json!("true"), false),
            (Value::Null, false),
        ] {
            let claims =
                serde_json::json!({"email": "ann@corp.example", "email_verified": verified});
            assert_eq!(!said(claims).roles(&rules).is_empty(), counts, "{verified}");
        }
    }
}
