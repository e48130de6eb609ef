//! How the local authority is made on the first start, kept, and found again.

use std::sync::Arc;

use certlocker_core::{
    Actor, Attribution, Authority as Kept, AuthorityRole, Changeset, Component, Der, Kind, Lease,
    SecretError, SecretPurpose, SecretStore, Store, StoreError, Timestamp, Trigger,
};

use super::{Inner, LocalCa, LocalCaSettings, Made, make_intermediate, make_root, pair};
use crate::gateway::random;
use crate::once::Turn;
use crate::x509::{Authority, Leaf, subject_and_key_id};

/// Why the local authority cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalCaError {
    /// What is kept does not belong together.
    #[error("the {0} that is kept does not read as an authority's certificate")]
    Certificate(&'static str),
    /// A root is kept and no intermediate, or the other way round.
    #[error(
        "a root or an intermediate is kept without the other; restore the database from a backup"
    )]
    Incomplete,
    /// The key does not read.
    #[error("a key of the authority does not read")]
    Key,
    /// A key cannot be sealed or opened.
    #[error("a key of the authority cannot be sealed or opened")]
    Secret(#[from] SecretError),
    /// A signature could not be made.
    #[error("the authority could not sign")]
    Sign,
    /// The store failed.
    #[error("the authority cannot be read from or written to the store")]
    Store(#[from] StoreError),
}

impl LocalCa {
    /// The authority that is kept in `store`, made and kept there first if there is none. Its key
    /// is opened once, and that is recorded.
    ///
    /// # Errors
    /// [`LocalCaError`].
    pub async fn open_or_create(
        store: &dyn Store,
        secrets: &dyn SecretStore,
        settings: LocalCaSettings,
        now: Timestamp,
    ) -> Result<Self, LocalCaError> {
        let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
        let mut turn = Turn::new(Kind::Authority, "local authority", now);
        loop {
            if let Some(kept) = Self::open(store, secrets, settings.clone(), &by, now).await? {
                turn.give_up(store).await?;
                return Ok(kept);
            }
            if let Some(lease) = turn.come(store).await? {
                return Self::create(store, secrets, settings, &by, lease, now).await;
            }
        }
    }

    async fn open(
        store: &dyn Store,
        secrets: &dyn SecretStore,
        settings: LocalCaSettings,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Option<Self>, LocalCaError> {
        let root = store.newest_authority(AuthorityRole::Root).await?;
        let intermediate = store.newest_authority(AuthorityRole::Intermediate).await?;
        let (root, intermediate) = match (root, intermediate) {
            (Some(root), Some(intermediate)) => (root, intermediate),
            (None, None) => return Ok(None),
            _ => return Err(LocalCaError::Incomplete),
        };
        let key = secrets.open(intermediate.value.key(), SecretPurpose::CaKey, by, now);
        let key = key.await?;
        let der = intermediate.value.certificate().clone();
        let (name, key_id) =
            subject_and_key_id(&der.0).ok_or(LocalCaError::Certificate("intermediate"))?;
        let authority = Authority {
            name,
            key_id,
            key: pair(&key)?,
        };
        Self::assemble(authority, der, root.value.certificate().clone(), settings).map(Some)
    }

    async fn create(
        store: &dyn Store,
        secrets: &dyn SecretStore,
        settings: LocalCaSettings,
        by: &Attribution,
        lease: Lease,
        now: Timestamp,
    ) -> Result<Self, LocalCaError> {
        let root = make_root(&settings, now)?;
        let intermediate = make_intermediate(&settings, &root.authority, now)?;
        let changes = kept(&root, AuthorityRole::Root, secrets, by, now).await?;
        let more = kept(&intermediate, AuthorityRole::Intermediate, secrets, by, now).await?;
        store.commit(changes.merge(more).under(lease)).await?;
        Self::assemble(
            intermediate.authority,
            Der(intermediate.der),
            Der(root.der),
            settings,
        )
    }

    fn assemble(
        intermediate: Authority,
        intermediate_der: Der,
        root_der: Der,
        settings: LocalCaSettings,
    ) -> Result<Self, LocalCaError> {
        let read = Leaf::parse(&intermediate_der.0)
            .map_err(|_| LocalCaError::Certificate("intermediate"))?;
        let intermediate_end = read.description().not_after;
        Ok(Self(Arc::new(Inner {
            intermediate,
            intermediate_der,
            intermediate_end,
            root_der,
            settings,
        })))
    }
}

/// The authority and its sealed key, as one write.
async fn kept(
    made: &Made,
    role: AuthorityRole,
    secrets: &dyn SecretStore,
    by: &Attribution,
    now: Timestamp,
) -> Result<Changeset, LocalCaError> {
    let sealed = secrets
        .seal(&made.key, SecretPurpose::CaKey, &mut random, now)
        .await?;
    let key = *sealed.next().id();
    let authority = Kept::create(role, Der(made.der.clone()), key, &mut random, now);
    Ok(Changeset::of(sealed.by(by)).and(authority.by(by)))
}
