//! What a harness can do to the database under its store.

use std::fmt;

/// A way in which a database fails its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outage {
    /// The disk has no room for what is written.
    DiskFull,
    /// The connection ends before a statement has reached the database.
    StatementLost,
    /// The connection ends after the database has done a statement, and before it has answered.
    AnswerLost,
}

/// A database that was told to fail; dropped, it is whole again.
pub struct Broken {
    mend: Option<Box<dyn FnOnce() + Send>>,
    struck: Box<dyn Fn() -> bool + Send>,
}

impl Broken {
    /// `struck` says whether the store has run into the failure, `mend` ends it.
    pub fn new(
        struck: impl Fn() -> bool + Send + 'static,
        mend: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self {
            mend: Some(Box::new(mend)),
            struck: Box::new(struck),
        }
    }

    pub(super) fn struck(&self) -> bool {
        (self.struck)()
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        if let Some(mend) = self.mend.take() {
            mend();
        }
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").finish_non_exhaustive()
    }
}
