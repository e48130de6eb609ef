//! What a store gives back.

use certlocker_core::{
    Account, Aggregate, Authority, Certificate, Client, Order, Record, Sealed, Timestamp, Token,
    TokenUse, Version, Versioned, explain,
};

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
