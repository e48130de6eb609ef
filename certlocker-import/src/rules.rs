//! What is inferred of a host: its groups and its account, each with the reason.

mod groups;
mod login;
mod pattern;

pub use groups::{GroupRule, InvalidRule, RuleEffect, Rules, preview};
pub use login::{LoginGuess, guess_login};
