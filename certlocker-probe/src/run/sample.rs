//! Many connections to one place, held at the same time.

use tokio::task::JoinSet;

use super::connection::{self, Looked};
use super::{NotSeen, Prober};
use crate::{Cell, Coverage, Depth, Fingerprint, Goal, Manners, Plan, Sample, Sampling, Target};

impl Prober {
    /// Looks at one place again and again, with as many connections at once as it takes to reach workers
    /// that are idle, until two certificates were seen or the goal is reached.
    pub async fn sample(&self, target: &Target, cell: &Cell, goal: Goal) -> Coverage {
        let sources = self.settings.sources.iter();
        let sources = sources
            .filter(|source| source.is_ipv4() == cell.address.is_ipv4())
            .count();
        let mut sample = Sample::new(goal, sources);
        let mut number = 0;
        while let Sampling::Hold(count) = sample.next() {
            let held = self.wave(target, cell, number, count).await;
            number += count;
            for looked in &held {
                match leaf(looked) {
                    Some(leaf) => sample.saw(leaf),
                    None => sample.failed(),
                }
            }
            for held in held.into_iter().filter_map(|looked| looked.held) {
                held.release(self.settings.timeouts).await;
            }
        }
        sample.coverage()
    }

    /// So many connections, all of which are there when the last one is made.
    async fn wave(&self, target: &Target, cell: &Cell, first: usize, count: usize) -> Vec<Looked> {
        let mut tasks = JoinSet::new();
        for number in first..first + count {
            let (prober, target, cell) = (self.clone(), target.clone(), cell.clone());
            tasks.spawn(async move { prober.hold(&target, &cell, number).await });
        }
        tasks.join_all().await
    }

    async fn hold(&self, target: &Target, cell: &Cell, number: usize) -> Looked {
        let Ok(_permit) = self.connections.acquire().await else {
            return Looked::unreachable("the prober was closed".to_owned());
        };
        self.pace.wait(cell.address.ip()).await;
        let polite = self.settings.manners == Manners::Polite && cell.protocol.minds_manners();
        let depth = match polite {
            true => Depth::Full {
                identity: target.identity.clone(),
            },
            false => Depth::Grab,
        };
        let plan = Plan {
            manners: Manners::Held,
            ..self.plan(target, cell, depth)
        };
        let looked = connection::look(target, cell, plan, &self.settings, number).await;
        match (&looked.outcome, polite) {
            // A server that wants another key exchange.
            (Err(NotSeen::Failed(_)), false) => {
                let depth = Depth::Full {
                    identity: target.identity.clone(),
                };
                let plan = Plan {
                    manners: Manners::Held,
                    ..self.plan(target, cell, depth)
                };
                connection::look(target, cell, plan, &self.settings, number).await
            }
            _ => looked,
        }
    }
}

fn leaf(looked: &Looked) -> Option<Fingerprint> {
    let captured = looked.outcome.as_ref().ok()?;
    captured.chain.first().map(|leaf| Fingerprint::of(&leaf.0))
}
