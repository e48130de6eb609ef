//! RFC 8555 as a black box: one module for each section, one scenario for each thing that it asks.
//!
//! Without more, the subject is our own server in this process. With `ACME_SUBJECT` it is any
//! server over TLS; `guide/conformance.md` says how.
#![cfg(all(feature = "axum", feature = "local-ca"))]

mod harness;
mod rfc8737_and_rfc8738;
#[path = "../support/mod.rs"]
mod support;

mod section_6_1;
mod section_6_2;
mod section_6_2_keys;
mod section_6_3;
mod section_6_4;
mod section_6_5;
mod section_6_6;
mod section_6_7;
mod section_7_1;
mod section_7_1_6;
mod section_7_2;
mod section_7_3;
mod section_7_3_4;
mod section_7_3_5;
mod section_7_4;
mod section_7_4_2;
mod section_7_4_finalize;
mod section_7_5;
mod section_7_6;
mod section_8;
