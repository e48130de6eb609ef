//! Records as events of class API Activity of the
//! [Open Cybersecurity Schema Framework](https://schema.ocsf.io/1.3.0/classes/api_activity).

use certlocker_core::{Actor, Record};
use serde_json::{Value, json};

/// The version of the schema. Others have other rules, so that it does not change by itself.
pub const OCSF_VERSION: &str = "1.3.0";

const APPLICATION_ACTIVITY: u64 = 6;
const API_ACTIVITY: u64 = 6_003;

/// A record as an event.
pub fn ocsf(record: &Record) -> Value {
    let (name, activity) = (record.event.name(), activity(record.event.name()));
    let failed = record.event.is_failure();
    let raw = String::from_utf8_lossy(&record.to_canonical()).into_owned();
    json!({
        "activity_id": activity,
        "actor": actor(&record.actor),
        "api": {
            "operation": name,
            "request": { "uid": record.cause.trigger.to_string() },
        },
        "category_uid": APPLICATION_ACTIVITY,
        "class_uid": API_ACTIVITY,
        "metadata": {
            "event_code": record.event.code(),
            "product": { "name": "certlocker", "vendor_name": "CertLocker" },
            "sequence": record.sequence.get(),
            "uid": record.sequence.to_string(),
            "version": OCSF_VERSION,
        },
        "raw_data": raw,
        "resources": record.event.subjects().iter().map(|subject| {
            let text = subject.to_string();
            let (kind, id) = text.split_once(':').unwrap_or(("", &text));
            json!({ "type": kind, "uid": id })
        }).collect::<Vec<_>>(),
        "severity_id": if failed { 3 } else { 1 },
        "src_endpoint": endpoint(&record.actor),
        "status_id": if failed { 2 } else { 1 },
        "time": record.time.as_micros() / 1_000,
        "type_uid": API_ACTIVITY * 100 + activity,
    })
}

/// Create, read, update, delete or other.
fn activity(name: &str) -> u64 {
    match name.rsplit('.').next().unwrap_or_default() {
        "created" | "stored" | "signed" => 1,
        "opened" | "downloaded" => 2,
        "updated" | "key_changed" | "rotated" | "ready" | "valid" | "invalid" | "bound" => 3,
        "removed" | "deactivated" | "disabled" | "revoked" => 4,
        _ => 99,
    }
}

fn actor(actor: &Actor) -> Value {
    let text = actor.to_string();
    let (kind, name) = text.split_once(':').unwrap_or(("", &text));
    json!({ "user": { "name": name, "type": kind, "type_id": 99, "uid": text } })
}

fn endpoint(actor: &Actor) -> Value {
    match actor {
        Actor::Anonymous(network) => json!({ "ip": network.addr().to_string() }),
        _ => json!({ "name": "certlocker" }),
    }
}
