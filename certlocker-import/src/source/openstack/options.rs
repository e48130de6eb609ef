//! What is asked of a cloud, and how patiently.

use std::time::Duration;

/// What is asked of a cloud, and how patiently.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct Options {
    /// The machines of every project, which only administrators may see.
    pub all_projects: bool,
    /// How often one question is asked before it counts as not answered.
    pub attempts: u32,
    /// How long one answer may take.
    pub attempt_timeout: Duration,
    /// How many machines a page has at most; a cloud may give fewer.
    pub page_size: u16,
    /// The pause before the second attempt; it doubles with each, unless the cloud says for how long.
    pub pause: Duration,
    /// The longest pause before any attempt.
    pub pause_limit: Duration,
    /// The regions; those of the credential if there are none.
    pub regions: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            all_projects: false,
            attempts: 5,
            attempt_timeout: Duration::from_secs(60),
            page_size: 500,
            pause: Duration::from_secs(1),
            pause_limit: Duration::from_secs(20),
            regions: Vec::new(),
        }
    }
}
