//! Every sink keeps the contract, and behaves as it says when its other end does not.

mod feed;
mod file;
mod ocsf;
#[cfg(feature = "otlp")]
mod otlp;
mod syslog;
#[cfg(feature = "tls")]
mod syslog_tls;
mod webhook;

use std::pin::Pin;

fn run(work: Pin<Box<dyn Future<Output = ()> + '_>>) {
    pollster::block_on(work);
}
