//! Claims in a table that all processes share.

use async_trait::async_trait;

use super::sql::number;
use super::text::{read, stored};
use super::{Given, PostgresStore};
use crate::change::{DUE, Lease};
use crate::{Kind, Leases, StoreError, Timestamp};

/// A claim of the last moments before a crash of the server may be lost, and its number with it:
/// what is random in a fence tells it from the one that gets the same number afterwards.
macro_rules! fence {
    () => {
        "(nextval('lease_number') << 20 | floor(random() * 1048576)::bigint)"
    };
}

pub(super) const CLAIM: &str = concat!(
    "INSERT INTO lease (kind, key, fence, until) VALUES ($1, $2, ",
    fence!(),
    ", $4) ON CONFLICT (kind, key) ",
    "DO UPDATE SET fence = excluded.fence, until = excluded.until WHERE lease.until <= $3 ",
    "RETURNING fence"
);

/// Rows are locked before leases, as commits do, and never waited for. What a commit has changed
/// meanwhile is skipped with its entry. Each lease is looked up by itself: joined as it likes, the
/// planner reads them all where it was told that there are few.
pub(super) const CLAIM_DUE: &str = concat!(
    "WITH due AS (SELECT entry.key FROM entry ",
    "JOIN row AS r ON r.kind = entry.kind AND r.key = entry.key ",
    "LEFT JOIN LATERAL (SELECT until FROM lease ",
    "WHERE lease.kind = entry.kind AND lease.key = entry.key OFFSET 0) AS lease ON true ",
    "WHERE entry.kind = $1 AND entry.name = $5 AND entry.value <= $6 ",
    "AND (lease.until IS NULL OR lease.until <= $3) ",
    "ORDER BY entry.value, entry.key LIMIT $2 FOR UPDATE OF r, entry SKIP LOCKED) ",
    "INSERT INTO lease (kind, key, fence, until) SELECT $1, key, ",
    fence!(),
    ", $4 FROM due ON CONFLICT (kind, key) ",
    "DO UPDATE SET fence = excluded.fence, until = excluded.until WHERE lease.until <= $3 ",
    "RETURNING key, fence"
);

pub(super) const RENEW: &str = "UPDATE lease SET until = $4 \
    WHERE kind = $1 AND key = $2 AND fence = $3 RETURNING fence";

pub(super) const RELEASE: &str = "DELETE FROM lease WHERE kind = $1 AND key = $2 AND fence = $3";

/// All claims are looked at: there are as many as there is work under way.
pub(super) const FORGET: &str = "WITH gone AS (DELETE FROM lease WHERE ctid = ANY (ARRAY \
    (SELECT ctid FROM lease WHERE until < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1) \
    SELECT count(*) FROM gone";

#[async_trait]
impl Leases for PostgresStore {
    async fn claim_due(
        &self,
        kind: Kind,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        let (limit, due) = (number(limit), now.to_string());
        let (now, until) = (now.as_micros(), until.as_micros());
        let given: Given<'_> = &[&kind.as_str(), &limit, &now, &until, &DUE, &due];
        let claimed = self.operate(CLAIM_DUE, given).await?;
        let lease = |row: &tokio_postgres::Row| Lease {
            kind,
            key: read(row.get(0)),
            fence: row.get::<_, i64>(1).unsigned_abs(),
        };
        let mut leases: Vec<Lease> = claimed.iter().map(lease).collect();
        leases.sort_unstable_by_key(|lease| lease.fence);
        Ok(leases)
    }

    async fn claim(
        &self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let (now, until) = (now.as_micros(), until.as_micros());
        let place = stored(key);
        let given: Given<'_> = &[&kind.as_str(), &place, &now, &until];
        let claimed = self.operate(CLAIM, given).await?;
        Ok(claimed.first().map(|row| Lease {
            kind,
            key: key.to_owned(),
            fence: row.get::<_, i64>(0).unsigned_abs(),
        }))
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        let (kind, key) = (lease.kind.as_str(), stored(&lease.key));
        let given: Given<'_> = &[&kind, &key, &fence(lease), &until.as_micros()];
        Ok(!self.operate(RENEW, given).await?.is_empty())
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let (kind, key) = (lease.kind.as_str(), stored(&lease.key));
        let given: Given<'_> = &[&kind, &key, &fence(lease)];
        self.operate(RELEASE, given).await.map(drop)
    }

    async fn forget_claims(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let (before, limit) = (before.as_micros(), number(limit));
        let gone = self.operate(FORGET, &[&before, &limit]).await?;
        let gone = gone.first().map_or(0, |row| row.get::<_, i64>(0));
        Ok(usize::try_from(gone).unwrap_or(usize::MAX))
    }
}

/// No fence that the database gave is larger than it can hold.
pub(super) fn fence(lease: &Lease) -> i64 {
    i64::try_from(lease.fence).unwrap_or(-1)
}
