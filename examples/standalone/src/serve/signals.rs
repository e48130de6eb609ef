//! What tells the process to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ServeError;

/// What tells the process to stop.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they end the process in good order only.
    pub(super) fn new() -> Result<Self, ServeError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(ServeError::Signal)?,
            terminate: signal(SignalKind::terminate()).map_err(ServeError::Signal)?,
        })
    }

    pub(super) async fn stopped(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
