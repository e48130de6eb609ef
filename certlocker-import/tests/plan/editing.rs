use certlocker_core::Subject;
use certlocker_core::import::PlanRefusal;
use certlocker_import::edit::{Edit, EditError};
use certlocker_import::plan::PlanError;

use crate::world::{World, found, machine, tagged};

#[test]
fn edits_are_records_and_hold_for_what_is_applied_and_imported_again() {
    let world = World::new();
    let cloud = || {
        found(vec![
            machine("i-1", "10.0.0.1"),
            tagged(machine("i-2", "10.0.0.2"), "env", "prod"),
        ])
    };
    let plan = world.plan(cloud());
    world.edit(&plan, 1, Edit::Select(false)).unwrap();
    world
        .edit(&plan, 2, Edit::Rename("web".to_owned()))
        .unwrap();
    world
        .edit(&plan, 2, Edit::Regroup(["front".to_owned()].into()))
        .unwrap();
    world.edit(&plan, 2, Edit::Login("me".to_owned())).unwrap();
    world.edit(&plan, 2, Edit::Login("me".to_owned())).unwrap();
    world.apply(&plan).unwrap();
    assert_eq!(world.count(), 1);
    assert_eq!(world.groups_of("web"), ["front"]);
    assert_eq!(world.host("web").value.login().unwrap().user, "me");
    let edits = world.records(Subject::ImportPlan(*plan.id()));
    assert_eq!(
        edits
            .iter()
            .filter(|record| record.event.name() == "import.line_edited")
            .count(),
        4
    );

    let again = world.plan(cloud());
    world.edit(&again, 1, Edit::Select(false)).unwrap();
    world.apply(&again).unwrap();
    assert_eq!(world.groups_of("web"), ["front", "prod"]);
    assert_eq!(world.host("web").value.login().unwrap().user, "me");
}

#[test]
fn a_question_is_answered_with_a_new_host_or_with_a_known_one() {
    let world = World::new();
    world.import(found(vec![machine("i-1", "10.0.0.1")]));
    let cloud = || found(vec![machine("i-2", "10.0.0.1")]);
    let plan = world.plan(cloud());
    let unanswered = world.edit(&plan, 1, Edit::Select(true));
    assert!(matches!(
        unanswered,
        Err(PlanError::Edit(EditError::Unanswered))
    ));
    let known = world.host("name-i-1");
    world
        .edit(&plan, 1, Edit::Same(Box::new(known.clone())))
        .unwrap();
    world.edit(&plan, 2, Edit::Select(false)).unwrap();
    world.apply(&plan).unwrap();
    let host = world.host("name-i-2");
    assert_eq!(host.value.id(), known.value.id());
    assert_eq!(host.value.cloud().unwrap().instance(), "i-2");

    let plan = world.plan(found(vec![machine("i-3", "10.0.0.1")]));
    world.edit(&plan, 1, Edit::New).unwrap();
    world.apply(&plan).unwrap();
    assert_eq!(world.count(), 2);
}

#[test]
fn a_plan_that_was_applied_can_no_longer_be_edited() {
    let world = World::new();
    let plan = world.import(found(vec![machine("i-1", "10.0.0.1")]));
    let refused = world.edit(&plan, 1, Edit::Select(false));
    assert!(matches!(
        refused,
        Err(PlanError::Refused(PlanRefusal::Applied(_)))
    ));
    let missing = world.edit(&plan, 9, Edit::Select(false));
    assert!(matches!(
        missing,
        Err(PlanError::Refused(PlanRefusal::NoLine(9)))
    ));
}
