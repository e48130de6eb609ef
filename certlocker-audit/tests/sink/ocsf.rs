use certlocker_audit::sink::conformance::records;
use certlocker_audit::sink::{OCSF_VERSION, ocsf};

#[test]
fn an_event_has_what_its_class_requires() {
    let record = &records(&["no names"])[0];
    let event = ocsf(record);
    for (pointer, expect) in [
        ("/class_uid", 6003.into()),
        ("/category_uid", 6.into()),
        ("/activity_id", 99.into()),
        ("/type_uid", 600_399.into()),
        ("/severity_id", 3.into()),
        ("/status_id", 2.into()),
        ("/time", 1_700_000_000_000_u64.into()),
        ("/metadata/version", OCSF_VERSION.into()),
        ("/metadata/product/vendor_name", "CertLocker".into()),
        ("/api/operation", "request.refused".into()),
        ("/resources/0/type", "account".into()),
        ("/src_endpoint/name", "certlocker".into()),
        (
            "/raw_data",
            String::from_utf8(record.to_canonical()).unwrap().into(),
        ),
    ] {
        let expect: serde_json::Value = expect;
        assert_eq!(event.pointer(pointer), Some(&expect), "{pointer}");
    }
}
