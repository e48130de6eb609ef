//! What loads and measures an ACME server: a client, what its challenges need, and figures.

mod account_key;
mod csr;
mod failure;
mod figures;
pub mod floor;
pub mod kill;
mod meter;
mod order;
pub mod prefill;
mod process;
mod responder;
mod server;
mod session;
mod transport;
pub mod zone;

pub use account_key::AccountKey;
pub use csr::fresh_request;
pub use failure::Failure;
pub use figures::{Figures, Latency};
pub use meter::{Meter, Step};
pub use order::{Placed, complete, place};
pub use process::{Usage, peak_kib};
pub use responder::Responder;
pub use server::{Binary, Ready, Server};
pub use session::{Directory, Session};
pub use transport::{InProcess, Reply, TlsTransport, Transport, trusting};
pub use zone::Zone;
