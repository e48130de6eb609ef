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
    /// Only machines that fit all of these, in the words of the cloud.
    pub(super) filters: Vec<String>,
    /// The regions; those that the identity names, or all, if there is none.
    pub(super) regions: Vec<String>,
}

/// The machines of a cloud.
///
/// # Errors
/// [`InventoryError::Unbuilt`] if this program was built without that cloud.
pub(super) fn source(
    identity: CloudIdentity,
    options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    match identity {
        CloudIdentity::Aws { name, reading } => aws(&reading, &name, options),
        CloudIdentity::OpenStack(credential) => openstack(*credential, options),
    }
}

#[cfg(feature = "aws")]
fn aws(
    reading: &Reading<AwsCredential>,
    name: &str,
    options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    use certlocker_import::source::aws::{Ec2, Filter, Identity, Options};

    fn invalid(error: impl std::fmt::Display) -> InventoryError {
        InventoryError::Invalid(error.to_string())
    }

    let identity = Identity::of(reading, name).map_err(invalid)?;
    let filters = options.filters.iter().map(|filter| filter.parse());
    let filters: Result<Vec<Filter>, _> = filters.collect();
    let options = Options {
        endpoint: options.endpoint.clone(),
        filters: filters.map_err(invalid)?,
        regions: options.regions.clone(),
        ..Options::default()
    };
    let source = Ec2::new(&identity, options).map_err(invalid)?;
    Ok(Box::new(source))
}

#[cfg(not(feature = "aws"))]
fn aws(
    _reading: &Reading<AwsCredential>,
    _name: &str,
    _options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    Err(InventoryError::Unbuilt("aws"))
}

#[cfg(feature = "openstack")]
fn openstack(
    credential: OpenStackCredential,
    options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    use certlocker_import::source::openstack::{OpenStack, Options};

    if options.endpoint.is_some() || !options.filters.is_empty() {
        let text = "OpenStack takes neither an endpoint, which its catalog names, nor filters";
        return Err(InventoryError::Invalid(text.to_owned()));
    }
    let options = Options {
        all_projects: options.all_projects,
        regions: options.regions.clone(),
        ..Options::default()
    };
    let source = OpenStack::new(credential, options);
    let source = source.map_err(|error| InventoryError::Invalid(error.to_string()))?;
    Ok(Box::new(source))
}

#[cfg(not(feature = "openstack"))]
fn openstack(
    _credential: OpenStackCredential,
    _options: &CloudOptions,
) -> Result<Box<dyn Source>, InventoryError> {
    Err(InventoryError::Unbuilt("openstack"))
}
