//! From what is found to hosts, by way of a plan.

mod applying;
mod editing;
mod reconciling;
mod world;
