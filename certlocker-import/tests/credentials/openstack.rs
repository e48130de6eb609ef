use certlocker_import::credentials::{
    ApplicationCredential, Interface, Named, OpenStackAuth, OpenStackFiles, OpenStackScope,
    Project, Trust, User, openstack_clouds, openstack_environment, openstack_form, openstack_rc,
};

use crate::{problem, shown};

fn jo() -> User {
    User::Named {
        domain: Named::Name("Default".to_owned()),
        name: "jo".to_owned(),
    }
}

const CLOUDS: &str = "clouds:
  prod:
    profile: corp
    auth:
      username: jo
      user_domain_name: Default
      project-name: web
      project_domain_id: default
    regions: [RegionOne, {name: two, values: {auth: {auth_url: 'https://two.example/v3'}}}]
    interface: internal
    cacert: /etc/ssl/corp.pem
    volume_api_version: 3
    something_new: canary
  app:
    auth_type: v3applicationcredential
    auth:
      auth_url: https://{region_name}.example/v3
      application_credential_name: ci
      application_credential_secret: canary-app
      username: jo
      user_domain_name: Default
      project_id: 0123
    region_name: one
    verify: false
";

const SECURE: &str = "clouds:\n  prod:\n    auth:\n      password: 0815\n";
const PUBLIC: &str =
    "public-clouds:\n  corp:\n    auth: {auth_url: 'https://corp.example/v3', username: nobody}\n";

fn files(clouds: &str) -> OpenStackFiles<'_> {
    OpenStackFiles {
        clouds: clouds.as_bytes(),
        public: Some(PUBLIC.as_bytes()),
        secure: Some(SECURE.as_bytes()),
    }
}

#[test]
fn a_cloud_lies_over_its_profile_and_under_secure_yaml() {
    let reading = openstack_clouds(files(CLOUDS));
    assert!(!shown(&reading).contains("canary"), "{}", shown(&reading));
    let prod = reading.named("prod").unwrap();
    assert_eq!(prod.auth_url, "https://corp.example/v3");
    let OpenStackAuth::Password {
        password: Some(password),
        user,
    } = &prod.auth
    else {
        panic!("{prod:?}");
    };
    assert_eq!(password.expose(), b"0815");
    assert_eq!(*user, jo());
    assert_eq!(prod.interface, Interface::Internal);
    let domain = Named::Id("default".to_owned());
    let name = "web".to_owned();
    assert_eq!(
        prod.scope,
        OpenStackScope::Project(Project::Named { domain, name })
    );
    let regions: Vec<_> = prod
        .regions
        .iter()
        .map(|region| (region.name.as_str(), region.auth_url.as_deref()))
        .collect();
    assert_eq!(
        regions,
        [("RegionOne", None), ("two", Some("https://two.example/v3"))]
    );
    assert_eq!(prod.trust, Trust::System);
    let lines: Vec<usize> = reading.notes.iter().map(|note| note.line).collect();
    assert_eq!(lines, [11, 12, 13, 22, 24], "{:?}", reading.notes);
}

#[test]
fn an_application_credential_by_name_has_its_user_and_no_scope() {
    let reading = openstack_clouds(files(CLOUDS));
    let app = reading.named("app").unwrap();
    let OpenStackAuth::ApplicationCredential { credential, secret } = &app.auth else {
        panic!("{app:?}");
    };
    let name = "ci".to_owned();
    assert_eq!(
        *credential,
        ApplicationCredential::Named { name, user: jo() }
    );
    assert_eq!(secret.expose(), b"canary-app");
    assert_eq!(app.scope, OpenStackScope::Default);
    assert_eq!(app.auth_url, "https://one.example/v3");
    assert_eq!(app.trust, Trust::Anybody);
}

#[test]
fn an_openrc_of_horizon_asks_for_the_password() {
    let rc = "#!/usr/bin/env bash
export OS_AUTH_URL=https://keystone.example:5000/v3
export OS_PROJECT_ID=2f7a
export OS_PROJECT_NAME=\"web\"
export OS_USER_DOMAIN_NAME=\"Default\"
if [ -z \"$OS_USER_DOMAIN_NAME\" ]; then unset OS_USER_DOMAIN_NAME; fi
unset OS_TENANT_ID
export OS_USERNAME=\"jo\"
echo \"Please enter your OpenStack Password: \"
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD=$OS_PASSWORD_INPUT
export OS_REGION_NAME=\"RegionOne\"
if [ -z \"$OS_REGION_NAME\" ]; then unset OS_REGION_NAME; fi
export OS_INTERFACE=public
export OS_IDENTITY_API_VERSION=3
";
    let reading = openstack_rc(rc.replace('\n', "\r\n").as_bytes());
    let credential = reading.named("openrc").unwrap();
    assert!(
        matches!(&credential.auth, OpenStackAuth::Password { password: None, user } if *user == jo())
    );
    assert_eq!(
        credential.scope,
        OpenStackScope::Project(Project::Id("2f7a".to_owned()))
    );
    assert_eq!(credential.regions[0].name, "RegionOne");
}

#[test]
fn every_means_of_authentication_is_read_from_a_form() {
    const URL: (&str, &str) = ("auth_url", "https://k.example/v3");
    let one = |fields: &[(&'static str, &'static str)]| {
        let reading = openstack_form([&[URL], fields].concat());
        assert!(!shown(&reading).contains("canary"));
        let mut found = reading.found;
        assert_eq!(found.len(), 1, "{:?}", reading.notes);
        found.remove(0).value
    };
    let password = one(&[
        ("user_id", "u1"),
        ("password", "canary"),
        ("domain_id", "d1"),
    ]);
    assert!(
        matches!(&password.auth, OpenStackAuth::Password { user: User::Id(id), .. } if id == "u1")
    );
    assert_eq!(
        password.scope,
        OpenStackScope::Domain(Named::Id("d1".to_owned()))
    );
    let token = one(&[("token", "canary"), ("project_id", "p1")]);
    assert!(matches!(token.auth, OpenStackAuth::Token(_)));
    let application = one(&[
        ("application_credential_id", "a1"),
        ("application_credential_secret", "canary"),
    ]);
    assert!(matches!(
        application.auth,
        OpenStackAuth::ApplicationCredential { .. }
    ));
    let pem = one(&[
        ("token", "canary"),
        (
            "cacert",
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----",
        ),
    ]);
    assert!(matches!(pem.trust, Trust::Roots(_)));
}

#[test]
fn what_is_missing_is_named() {
    const URL: (&str, &str) = ("OS_AUTH_URL", "https://k.example/v3");
    for (variables, says) in [
        (vec![("OS_USERNAME", "jo")], "`auth_url`"),
        (
            vec![URL, ("OS_USERNAME", "jo"), ("OS_PASSWORD", "canary")],
            "`user_domain_name`",
        ),
        (
            vec![
                URL,
                ("OS_USER_ID", "1"),
                ("OS_PASSWORD", "canary"),
                ("OS_PROJECT_NAME", "p"),
            ],
            "`project_domain_name`",
        ),
        (vec![URL, ("OS_AUTH_TYPE", "v3websso")], "`auth_type`"),
        (vec![URL, ("OS_AUTH_TYPE", "v2password")], "version 2"),
        (
            vec![
                ("OS_AUTH_URL", "http://{password}/"),
                ("OS_PASSWORD", "canary"),
            ],
            "placeholder",
        ),
        (
            vec![URL, ("OS_TOKEN", "canary"), ("OS_INTERFACE", "canary")],
            "`interface`",
        ),
    ] {
        let reading = openstack_environment(variables);
        assert!(problem(&reading).1.contains(says), "{:?}", reading.notes);
        assert!(!shown(&reading).contains("canary"), "{}", shown(&reading));
    }
}

#[test]
fn nothing_is_fetched_and_nothing_is_read_from_paths() {
    let text = "clouds:\n  a:\n    profile: https://evil.example\n    auth: {auth_url: 'https://k.example', token: canary}\n";
    let reading = openstack_clouds(files(text));
    assert!(
        reading
            .notes
            .iter()
            .any(|note| note.line == 3 && note.text.contains("nothing is fetched"))
    );
    assert_eq!(reading.found.len(), 1);
}

#[test]
fn a_file_that_does_not_read_is_named_with_its_line() {
    let reading = openstack_clouds(files("clouds:\n  a: [canary\n"));
    assert!(
        problem(&reading).1.starts_with("clouds.yaml"),
        "{:?}",
        reading.notes
    );
    assert!(!shown(&reading).contains("canary"));
    let reading = openstack_clouds(files("a: b"));
    assert!(problem(&reading).1.contains("no OpenStack credentials"));
}
