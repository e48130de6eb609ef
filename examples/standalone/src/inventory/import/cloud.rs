//! From who one is to a cloud to a source of its machines, as far as this build has them.

use certlocker_import::credentials::{AwsCredential, OpenStackCredential, Reading};
use certlocker_import::source::Source;

use super::super::InventoryError;

/// Who one is, to which cloud.
#[derive(Debug)]
pub(super) enum CloudIdentity {
    /// One of the identities of a text, which may refer to others.
    Aws {
        name: String,
        reading: Reading<AwsCredential>,
    },
    OpenStack(Box<OpenStackCredential>),
}

/// How a cloud is looked at.
#[derive(Clone, Debug, Default)]
#[allow(
    dead_code,
    reason = "read by the clouds that this program is built with"
)]
pub(super) struct CloudOptions {
    /// The machines of every project, where the identity may see them.
    pub(super) all_projects: bool,
    /// Where the cloud is asked, if it is not where everybody asks it.
    pub(super) endpoint: Option<String>,
    /// The regions; those that the identity names, or all, if there is none.
    pub(super) regions: Vec<String>,
}

/// The machines of a cloud.
///
/// # Errors
/// [`InventoryError::Unbuilt`] if this program was built without that cloud.
pub(super) async fn source(
    identity: CloudIdentity,
    options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    match identity {
        CloudIdentity::Aws { name, reading } => aws(&reading, &name, options),
        CloudIdentity::OpenStack(credential) => openstack(*credential, options).await,
    }
}

fn aws(
    _reading: &Reading<AwsCredential>,
    _name: &str,
    _options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    Err(InventoryError::Unbuilt("aws"))
}

async fn openstack(
    _credential: OpenStackCredential,
    _options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    Err(InventoryError::Unbuilt("openstack"))
}
