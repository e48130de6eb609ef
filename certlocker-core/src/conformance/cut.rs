//! A connection to the database that ends at any statement.

use super::disk_full::survives;
use super::{Fresh, Outage};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cut {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { cut $($rest)*:
            a_connection_cut_before_any_statement_is_answered_with_the_truth,
            a_connection_cut_after_any_statement_is_answered_with_the_truth,
        }
    };
}

pub fn a_connection_cut_before_any_statement_is_answered_with_the_truth(fresh: &Fresh) {
    survives(fresh, Outage::StatementLost);
}

pub fn a_connection_cut_after_any_statement_is_answered_with_the_truth(fresh: &Fresh) {
    survives(fresh, Outage::AnswerLost);
}
