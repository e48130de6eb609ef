//! A closed gate refuses before anything is written, and an open one changes nothing.

mod contract;
mod sinks;
