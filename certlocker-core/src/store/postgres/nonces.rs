//! Spent nonces in tables that a crash of the server empties together.

use async_trait::async_trait;

use super::sql::number;
use super::{Given, PostgresStore};
use crate::{SpentNonce, SpentNonces, StoreError, Timestamp};

pub(super) const EPOCH: &str = "SELECT epoch FROM nonce_epoch";

pub(super) const NEW_EPOCH: &str = "INSERT INTO nonce_epoch \
    SELECT (random() * 9007199254740991)::bigint ON CONFLICT DO NOTHING";

pub(super) const SPEND: &str = "INSERT INTO spent_nonce (until, number) \
    SELECT $1, $2 FROM nonce_epoch WHERE epoch = $3 ON CONFLICT DO NOTHING RETURNING until";

/// By their places, so that each is looked at once, whatever the planner thinks of their number.
pub(super) const FORGET: &str = "WITH gone AS (DELETE FROM spent_nonce WHERE ctid = ANY (ARRAY \
    (SELECT ctid FROM spent_nonce WHERE until < $1 ORDER BY until, number LIMIT $2 \
    FOR UPDATE SKIP LOCKED)) RETURNING 1) SELECT count(*) FROM gone";

#[async_trait]
impl SpentNonces for PostgresStore {
    async fn nonce_epoch(&self) -> Result<u64, StoreError> {
        loop {
            let found = self.ask(EPOCH, &[]).await?;
            if let Some(row) = found.first() {
                return Ok(row.get::<_, i64>(0).unsigned_abs());
            }
            self.operate(NEW_EPOCH, &[]).await?;
        }
    }

    async fn spend_nonce(&self, nonce: &SpentNonce) -> Result<bool, StoreError> {
        let (until, bytes) = (nonce.until.as_micros(), &nonce.number[..]);
        let epoch = i64::try_from(nonce.epoch).unwrap_or(-1);
        let given: Given<'_> = &[&until, &bytes, &epoch];
        Ok(!self.operate(SPEND, given).await?.is_empty())
    }

    async fn forget_nonces(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let (before, limit) = (before.as_micros(), number(limit));
        let gone = self.operate(FORGET, &[&before, &limit]).await?;
        let gone = gone.first().map_or(0, |row| row.get::<_, i64>(0));
        Ok(usize::try_from(gone).unwrap_or(usize::MAX))
    }
}
