//! The built server as its operators meet it: commands, pages, crashes, copies.

mod audit;
mod commands;
mod crash;
mod explain;
#[path = "../harness/mod.rs"]
mod harness;
mod planes;
