//! Settings gathered into identities, and what keeps one from being used.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::{Secret, Timestamp};
use zeroize::Zeroizing;

use super::setting::Setting;
use super::{AccessKey, AwsCredential, AwsSecretSource, RoleBase, check};
use crate::credentials::{Found, NoteKind, Reading, label};

/// Takes settings in the order of the text.
pub(super) struct Assembler {
    current: usize,
    groups: Vec<Group>,
    last: Option<Setting>,
    reading: Reading<AwsCredential>,
}

/// What belongs to one identity.
struct Group {
    line: usize,
    name: Option<String>,
    prefixed: bool,
    read_as: &'static str,
    settings: BTreeMap<Setting, Value>,
    /// Settings of it lead nowhere.
    skipped: bool,
}

struct Value {
    line: usize,
    prefixed: bool,
    text: Zeroizing<String>,
}

impl Default for Assembler {
    fn default() -> Self {
        Self {
            current: 0,
            groups: vec![Group::new(None, 0, "settings")],
            last: None,
            reading: Reading::new(),
        }
    }
}

impl Group {
    fn new(name: Option<String>, line: usize, read_as: &'static str) -> Self {
        Self {
            line,
            name,
            prefixed: false,
            read_as,
            settings: BTreeMap::new(),
            skipped: false,
        }
    }

    fn take(&mut self, setting: Setting) -> Option<Value> {
        self.settings.remove(&setting)
    }

    fn text(&mut self, setting: Setting) -> Option<String> {
        self.take(setting).map(|value| (*value.text).clone())
    }
}

impl Assembler {
    pub(super) fn note(&mut self, line: usize, kind: NoteKind, text: impl Into<String>) {
        self.reading.note(line, kind, text);
    }

    /// A section begins: the profile of that name goes on, or starts.
    pub(super) fn profile(&mut self, line: usize, name: &str, prefixed: bool) {
        let name = label(name);
        let known = self
            .groups
            .iter()
            .position(|group| group.name.as_ref() == Some(&name));
        self.current = known.unwrap_or_else(|| {
            self.groups.push(Group::new(Some(name), line, "profile"));
            self.groups.len() - 1
        });
        self.groups[self.current].prefixed = prefixed;
        self.last = None;
    }

    /// A part begins that has an identity of its own, named by what it contains.
    pub(super) fn part(&mut self, line: usize, read_as: &'static str) {
        self.groups.push(Group::new(None, line, read_as));
        self.current = self.groups.len() - 1;
        self.last = None;
    }

    /// A section begins that says nothing about who somebody is.
    pub(super) fn skip_section(&mut self, line: usize) {
        self.part(line, "section");
        self.groups[self.current].skipped = true;
        let text = "this section is neither a profile nor credentials";
        self.note(line, NoteKind::Ignored, text);
    }

    /// Names what was gathered last, if the text did not.
    pub(super) fn name_current(&mut self, name: &str, read_as: &'static str) {
        let group = &mut self.groups[self.current];
        group.name.get_or_insert_with(|| label(name));
        group.read_as = read_as;
    }

    /// How the current identity was written.
    pub(super) fn read_as(&mut self, form: &'static str) {
        let group = &mut self.groups[self.current];
        if group.name.is_none() {
            group.read_as = form;
        }
    }

    pub(super) fn has(&self, setting: Setting) -> bool {
        self.groups[self.current].settings.contains_key(&setting)
    }

    /// What was set by the line before this one.
    pub(super) fn last(&self) -> Option<Setting> {
        self.last
    }

    /// A line ended what the one before it began.
    pub(super) fn forget_last(&mut self) {
        self.last = None;
    }

    /// Goes on with the value that was set last.
    pub(super) fn append(&mut self, text: &str) {
        let last = self.last;
        let group = &mut self.groups[self.current];
        if let Some(value) = last.and_then(|last| group.settings.get_mut(&last)) {
            value.text.push_str(text);
        }
    }

    /// One setting. A second key without a section is a second identity.
    pub(super) fn set(&mut self, line: usize, setting: Setting, text: &str) {
        if self.groups[self.current].skipped {
            return;
        }
        self.last = Some(setting);
        if let Setting::Other(name) = setting {
            let text = format!("`{name}` is of no use for an import");
            return self.note(line, NoteKind::Ignored, text);
        }
        if text.trim().is_empty() {
            let text = format!("`{}` has no value", setting.name());
            return self.note(line, NoteKind::Warning, text);
        }
        let before = self.groups[self.current].settings.get(&setting);
        let differs = before.is_some_and(|before| before.text.as_str() != text.trim());
        if differs && setting.is_key() && self.groups[self.current].name.is_none() {
            let form = self.groups[self.current].read_as;
            self.part(line, form);
            self.last = Some(setting);
        } else if differs {
            let text = format!("`{}` is set twice; one of them holds", setting.name());
            self.note(line, NoteKind::Warning, text);
        }
        self.put(line, setting, text.trim());
    }

    /// The later one holds, unless the earlier was said of a `[profile …]` and this was not.
    fn put(&mut self, line: usize, setting: Setting, text: &str) {
        let group = &mut self.groups[self.current];
        if group.settings.is_empty() && group.line == 0 {
            group.line = line;
        }
        let prefixed = group.prefixed;
        let before = group.settings.get(&setting);
        if before.is_some_and(|before| before.prefixed && !prefixed) {
            return;
        }
        let text = Zeroizing::new(text.to_owned());
        let value = Value {
            line,
            prefixed,
            text,
        };
        group.settings.insert(setting, value);
    }

    /// The identities.
    pub(super) fn finish(mut self) -> Reading<AwsCredential> {
        let mut names = BTreeSet::new();
        for (number, mut group) in std::mem::take(&mut self.groups).into_iter().enumerate() {
            if group.settings.is_empty() {
                continue;
            }
            let user = group.text(Setting::UserName).map(|user| label(&user));
            let name = group.name.take().or(user);
            let mut name = name.unwrap_or_else(|| default_name(&group, number));
            while !names.insert(name.clone()) {
                name.push_str(" again");
            }
            self.identity(name, group);
        }
        self.follow_roles();
        self.reading
    }

    fn identity(&mut self, name: String, mut group: Group) {
        let (line, read_as) = (group.line, group.read_as);
        let region = group.text(Setting::Region).map(|region| label(&region));
        let notes = self.reading.notes.len();
        let source = if group.settings.contains_key(&Setting::RoleArn) {
            self.role(&name, &mut group)
        } else {
            self.keys(&mut group).map(AwsSecretSource::Keys)
        };
        match source {
            Some(source) => self.reading.found.push(Found {
                line,
                name,
                read_as,
                value: AwsCredential { region, source },
            }),
            None if self.reading.notes.len() == notes => self.explain_absence(line, &group),
            None => {}
        }
    }

    fn explain_absence(&mut self, line: usize, group: &Group) {
        let elsewhere = group.settings.iter().find_map(|(setting, value)| {
            matches!(setting, Setting::Elsewhere(_)).then(|| (setting.name(), value.line))
        });
        if let Some((name, line)) = elsewhere {
            let text = format!(
                "`{name}` leads to credentials only by running or asking something, which is not done here: paste what it gives"
            );
            self.note(line, NoteKind::Problem, text);
        } else {
            let text = "there is nothing in this section that proves who somebody is";
            self.note(line, NoteKind::Ignored, text);
        }
    }

    fn role(&mut self, name: &str, group: &mut Group) -> Option<AwsSecretSource> {
        let arn = group.take(Setting::RoleArn)?;
        if !arn.text.starts_with("arn:") {
            let text = "`role_arn` was expected to begin with `arn:`";
            self.note(arn.line, NoteKind::Problem, text);
            return None;
        }
        let base = self.role_base(name, group, arn.line)?;
        let duration_seconds = group.take(Setting::DurationSeconds).and_then(|value| {
            let seconds = value.text.parse().ok();
            if seconds.is_none() {
                let text = "`duration_seconds` is no number of seconds";
                self.note(value.line, NoteKind::Warning, text);
            }
            seconds
        });
        if let Some(mfa) = group.settings.get(&Setting::MfaSerial) {
            let line = mfa.line;
            let text = "this role is assumed with the code of a device, which has to be asked for";
            self.note(line, NoteKind::Warning, text);
        }
        Some(AwsSecretSource::Role {
            arn: label_long(&arn.text),
            base,
            duration_seconds,
            external_id: group.text(Setting::ExternalId),
            mfa_serial: group.text(Setting::MfaSerial).map(|text| label_long(&text)),
            session_name: group
                .text(Setting::RoleSessionName)
                .map(|text| label(&text)),
        })
    }

    fn role_base(&mut self, name: &str, group: &mut Group, line: usize) -> Option<RoleBase> {
        let profile = group.take(Setting::SourceProfile);
        let service = group.take(Setting::CredentialSource);
        match (profile, service) {
            (Some(_), Some(service)) => {
                let text = "`source_profile` and `credential_source` exclude each other";
                self.note(service.line, NoteKind::Problem, text);
                None
            }
            (Some(profile), None) if label(&profile.text) == name => {
                self.keys(group).map(RoleBase::Keys)
            }
            (Some(profile), None) => Some(RoleBase::Profile(label(&profile.text))),
            (None, Some(service)) => self.service(&service),
            (None, None) => {
                let text =
                    "a role needs a `source_profile` or a `credential_source` to be assumed with";
                self.note(line, NoteKind::Problem, text);
                None
            }
        }
    }

    fn service(&mut self, service: &Value) -> Option<RoleBase> {
        match service.text.as_str() {
            "Environment" => Some(RoleBase::Environment),
            "Ec2InstanceMetadata" | "EcsContainer" => Some(RoleBase::InstanceProfile),
            _ => {
                let text = "`credential_source` was expected to be Environment, Ec2InstanceMetadata or EcsContainer";
                self.note(service.line, NoteKind::Problem, text);
                None
            }
        }
    }

    fn keys(&mut self, group: &mut Group) -> Option<AccessKey> {
        let id = group.take(Setting::AccessKeyId);
        let secret = group.take(Setting::SecretAccessKey);
        let token = group.take(Setting::SessionToken);
        let (id, secret) = match (id, secret) {
            (Some(id), Some(secret)) => (id, secret),
            (Some(lone), None) | (None, Some(lone)) => {
                let text = "the identifier of a key and its secret belong together; one of them is missing";
                self.note(lone.line, NoteKind::Problem, text);
                return None;
            }
            (None, None) => return None,
        };
        if let Err((line, text)) = fits(&id, &secret, token.as_ref()) {
            self.note(line, NoteKind::Problem, text);
            return None;
        }
        if secret.text.len() != check::SECRET_LENGTH {
            let text = format!(
                "a secret access key was expected to have {} characters",
                check::SECRET_LENGTH
            );
            self.note(secret.line, NoteKind::Warning, text);
        }
        Some(AccessKey {
            id: (*id.text).clone(),
            expires: self.expiration(group.take(Setting::Expiration)),
            secret: sealed(&secret.text),
            session_token: token.map(|token| sealed(&token.text)),
        })
    }

    fn expiration(&mut self, value: Option<Value>) -> Option<Timestamp> {
        let value = value?;
        let millis = value.text.parse::<i64>().ok();
        let at = millis
            .map(|millis| Timestamp::from_micros(millis.saturating_mul(1_000)))
            .or_else(|| Timestamp::parse(&value.text).ok());
        if at.is_none() {
            let text = "`expiration` is no time";
            self.note(value.line, NoteKind::Warning, text);
        }
        at
    }

    /// Roles whose base is not there, or is assumed with the role itself.
    fn follow_roles(&mut self) {
        let bases: BTreeMap<&str, Option<&str>> = self
            .reading
            .found
            .iter()
            .map(|found| (found.name.as_str(), base_of(&found.value)))
            .collect();
        let wrong: Vec<(usize, &'static str)> = self
            .reading
            .found
            .iter()
            .filter_map(|found| Some((found.line, follow(&bases, &found.name)?)))
            .collect();
        for (line, text) in wrong {
            self.note(line, NoteKind::Problem, text);
        }
    }
}

fn default_name(group: &Group, number: usize) -> String {
    match group.settings.get(&Setting::AccessKeyId) {
        Some(id) if check::is_key_id(&id.text) => id.text.to_string(),
        _ => format!("identity {}", number + 1),
    }
}

fn label_long(text: &str) -> String {
    const LONGEST: usize = 2048;
    text.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect()
}

fn sealed(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn fits(id: &Value, secret: &Value, token: Option<&Value>) -> Result<(), (usize, String)> {
    if let Some(what) = check::foreign(&id.text) {
        return Err((
            id.line,
            format!("this identifier is of {what}, and that of an access key was expected"),
        ));
    }
    if !check::is_key_id(&id.text) {
        let hint = if check::is_key_id(&secret.text) {
            "; identifier and secret are the wrong way round"
        } else {
            ""
        };
        return Err((
            id.line,
            format!("this is not the identifier of an access key{hint}"),
        ));
    }
    for (setting, value) in [
        (Setting::SecretAccessKey, Some(secret)),
        (Setting::SessionToken, token),
    ] {
        if let Some(value) = value.filter(|value| !check::is_base64(&value.text)) {
            return Err((
                value.line,
                format!(
                    "`{}` has characters that no key has; a comment belongs on a line of its own",
                    setting.name()
                ),
            ));
        }
    }
    if check::is_temporary(&id.text) && token.is_none() {
        return Err((
            id.line,
            "a temporary key (ASIA…) is of no use without its session token".to_owned(),
        ));
    }
    Ok(())
}

fn base_of(credential: &AwsCredential) -> Option<&str> {
    match &credential.source {
        AwsSecretSource::Role {
            base: RoleBase::Profile(name),
            ..
        } => Some(name),
        _ => None,
    }
}

fn follow(bases: &BTreeMap<&str, Option<&str>>, from: &str) -> Option<&'static str> {
    let mut seen = BTreeSet::from([from]);
    let mut at = from;
    while let Some(next) = bases.get(at).copied().flatten() {
        if !bases.contains_key(next) {
            return Some(
                "the profile that this role is assumed with has no credentials in the text",
            );
        }
        if !seen.insert(next) {
            return Some("this role is assumed with itself, by way of other profiles");
        }
        at = next;
    }
    None
}
