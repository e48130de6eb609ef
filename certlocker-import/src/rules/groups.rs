//! Rules that put found hosts into groups.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use certlocker_core::host::Power;

use super::pattern::{FIELDS, Field, fits};
use crate::found::FoundHost;

/// One rule: `GROUP` or `GROUP if FIELD = PATTERN` or `GROUP if FIELD != PATTERN`.
///
/// `{FIELD}` in the name of the group is that field's value; a host without it is in no group by
/// this rule. `*` in the pattern is any number of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    condition: Option<Condition>,
    name: Vec<Part>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    field: Field,
    pattern: String,
    wanted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Field(Field),
    Text(String),
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{rule}` is no rule: {what}")]
pub struct InvalidRule {
    rule: String,
    what: String,
}

impl FromStr for GroupRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = |what: String| InvalidRule {
            rule: text.chars().filter(|c| !c.is_control()).take(200).collect(),
            what,
        };
        let text = text.trim();
        let (name, condition) = match text.split_once(" if ") {
            Some((name, condition)) => (name, Some(condition)),
            None => (text, None),
        };
        let condition = condition
            .map(Condition::parse)
            .transpose()
            .map_err(invalid)?;
        let name = parts(name.trim()).map_err(invalid)?;
        Ok(Self {
            condition,
            name,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for GroupRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        let (field, pattern, wanted) = match (text.split_once("!="), text.split_once('=')) {
            (Some((field, pattern)), _) => (field, pattern, false),
            (None, Some((field, pattern))) => (field, pattern, true),
            (None, None) => return Err("`=` or `!=` was expected after `if`".to_owned()),
        };
        Ok(Self {
            field: named(field.trim())?,
            pattern: pattern.trim().to_owned(),
            wanted,
        })
    }

    fn holds(&self, host: &FoundHost) -> bool {
        let values = self.field.values(host);
        values.iter().any(|value| fits(&self.pattern, value)) == self.wanted
    }
}

fn named(text: &str) -> Result<Field, String> {
    text.parse()
        .map_err(|()| format!("one of {FIELDS} was expected"))
}

fn parts(name: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('{') {
        let (field, after) = after
            .split_once('}')
            .ok_or("`}` is missing in the name of the group")?;
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(Part::Field(named(field)?));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    if parts.is_empty() {
        return Err("the name of a group was expected".to_owned());
    }
    Ok(parts)
}

impl GroupRule {
    /// The groups that a host is in by this rule.
    pub fn groups(&self, host: &FoundHost) -> BTreeSet<String> {
        if self
            .condition
            .as_ref()
            .is_some_and(|condition| !condition.holds(host))
        {
            return BTreeSet::new();
        }
        let mut names = vec![String::new()];
        for part in &self.name {
            let values = match part {
                Part::Text(text) => vec![text.clone()],
                Part::Field(field) => field.values(host),
            };
            names = names
                .iter()
                .flat_map(|name| values.iter().map(move |value| format!("{name}{value}")))
                .collect();
        }
        names.iter().filter_map(|name| group_name(name)).collect()
    }
}

/// A name that an inventory and a command line can bear.
fn group_name(text: &str) -> Option<String> {
    const LONGEST: usize = 100;
    let plain = |c: char| {
        if c.is_alphanumeric() || "-_.:@/".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = text.trim().chars().map(plain).take(LONGEST).collect();
    (!name.is_empty()).then_some(name)
}

/// All that is inferred by rules: groups, and the account that a group's hosts have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "edited by a person")]
pub struct Rules {
    /// Rules for groups; a host may be in a group by each of them.
    pub groups: Vec<GroupRule>,
    /// The account of the hosts of a group, whatever their image says.
    pub logins: BTreeMap<String, String>,
}

impl Rules {
    /// The groups that a host is in by any rule.
    pub fn groups_of(&self, host: &FoundHost) -> BTreeSet<String> {
        self.groups
            .iter()
            .flat_map(|rule| rule.groups(host))
            .collect()
    }
}

/// What one rule would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a rule and what it does")]
pub struct RuleEffect {
    /// How many hosts would be in each group.
    pub groups: BTreeMap<String, usize>,
    /// How many hosts would be in no group by it.
    pub none: usize,
    /// The rule.
    pub rule: String,
}

/// What each rule by itself would do with these hosts, apart from those that no plan would make.
pub fn preview(rules: &Rules, hosts: &[FoundHost]) -> Vec<RuleEffect> {
    let effect = |rule: &GroupRule| {
        let mut effect = RuleEffect {
            groups: BTreeMap::new(),
            none: 0,
            rule: rule.to_string(),
        };
        for host in hosts.iter().filter(|host| is_importable(host)) {
            let groups = rule.groups(host);
            effect.none += usize::from(groups.is_empty());
            for group in groups {
                *effect.groups.entry(group).or_default() += 1;
            }
        }
        effect
    };
    rules.groups.iter().map(effect).collect()
}

fn is_importable(host: &FoundHost) -> bool {
    host.facts.power != Power::Terminated && host.managed_by.is_none()
}
