//! A key that wraps, and others that only unwrap.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{KeyWrap, Secret, SecretError};

/// One key that wraps, and others for what was wrapped before.
pub struct KeyRing {
    current: Arc<dyn KeyWrap>,
    retired: Vec<Arc<dyn KeyWrap>>,
}

impl KeyRing {
    /// Wraps under `current`; unwraps with it and with those that are `retired`.
    pub fn new(current: Arc<dyn KeyWrap>, retired: Vec<Arc<dyn KeyWrap>>) -> Self {
        Self { current, retired }
    }
}

#[async_trait]
impl KeyWrap for KeyRing {
    fn key_id(&self) -> String {
        self.current.key_id()
    }

    async fn wrap_key(
        &self,
        key_id: &str,
        key: &Secret,
        context: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        self.current.wrap_key(key_id, key, context).await
    }

    /// Each is asked by the id of the key; one that does not have it looks at nothing else.
    async fn unwrap_key(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Secret, SecretError> {
        for key in std::iter::once(&self.current).chain(&self.retired) {
            match key.unwrap_key(key_id, wrapped, context).await {
                Err(SecretError::UnknownKey(_)) => {}
                answer => return answer,
            }
        }
        Err(SecretError::UnknownKey(key_id.to_owned()))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retired: Vec<String> = self.retired.iter().map(|key| key.key_id()).collect();
        f.debug_struct("KeyRing")
            .field("current", &self.current.key_id())
            .field("retired", &retired)
            .finish()
    }
}
