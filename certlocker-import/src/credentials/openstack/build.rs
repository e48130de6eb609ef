//! Settings turned into a credential, or into what is missing for one.

use certlocker_core::Secret;

use super::settings::{Setting, Settings};
use super::{
    ApplicationCredential, Interface, Named, OpenStackAuth, OpenStackCredential, OpenStackScope,
    Project, Region, Trust, User,
};
use crate::credentials::{Found, NoteKind, Reading, label};

/// Adds the credential of these settings, or says why there is none.
pub(super) fn credential(
    name: &str,
    read_as: &'static str,
    line: usize,
    settings: Settings,
    reading: &mut Reading<OpenStackCredential>,
) {
    with_regions(name, read_as, line, settings, Vec::new(), reading);
}

/// The same, with regions that are listed rather than named.
pub(super) fn with_regions(
    name: &str,
    read_as: &'static str,
    line: usize,
    mut settings: Settings,
    listed: Vec<Region>,
    reading: &mut Reading<OpenStackCredential>,
) {
    let mut build = Build { line, reading };
    match build.credential(&mut settings, listed) {
        Ok(value) => reading.found.push(Found {
            line,
            name: label(name),
            read_as,
            value,
        }),
        Err(problem) => reading.note(problem.line, NoteKind::Problem, problem.text),
    }
}

struct Build<'a> {
    line: usize,
    reading: &'a mut Reading<OpenStackCredential>,
}

struct Problem {
    line: usize,
    text: String,
}

/// What a credential proves itself with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    ApplicationCredential,
    Password,
    Token,
}

impl Build<'_> {
    fn problem(&self, text: impl Into<String>) -> Problem {
        Problem {
            line: self.line,
            text: text.into(),
        }
    }

    fn warn(&mut self, line: usize, text: &str) {
        self.reading.note(line, NoteKind::Warning, text);
    }

    fn credential(
        &mut self,
        settings: &mut Settings,
        listed: Vec<Region>,
    ) -> Result<OpenStackCredential, Problem> {
        let means = self.means(settings)?;
        let auth_url = settings
            .take("auth_url")
            .ok_or_else(|| self.problem("`auth_url` is missing"))?;
        let regions = self.regions(settings, listed);
        let auth_url = url(&auth_url, regions.first())?;
        let trust = self.trust(settings);
        let interface = self.interface(settings)?;
        let auth = match means {
            Means::ApplicationCredential => self.application_credential(settings)?,
            Means::Password => OpenStackAuth::Password {
                password: self.password(settings),
                user: self.user(settings)?,
            },
            Means::Token => {
                OpenStackAuth::Token(self.required(settings, &["token", "auth_token"])?)
            }
        };
        let scope = match means {
            Means::ApplicationCredential => self.no_scope(settings),
            _ => self.scope(settings)?,
        };
        Ok(OpenStackCredential {
            auth,
            auth_url,
            interface,
            regions,
            scope,
            trust,
        })
    }

    fn means(&mut self, settings: &mut Settings) -> Result<Means, Problem> {
        let Some(given) = settings.take("auth_type") else {
            return Ok(inferred(settings));
        };
        let text = match given.text.as_str() {
            "password" | "v3password" => return Ok(Means::Password),
            "token" | "v3token" => return Ok(Means::Token),
            "v3applicationcredential" => return Ok(Means::ApplicationCredential),
            "v2password" | "v2token" => {
                "version 2 of the identity API is gone; version 3 was expected"
            }
            _ => "`auth_type` was expected to be password, token or v3applicationcredential",
        };
        Err(Problem {
            line: given.line,
            text: text.to_owned(),
        })
    }

    fn required(&self, settings: &mut Settings, names: &[&'static str]) -> Result<Secret, Problem> {
        settings
            .secret(names)
            .ok_or_else(|| self.problem(format!("`{}` is missing", names[0])))
    }

    fn application_credential(&self, settings: &mut Settings) -> Result<OpenStackAuth, Problem> {
        let secret = self.required(settings, &["application_credential_secret"])?;
        let id = settings.any(&["application_credential_id"]);
        let name = settings.any(&["application_credential_name"]);
        let credential = match (id, name) {
            (Some(id), _) => ApplicationCredential::Id(id),
            (None, Some(name)) => ApplicationCredential::Named {
                name,
                user: self.user(settings)?,
            },
            (None, None) => {
                return Err(self.problem(
                    "an application credential needs its id, or its name and the user whose it is",
                ));
            }
        };
        Ok(OpenStackAuth::ApplicationCredential { credential, secret })
    }

    /// A file that asks for the password has none, or the variable that it was asked into.
    fn password(&mut self, settings: &mut Settings) -> Option<Secret> {
        let given = settings.take("password");
        let given = given.filter(|given| !is_reference(&given.text));
        if given.is_none() {
            let line = self.line;
            self.warn(
                line,
                "the password is not in the text, and has to be asked for",
            );
        }
        given.map(|given| Secret::new(given.text.as_bytes().to_vec()))
    }

    fn user(&self, settings: &mut Settings) -> Result<User, Problem> {
        if let Some(id) = settings.any(&["user_id"]) {
            return Ok(User::Id(id));
        }
        let name = settings
            .any(&["username"])
            .ok_or_else(|| self.problem("`username` is missing"))?;
        let domain = domain(settings, "user_domain_id", "user_domain_name").ok_or_else(|| {
            self.problem(
                "`user_domain_name` is missing: a user's name is unique in its domain only",
            )
        })?;
        Ok(User::Named { domain, name })
    }

    fn scope(&self, settings: &mut Settings) -> Result<OpenStackScope, Problem> {
        if settings.take("trust_id").is_some() {
            return Err(self.problem("`trust_id` is not supported: give an application credential"));
        }
        if settings.take("system_scope").is_some() {
            return Ok(OpenStackScope::System);
        }
        if let Some(id) = settings.any(&["project_id", "tenant_id"]) {
            return Ok(OpenStackScope::Project(Project::Id(id)));
        }
        if let Some(name) = settings.any(&["project_name", "tenant_name"]) {
            let domain = domain(settings, "project_domain_id", "project_domain_name")
                .ok_or_else(|| self.problem("`project_domain_name` is missing: a project's name is unique in its domain only"))?;
            return Ok(OpenStackScope::Project(Project::Named { domain, name }));
        }
        let by_id = settings.any(&["domain_id"]).map(Named::Id);
        let domain = by_id.or_else(|| settings.any(&["domain_name"]).map(Named::Name));
        Ok(domain.map_or(OpenStackScope::Default, OpenStackScope::Domain))
    }

    /// Keystone refuses an application credential that comes with a scope.
    fn no_scope(&mut self, settings: &mut Settings) -> OpenStackScope {
        for name in [
            "project_id",
            "project_name",
            "tenant_id",
            "tenant_name",
            "system_scope",
        ] {
            if let Some(given) = settings.take(name) {
                let text = format!("`{name}`: an application credential is for its own project");
                self.reading.note(given.line, NoteKind::Ignored, text);
            }
        }
        OpenStackScope::Default
    }

    fn regions(&mut self, settings: &mut Settings, listed: Vec<Region>) -> Vec<Region> {
        let named = settings.take("region_name");
        if !listed.is_empty() {
            return listed;
        }
        let named = named.map(|named| named.text).unwrap_or_default();
        named
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(|name| Region {
                auth_url: None,
                name: label(name),
            })
            .collect()
    }

    fn interface(&self, settings: &mut Settings) -> Result<Interface, Problem> {
        let new = settings.take("interface");
        let old = settings.take("endpoint_type");
        let Some(given) = new.or(old) else {
            return Ok(Interface::Public);
        };
        match given.text.trim_end_matches("URL") {
            "admin" => Ok(Interface::Admin),
            "internal" => Ok(Interface::Internal),
            "public" => Ok(Interface::Public),
            _ => Err(Problem {
                line: given.line,
                text: "`interface` was expected to be public, internal or admin".to_owned(),
            }),
        }
    }

    fn trust(&mut self, settings: &mut Settings) -> Trust {
        let verify = settings
            .take("verify")
            .filter(|verify| !truth(&verify.text));
        let insecure = settings
            .take("insecure")
            .filter(|insecure| truth(&insecure.text));
        let roots = settings.take("cacert");
        if let Some(off) = verify.or(insecure) {
            let text = "certificates are not verified: whoever is between here and the cloud can read the credentials";
            self.warn(off.line, text);
            return Trust::Anybody;
        }
        match roots {
            None => Trust::System,
            Some(roots) if roots.text.contains("-----BEGIN CERTIFICATE-----") => {
                Trust::Roots((*roots.text).clone())
            }
            Some(path) => {
                let text = "`cacert` is a path on the machine that the text comes from, and is not read: give the certificate itself";
                self.warn(path.line, text);
                Trust::System
            }
        }
    }
}

fn inferred(settings: &Settings) -> Means {
    if settings.has("application_credential_secret") {
        Means::ApplicationCredential
    } else if settings.has("token") || settings.has("auth_token") {
        Means::Token
    } else {
        Means::Password
    }
}

fn domain(settings: &mut Settings, id: &str, name: &str) -> Option<Named> {
    if let Some(id) = settings.any(&[id]) {
        return Some(Named::Id(id));
    }
    if let Some(name) = settings.any(&[name]) {
        return Some(Named::Name(name));
    }
    settings.shared_domain()
}

/// `$OS_PASSWORD_INPUT`: what a script puts there when it runs.
fn is_reference(text: &str) -> bool {
    text.starts_with("$OS_") || text.starts_with("${OS_")
}

fn truth(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "1" | "on" | "true" | "y" | "yes"
    )
}

/// The URL with its region put in; nothing else is put into anything.
fn url(given: &Setting, region: Option<&Region>) -> Result<String, Problem> {
    let problem = |text: &str| Problem {
        line: given.line,
        text: text.to_owned(),
    };
    let mut url = (*given.text).clone();
    if let Some(region) = region {
        url = url.replace("{region_name}", &region.name);
    }
    if url.contains(['{', '}']) {
        return Err(problem(
            "`auth_url` has a placeholder that is not filled in here",
        ));
    }
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(problem(
            "`auth_url` was expected to begin with https:// or http://",
        ));
    }
    Ok(url)
}
