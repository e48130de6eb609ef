//! Which account an image gives to whoever has the key.

use std::collections::BTreeSet;

use certlocker_core::host::Provider;

use super::Rules;
use crate::found::FoundHost;

/// An account, and why it is thought to be that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "an account and a reason")]
pub struct LoginGuess {
    /// Why.
    pub reason: String,
    /// The name of the account.
    pub user: String,
}

/// Tags in which people say it.
const TAGS: &[&str] = &[
    "ssh-user",
    "ssh_user",
    "login",
    "Rundeck-User",
    "ansible_user",
];

/// What images are called, and the account that their makers document: at EC2, and at OpenStack.
///
/// [Default user names](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connection-prereqs.html#connection-prereqs-get-info-about-instance),
/// [images of OpenStack](https://docs.openstack.org/image-guide/obtain-images.html).
const IMAGES: &[(&str, &str, &str)] = &[
    ("bottlerocket", "ec2-user", "ec2-user"),
    ("bitnami", "bitnami", "bitnami"),
    ("ubuntu", "ubuntu", "ubuntu"),
    ("debian", "admin", "debian"),
    ("amzn", "ec2-user", "ec2-user"),
    ("al2023", "ec2-user", "ec2-user"),
    ("amazon linux", "ec2-user", "ec2-user"),
    ("rocky", "rocky", "rocky"),
    ("alma", "ec2-user", "almalinux"),
    ("fedora", "fedora", "fedora"),
    ("centos", "centos", "centos"),
    ("rhel", "ec2-user", "cloud-user"),
    ("red hat", "ec2-user", "cloud-user"),
    ("suse", "ec2-user", "opensuse"),
    ("flatcar", "core", "core"),
    ("coreos", "core", "core"),
    ("freebsd", "ec2-user", "freebsd"),
    ("cirros", "cirros", "cirros"),
    ("windows", "Administrator", "Administrator"),
];

/// Who makes images at EC2, and the account that they have. Makers of several are not here.
///
/// [Ubuntu](https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/),
/// [Debian](https://wiki.debian.org/Cloud/AmazonEC2Image), [Rocky](https://rockylinux.org/download),
/// [AlmaLinux](https://wiki.almalinux.org/cloud/AWS.html).
const OWNERS: &[(&str, &str, &str)] = &[
    ("099720109477", "Canonical", "ubuntu"),
    ("136693071363", "Debian", "admin"),
    ("137112412989", "Amazon", "ec2-user"),
    ("309956199498", "Red Hat", "ec2-user"),
    ("764336703387", "AlmaLinux", "ec2-user"),
    ("792107900819", "Rocky Linux", "rocky"),
    ("801119661308", "Amazon, Windows", "Administrator"),
];

/// The account of a host in these groups: by a group's rule, a tag, the image, who made that, the
/// platform.
pub fn guess_login(
    host: &FoundHost,
    groups: &BTreeSet<String>,
    rules: &Rules,
) -> Option<LoginGuess> {
    let by_group = groups.iter().find_map(|group| {
        let user = rules.logins.get(group)?;
        Some((user.clone(), format!("the account of group {group}")))
    });
    let by_tag = || {
        TAGS.iter().find_map(|tag| {
            let user = host.tags.get(*tag).filter(|user| is_user(user))?;
            Some((user.clone(), format!("tag {tag}")))
        })
    };
    let by_property = || {
        let user = host.image_login.clone().filter(|user| is_user(user))?;
        Some((user, "property os_admin_user of the image".to_owned()))
    };
    let by_image = || {
        known(host.image_name.as_deref()?, host)
            .map(|known| (known.0, format!("image {}", known.1)))
    };
    let by_owner = || {
        let owner = host.image_owner.as_deref()?;
        let (_, name, user) = OWNERS.iter().find(|(account, ..)| *account == owner)?;
        Some(((*user).to_owned(), format!("image of {name} ({owner})")))
    };
    let by_platform = || {
        known(host.facts.platform.as_deref()?, host)
            .map(|known| (known.0, format!("platform {}", known.1)))
    };
    let (user, reason) = by_group
        .or_else(by_tag)
        .or_else(by_property)
        .or_else(by_image)
        .or_else(by_owner)
        .or_else(by_platform)?;
    Some(LoginGuess { reason, user })
}

fn known(text: &str, host: &FoundHost) -> Option<(String, String)> {
    let lower = text.to_lowercase();
    let (_, aws, openstack) = IMAGES.iter().find(|(word, ..)| lower.contains(word))?;
    let user = match host.cloud.provider() {
        Provider::Aws => aws,
        _ => openstack,
    };
    Some(((*user).to_owned(), text.to_owned()))
}

/// What `useradd` takes, and Windows.
fn is_user(text: &str) -> bool {
    const LONGEST: usize = 32;
    (1..=LONGEST).contains(&text.len())
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
