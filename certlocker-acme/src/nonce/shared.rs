//! Nonces that many processes issue and honour, each exactly once in all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::{
    SecretPurpose, SecretStore, SpentNonce, SpentNonces, Store, StoreError, Timestamp,
};

use super::{Nonces, TAG};
use crate::Clock;
use crate::gateway::random;
use crate::once::{SharedKeyError, shared_key};

/// Nonces of all processes that share a store: under one key, which the store keeps sealed.
///
/// Issuing writes nothing. Redeeming writes one operational row, so that whichever process is
/// asked, a nonce is taken once. When the store has forgotten what was spent, nothing of before is
/// accepted.
pub struct SharedNonces {
    clock: Arc<dyn Clock>,
    /// As it was when it was last asked for; what is issued in an older one is refused.
    epoch: AtomicU64,
    issued: AtomicU64,
    key: hmac::Key,
    /// Tells the numbers of this process from those of the others.
    process: [u8; 8],
    spent: Arc<dyn SpentNonces>,
}

impl std::fmt::Debug for SharedNonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedNonces").finish_non_exhaustive()
    }
}

/// Why nonces cannot be shared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedNoncesError {
    /// The key cannot be had.
    #[error("the key of the nonces cannot be had")]
    Key(#[from] SharedKeyError),
    /// The store failed.
    #[error("it cannot be read from the store which nonces were spent")]
    Store(#[from] StoreError),
}

/// Epoch, when it was issued, by which process, and how many were before it.
const HEAD: usize = 32;

impl SharedNonces {
    /// How long a nonce can be redeemed.
    pub const LIFETIME: Duration = Duration::from_secs(3_600);
    /// How far the clocks of processes may be apart.
    const SKEW: Duration = Duration::from_secs(600);
    /// Nonces under the key in `store`, which is made and sealed first if there is none. That it
    /// is opened is recorded.
    ///
    /// # Errors
    /// [`SharedNoncesError`].
    pub async fn open(
        store: &dyn Store,
        secrets: &dyn SecretStore,
        spent: Arc<dyn SpentNonces>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SharedNoncesError> {
        let key = shared_key(store, secrets, SecretPurpose::NonceKey, clock.now()).await?;
        let mut process = [0; 8];
        random(&mut process);
        Ok(Self {
            epoch: AtomicU64::new(spent.nonce_epoch().await?),
            clock,
            issued: AtomicU64::new(0),
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
            process,
            spent,
        })
    }

    /// Forgets spent nonces that nobody accepts any more, up to `limit`; the answer is how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, limit: usize) -> Result<usize, StoreError> {
        let before = self.clock.now().before(Self::SKEW);
        self.spent.forget_nonces(before, limit).await
    }

    fn tag(&self, head: &[u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&hmac::sign(&self.key, head).as_ref()[..TAG]);
        tag
    }

    /// What was issued under our key and is recent.
    fn read(&self, nonce: &str) -> Option<SpentNonce> {
        let mut bytes = [0; HEAD + TAG];
        if URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(HEAD + TAG) {
            return None;
        }
        let (head, tag) = bytes.split_at(HEAD);
        constant_time::verify_slices_are_equal(&self.tag(head), tag).ok()?;
        let [epoch, issued] = [&head[..8], &head[8..16]].map(|bytes| {
            let bytes = bytes.try_into();
            u64::from_be_bytes(bytes.expect("eight bytes were taken"))
        });
        let issued = Timestamp::from_micros(i64::try_from(issued).ok()?);
        let until = issued.after(Self::LIFETIME);
        let number = head[16..].try_into().ok()?;
        (self.clock.now() < until).then_some(SpentNonce {
            epoch,
            number,
            until,
        })
    }
}

#[async_trait]
impl Nonces for SharedNonces {
    fn issue(&self) -> String {
        let mut bytes = [0; HEAD + TAG];
        let epoch = self.epoch.load(Ordering::Relaxed);
        let now = self.clock.now().as_micros().unsigned_abs();
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        bytes[..8].copy_from_slice(&epoch.to_be_bytes());
        bytes[8..16].copy_from_slice(&now.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.process);
        bytes[24..HEAD].copy_from_slice(&number.to_be_bytes());
        let tag = self.tag(&bytes[..HEAD]);
        bytes[HEAD..].copy_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    async fn redeem(&self, nonce: &str) -> Result<bool, StoreError> {
        let Some(nonce) = self.read(nonce) else {
            return Ok(false);
        };
        if self.spent.spend_nonce(&nonce).await? {
            return Ok(true);
        }
        // It was spent before, or a new epoch has begun: then the next one is issued in that.
        let epoch = self.spent.nonce_epoch().await?;
        self.epoch.store(epoch, Ordering::Relaxed);
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use certlocker_core::{FileKey, MemoryStore, SealedSecrets};

    use super::*;
    use crate::ManualClock;

    struct Platform {
        clock: Arc<ManualClock>,
        secrets: SealedSecrets<MemoryStore, FileKey>,
        store: Arc<MemoryStore>,
        _folder: tempfile::TempDir,
    }

    impl Platform {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("master.key");
            let key = FileKey::open_or_create(path, &mut random).unwrap();
            let store = Arc::new(MemoryStore::default());
            Self {
                clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000))),
                secrets: SealedSecrets::new(Arc::clone(&store), key),
                store,
                _folder: folder,
            }
        }

        async fn node(&self) -> SharedNonces {
            let spent = Arc::clone(&self.store);
            let clock = Arc::clone(&self.clock);
            let opened = SharedNonces::open(self.store.as_ref(), &self.secrets, spent, clock);
            opened.await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_nonce_of_one_node_is_redeemed_by_another_exactly_once() {
        let platform = Platform::new();
        let (one, other) = tokio::join!(platform.node(), platform.node());
        let nodes = [Arc::new(one), Arc::new(other)];
        for round in 0..20 {
            let nonce = nodes[round % 2].issue();
            let redeem = |place: usize| {
                let (node, nonce) = (Arc::clone(&nodes[place % 2]), nonce.clone());
                tokio::spawn(async move { node.redeem(&nonce).await.unwrap() })
            };
            let racing: Vec<_> = (0..8).map(redeem).collect();
            let mut won = 0;
            for redeemed in racing {
                won += usize::from(redeemed.await.unwrap());
            }
            assert_eq!(won, 1);
        }
    }

    #[tokio::test]
    async fn old_changed_and_foreign_nonces_are_refused_and_spent_ones_forgotten() {
        let platform = Platform::new();
        let (node, foreign) = (platform.node().await, Platform::new().node().await);
        let (kept, old) = (node.issue(), node.issue());
        assert!(!node.redeem(&foreign.issue()).await.unwrap());
        let changed: String = kept.chars().rev().collect();
        assert!(!node.redeem(&changed).await.unwrap() && !node.redeem("").await.unwrap());
        platform
            .clock
            .advance(SharedNonces::LIFETIME - Duration::from_secs(1));
        assert!(node.redeem(&kept).await.unwrap());
        assert_eq!(node.forget(9).await.unwrap(), 0);
        platform.clock.advance(Duration::from_secs(1));
        assert!(!node.redeem(&old).await.unwrap());
        platform.clock.advance(SharedNonces::SKEW);
        assert_eq!(
            node.forget(9).await.unwrap(),
            0,
            "the last one within the skew"
        );
        platform.clock.advance(Duration::from_secs(1));
        assert_eq!(node.forget(9).await.unwrap(), 1);
        assert!(!node.redeem(&kept).await.unwrap());
    }

    #[tokio::test]
    async fn what_was_issued_before_a_new_epoch_is_refused_and_the_next_one_is_not() {
        let platform = Platform::new();
        let node = platform.node().await;
        node.epoch.store(0, Ordering::Relaxed);
        let before = node.issue();
        assert!(!node.redeem(&before).await.unwrap());
        assert!(node.redeem(&node.issue()).await.unwrap());
    }
}
