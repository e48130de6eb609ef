//! Every way of saying who one is, to a real Keystone.

use certlocker_import::source::{Source, SourceError};

use crate::keystone::{PASSWORD, SECRET, keystone};
use crate::{cloud, demo, options};

async fn project(fields: &[(&str, &str)]) -> Result<String, SourceError> {
    let keystone = keystone().unwrap();
    let scopes = cloud(keystone, fields, options("RegionOne"))
        .scopes()
        .await?;
    Ok(scopes[0].account.clone())
}

#[tokio::test]
async fn each_way_of_saying_who_one_is_leads_to_the_project() {
    let Some(keystone) = keystone() else { return };
    let credential = keystone.application_credential("by-both");
    let token = keystone.token();
    let own = keystone.project.as_str();
    let id = keystone.user.as_str();
    let ways: [&[(&str, &str)]; 6] = [
        &demo(),
        &[
            ("auth_type", "v3password"),
            ("user_id", id),
            ("password", PASSWORD),
            ("project_id", own),
        ],
        &[("token", &token)],
        &[
            ("auth_type", "v3token"),
            ("token", &token),
            ("project_id", own),
        ],
        &[
            ("application_credential_id", &credential),
            ("application_credential_secret", SECRET),
        ],
        &[
            ("application_credential_name", "by-both"),
            ("application_credential_secret", SECRET),
            ("username", "demo"),
            ("user_domain_id", "default"),
        ],
    ];
    for way in ways {
        assert_eq!(project(way).await.as_deref(), Ok(own), "{:?}", way[0].0);
    }
}

#[tokio::test]
async fn what_keystone_refuses_is_told_without_any_secret() {
    let Some(keystone) = keystone() else { return };
    let revoked = keystone.application_credential("revoked");
    keystone.revoke(&revoked);
    let expired = keystone.application_credential("expired");
    keystone.expire(&expired);
    let mut user = demo();
    user[0].1 = "nobody";
    let mut password = demo();
    password[1].1 = "canary-wrong-password";
    let mut domain = demo();
    domain[2].1 = "nowhere";
    let mut project_name = demo();
    project_name[3].1 = "nothing";
    let credential = |id| {
        vec![
            ("application_credential_id", id),
            ("application_credential_secret", SECRET),
        ]
    };
    let (revoked, expired) = (credential(revoked.as_str()), credential(expired.as_str()));
    for fields in [user, password, domain, project_name, revoked, expired] {
        let error = project(&fields).await.unwrap_err();
        assert!(matches!(error, SourceError::Unauthorized(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_is_none_has_expired() {
    if keystone().is_none() {
        return;
    }
    let refused = project(&[("token", "canary-token")]).await;
    assert_eq!(refused, Err(SourceError::Expired));
}

#[tokio::test]
async fn a_token_for_no_project_says_so() {
    if keystone().is_none() {
        return;
    }
    let unscoped = &demo()[..3];
    let refused = project(unscoped).await.unwrap_err();
    assert!(matches!(refused, SourceError::Misdirected(_)), "{refused}");
    assert!(refused.to_string().contains("no project"), "{refused}");
}

#[tokio::test]
async fn nothing_that_is_secret_shows_itself() {
    let Some(keystone) = keystone() else { return };
    let cloud = cloud(keystone, &demo(), options("RegionOne"));
    cloud.scopes().await.unwrap();
    assert!(!format!("{cloud:?}").contains("canary"));
}

#[tokio::test]
async fn a_keystone_that_is_not_there_is_unreachable() {
    let Some(keystone) = keystone() else { return };
    let mut fields = demo();
    fields.push(("auth_url", "http://127.0.0.1:1/v3"));
    let mut reading = certlocker_import::credentials::openstack_form(fields);
    let credential = reading.found.pop().unwrap().value;
    let cloud = certlocker_import::source::openstack::OpenStack::new(credential, options("x"));
    let error = cloud.unwrap().scopes().await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Unreachable(why) if why.contains("refused")),
        "{error}"
    );
    assert!(!error.to_string().contains(&keystone.url));
}
