//! What images are called and who made them, asked once for each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use aws_sdk_ec2::types::Filter;

use super::super::SourceError;
use super::connection::{Connection, locked};
use super::machine::text;

/// An image, as far as it may be seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) name: Option<String>,
    pub(super) owner: Option<String>,
}

/// Images that were asked for, by region and id.
#[derive(Default)]
pub(super) struct Images {
    known: Mutex<BTreeMap<(String, String), Image>>,
}

/// A filter takes no more values.
const VALUES: usize = 200;

impl Images {
    /// The images of these ids. One that nobody may see any more is known by nothing.
    ///
    /// They are asked for by filter: asked for by id, one that is gone makes the whole question fail.
    pub(super) async fn of(
        &self,
        connection: &Connection,
        region: &str,
        ids: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Image>, SourceError> {
        let mut found = BTreeMap::new();
        let mut unknown = Vec::new();
        for id in ids {
            match self.known(region, &id) {
                Some(image) => drop(found.insert(id, image)),
                None => unknown.push(id),
            }
        }
        for ids in unknown.chunks(VALUES) {
            let asked = ask(connection, region, ids).await?;
            for id in ids {
                let image = asked.get(id).cloned().unwrap_or_default();
                self.learn(region, id, image.clone());
                found.insert(id.clone(), image);
            }
        }
        Ok(found)
    }

    fn known(&self, region: &str, id: &str) -> Option<Image> {
        let id = (region.to_owned(), id.to_owned());
        locked(&self.known).get(&id).cloned()
    }

    fn learn(&self, region: &str, id: &str, image: Image) {
        let id = (region.to_owned(), id.to_owned());
        locked(&self.known).insert(id, image);
    }
}

async fn ask(
    connection: &Connection,
    region: &str,
    ids: &[String],
) -> Result<BTreeMap<String, Image>, SourceError> {
    let filter = Filter::builder()
        .name("image-id")
        .set_values(Some(ids.to_vec()))
        .build();
    let request = connection
        .ec2(region)
        .describe_images()
        .filters(filter)
        .include_deprecated(true)
        .include_disabled(true);
    let answer = connection
        .ask("ec2:DescribeImages", region, request.send())
        .await?;
    let images = answer.images().iter().filter_map(|image| {
        let name = text(image.name());
        let owner = text(image.owner_id());
        Some((text(image.image_id())?, Image { name, owner }))
    });
    Ok(images.collect())
}
