//! A disk without room for what is written.

use super::fixture::consecutive;
use super::story::{Telling, chapter};
use super::{Fresh, Outage, Tested};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_disk_full {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { disk_full $($rest)*:
            a_disk_that_is_full_at_any_write_is_answered_with_the_truth,
        }
    };
}

pub fn a_disk_that_is_full_at_any_write_is_answered_with_the_truth(fresh: &Fresh) {
    survives(fresh, Outage::DiskFull);
}

/// Lets one changeset after the other run into the outage, each a step later, up to the first that
/// is through before.
pub(super) fn survives(fresh: &Fresh, outage: Outage) {
    fresh.run(async |store: &dyn Tested| {
        let mut telling = Telling::new();
        for step in 1.. {
            let mut chapter = chapter(&format!("{outage:?} {step}"));
            let last = chapter.pop().expect("a chapter has a last changeset");
            for changes in &chapter {
                telling.tell(store, store, changes).await;
            }
            let broken = fresh.break_at(outage, step);
            let struck = telling.tell_broken(store, &last, outage, broken).await;
            consecutive(store).await;
            if !struck {
                assert!(step > 1, "the store never ran into it");
                return;
            }
        }
    });
}
