//! The tree as it grows while entries are read, held against checkpoints on the way.

use super::{Kind, Known, Report};
use crate::checkpoint::Checkpoint;
use crate::tree::{Frontier, Hash};

pub(super) struct Trail {
    frontier: Frontier,
    /// Those that are still ahead, the largest first.
    ahead: Vec<(Kind, Checkpoint)>,
}

impl Trail {
    /// A trail past the anchors, and past the log's own checkpoint.
    pub(super) fn new(known: &Known, own: Option<&Checkpoint>) -> Self {
        let anchors = known.anchors.iter();
        let anchors = anchors.map(|anchor| (Kind::Fork, anchor.checkpoint().clone()));
        let own = own.map(|own| (Kind::Root, own.clone()));
        let mut ahead: Vec<_> = anchors.chain(own).collect();
        ahead.sort_by_key(|(_, checkpoint)| std::cmp::Reverse(checkpoint.size));
        Self {
            frontier: Frontier::default(),
            ahead,
        }
    }

    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    pub(super) fn push(
        &mut self,
        leaf: Hash,
        report: &mut Report,
        completed: impl FnMut(u32, Hash),
    ) {
        self.pass(report);
        self.frontier.push_with(leaf, completed);
    }

    /// Looks at the checkpoints of the size that is reached.
    pub(super) fn pass(&mut self, report: &mut Report) {
        let size = self.frontier.size();
        while let Some((kind, checkpoint)) = self.ahead.pop_if(|(_, ahead)| ahead.size == size) {
            let root = self.frontier.root();
            if root != checkpoint.root {
                let place = match kind {
                    Kind::Fork => format!("the anchored checkpoint of size {size}"),
                    _ => format!("the root at size {size}"),
                };
                report.wrong(kind, None, place, checkpoint.root, root);
            }
        }
    }

    /// Ends at a size that is signed or stored: what is still ahead was lost.
    pub(super) fn end(mut self, report: &mut Report) {
        self.pass(report);
        let size = self.frontier.size();
        for (kind, checkpoint) in self.ahead.into_iter().rev() {
            let (kind, place) = match kind {
                Kind::Fork => (Kind::Rollback, "the anchored checkpoint"),
                _ => (Kind::Truncated, "the signed checkpoint"),
            };
            let expected = format!("{} entries or more", checkpoint.size);
            report.wrong(kind, Some(size), place, expected, size);
        }
    }
}
