use std::sync::{Arc, Mutex};

use certlocker_audit::http::Answer;
use certlocker_audit::sink::conformance::{Fresh, records};
use certlocker_audit::sink::{AuditSink, OtlpSink};
use certlocker_core::Record;
use pollster::block_on;
use serde_json::Value;

use crate::webhook::{Receiver, answer};

fn sink(answered: Answer) -> (Arc<Receiver>, OtlpSink) {
    let receiver = Arc::new(Receiver(Mutex::default(), Ok(answered)));
    let sink = OtlpSink::new("http://otel.example:4318/v1/logs", receiver.clone());
    (receiver, sink)
}

fn logs(receiver: &Receiver) -> Vec<Value> {
    let requests = receiver.0.lock().unwrap();
    let logs = requests.iter().flat_map(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let logs = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        logs.as_array().unwrap().clone()
    });
    logs.collect()
}

fn fresh() -> Fresh {
    let (receiver, sink) = sink(answer(200, "{}"));
    let received = move || {
        let bodies = logs(&receiver).into_iter();
        let line = |log: Value| {
            log["body"]["stringValue"]
                .as_str()
                .unwrap()
                .as_bytes()
                .to_vec()
        };
        bodies.map(line).collect()
    };
    Fresh::new(Arc::new(sink), received, crate::run)
}

certlocker_audit::sink_conformance!(fresh);

#[test]
fn a_record_is_a_log_record_with_its_trace() {
    let (receiver, sink) = sink(answer(200, ""));
    let bytes = String::from_utf8(records(&["a"])[0].to_canonical()).unwrap();
    let traced =
        r#","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","v":1"#;
    let bytes = bytes.replace(r#","v":1"#, traced);
    let record = Record::from_canonical(bytes.as_bytes()).unwrap();
    block_on(sink.deliver(&[record])).unwrap();
    let log = &logs(&receiver)[0];
    assert_eq!(log["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(
        (&log["spanId"], &log["flags"]),
        (&"b7ad6b7169203331".into(), &1.into())
    );
    assert_eq!(log["timeUnixNano"], "1700000000000000000");
    assert_eq!(
        (&log["severityNumber"], &log["eventName"]),
        (&13.into(), &"request.refused".into())
    );
}

#[test]
fn a_collector_that_rejects_some_of_it_has_not_taken_it() {
    let body = r#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"full"}}"#;
    let (_, sink) = sink(answer(200, body));
    let error = block_on(sink.deliver(&records(&["a"; 3]))).unwrap_err();
    let expect = "http://otel.example:4318 rejected 2 of 3 records";
    assert_eq!(error.to_string(), expect);
}
