//! What happened during a renewal: the whole of it, from what set it off to what came of it.

use certlocker_core::{CertificateId, Event, Ledger, OrderId, Record, Sequence, Subject};

use super::{Step, WhyError, why};

/// A renewal, or a first order, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewal {
    /// The certificate that came of it, if one did.
    pub certificate: Option<CertificateId>,
    /// The order.
    pub order: OrderId,
    /// All that happened to the order, in its order.
    pub records: Vec<Record>,
    /// The certificate that it renews, if it is known by now.
    pub replaces: Option<CertificateId>,
    /// The way back from the order to the root trigger.
    pub way: Vec<Step>,
}

/// How many records are read at once.
const PAGE: usize = 1_000;

/// What happened during the renewal that a certificate came of, or that an order was; nothing if the
/// ledger knows no order of it.
///
/// # Errors
/// [`WhyError`].
pub async fn renewal(
    ledger: &(impl Ledger + ?Sized),
    subject: Subject,
) -> Result<Option<Renewal>, WhyError> {
    let order = match subject {
        Subject::Order(order) => Some(order),
        Subject::Certificate(_) => {
            let stored = ledger.records(Some(&subject), Sequence::START, 1).await?;
            stored.first().and_then(stored_for).and_then(|of| of.order)
        }
        _ => None,
    };
    let Some(order) = order else { return Ok(None) };
    let records = all(ledger, Subject::Order(order)).await?;
    if records.is_empty() {
        return Ok(None);
    }
    let stored = records.iter().find_map(stored_for);
    Ok(Some(Renewal {
        certificate: stored.as_ref().map(|stored| stored.certificate),
        order,
        replaces: stored.and_then(|stored| stored.replaces),
        way: why(ledger, Subject::Order(order)).await?,
        records,
    }))
}

struct Stored {
    certificate: CertificateId,
    order: Option<OrderId>,
    replaces: Option<CertificateId>,
}

fn stored_for(record: &Record) -> Option<Stored> {
    match &record.event {
        Event::CertificateStored {
            certificate_id,
            order_id,
            replaces,
            ..
        } => Some(Stored {
            certificate: *certificate_id,
            order: *order_id,
            replaces: *replaces,
        }),
        _ => None,
    }
}

async fn all(ledger: &(impl Ledger + ?Sized), about: Subject) -> Result<Vec<Record>, WhyError> {
    let (mut records, mut after) = (Vec::new(), Sequence::START);
    loop {
        let page = ledger.records(Some(&about), after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(records);
        };
        after = last.sequence;
        records.extend(page);
    }
}
