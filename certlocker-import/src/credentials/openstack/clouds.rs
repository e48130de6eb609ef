//! clouds.yaml with what belongs to it.
//!
//! [Configuring OpenStack SDK applications](https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html):
//! secure.yaml lies over clouds.yaml, a profile under it; in each, what is outside of `auth` lies
//! over what is inside.

use super::settings::Settings;
use super::{OpenStackCredential, Region, build, nothing};
use crate::credentials::text::Text;
use crate::credentials::tree::{Node, Value};
use crate::credentials::{NoteKind, Reading, label};

/// The files of a configuration. Lines in notes are those of the file that the note names, or of
/// clouds.yaml.
#[derive(Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "the SDK knows these three")]
pub struct OpenStackFiles<'a> {
    /// clouds.yaml.
    pub clouds: &'a [u8],
    /// clouds-public.yaml, with profiles.
    pub public: Option<&'a [u8]>,
    /// secure.yaml.
    pub secure: Option<&'a [u8]>,
}

impl std::fmt::Debug for OpenStackFiles<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenStackFiles")
    }
}

/// Reads every cloud of a configuration.
pub fn openstack_clouds(files: OpenStackFiles<'_>) -> Reading<OpenStackCredential> {
    let mut reading = Reading::new();
    let main = tree(files.clouds, "clouds.yaml", &mut reading);
    let secure = files
        .secure
        .and_then(|bytes| tree(bytes, "secure.yaml", &mut reading));
    let public = files
        .public
        .and_then(|bytes| tree(bytes, "clouds-public.yaml", &mut reading));
    let clouds = main.as_ref().and_then(|tree| tree.member("clouds"));
    for (name, cloud) in clouds.map(Node::members).unwrap_or_default() {
        let mut layers = Vec::new();
        layers.extend(profile(cloud, public.as_ref(), &mut reading));
        layers.push(cloud);
        layers.extend(
            secure
                .as_ref()
                .and_then(|tree| tree.member("clouds")?.member(name)),
        );
        one(name, cloud.line, &layers, &mut reading);
    }
    nothing(&mut reading);
    reading.in_order()
}

fn tree(bytes: &[u8], file: &str, reading: &mut Reading<OpenStackCredential>) -> Option<Node> {
    let text = Text::decode(bytes);
    let broken_text = text.notes.into_iter().next();
    if let Some(note) = broken_text {
        reading.note(note.line, note.kind, format!("{file}: {}", note.text));
        return None;
    }
    match Node::parse(&text.text) {
        Ok(tree) => Some(tree),
        Err(broken) => {
            let text = format!("{file}: {}", broken.what);
            reading.note(broken.line, NoteKind::Problem, text);
            None
        }
    }
}

/// The profile that a cloud goes by. One that is a URL would be fetched by the SDK, and is not here.
fn profile<'a>(
    cloud: &Node,
    public: Option<&'a Node>,
    reading: &mut Reading<OpenStackCredential>,
) -> Option<&'a Node> {
    let named = cloud.member("profile").or_else(|| cloud.member("cloud"))?;
    let name = named.text()?;
    if name.contains("://") {
        let text = "`profile` is a URL, and nothing is fetched here: give the profile in clouds-public.yaml";
        reading.note(named.line, NoteKind::Warning, text);
        return None;
    }
    let found = public.and_then(|tree| tree.member("public-clouds")?.member(name));
    if found.is_none() {
        let text = "`profile` names what is not in clouds-public.yaml; the profiles that the SDK has built in are not known here";
        reading.note(named.line, NoteKind::Warning, text);
    }
    found
}

fn one(name: &str, line: usize, layers: &[&Node], reading: &mut Reading<OpenStackCredential>) {
    let mut settings = Settings::default();
    let mut regions = Vec::new();
    for layer in layers {
        let auth = layer.member("auth").map(Node::members).unwrap_or_default();
        texts(auth, &mut settings, reading);
    }
    for layer in layers {
        texts(layer.members(), &mut settings, reading);
        if let Some(listed) = layer
            .member("regions")
            .or_else(|| layer.member("region_name"))
        {
            let listed: Vec<Region> = listed.items().iter().filter_map(region).collect();
            if !listed.is_empty() {
                regions = listed;
            }
        }
    }
    build::with_regions(name, "clouds.yaml", line, settings, regions, reading);
}

fn texts(
    members: &[(String, Node)],
    settings: &mut Settings,
    reading: &mut Reading<OpenStackCredential>,
) {
    for (name, node) in members {
        match (name.as_str(), &node.value) {
            ("profile" | "cloud", _) => {}
            (_, Value::Text(_)) => {
                settings.set(node.line, name, node.text().unwrap_or_default(), reading);
            }
            ("auth" | "regions" | "region_name", _) => {}
            _ => {
                let text = "this part of the cloud is of no use for an import";
                reading.note(node.line, NoteKind::Ignored, text);
            }
        }
    }
}

/// A name, or a name with a Keystone of its own.
fn region(node: &Node) -> Option<Region> {
    if let Some(name) = node.text() {
        return Some(Region {
            auth_url: None,
            name: label(name),
        });
    }
    let name = node.member("name")?.text()?;
    let values = node.member("values");
    let auth_url = values.and_then(|values| values.member("auth")?.member("auth_url")?.text());
    let fits = |url: &&str| url.starts_with("http") && !url.contains('{');
    Some(Region {
        auth_url: auth_url.filter(fits).map(str::to_owned),
        name: label(name),
    })
}
