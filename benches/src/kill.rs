//! Orders that have to survive the server: clients that never give up, what they were told, and
//! the check of the database against it.

mod acknowledged;
mod check;
mod history;
mod persistent;

pub use acknowledged::{Acknowledged, Reached};
pub use check::{Checked, check};
pub use persistent::{Persistent, Shared};
