//! What a store gives back.

use std::sync::Arc;

use certlocker_core::{
    Account, Actor, Aggregate, Attribution, Authority, Certificate, Client, Component, Ledger,
    LocalKey, MemoryStore, Order, Record, Sealed, SealedBytes, SealedSecrets, Secret, SecretError,
    SecretId, SecretPurpose, SecretStore, Timestamp, Token, TokenUse, Trigger, Version, Versioned,
    explain,
};

use crate::scene::NOW;

/// A record that reads is written in the same words and reads again as the same.
pub(crate) fn record(data: &[u8]) {
    let Ok(record) = Record::from_canonical(data) else {
        return;
    };
    let mut written = serde_json::json!({
        "actor": record.actor,
        "cause": record.cause,
        "event": record.event,
        "sequence": record.sequence,
        "time": record.time,
        "v": 1,
    });
    if let Some(traceparent) = &record.traceparent {
        written["traceparent"] = serde_json::json!(traceparent);
    }
    let again = Record::from_canonical(written.to_string().as_bytes());
    assert_eq!(again.as_ref(), Ok(&record));
    let _subjects = record.event.subjects();
}

/// Bytes that nobody sealed open nothing, and what is wrong with them can be shown.
pub(crate) fn sealed(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let opened = runtime
        .expect("a runtime without drivers")
        .block_on(opened(data));
    match opened {
        Ok(()) => panic!("what nobody sealed opens"),
        Err(error @ (SecretError::UnknownKey(_) | SecretError::Unreadable(_))) => {
            crate::assert_shown(&error.to_string());
        }
        Err(error) => panic!("the bytes alone are wrong: {error}"),
    }
}

async fn opened(blob: &[u8]) -> Result<(), SecretError> {
    let (store, by) = (Arc::new(MemoryStore::default()), startup());
    let (id, purpose) = (SecretId::first_at(NOW), SecretPurpose::CaKey);
    let bytes = SealedBytes {
        blob: blob.to_vec(),
        key_id: "k".to_owned(),
    };
    let stored = Sealed::store(id, purpose, bytes, NOW);
    store.commit(stored.by(&by).into()).await?;
    let key = LocalKey::from_bytes(Secret::new(vec![7; LocalKey::LENGTH]));
    let secrets = SealedSecrets::new(store, key.expect("it has the length of a key"));
    secrets.open(&id, purpose, &by, NOW).await.map(drop)
}

fn startup() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

/// A snapshot that reads is written and read again as the same aggregate, whatever kind it is of.
pub(crate) fn snapshot(data: &[u8]) {
    restored::<Account>(data);
    restored::<Authority>(data);
    restored::<Certificate>(data);
    restored::<Client>(data);
    restored::<Sealed>(data);
    restored::<Token>(data);
    restored::<TokenUse>(data);
    if let Some(order) = restored::<Order>(data) {
        moved_on(order);
    }
}

fn restored<T: Aggregate>(data: &[u8]) -> Option<T> {
    let value = T::restore(data).ok()?;
    let written = serde_json::to_vec(&(1, &value)).expect("it was read from JSON");
    let again = T::restore(&written).expect("it was written just now");
    let text = serde_json::to_vec(&(1, &again)).expect("it was read from JSON");
    assert_eq!(text, written);
    assert_eq!(again.entries(), value.entries());
    Some(value)
}

/// Nothing that is done to an order breaks, whatever was stored.
fn moved_on(value: Order) {
    let order = Versioned {
        value,
        version: Version::new(1),
    };
    for now in [0, 1_700_000_000, 253_402_300_799].map(Timestamp::from_seconds) {
        let _explained = explain(&order.value, &[], now);
        let _proofs = order.value.proofs(now);
        for ended in [order.expire(now), order.account_deactivated(now)] {
            let Some(ended) = ended else { continue };
            assert_eq!(ended.next().due(), None, "it has ended");
        }
    }
}
