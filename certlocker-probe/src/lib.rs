//! Looks at what TLS endpoints really serve, and says whether it is what the inventory expects.
#![doc = include_str!("../guide/probing.md")]

mod captured;
mod cell;
mod excerpt;
mod facts;
mod failure;
mod fingerprint;
mod foresee;
mod inventory;
mod judge;
mod names;
mod ocsp;
mod path;
mod protocol;
mod proxy;
mod roots;
#[cfg(feature = "tokio")]
mod run;
mod sampling;
mod session;
mod starttls;
mod status;
mod strength;
mod tds;
#[cfg(test)]
mod testing;
mod tls;
mod validity;
mod verdict;
#[cfg(feature = "tokio")]
mod watch;
mod wire;

pub use captured::{Captured, ClientCertificate, Possession, TlsVersion};
pub use cell::{Cell, Report, Target, Timings};
pub use facts::{Algorithm, Facts, Key, SignatureHash, Unreadable};
pub use failure::{Failure, Phase};
pub use fingerprint::Fingerprint;
pub use inventory::{Generation, Identity, Inventory, Item, Likeness, Lineage};
pub use judge::{Judge, Judgement, LeafJudgement};
pub use names::NameVerdict;
pub use ocsp::{Staple, StapleAnswer, StapleStatus};
pub use path::{ChainFinding, ChainVerdict, Reach};
pub use protocol::{Protocol, UnknownProtocol};
pub use proxy::ProxyHeader;
pub use roots::{Roots, Trust, TrustAnswers, TrustStores};
#[cfg(feature = "tokio")]
pub use run::{Clock, Prober, Settings, Timeouts};
pub use sampling::{Coverage, Goal, Sample, Sampling};
pub use session::{Depth, Manners, Plan, Session};
pub use starttls::{Dialogue, Reply};
pub use status::{StapleVerdict, Status};
pub use strength::Weakness;
pub use tls::{Grab, Offer};
pub use validity::{Renewal, Validity};
pub use verdict::{Cause, Level, Summary, Verdict, is_disk_behind_memory};
#[cfg(feature = "tokio")]
pub use watch::{Observer, Watch};
