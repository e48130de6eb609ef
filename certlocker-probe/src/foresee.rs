//! What will go wrong with what is served now, if nothing is done.

use std::collections::BTreeSet;
use std::time::Duration;

use certlocker_core::{Identifier, Timestamp};

use crate::{Captured, Facts, Judge, Judgement, Renewal};

impl Judge {
    /// Judges what was captured now, and at each instant up to the horizon at which some certificate
    /// begins, ends or is due; those where nothing changes are left out. There is no new connection.
    pub fn foresee(
        &self,
        item: &str,
        name: Option<&Identifier>,
        captured: &Captured,
        now: Timestamp,
        horizon: Duration,
    ) -> Vec<Judgement> {
        let mut course: Vec<Judgement> = Vec::new();
        let until = now.after(horizon);
        for at in turns(captured, self.renewal, now, until) {
            let judgement = self.judge(item, name, captured, at);
            if course.last().is_none_or(|last| !is_same(last, &judgement)) {
                course.push(judgement);
            }
        }
        course
    }
}

/// The instants at which a judgement may differ from the one before, `now` first.
fn turns(
    captured: &Captured,
    renewal: Renewal,
    now: Timestamp,
    until: Timestamp,
) -> BTreeSet<Timestamp> {
    let facts = captured
        .chain
        .iter()
        .filter_map(|der| Facts::read(&der.0).ok());
    let ends = facts.flat_map(|facts| {
        [
            facts.not_before,
            facts.not_after.after(MOMENT),
            renewal.due(&facts),
        ]
    });
    let within = ends.filter(|at| (now..=until).contains(at));
    within.chain([now, until]).collect()
}

/// A certificate is valid to the end of its last second.
const MOMENT: Duration = Duration::from_secs(1);

fn is_same(one: &Judgement, other: &Judgement) -> bool {
    let moved = Judgement {
        at: one.at,
        ..other.clone()
    };
    *one == moved && one.level() == other.level()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::Scene;
    use crate::path::Reach;
    use crate::testing::day;
    use crate::{Level, Validity};

    #[test]
    fn an_intermediate_that_ends_before_its_leaf_is_seen_coming() {
        let scene = Scene::with_intermediate_until(60);
        let course = scene.judge.foresee(
            "a.example",
            Some(&scene.name),
            &scene.captured,
            day(10),
            Duration::from_secs(86_400 * 60),
        );
        let reaches: Vec<(&Reach, Level)> = course
            .iter()
            .map(|at| (&at.chain.reach, at.level()))
            .collect();
        let expired = Reach::Expired {
            not_after: day(60),
            subject: "CN=intermediate".to_owned(),
        };
        assert_eq!(
            reaches,
            [(&Reach::Complete, Level::Fine), (&expired, Level::Failure)]
        );
        assert_eq!(course[1].at, day(60).after(MOMENT));
    }

    #[test]
    fn where_nothing_changes_there_is_only_now() {
        let scene = Scene::with_intermediate_until(500);
        let course = scene.judge.foresee(
            "a.example",
            Some(&scene.name),
            &scene.captured,
            day(10),
            Duration::from_secs(86_400 * 20),
        );
        assert_eq!(course.len(), 1);
    }

    #[test]
    fn the_end_of_the_leaf_is_foreseen_to_the_second() {
        let scene = Scene::with_intermediate_until(500);
        let course = scene.judge.foresee(
            "a.example",
            Some(&scene.name),
            &scene.captured,
            day(10),
            Duration::from_secs(86_400 * 300),
        );
        let end = course
            .iter()
            .find(|at| matches!(at.leaf.as_ref().unwrap().validity, Validity::Expired { .. }));
        assert_eq!(end.unwrap().at, day(100).after(MOMENT));
    }
}
